module completions {

  def "nu-complete pop3 auth" [] {
    [ "auto" "user-pass" "apop" "plain" "login" "cram-md5" "scram-sha-1" "scram-sha-256" "xoauth2" "oauthbearer" "external" ]
  }

  def "nu-complete pop3 tls" [] {
    [ "starttls" "implicit" "none" ]
  }

  def "nu-complete pop3 color" [] {
    [ "auto" "always" "never" ]
  }

  # A POP3 client for scripts: one command, one session, text or JSON
  export extern pop3 [
    --commit                  # Delete what was marked: end the session with QUIT
    --account(-a): string     # Use this account of the config file
    --user: string            # Log in as USER, sent unchanged
    --auth: string@"nu-complete pop3 auth" # How to authenticate
    --config: path            # Read this configuration file
    --state-dir: directory    # Remember in DIR what was fetched
    --host: string            # Name or address of the server, or a URL
    --port: string            # Port of the server
    --tls: string@"nu-complete pop3 tls" # Encryption: starttls, implicit or none
    --ca-file: path           # Trust the certificate authorities in this PEM file instead of the system's
    --tls-fingerprint: string # Trust exactly the certificate with this SHA-256
    --tls-name: string        # Check the certificate for NAME instead of the host, and send NAME as SNI
    --client-cert: path       # Show the server this client certificate, in PEM
    --client-key: path        # The key of the client certificate, in PEM
    --proxy: string           # Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT
    --bind: string            # Connect from this local IP address, over its family only
    -4                        # Connect over IPv4 only
    -6                        # Connect over IPv6 only
    --timeout: string         # Give up after SECONDS of silence
    --deadline: string        # End the run after SECONDS
    --wait: string            # Go on trying so long while the server says that the maildrop is in use
    --no-pipelining           # Send one command at a time
    --json                    # Print one JSON object per line
    --color: string@"nu-complete pop3 color" # When to use colours
    --trace: path             # Write the conversation to standard error, or append it to FILE
    --verbose(-v)             # Say more on standard error; twice, still more
    --quiet(-q)               # Leave out warnings and rows of fetch and delete; twice, errors too
    --help(-h)                # Print help: -h in short, --help in full
    --version(-V)             # Print the version; --version with what it was built from
  ]

  def "nu-complete pop3 status auth" [] {
    [ "auto" "user-pass" "apop" "plain" "login" "cram-md5" "scram-sha-1" "scram-sha-256" "xoauth2" "oauthbearer" "external" ]
  }

  def "nu-complete pop3 status tls" [] {
    [ "starttls" "implicit" "none" ]
  }

  def "nu-complete pop3 status color" [] {
    [ "auto" "always" "never" ]
  }

  # Count the messages and their octets, of all and of the new
  export extern "pop3 status" [
    --check                   # Exit with 0 if there is new mail, with 1 if there is none
    --server                  # Tell about the server too: greeting, capabilities, TLS, certificate, mechanism, policies
    --commit                  # Delete what was marked: end the session with QUIT
    --account(-a): string     # Use this account of the config file
    --user: string            # Log in as USER, sent unchanged
    --auth: string@"nu-complete pop3 status auth" # How to authenticate
    --config: path            # Read this configuration file
    --state-dir: directory    # Remember in DIR what was fetched
    --host: string            # Name or address of the server, or a URL
    --port: string            # Port of the server
    --tls: string@"nu-complete pop3 status tls" # Encryption: starttls, implicit or none
    --ca-file: path           # Trust the certificate authorities in this PEM file instead of the system's
    --tls-fingerprint: string # Trust exactly the certificate with this SHA-256
    --tls-name: string        # Check the certificate for NAME instead of the host, and send NAME as SNI
    --client-cert: path       # Show the server this client certificate, in PEM
    --client-key: path        # The key of the client certificate, in PEM
    --proxy: string           # Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT
    --bind: string            # Connect from this local IP address, over its family only
    -4                        # Connect over IPv4 only
    -6                        # Connect over IPv6 only
    --timeout: string         # Give up after SECONDS of silence
    --deadline: string        # End the run after SECONDS
    --wait: string            # Go on trying so long while the server says that the maildrop is in use
    --no-pipelining           # Send one command at a time
    --json                    # Print one JSON object per line
    --color: string@"nu-complete pop3 status color" # When to use colours
    --trace: path             # Write the conversation to standard error, or append it to FILE
    --verbose(-v)             # Say more on standard error; twice, still more
    --quiet(-q)               # Leave out warnings and rows of fetch and delete; twice, errors too
    --help(-h)                # Print help: -h in short, --help in full
    --version(-V)             # Print the version; --version with what it was built from
  ]

