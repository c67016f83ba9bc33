// The person: a browser that follows redirects, keeps cookies, and submits every form it meets.
// Usage: node person.mjs URL [USER_CODE]; ends where a page has no form. Prints the address that it ended at.
const [start, code] = process.argv.slice(2);
const cookies = new Map();

async function go(url, init = {}) {
  for (;;) {
    const address = new URL(url);
    if (address.searchParams.has('code') && address.searchParams.has('state') && process.env.PASTE) return { url };
    const response = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: { ...init.headers, cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    });
    for (const line of response.headers.getSetCookie()) {
      const [name, value] = line.split(';')[0].split('=');
      if (value) cookies.set(name, value);
      else cookies.delete(name);
    }
    const location = response.headers.get('location');
    if (!location) return { url, text: await response.text() };
    url = new URL(location, url).href;
    init = {};
  }
}

let page = await go(start);
for (let step = 0; page.text && step < 10; step += 1) {
  const form = /<form[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/.exec(page.text);
  if (!form) break;
  const fields = new URLSearchParams();
  for (const [input] of form[2].matchAll(/<(?:input|button)[^>]*>/g)) {
    const name = /name="([^"]*)"/.exec(input)?.[1];
    if (!name || name === 'abort') continue;
    let value = /value="([^"]*)"/.exec(input)?.[1] ?? '';
    if (name === 'login') value = 'alice';
    if (name === 'password') value = 'any';
    if (name === 'user_code' && !value) value = code ?? '';
    fields.set(name, value);
  }
  const action = new URL(form[1].replaceAll('&amp;', '&'), page.url).href;
  page = await go(action, {
    method: 'POST',
    body: fields.toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
}
console.log(page.url);
