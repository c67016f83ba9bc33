# The names of the accounts in the configuration file.
function __fish_pop3_accounts
    set -l file $POP3_CONFIG
    test -z "$file"; and set file "$XDG_CONFIG_HOME/pop3/config.toml"
    test -z "$POP3_CONFIG$XDG_CONFIG_HOME"; and set file ~/.config/pop3/config.toml
    test -r "$file"; or return
    string replace -rf '^\s*\[account\.["\']?([^]"\']*)["\']?\].*' '$1' <$file
end

# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_pop3_global_optspecs
    string join \n commit a/account= user= auth= config= state-dir= host= port= tls= ca-file= tls-fingerprint= tls-name= client-cert= client-key= proxy= bind= 4 6 timeout= deadline= wait= no-pipelining json color= trace= v/verbose q/quiet h/help V/version
end

function __fish_pop3_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_pop3_global_optspecs) -- $cmd 2>/dev/null
    or return 0
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_pop3_using_subcommand
    set -l cmd (__fish_pop3_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c pop3 -n "__fish_pop3_needs_command" -s a -l account -d 'Use this account of the config file' -r -f -a "(__fish_pop3_accounts)"
complete -c pop3 -n "__fish_pop3_needs_command" -l user -d 'Log in as USER, sent unchanged' -r -f -a "(__fish_complete_users)"
complete -c pop3 -n "__fish_pop3_needs_command" -l auth -d 'Authentication mechanism' -r -f -a "auto\t'The strongest mechanism that the server offers and that fits the credential'
user-pass\t'USER and PASS'
apop\t'APOP'
plain\t'SASL PLAIN'
login\t'SASL LOGIN'
cram-md5\t'SASL CRAM-MD5'
scram-sha-1\t'SASL SCRAM-SHA-1'
scram-sha-256\t'SASL SCRAM-SHA-256'
xoauth2\t'SASL XOAUTH2, with a token'
oauthbearer\t'SASL OAUTHBEARER, with a token'
external\t'SASL EXTERNAL, with the client certificate'"
complete -c pop3 -n "__fish_pop3_needs_command" -l config -d 'Read this configuration file' -r -F
complete -c pop3 -n "__fish_pop3_needs_command" -l state-dir -d 'Keep the record of fetched messages in DIR' -r -f -a "(__fish_complete_directories)"
complete -c pop3 -n "__fish_pop3_needs_command" -l host -d 'Name or address of the server, or a URL' -r -f -a "(__fish_print_hostnames)"
complete -c pop3 -n "__fish_pop3_needs_command" -l port -d 'Port of the server' -r
complete -c pop3 -n "__fish_pop3_needs_command" -l tls -d 'Encryption: starttls, implicit or none' -r -f -a "starttls\t'A cleartext connection, upgraded with STLS before any credential is sent'
implicit\t'TLS from the start'
none\t'No encryption'"
complete -c pop3 -n "__fish_pop3_needs_command" -l ca-file -d 'Trust the certificate authorities in this PEM file instead of the system\'s' -r -F
complete -c pop3 -n "__fish_pop3_needs_command" -l tls-fingerprint -d 'Trust only the certificate with this SHA-256 fingerprint' -r
complete -c pop3 -n "__fish_pop3_needs_command" -l tls-name -d 'Check the certificate for NAME instead of the host, and send NAME as SNI' -r -f -a "(__fish_print_hostnames)"
complete -c pop3 -n "__fish_pop3_needs_command" -l client-cert -d 'Client certificate, in PEM' -r -F
complete -c pop3 -n "__fish_pop3_needs_command" -l client-key -d 'Key of the client certificate, in PEM' -r -F
complete -c pop3 -n "__fish_pop3_needs_command" -l proxy -d 'Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT' -r -f
complete -c pop3 -n "__fish_pop3_needs_command" -l bind -d 'Connect from this local IP address, over its family only' -r -f
complete -c pop3 -n "__fish_pop3_needs_command" -l timeout -d 'Give up after SECONDS of silence' -r
complete -c pop3 -n "__fish_pop3_needs_command" -l deadline -d 'End the run after SECONDS' -r
complete -c pop3 -n "__fish_pop3_needs_command" -l wait -d 'Retry for SECONDS while the server says that the maildrop is in use' -r
complete -c pop3 -n "__fish_pop3_needs_command" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c pop3 -n "__fish_pop3_needs_command" -l trace -d 'Write the conversation to standard error, or append it to FILE' -r -F
complete -c pop3 -n "__fish_pop3_needs_command" -l commit -d 'Delete the marked messages: end the session with QUIT'
complete -c pop3 -n "__fish_pop3_needs_command" -s 4 -d 'Connect over IPv4 only'
complete -c pop3 -n "__fish_pop3_needs_command" -s 6 -d 'Connect over IPv6 only'
complete -c pop3 -n "__fish_pop3_needs_command" -l no-pipelining -d 'Send one command at a time'
complete -c pop3 -n "__fish_pop3_needs_command" -l json -d 'Print one JSON object per line'
complete -c pop3 -n "__fish_pop3_needs_command" -s v -l verbose -d 'Print more on standard error; twice, even more'
complete -c pop3 -n "__fish_pop3_needs_command" -s q -l quiet -d 'Omit warnings and rows of fetch and delete; twice, also errors'
complete -c pop3 -n "__fish_pop3_needs_command" -s h -l help -d 'Print help: -h in short, --help in full'
complete -c pop3 -n "__fish_pop3_needs_command" -s V -l version -d 'Print the version; --version also prints build details'
complete -c pop3 -n "__fish_pop3_needs_command" -f -a "status" -d 'Count all messages and the new ones, and their octets'
complete -c pop3 -n "__fish_pop3_needs_command" -f -a "headers" -d 'List date, sender, subject and size without downloading'
complete -c pop3 -n "__fish_pop3_needs_command" -f -a "fetch" -d 'Download messages byte for byte, and record them as fetched'
complete -c pop3 -n "__fish_pop3_needs_command" -f -a "delete" -d 'Mark messages for deletion; with --commit, delete them'
complete -c pop3 -n "__fish_pop3_needs_command" -f -a "uidl" -d 'List number, unique-id and size'
complete -c pop3 -n "__fish_pop3_needs_command" -f -a "login" -d 'Verify a password and save it in the keyring; with OAuth 2.0, get a grant'
complete -c pop3 -n "__fish_pop3_needs_command" -f -a "logout" -d 'Remove the saved password from the keyring, or revoke and remove the OAuth 2.0 grant'
complete -c pop3 -n "__fish_pop3_needs_command" -f -a "accounts" -d 'List the accounts of the configuration file, one per line'
complete -c pop3 -n "__fish_pop3_needs_command" -f -a "record" -d 'List the fetched messages, forget them, or import another program\'s list'
complete -c pop3 -n "__fish_pop3_using_subcommand status" -s a -l account -d 'Use this account of the config file' -r -f -a "(__fish_pop3_accounts)"
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l user -d 'Log in as USER, sent unchanged' -r -f -a "(__fish_complete_users)"
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l auth -d 'Authentication mechanism' -r -f -a "auto\t'The strongest mechanism that the server offers and that fits the credential'
user-pass\t'USER and PASS'
apop\t'APOP'
plain\t'SASL PLAIN'
login\t'SASL LOGIN'
cram-md5\t'SASL CRAM-MD5'
scram-sha-1\t'SASL SCRAM-SHA-1'
scram-sha-256\t'SASL SCRAM-SHA-256'
xoauth2\t'SASL XOAUTH2, with a token'
oauthbearer\t'SASL OAUTHBEARER, with a token'
external\t'SASL EXTERNAL, with the client certificate'"
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l config -d 'Read this configuration file' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l state-dir -d 'Keep the record of fetched messages in DIR' -r -f -a "(__fish_complete_directories)"
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l host -d 'Name or address of the server, or a URL' -r -f -a "(__fish_print_hostnames)"
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l port -d 'Port of the server' -r
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l tls -d 'Encryption: starttls, implicit or none' -r -f -a "starttls\t'A cleartext connection, upgraded with STLS before any credential is sent'
implicit\t'TLS from the start'
none\t'No encryption'"
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l ca-file -d 'Trust the certificate authorities in this PEM file instead of the system\'s' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l tls-fingerprint -d 'Trust only the certificate with this SHA-256 fingerprint' -r
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l tls-name -d 'Check the certificate for NAME instead of the host, and send NAME as SNI' -r -f -a "(__fish_print_hostnames)"
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l client-cert -d 'Client certificate, in PEM' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l client-key -d 'Key of the client certificate, in PEM' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l proxy -d 'Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT' -r -f
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l bind -d 'Connect from this local IP address, over its family only' -r -f
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l timeout -d 'Give up after SECONDS of silence' -r
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l deadline -d 'End the run after SECONDS' -r
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l wait -d 'Retry for SECONDS while the server says that the maildrop is in use' -r
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l trace -d 'Write the conversation to standard error, or append it to FILE' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l check -d 'Exit with 0 if there is new mail, with 1 if there is none'
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l server -d 'Also report on the server: greeting, capabilities, TLS, certificate, mechanism, policies'
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l commit -d 'Delete the marked messages: end the session with QUIT'
complete -c pop3 -n "__fish_pop3_using_subcommand status" -s 4 -d 'Connect over IPv4 only'
complete -c pop3 -n "__fish_pop3_using_subcommand status" -s 6 -d 'Connect over IPv6 only'
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l no-pipelining -d 'Send one command at a time'
complete -c pop3 -n "__fish_pop3_using_subcommand status" -l json -d 'Print one JSON object per line'
complete -c pop3 -n "__fish_pop3_using_subcommand status" -s v -l verbose -d 'Print more on standard error; twice, even more'
complete -c pop3 -n "__fish_pop3_using_subcommand status" -s q -l quiet -d 'Omit warnings and rows of fetch and delete; twice, also errors'
complete -c pop3 -n "__fish_pop3_using_subcommand status" -s h -l help -d 'Print help: -h in short, --help in full'
complete -c pop3 -n "__fish_pop3_using_subcommand status" -s V -l version -d 'Print the version; --version also prints build details'
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l lines -d 'Also show the first N lines of the body' -r
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l uid -d 'The message with this unique-id (repeatable); - reads unique-ids from standard input, one per line' -r
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l larger -d 'Only messages larger than SIZE: octets, or with k, M, G, KiB, MiB, GiB' -r
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l smaller -d 'Only messages smaller than SIZE' -r
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l older-than -d 'Only messages fetched at least AGE ago: a number with m, h, d or w' -r
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l first -d 'Of the messages that the other selectors select, the N with the lowest numbers' -r
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l last -d 'Of the messages that the other selectors select, the N with the highest numbers' -r
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -s a -l account -d 'Use this account of the config file' -r -f -a "(__fish_pop3_accounts)"
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l user -d 'Log in as USER, sent unchanged' -r -f -a "(__fish_complete_users)"
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l auth -d 'Authentication mechanism' -r -f -a "auto\t'The strongest mechanism that the server offers and that fits the credential'
user-pass\t'USER and PASS'
apop\t'APOP'
plain\t'SASL PLAIN'
login\t'SASL LOGIN'
cram-md5\t'SASL CRAM-MD5'
scram-sha-1\t'SASL SCRAM-SHA-1'
scram-sha-256\t'SASL SCRAM-SHA-256'
xoauth2\t'SASL XOAUTH2, with a token'
oauthbearer\t'SASL OAUTHBEARER, with a token'
external\t'SASL EXTERNAL, with the client certificate'"
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l config -d 'Read this configuration file' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l state-dir -d 'Keep the record of fetched messages in DIR' -r -f -a "(__fish_complete_directories)"
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l host -d 'Name or address of the server, or a URL' -r -f -a "(__fish_print_hostnames)"
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l port -d 'Port of the server' -r
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l tls -d 'Encryption: starttls, implicit or none' -r -f -a "starttls\t'A cleartext connection, upgraded with STLS before any credential is sent'
implicit\t'TLS from the start'
none\t'No encryption'"
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l ca-file -d 'Trust the certificate authorities in this PEM file instead of the system\'s' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l tls-fingerprint -d 'Trust only the certificate with this SHA-256 fingerprint' -r
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l tls-name -d 'Check the certificate for NAME instead of the host, and send NAME as SNI' -r -f -a "(__fish_print_hostnames)"
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l client-cert -d 'Client certificate, in PEM' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l client-key -d 'Key of the client certificate, in PEM' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l proxy -d 'Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT' -r -f
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l bind -d 'Connect from this local IP address, over its family only' -r -f
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l timeout -d 'Give up after SECONDS of silence' -r
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l deadline -d 'End the run after SECONDS' -r
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l wait -d 'Retry for SECONDS while the server says that the maildrop is in use' -r
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l trace -d 'Write the conversation to standard error, or append it to FILE' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l fields -d 'Show every header field'
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l all -d 'All messages'
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l new -d 'Only messages not fetched before'
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l fetched -d 'Only messages fetched before'
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l commit -d 'Delete the marked messages: end the session with QUIT'
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -s 4 -d 'Connect over IPv4 only'
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -s 6 -d 'Connect over IPv6 only'
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l no-pipelining -d 'Send one command at a time'
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -l json -d 'Print one JSON object per line'
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -s v -l verbose -d 'Print more on standard error; twice, even more'
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -s q -l quiet -d 'Omit warnings and rows of fetch and delete; twice, also errors'
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -s h -l help -d 'Print help: -h in short, --help in full'
complete -c pop3 -n "__fish_pop3_using_subcommand headers" -s V -l version -d 'Print the version; --version also prints build details'
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l dir -d 'One .eml file per message in DIR (default: the current directory)' -r -f -a "(__fish_complete_directories)"
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l maildir -d 'Deliver to the Maildir DIR' -r -f -a "(__fish_complete_directories)"
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l mbox -d 'Append to the mbox FILE; - means standard output' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l pipe -d 'Run COMMAND once per message, with the message on its standard input' -r -f -a "(__fish_complete_command)"
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l pipe-timeout -d 'End the --pipe command of a message after SECONDS; the message then fails [default: none]' -r
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l lmtp -d 'Deliver to the LMTP server at ADDRESS: HOST:PORT, or the path of a socket (with a slash)' -r -f
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l rcpt -d 'Recipient of the messages at the LMTP server' -r -f
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l limit-size -d 'Stop before the message that would exceed SIZE in total, but fetch at least one' -r
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l uid -d 'The message with this unique-id (repeatable); - reads unique-ids from standard input, one per line' -r
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l larger -d 'Only messages larger than SIZE: octets, or with k, M, G, KiB, MiB, GiB' -r
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l smaller -d 'Only messages smaller than SIZE' -r
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l older-than -d 'Only messages fetched at least AGE ago: a number with m, h, d or w' -r
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l first -d 'Of the messages that the other selectors select, the N with the lowest numbers' -r
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l last -d 'Of the messages that the other selectors select, the N with the highest numbers' -r
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -s a -l account -d 'Use this account of the config file' -r -f -a "(__fish_pop3_accounts)"
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l user -d 'Log in as USER, sent unchanged' -r -f -a "(__fish_complete_users)"
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l auth -d 'Authentication mechanism' -r -f -a "auto\t'The strongest mechanism that the server offers and that fits the credential'
user-pass\t'USER and PASS'
apop\t'APOP'
plain\t'SASL PLAIN'
login\t'SASL LOGIN'
cram-md5\t'SASL CRAM-MD5'
scram-sha-1\t'SASL SCRAM-SHA-1'
scram-sha-256\t'SASL SCRAM-SHA-256'
xoauth2\t'SASL XOAUTH2, with a token'
oauthbearer\t'SASL OAUTHBEARER, with a token'
external\t'SASL EXTERNAL, with the client certificate'"
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l config -d 'Read this configuration file' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l state-dir -d 'Keep the record of fetched messages in DIR' -r -f -a "(__fish_complete_directories)"
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l host -d 'Name or address of the server, or a URL' -r -f -a "(__fish_print_hostnames)"
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l port -d 'Port of the server' -r
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l tls -d 'Encryption: starttls, implicit or none' -r -f -a "starttls\t'A cleartext connection, upgraded with STLS before any credential is sent'
implicit\t'TLS from the start'
none\t'No encryption'"
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l ca-file -d 'Trust the certificate authorities in this PEM file instead of the system\'s' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l tls-fingerprint -d 'Trust only the certificate with this SHA-256 fingerprint' -r
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l tls-name -d 'Check the certificate for NAME instead of the host, and send NAME as SNI' -r -f -a "(__fish_print_hostnames)"
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l client-cert -d 'Client certificate, in PEM' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l client-key -d 'Key of the client certificate, in PEM' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l proxy -d 'Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT' -r -f
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l bind -d 'Connect from this local IP address, over its family only' -r -f
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l timeout -d 'Give up after SECONDS of silence' -r
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l deadline -d 'End the run after SECONDS' -r
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l wait -d 'Retry for SECONDS while the server says that the maildrop is in use' -r
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l trace -d 'Write the conversation to standard error, or append it to FILE' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l stdout -d 'Write one message to standard output, unchanged'
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l skip -d 'Store nothing, but count the messages as fetched, so that later runs ignore them'
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l delete -d 'Mark each message for deletion once it is stored; with --commit, delete it'
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l no-state -d 'Neither read nor write the record of fetched messages'
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l all -d 'All messages'
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l new -d 'Only messages not fetched before'
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l fetched -d 'Only messages fetched before'
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l commit -d 'Delete the marked messages: end the session with QUIT'
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -s 4 -d 'Connect over IPv4 only'
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -s 6 -d 'Connect over IPv6 only'
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l no-pipelining -d 'Send one command at a time'
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -l json -d 'Print one JSON object per line'
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -s v -l verbose -d 'Print more on standard error; twice, even more'
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -s q -l quiet -d 'Omit warnings and rows of fetch and delete; twice, also errors'
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -s h -l help -d 'Print help: -h in short, --help in full'
complete -c pop3 -n "__fish_pop3_using_subcommand fetch" -s V -l version -d 'Print the version; --version also prints build details'
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l uid -d 'The message with this unique-id (repeatable); - reads unique-ids from standard input, one per line' -r
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l larger -d 'Only messages larger than SIZE: octets, or with k, M, G, KiB, MiB, GiB' -r
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l smaller -d 'Only messages smaller than SIZE' -r
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l older-than -d 'Only messages fetched at least AGE ago: a number with m, h, d or w' -r
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l first -d 'Of the messages that the other selectors select, the N with the lowest numbers' -r
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l last -d 'Of the messages that the other selectors select, the N with the highest numbers' -r
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -s a -l account -d 'Use this account of the config file' -r -f -a "(__fish_pop3_accounts)"
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l user -d 'Log in as USER, sent unchanged' -r -f -a "(__fish_complete_users)"
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l auth -d 'Authentication mechanism' -r -f -a "auto\t'The strongest mechanism that the server offers and that fits the credential'
user-pass\t'USER and PASS'
apop\t'APOP'
plain\t'SASL PLAIN'
login\t'SASL LOGIN'
cram-md5\t'SASL CRAM-MD5'
scram-sha-1\t'SASL SCRAM-SHA-1'
scram-sha-256\t'SASL SCRAM-SHA-256'
xoauth2\t'SASL XOAUTH2, with a token'
oauthbearer\t'SASL OAUTHBEARER, with a token'
external\t'SASL EXTERNAL, with the client certificate'"
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l config -d 'Read this configuration file' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l state-dir -d 'Keep the record of fetched messages in DIR' -r -f -a "(__fish_complete_directories)"
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l host -d 'Name or address of the server, or a URL' -r -f -a "(__fish_print_hostnames)"
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l port -d 'Port of the server' -r
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l tls -d 'Encryption: starttls, implicit or none' -r -f -a "starttls\t'A cleartext connection, upgraded with STLS before any credential is sent'
implicit\t'TLS from the start'
none\t'No encryption'"
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l ca-file -d 'Trust the certificate authorities in this PEM file instead of the system\'s' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l tls-fingerprint -d 'Trust only the certificate with this SHA-256 fingerprint' -r
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l tls-name -d 'Check the certificate for NAME instead of the host, and send NAME as SNI' -r -f -a "(__fish_print_hostnames)"
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l client-cert -d 'Client certificate, in PEM' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l client-key -d 'Key of the client certificate, in PEM' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l proxy -d 'Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT' -r -f
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l bind -d 'Connect from this local IP address, over its family only' -r -f
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l timeout -d 'Give up after SECONDS of silence' -r
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l deadline -d 'End the run after SECONDS' -r
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l wait -d 'Retry for SECONDS while the server says that the maildrop is in use' -r
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l trace -d 'Write the conversation to standard error, or append it to FILE' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l all -d 'All messages'
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l new -d 'Only messages not fetched before'
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l fetched -d 'Only messages fetched before'
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l commit -d 'Delete the marked messages: end the session with QUIT'
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -s 4 -d 'Connect over IPv4 only'
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -s 6 -d 'Connect over IPv6 only'
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l no-pipelining -d 'Send one command at a time'
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -l json -d 'Print one JSON object per line'
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -s v -l verbose -d 'Print more on standard error; twice, even more'
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -s q -l quiet -d 'Omit warnings and rows of fetch and delete; twice, also errors'
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -s h -l help -d 'Print help: -h in short, --help in full'
complete -c pop3 -n "__fish_pop3_using_subcommand delete" -s V -l version -d 'Print the version; --version also prints build details'
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l uid -d 'The message with this unique-id (repeatable); - reads unique-ids from standard input, one per line' -r
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l larger -d 'Only messages larger than SIZE: octets, or with k, M, G, KiB, MiB, GiB' -r
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l smaller -d 'Only messages smaller than SIZE' -r
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l older-than -d 'Only messages fetched at least AGE ago: a number with m, h, d or w' -r
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l first -d 'Of the messages that the other selectors select, the N with the lowest numbers' -r
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l last -d 'Of the messages that the other selectors select, the N with the highest numbers' -r
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -s a -l account -d 'Use this account of the config file' -r -f -a "(__fish_pop3_accounts)"
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l user -d 'Log in as USER, sent unchanged' -r -f -a "(__fish_complete_users)"
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l auth -d 'Authentication mechanism' -r -f -a "auto\t'The strongest mechanism that the server offers and that fits the credential'
user-pass\t'USER and PASS'
apop\t'APOP'
plain\t'SASL PLAIN'
login\t'SASL LOGIN'
cram-md5\t'SASL CRAM-MD5'
scram-sha-1\t'SASL SCRAM-SHA-1'
scram-sha-256\t'SASL SCRAM-SHA-256'
xoauth2\t'SASL XOAUTH2, with a token'
oauthbearer\t'SASL OAUTHBEARER, with a token'
external\t'SASL EXTERNAL, with the client certificate'"
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l config -d 'Read this configuration file' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l state-dir -d 'Keep the record of fetched messages in DIR' -r -f -a "(__fish_complete_directories)"
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l host -d 'Name or address of the server, or a URL' -r -f -a "(__fish_print_hostnames)"
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l port -d 'Port of the server' -r
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l tls -d 'Encryption: starttls, implicit or none' -r -f -a "starttls\t'A cleartext connection, upgraded with STLS before any credential is sent'
implicit\t'TLS from the start'
none\t'No encryption'"
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l ca-file -d 'Trust the certificate authorities in this PEM file instead of the system\'s' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l tls-fingerprint -d 'Trust only the certificate with this SHA-256 fingerprint' -r
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l tls-name -d 'Check the certificate for NAME instead of the host, and send NAME as SNI' -r -f -a "(__fish_print_hostnames)"
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l client-cert -d 'Client certificate, in PEM' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l client-key -d 'Key of the client certificate, in PEM' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l proxy -d 'Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT' -r -f
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l bind -d 'Connect from this local IP address, over its family only' -r -f
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l timeout -d 'Give up after SECONDS of silence' -r
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l deadline -d 'End the run after SECONDS' -r
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l wait -d 'Retry for SECONDS while the server says that the maildrop is in use' -r
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l trace -d 'Write the conversation to standard error, or append it to FILE' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l all -d 'All messages'
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l new -d 'Only messages not fetched before'
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l fetched -d 'Only messages fetched before'
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l commit -d 'Delete the marked messages: end the session with QUIT'
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -s 4 -d 'Connect over IPv4 only'
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -s 6 -d 'Connect over IPv6 only'
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l no-pipelining -d 'Send one command at a time'
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -l json -d 'Print one JSON object per line'
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -s v -l verbose -d 'Print more on standard error; twice, even more'
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -s q -l quiet -d 'Omit warnings and rows of fetch and delete; twice, also errors'
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -s h -l help -d 'Print help: -h in short, --help in full'
complete -c pop3 -n "__fish_pop3_using_subcommand uidl" -s V -l version -d 'Print the version; --version also prints build details'
complete -c pop3 -n "__fish_pop3_using_subcommand login" -s a -l account -d 'Use this account of the config file' -r -f -a "(__fish_pop3_accounts)"
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l user -d 'Log in as USER, sent unchanged' -r -f -a "(__fish_complete_users)"
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l auth -d 'Authentication mechanism' -r -f -a "auto\t'The strongest mechanism that the server offers and that fits the credential'
user-pass\t'USER and PASS'
apop\t'APOP'
plain\t'SASL PLAIN'
login\t'SASL LOGIN'
cram-md5\t'SASL CRAM-MD5'
scram-sha-1\t'SASL SCRAM-SHA-1'
scram-sha-256\t'SASL SCRAM-SHA-256'
xoauth2\t'SASL XOAUTH2, with a token'
oauthbearer\t'SASL OAUTHBEARER, with a token'
external\t'SASL EXTERNAL, with the client certificate'"
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l config -d 'Read this configuration file' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l state-dir -d 'Keep the record of fetched messages in DIR' -r -f -a "(__fish_complete_directories)"
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l host -d 'Name or address of the server, or a URL' -r -f -a "(__fish_print_hostnames)"
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l port -d 'Port of the server' -r
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l tls -d 'Encryption: starttls, implicit or none' -r -f -a "starttls\t'A cleartext connection, upgraded with STLS before any credential is sent'
implicit\t'TLS from the start'
none\t'No encryption'"
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l ca-file -d 'Trust the certificate authorities in this PEM file instead of the system\'s' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l tls-fingerprint -d 'Trust only the certificate with this SHA-256 fingerprint' -r
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l tls-name -d 'Check the certificate for NAME instead of the host, and send NAME as SNI' -r -f -a "(__fish_print_hostnames)"
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l client-cert -d 'Client certificate, in PEM' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l client-key -d 'Key of the client certificate, in PEM' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l proxy -d 'Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT' -r -f
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l bind -d 'Connect from this local IP address, over its family only' -r -f
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l timeout -d 'Give up after SECONDS of silence' -r
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l deadline -d 'End the run after SECONDS' -r
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l wait -d 'Retry for SECONDS while the server says that the maildrop is in use' -r
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l trace -d 'Write the conversation to standard error, or append it to FILE' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l password-stdin -d 'Read the password from the first line of standard input'
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l device -d 'OAuth 2.0: print a code to confirm on any device, and wait'
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l no-browser -d 'OAuth 2.0: print the URL to open, and read the URL of the last page from standard input'
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l commit
complete -c pop3 -n "__fish_pop3_using_subcommand login" -s 4 -d 'Connect over IPv4 only'
complete -c pop3 -n "__fish_pop3_using_subcommand login" -s 6 -d 'Connect over IPv6 only'
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l no-pipelining -d 'Send one command at a time'
complete -c pop3 -n "__fish_pop3_using_subcommand login" -l json -d 'Print one JSON object per line'
complete -c pop3 -n "__fish_pop3_using_subcommand login" -s v -l verbose -d 'Print more on standard error; twice, even more'
complete -c pop3 -n "__fish_pop3_using_subcommand login" -s q -l quiet -d 'Omit warnings and rows of fetch and delete; twice, also errors'
complete -c pop3 -n "__fish_pop3_using_subcommand login" -s h -l help -d 'Print help: -h in short, --help in full'
complete -c pop3 -n "__fish_pop3_using_subcommand login" -s V -l version -d 'Print the version; --version also prints build details'
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -s a -l account -d 'Use this account of the config file' -r -f -a "(__fish_pop3_accounts)"
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -l user -d 'Log in as USER, sent unchanged' -r -f -a "(__fish_complete_users)"
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -l auth -d 'Authentication mechanism' -r -f -a "auto\t'The strongest mechanism that the server offers and that fits the credential'
user-pass\t'USER and PASS'
apop\t'APOP'
plain\t'SASL PLAIN'
login\t'SASL LOGIN'
cram-md5\t'SASL CRAM-MD5'
scram-sha-1\t'SASL SCRAM-SHA-1'
scram-sha-256\t'SASL SCRAM-SHA-256'
xoauth2\t'SASL XOAUTH2, with a token'
oauthbearer\t'SASL OAUTHBEARER, with a token'
external\t'SASL EXTERNAL, with the client certificate'"
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -l config -d 'Read this configuration file' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -l state-dir -d 'Keep the record of fetched messages in DIR' -r -f -a "(__fish_complete_directories)"
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -l host -d 'Name or address of the server, or a URL' -r -f -a "(__fish_print_hostnames)"
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -l port -d 'Port of the server' -r
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -l tls -d 'Encryption: starttls, implicit or none' -r -f -a "starttls\t'A cleartext connection, upgraded with STLS before any credential is sent'
implicit\t'TLS from the start'
none\t'No encryption'"
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -l ca-file -d 'Trust the certificate authorities in this PEM file instead of the system\'s' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -l tls-fingerprint -d 'Trust only the certificate with this SHA-256 fingerprint' -r
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -l tls-name -d 'Check the certificate for NAME instead of the host, and send NAME as SNI' -r -f -a "(__fish_print_hostnames)"
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -l client-cert -d 'Client certificate, in PEM' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -l client-key -d 'Key of the client certificate, in PEM' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -l proxy -d 'Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT' -r -f
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -l bind -d 'Connect from this local IP address, over its family only' -r -f
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -l timeout -d 'Give up after SECONDS of silence' -r
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -l deadline -d 'End the run after SECONDS' -r
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -l wait -d 'Retry for SECONDS while the server says that the maildrop is in use' -r
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -l trace -d 'Write the conversation to standard error, or append it to FILE' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -l commit
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -s 4 -d 'Connect over IPv4 only'
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -s 6 -d 'Connect over IPv6 only'
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -l no-pipelining -d 'Send one command at a time'
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -l json -d 'Print one JSON object per line'
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -s v -l verbose -d 'Print more on standard error; twice, even more'
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -s q -l quiet -d 'Omit warnings and rows of fetch and delete; twice, also errors'
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -s h -l help -d 'Print help: -h in short, --help in full'
complete -c pop3 -n "__fish_pop3_using_subcommand logout" -s V -l version -d 'Print the version; --version also prints build details'
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -s a -l account -d 'Use this account of the config file' -r -f -a "(__fish_pop3_accounts)"
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -l user -d 'Log in as USER, sent unchanged' -r -f -a "(__fish_complete_users)"
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -l auth -d 'Authentication mechanism' -r -f -a "auto\t'The strongest mechanism that the server offers and that fits the credential'
user-pass\t'USER and PASS'
apop\t'APOP'
plain\t'SASL PLAIN'
login\t'SASL LOGIN'
cram-md5\t'SASL CRAM-MD5'
scram-sha-1\t'SASL SCRAM-SHA-1'
scram-sha-256\t'SASL SCRAM-SHA-256'
xoauth2\t'SASL XOAUTH2, with a token'
oauthbearer\t'SASL OAUTHBEARER, with a token'
external\t'SASL EXTERNAL, with the client certificate'"
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -l config -d 'Read this configuration file' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -l state-dir -d 'Keep the record of fetched messages in DIR' -r -f -a "(__fish_complete_directories)"
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -l host -d 'Name or address of the server, or a URL' -r -f -a "(__fish_print_hostnames)"
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -l port -d 'Port of the server' -r
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -l tls -d 'Encryption: starttls, implicit or none' -r -f -a "starttls\t'A cleartext connection, upgraded with STLS before any credential is sent'
implicit\t'TLS from the start'
none\t'No encryption'"
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -l ca-file -d 'Trust the certificate authorities in this PEM file instead of the system\'s' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -l tls-fingerprint -d 'Trust only the certificate with this SHA-256 fingerprint' -r
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -l tls-name -d 'Check the certificate for NAME instead of the host, and send NAME as SNI' -r -f -a "(__fish_print_hostnames)"
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -l client-cert -d 'Client certificate, in PEM' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -l client-key -d 'Key of the client certificate, in PEM' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -l proxy -d 'Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT' -r -f
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -l bind -d 'Connect from this local IP address, over its family only' -r -f
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -l timeout -d 'Give up after SECONDS of silence' -r
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -l deadline -d 'End the run after SECONDS' -r
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -l wait -d 'Retry for SECONDS while the server says that the maildrop is in use' -r
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -l trace -d 'Write the conversation to standard error, or append it to FILE' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -l commit
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -s 4 -d 'Connect over IPv4 only'
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -s 6 -d 'Connect over IPv6 only'
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -l no-pipelining -d 'Send one command at a time'
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -l json -d 'Print one JSON object per line'
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -s v -l verbose -d 'Print more on standard error; twice, even more'
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -s q -l quiet -d 'Omit warnings and rows of fetch and delete; twice, also errors'
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -s h -l help -d 'Print help: -h in short, --help in full'
complete -c pop3 -n "__fish_pop3_using_subcommand accounts" -s V -l version -d 'Print the version; --version also prints build details'
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l uid -d 'The message with this unique-id (repeatable); - reads them from standard input, one per line' -r
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l older-than -d 'Messages fetched at least AGE ago: a number with m, h, d or w' -r
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l import -d 'Import the messages that another program fetched: FILE is a list of mpop, fetchmail, getmail or Thunderbird' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l from -d 'The program that wrote FILE, instead of detecting it' -r -f -a "mpop\t'~/.mpop_uidls/USER_at_HOST'
fetchmail\t'~/.fetchids'
getmail\t'oldmail-SERVER-PORT-USER in its configuration folder; with --from, any name'
thunderbird\t'popstate.dat in the folder of the account'"
complete -c pop3 -n "__fish_pop3_using_subcommand record" -s a -l account -d 'Use this account of the config file' -r -f -a "(__fish_pop3_accounts)"
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l user -d 'Log in as USER, sent unchanged' -r -f -a "(__fish_complete_users)"
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l auth -d 'Authentication mechanism' -r -f -a "auto\t'The strongest mechanism that the server offers and that fits the credential'
user-pass\t'USER and PASS'
apop\t'APOP'
plain\t'SASL PLAIN'
login\t'SASL LOGIN'
cram-md5\t'SASL CRAM-MD5'
scram-sha-1\t'SASL SCRAM-SHA-1'
scram-sha-256\t'SASL SCRAM-SHA-256'
xoauth2\t'SASL XOAUTH2, with a token'
oauthbearer\t'SASL OAUTHBEARER, with a token'
external\t'SASL EXTERNAL, with the client certificate'"
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l config -d 'Read this configuration file' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l state-dir -d 'Keep the record of fetched messages in DIR' -r -f -a "(__fish_complete_directories)"
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l host -d 'Name or address of the server, or a URL' -r -f -a "(__fish_print_hostnames)"
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l port -d 'Port of the server' -r
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l tls -d 'Encryption: starttls, implicit or none' -r -f -a "starttls\t'A cleartext connection, upgraded with STLS before any credential is sent'
implicit\t'TLS from the start'
none\t'No encryption'"
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l ca-file -d 'Trust the certificate authorities in this PEM file instead of the system\'s' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l tls-fingerprint -d 'Trust only the certificate with this SHA-256 fingerprint' -r
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l tls-name -d 'Check the certificate for NAME instead of the host, and send NAME as SNI' -r -f -a "(__fish_print_hostnames)"
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l client-cert -d 'Client certificate, in PEM' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l client-key -d 'Key of the client certificate, in PEM' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l proxy -d 'Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT' -r -f
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l bind -d 'Connect from this local IP address, over its family only' -r -f
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l timeout -d 'Give up after SECONDS of silence' -r
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l deadline -d 'End the run after SECONDS' -r
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l wait -d 'Retry for SECONDS while the server says that the maildrop is in use' -r
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t''
never\t''"
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l trace -d 'Write the conversation to standard error, or append it to FILE' -r -F
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l forget -d 'Forget the messages of --uid, --all or --older-than: they count as new again'
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l all -d 'All messages; also resets a damaged record'
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l commit
complete -c pop3 -n "__fish_pop3_using_subcommand record" -s 4 -d 'Connect over IPv4 only'
complete -c pop3 -n "__fish_pop3_using_subcommand record" -s 6 -d 'Connect over IPv6 only'
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l no-pipelining -d 'Send one command at a time'
complete -c pop3 -n "__fish_pop3_using_subcommand record" -l json -d 'Print one JSON object per line'
complete -c pop3 -n "__fish_pop3_using_subcommand record" -s v -l verbose -d 'Print more on standard error; twice, even more'
complete -c pop3 -n "__fish_pop3_using_subcommand record" -s q -l quiet -d 'Omit warnings and rows of fetch and delete; twice, also errors'
complete -c pop3 -n "__fish_pop3_using_subcommand record" -s h -l help -d 'Print help: -h in short, --help in full'
complete -c pop3 -n "__fish_pop3_using_subcommand record" -s V -l version -d 'Print the version; --version also prints build details'