  def "nu-complete pop3 headers auth" [] {
    [ "auto" "user-pass" "apop" "plain" "login" "cram-md5" "scram-sha-1" "scram-sha-256" "xoauth2" "oauthbearer" "external" ]
  }

  def "nu-complete pop3 headers tls" [] {
    [ "starttls" "implicit" "none" ]
  }

  def "nu-complete pop3 headers color" [] {
    [ "auto" "always" "never" ]
  }

  # List date, sender, subject and size without downloading
  export extern "pop3 headers" [
    --lines: string           # Show the first N lines of the body too
    --fields                  # Show every header field
    --uid: string             # The message with this unique-id (repeatable); - reads unique-ids from standard input, one per line
    --all                     # All messages
    --new                     # Only messages not fetched before
    --fetched                 # Only messages fetched before
    --larger: string          # Only messages larger than SIZE: octets, or with k, M, G, KiB, MiB, GiB
    --smaller: string         # Only messages smaller than SIZE
    --older-than: string      # Only messages fetched at least AGE ago: digits with m, h, d or w
    --first: string           # Of what the other selectors leave, the N messages with the lowest numbers
    --last: string            # Of what the other selectors leave, the N messages with the highest numbers
    --commit                  # Delete what was marked: end the session with QUIT
    --account(-a): string     # Use this account of the config file
    --user: string            # Log in as USER, sent unchanged
    --auth: string@"nu-complete pop3 headers auth" # How to authenticate
    --config: path            # Read this configuration file
    --state-dir: directory    # Remember in DIR what was fetched
    --host: string            # Name or address of the server, or a URL
    --port: string            # Port of the server
    --tls: string@"nu-complete pop3 headers tls" # Encryption: starttls, implicit or none
    --ca-file: path           # Trust the certificate authorities in this PEM file instead of the system's
    --tls-fingerprint: string # Trust exactly the certificate with this SHA-256
    --tls-name: string        # Check the certificate for NAME instead of the host, and send NAME as SNI
    --client-cert: path       # Show the server this client certificate, in PEM
    --client-key: path        # The key of the client certificate, in PEM
    --proxy: string           # Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT
    --bind: string            # Connect from this local IP address, over its family only
    -4                        # Connect over IPv4 only
    -6                        # Connect over IPv6 only
    --timeout: string         # Give up after SECONDS of silence
    --deadline: string        # End the run after SECONDS
    --wait: string            # Go on trying so long while the server says that the maildrop is in use
    --no-pipelining           # Send one command at a time
    --json                    # Print one JSON object per line
    --color: string@"nu-complete pop3 headers color" # When to use colours
    --trace: path             # Write the conversation to standard error, or append it to FILE
    --verbose(-v)             # Say more on standard error; twice, still more
    --quiet(-q)               # Leave out warnings and rows of fetch and delete; twice, errors too
    --help(-h)                # Print help: -h in short, --help in full
    --version(-V)             # Print the version; --version with what it was built from
    ...numbers: string        # Message numbers of this session: 3, 2-5, 7- or 1,4-6
  ]

  def "nu-complete pop3 fetch auth" [] {
    [ "auto" "user-pass" "apop" "plain" "login" "cram-md5" "scram-sha-1" "scram-sha-256" "xoauth2" "oauthbearer" "external" ]
  }

