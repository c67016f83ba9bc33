// An authorization server on a loopback port, for the tests: prints its issuer, then serves until standard input ends.
// Usage: node server.mjs [SECONDS], the life of an access token.
//
// Its clock stands still, so that a token of three seconds lives as long as a slow machine needs. A line on standard
// input is a number of seconds that pass at once; "passed" is printed then.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { Provider } from 'oidc-provider';

let now = Date.now();
Date.now = () => now;

const seconds = Number(process.argv[2] ?? 3600);
const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'pop3',
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        redirect_uris: ['http://localhost', 'http://127.0.0.1'],
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
        response_types: ['code'],
      },
      {
        client_id: 'dovecot',
        client_secret: 'secret',
        redirect_uris: [],
        grant_types: [],
        response_types: [],
      },
    ],
    scopes: ['openid', 'offline_access', 'pop'],
    features: {
      deviceFlow: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true },
      devInteractions: { enabled: true },
    },
    ttl: { AccessToken: seconds },
    rotateRefreshToken: true,
    issueRefreshToken: async (ctx, client, code) => code.scopes.has('offline_access'),
    extraTokenClaims: (ctx, token) => ({ username: token.accountId }),
    findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  });
  provider.on('server_error', (ctx, error) => console.error(error));
  server.on('request', provider.callback());
  console.log(issuer);
});
createInterface({ input: process.stdin })
  .on('line', (line) => {
    now += Number(line) * 1000;
    console.log('passed');
  })
  .on('close', () => process.exit(0));