  def "nu-complete pop3 fetch tls" [] {
    [ "starttls" "implicit" "none" ]
  }

  def "nu-complete pop3 fetch color" [] {
    [ "auto" "always" "never" ]
  }

  # Download messages, each byte for byte, and remember them
  export extern "pop3 fetch" [
    --dir: directory          # One .eml file a message in DIR (default: the current directory)
    --maildir: directory      # Deliver to the Maildir DIR
    --mbox: path              # Append to the mbox FILE; - is standard output
    --pipe: string            # Run COMMAND once a message, with the message on its standard input
    --pipe-timeout: string    # End the --pipe command of a message after SECONDS; the message then failed [default: none]
    --lmtp: string            # Deliver to the LMTP server at ADDRESS: HOST:PORT, or the path of a socket (with a slash)
    --rcpt: string            # The recipient that the LMTP server delivers to
    --stdout                  # Write the one message that was chosen to standard output, as it is
    --skip                    # Store nothing and remember the chosen messages: from now on only what is new
    --limit-size: string      # Stop before the message with which more than SIZE would be fetched, but fetch at least one
    --delete                  # Mark each message for deletion once it is stored; with --commit, delete it
    --no-state                # Neither read nor write the record of what was fetched
    --uid: string             # The message with this unique-id (repeatable); - reads unique-ids from standard input, one per line
    --all                     # All messages
    --new                     # Only messages not fetched before
    --fetched                 # Only messages fetched before
    --larger: string          # Only messages larger than SIZE: octets, or with k, M, G, KiB, MiB, GiB
    --smaller: string         # Only messages smaller than SIZE
    --older-than: string      # Only messages fetched at least AGE ago: digits with m, h, d or w
    --first: string           # Of what the other selectors leave, the N messages with the lowest numbers
    --last: string            # Of what the other selectors leave, the N messages with the highest numbers
    --commit                  # Delete what was marked: end the session with QUIT
    --account(-a): string     # Use this account of the config file
    --user: string            # Log in as USER, sent unchanged
    --auth: string@"nu-complete pop3 fetch auth" # How to authenticate
    --config: path            # Read this configuration file
    --state-dir: directory    # Remember in DIR what was fetched
    --host: string            # Name or address of the server, or a URL
    --port: string            # Port of the server
    --tls: string@"nu-complete pop3 fetch tls" # Encryption: starttls, implicit or none
    --ca-file: path           # Trust the certificate authorities in this PEM file instead of the system's
    --tls-fingerprint: string # Trust exactly the certificate with this SHA-256
    --tls-name: string        # Check the certificate for NAME instead of the host, and send NAME as SNI
    --client-cert: path       # Show the server this client certificate, in PEM
    --client-key: path        # The key of the client certificate, in PEM
    --proxy: string           # Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT
    --bind: string            # Connect from this local IP address, over its family only
    -4                        # Connect over IPv4 only
    -6                        # Connect over IPv6 only
    --timeout: string         # Give up after SECONDS of silence
    --deadline: string        # End the run after SECONDS
    --wait: string            # Go on trying so long while the server says that the maildrop is in use
    --no-pipelining           # Send one command at a time
    --json                    # Print one JSON object per line
    --color: string@"nu-complete pop3 fetch color" # When to use colours
    --trace: path             # Write the conversation to standard error, or append it to FILE
    --verbose(-v)             # Say more on standard error; twice, still more
    --quiet(-q)               # Leave out warnings and rows of fetch and delete; twice, errors too
    --help(-h)                # Print help: -h in short, --help in full
    --version(-V)             # Print the version; --version with what it was built from
    ...numbers: string        # Message numbers of this session: 3, 2-5, 7- or 1,4-6
  ]

  def "nu-complete pop3 delete auth" [] {
    [ "auto" "user-pass" "apop" "plain" "login" "cram-md5" "scram-sha-1" "scram-sha-256" "xoauth2" "oauthbearer" "external" ]
  }

  def "nu-complete pop3 delete tls" [] {
    [ "starttls" "implicit" "none" ]
  }

  def "nu-complete pop3 delete color" [] {
    [ "auto" "always" "never" ]
  }

  # Mark messages for deletion; with --commit, delete them
  export extern "pop3 delete" [
    --uid: string             # The message with this unique-id (repeatable); - reads unique-ids from standard input, one per line
    --all                     # All messages
    --new                     # Only messages not fetched before
    --fetched                 # Only messages fetched before
    --larger: string          # Only messages larger than SIZE: octets, or with k, M, G, KiB, MiB, GiB
    --smaller: string         # Only messages smaller than SIZE
    --older-than: string      # Only messages fetched at least AGE ago: digits with m, h, d or w
    --first: string           # Of what the other selectors leave, the N messages with the lowest numbers
    --last: string            # Of what the other selectors leave, the N messages with the highest numbers
    --commit                  # Delete what was marked: end the session with QUIT
    --account(-a): string     # Use this account of the config file
    --user: string            # Log in as USER, sent unchanged
    --auth: string@"nu-complete pop3 delete auth" # How to authenticate
    --config: path            # Read this configuration file
    --state-dir: directory    # Remember in DIR what was fetched
    --host: string            # Name or address of the server, or a URL
    --port: string            # Port of the server
    --tls: string@"nu-complete pop3 delete tls" # Encryption: starttls, implicit or none
    --ca-file: path           # Trust the certificate authorities in this PEM file instead of the system's
    --tls-fingerprint: string # Trust exactly the certificate with this SHA-256
    --tls-name: string        # Check the certificate for NAME instead of the host, and send NAME as SNI
    --client-cert: path       # Show the server this client certificate, in PEM
    --client-key: path        # The key of the client certificate, in PEM
    --proxy: string           # Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT
    --bind: string            # Connect from this local IP address, over its family only
    -4                        # Connect over IPv4 only
    -6                        # Connect over IPv6 only
    --timeout: string         # Give up after SECONDS of silence
    --deadline: string        # End the run after SECONDS
    --wait: string            # Go on trying so long while the server says that the maildrop is in use
    --no-pipelining           # Send one command at a time
    --json                    # Print one JSON object per line
    --color: string@"nu-complete pop3 delete color" # When to use colours
    --trace: path             # Write the conversation to standard error, or append it to FILE
    --verbose(-v)             # Say more on standard error; twice, still more
    --quiet(-q)               # Leave out warnings and rows of fetch and delete; twice, errors too
    --help(-h)                # Print help: -h in short, --help in full
    --version(-V)             # Print the version; --version with what it was built from
    ...numbers: string        # Message numbers of this session: 3, 2-5, 7- or 1,4-6
  ]

  def "nu-complete pop3 uidl auth" [] {
    [ "auto" "user-pass" "apop" "plain" "login" "cram-md5" "scram-sha-1" "scram-sha-256" "xoauth2" "oauthbearer" "external" ]
  }

  def "nu-complete pop3 uidl tls" [] {
    [ "starttls" "implicit" "none" ]
  }

  def "nu-complete pop3 uidl color" [] {
    [ "auto" "always" "never" ]
  }

  # List number, unique-id and size
  export extern "pop3 uidl" [
    --uid: string             # The message with this unique-id (repeatable); - reads unique-ids from standard input, one per line
    --all                     # All messages
    --new                     # Only messages not fetched before
    --fetched                 # Only messages fetched before
    --larger: string          # Only messages larger than SIZE: octets, or with k, M, G, KiB, MiB, GiB
    --smaller: string         # Only messages smaller than SIZE
    --older-than: string      # Only messages fetched at least AGE ago: digits with m, h, d or w
    --first: string           # Of what the other selectors leave, the N messages with the lowest numbers
    --last: string            # Of what the other selectors leave, the N messages with the highest numbers
    --commit                  # Delete what was marked: end the session with QUIT
    --account(-a): string     # Use this account of the config file
    --user: string            # Log in as USER, sent unchanged
    --auth: string@"nu-complete pop3 uidl auth" # How to authenticate
    --config: path            # Read this configuration file
    --state-dir: directory    # Remember in DIR what was fetched
    --host: string            # Name or address of the server, or a URL
    --port: string            # Port of the server
    --tls: string@"nu-complete pop3 uidl tls" # Encryption: starttls, implicit or none
    --ca-file: path           # Trust the certificate authorities in this PEM file instead of the system's
    --tls-fingerprint: string # Trust exactly the certificate with this SHA-256
    --tls-name: string        # Check the certificate for NAME instead of the host, and send NAME as SNI
    --client-cert: path       # Show the server this client certificate, in PEM
    --client-key: path        # The key of the client certificate, in PEM
    --proxy: string           # Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT
    --bind: string            # Connect from this local IP address, over its family only
    -4                        # Connect over IPv4 only
    -6                        # Connect over IPv6 only
    --timeout: string         # Give up after SECONDS of silence
    --deadline: string        # End the run after SECONDS
    --wait: string            # Go on trying so long while the server says that the maildrop is in use
    --no-pipelining           # Send one command at a time
    --json                    # Print one JSON object per line
    --color: string@"nu-complete pop3 uidl color" # When to use colours
    --trace: path             # Write the conversation to standard error, or append it to FILE
    --verbose(-v)             # Say more on standard error; twice, still more
    --quiet(-q)               # Leave out warnings and rows of fetch and delete; twice, errors too
    --help(-h)                # Print help: -h in short, --help in full
    --version(-V)             # Print the version; --version with what it was built from
    ...numbers: string        # Message numbers of this session: 3, 2-5, 7- or 1,4-6
  ]

  def "nu-complete pop3 login auth" [] {
    [ "auto" "user-pass" "apop" "plain" "login" "cram-md5" "scram-sha-1" "scram-sha-256" "xoauth2" "oauthbearer" "external" ]
  }

  def "nu-complete pop3 login tls" [] {
    [ "starttls" "implicit" "none" ]
  }

  def "nu-complete pop3 login color" [] {
    [ "auto" "always" "never" ]
  }

  # Prove a password and save it in the keyring; with OAuth 2.0, get a grant
  export extern "pop3 login" [
    --password-stdin          # Read the password from standard input, its first line
    --device                  # OAuth 2.0: print a code to confirm on any device, and wait
    --no-browser              # OAuth 2.0: print the address to open, and read the one that the browser ended at from standard input
    --commit
    --account(-a): string     # Use this account of the config file
    --user: string            # Log in as USER, sent unchanged
    --auth: string@"nu-complete pop3 login auth" # How to authenticate
    --config: path            # Read this configuration file
    --state-dir: directory    # Remember in DIR what was fetched
    --host: string            # Name or address of the server, or a URL
    --port: string            # Port of the server
    --tls: string@"nu-complete pop3 login tls" # Encryption: starttls, implicit or none
    --ca-file: path           # Trust the certificate authorities in this PEM file instead of the system's
    --tls-fingerprint: string # Trust exactly the certificate with this SHA-256
    --tls-name: string        # Check the certificate for NAME instead of the host, and send NAME as SNI
    --client-cert: path       # Show the server this client certificate, in PEM
    --client-key: path        # The key of the client certificate, in PEM
    --proxy: string           # Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT
    --bind: string            # Connect from this local IP address, over its family only
    -4                        # Connect over IPv4 only
    -6                        # Connect over IPv6 only
    --timeout: string         # Give up after SECONDS of silence
    --deadline: string        # End the run after SECONDS
    --wait: string            # Go on trying so long while the server says that the maildrop is in use
    --no-pipelining           # Send one command at a time
    --json                    # Print one JSON object per line
    --color: string@"nu-complete pop3 login color" # When to use colours
    --trace: path             # Write the conversation to standard error, or append it to FILE
    --verbose(-v)             # Say more on standard error; twice, still more
    --quiet(-q)               # Leave out warnings and rows of fetch and delete; twice, errors too
    --help(-h)                # Print help: -h in short, --help in full
    --version(-V)             # Print the version; --version with what it was built from
    address?: string          # A mail address whose server is looked for, or an account of the configuration file
  ]

  def "nu-complete pop3 logout auth" [] {
    [ "auto" "user-pass" "apop" "plain" "login" "cram-md5" "scram-sha-1" "scram-sha-256" "xoauth2" "oauthbearer" "external" ]
  }

  def "nu-complete pop3 logout tls" [] {
    [ "starttls" "implicit" "none" ]
  }

  def "nu-complete pop3 logout color" [] {
    [ "auto" "always" "never" ]
  }

  # Remove the saved password from the keyring, or revoke and remove the OAuth 2.0 grant
  export extern "pop3 logout" [
    --commit
    --account(-a): string     # Use this account of the config file
    --user: string            # Log in as USER, sent unchanged
    --auth: string@"nu-complete pop3 logout auth" # How to authenticate
    --config: path            # Read this configuration file
    --state-dir: directory    # Remember in DIR what was fetched
    --host: string            # Name or address of the server, or a URL
    --port: string            # Port of the server
    --tls: string@"nu-complete pop3 logout tls" # Encryption: starttls, implicit or none
    --ca-file: path           # Trust the certificate authorities in this PEM file instead of the system's
    --tls-fingerprint: string # Trust exactly the certificate with this SHA-256
    --tls-name: string        # Check the certificate for NAME instead of the host, and send NAME as SNI
    --client-cert: path       # Show the server this client certificate, in PEM
    --client-key: path        # The key of the client certificate, in PEM
    --proxy: string           # Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT
    --bind: string            # Connect from this local IP address, over its family only
    -4                        # Connect over IPv4 only
    -6                        # Connect over IPv6 only
    --timeout: string         # Give up after SECONDS of silence
    --deadline: string        # End the run after SECONDS
    --wait: string            # Go on trying so long while the server says that the maildrop is in use
    --no-pipelining           # Send one command at a time
    --json                    # Print one JSON object per line
    --color: string@"nu-complete pop3 logout color" # When to use colours
    --trace: path             # Write the conversation to standard error, or append it to FILE
    --verbose(-v)             # Say more on standard error; twice, still more
    --quiet(-q)               # Leave out warnings and rows of fetch and delete; twice, errors too
    --help(-h)                # Print help: -h in short, --help in full
    --version(-V)             # Print the version; --version with what it was built from
  ]

  def "nu-complete pop3 accounts auth" [] {
    [ "auto" "user-pass" "apop" "plain" "login" "cram-md5" "scram-sha-1" "scram-sha-256" "xoauth2" "oauthbearer" "external" ]
  }

  def "nu-complete pop3 accounts tls" [] {
    [ "starttls" "implicit" "none" ]
  }

  def "nu-complete pop3 accounts color" [] {
    [ "auto" "always" "never" ]
  }

  # Name the accounts of the configuration file, one per line
  export extern "pop3 accounts" [
    --commit
    --account(-a): string     # Use this account of the config file
    --user: string            # Log in as USER, sent unchanged
    --auth: string@"nu-complete pop3 accounts auth" # How to authenticate
    --config: path            # Read this configuration file
    --state-dir: directory    # Remember in DIR what was fetched
    --host: string            # Name or address of the server, or a URL
    --port: string            # Port of the server
    --tls: string@"nu-complete pop3 accounts tls" # Encryption: starttls, implicit or none
    --ca-file: path           # Trust the certificate authorities in this PEM file instead of the system's
    --tls-fingerprint: string # Trust exactly the certificate with this SHA-256
    --tls-name: string        # Check the certificate for NAME instead of the host, and send NAME as SNI
    --client-cert: path       # Show the server this client certificate, in PEM
    --client-key: path        # The key of the client certificate, in PEM
    --proxy: string           # Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT
    --bind: string            # Connect from this local IP address, over its family only
    -4                        # Connect over IPv4 only
    -6                        # Connect over IPv6 only
    --timeout: string         # Give up after SECONDS of silence
    --deadline: string        # End the run after SECONDS
    --wait: string            # Go on trying so long while the server says that the maildrop is in use
    --no-pipelining           # Send one command at a time
    --json                    # Print one JSON object per line
    --color: string@"nu-complete pop3 accounts color" # When to use colours
    --trace: path             # Write the conversation to standard error, or append it to FILE
    --verbose(-v)             # Say more on standard error; twice, still more
    --quiet(-q)               # Leave out warnings and rows of fetch and delete; twice, errors too
    --help(-h)                # Print help: -h in short, --help in full
    --version(-V)             # Print the version; --version with what it was built from
  ]

  def "nu-complete pop3 record from" [] {
    [ "mpop" "fetchmail" "getmail" "thunderbird" ]
  }

  def "nu-complete pop3 record auth" [] {
    [ "auto" "user-pass" "apop" "plain" "login" "cram-md5" "scram-sha-1" "scram-sha-256" "xoauth2" "oauthbearer" "external" ]
  }

  def "nu-complete pop3 record tls" [] {
    [ "starttls" "implicit" "none" ]
  }

  def "nu-complete pop3 record color" [] {
    [ "auto" "always" "never" ]
  }

  # List what is remembered as fetched, forget it, or take over another program's list
  export extern "pop3 record" [
    --forget                  # Forget the messages of --uid, --all or --older-than: they count as new then
    --uid: string             # The message with this unique-id (repeatable); - reads them from standard input, one per line
    --all                     # All messages, also where the record is damaged
    --older-than: string      # Those fetched at least AGE ago: digits with m, h, d or w
    --import: path            # Remember the messages that another program fetched: the list of mpop, fetchmail, getmail or Thunderbird in FILE
    --from: string@"nu-complete pop3 record from" # The program that wrote FILE, whatever it looks like
    --commit
    --account(-a): string     # Use this account of the config file
    --user: string            # Log in as USER, sent unchanged
    --auth: string@"nu-complete pop3 record auth" # How to authenticate
    --config: path            # Read this configuration file
    --state-dir: directory    # Remember in DIR what was fetched
    --host: string            # Name or address of the server, or a URL
    --port: string            # Port of the server
    --tls: string@"nu-complete pop3 record tls" # Encryption: starttls, implicit or none
    --ca-file: path           # Trust the certificate authorities in this PEM file instead of the system's
    --tls-fingerprint: string # Trust exactly the certificate with this SHA-256
    --tls-name: string        # Check the certificate for NAME instead of the host, and send NAME as SNI
    --client-cert: path       # Show the server this client certificate, in PEM
    --client-key: path        # The key of the client certificate, in PEM
    --proxy: string           # Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT
    --bind: string            # Connect from this local IP address, over its family only
    -4                        # Connect over IPv4 only
    -6                        # Connect over IPv6 only
    --timeout: string         # Give up after SECONDS of silence
    --deadline: string        # End the run after SECONDS
    --wait: string            # Go on trying so long while the server says that the maildrop is in use
    --no-pipelining           # Send one command at a time
    --json                    # Print one JSON object per line
    --color: string@"nu-complete pop3 record color" # When to use colours
    --trace: path             # Write the conversation to standard error, or append it to FILE
    --verbose(-v)             # Say more on standard error; twice, still more
    --quiet(-q)               # Leave out warnings and rows of fetch and delete; twice, errors too
    --help(-h)                # Print help: -h in short, --help in full
    --version(-V)             # Print the version; --version with what it was built from
  ]

}

export use completions *
