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
    --commit                  # Delete the marked messages: end the session with QUIT
    --account(-a): string     # Use this account of the config file
    --user: string            # Log in as USER, sent unchanged
    --auth: string@"nu-complete pop3 auth" # Authentication mechanism
    --config: path            # Read this configuration file
    --state-dir: directory    # Keep the record of fetched messages in DIR
    --host: string            # Name or address of the server, or a URL
    --port: string            # Port of the server
    --tls: string@"nu-complete pop3 tls" # Encryption: starttls, implicit or none
    --ca-file: path           # Trust the certificate authorities in this PEM file instead of the system's
    --tls-fingerprint: string # Trust only the certificate with this SHA-256 fingerprint
    --tls-name: string        # Check the certificate for NAME instead of the host, and send NAME as SNI
    --client-cert: path       # Client certificate, in PEM
    --client-key: path        # Key of the client certificate, in PEM
    --proxy: string           # Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT
    --bind: string            # Connect from this local IP address, over its family only
    -4                        # Connect over IPv4 only
    -6                        # Connect over IPv6 only
    --timeout: string         # Give up after SECONDS of silence
    --deadline: string        # End the run after SECONDS
    --wait: string            # Retry for SECONDS while the server says that the maildrop is in use
    --no-pipelining           # Send one command at a time
    --json                    # Print one JSON object per line
    --color: string@"nu-complete pop3 color" # When to use colours
    --trace: path             # Write the conversation to standard error, or append it to FILE
    --verbose(-v)             # Print more on standard error; twice, even more
    --quiet(-q)               # Omit warnings and rows of fetch and delete; twice, also errors
    --help(-h)                # Print help: -h in short, --help in full
    --version(-V)             # Print the version; --version also prints build details
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

  # Count all messages and the new ones, and their octets
  export extern "pop3 status" [
    --check                   # Exit with 0 if there is new mail, with 1 if there is none
    --server                  # Also report on the server: greeting, capabilities, TLS, certificate, mechanism, policies
    --commit                  # Delete the marked messages: end the session with QUIT
    --account(-a): string     # Use this account of the config file
    --user: string            # Log in as USER, sent unchanged
    --auth: string@"nu-complete pop3 status auth" # Authentication mechanism
    --config: path            # Read this configuration file
    --state-dir: directory    # Keep the record of fetched messages in DIR
    --host: string            # Name or address of the server, or a URL
    --port: string            # Port of the server
    --tls: string@"nu-complete pop3 status tls" # Encryption: starttls, implicit or none
    --ca-file: path           # Trust the certificate authorities in this PEM file instead of the system's
    --tls-fingerprint: string # Trust only the certificate with this SHA-256 fingerprint
    --tls-name: string        # Check the certificate for NAME instead of the host, and send NAME as SNI
    --client-cert: path       # Client certificate, in PEM
    --client-key: path        # Key of the client certificate, in PEM
    --proxy: string           # Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT
    --bind: string            # Connect from this local IP address, over its family only
    -4                        # Connect over IPv4 only
    -6                        # Connect over IPv6 only
    --timeout: string         # Give up after SECONDS of silence
    --deadline: string        # End the run after SECONDS
    --wait: string            # Retry for SECONDS while the server says that the maildrop is in use
    --no-pipelining           # Send one command at a time
    --json                    # Print one JSON object per line
    --color: string@"nu-complete pop3 status color" # When to use colours
    --trace: path             # Write the conversation to standard error, or append it to FILE
    --verbose(-v)             # Print more on standard error; twice, even more
    --quiet(-q)               # Omit warnings and rows of fetch and delete; twice, also errors
    --help(-h)                # Print help: -h in short, --help in full
    --version(-V)             # Print the version; --version also prints build details
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
    --lines: string           # Also show the first N lines of the body
    --fields                  # Show every header field
    --uid: string             # The message with this unique-id (repeatable); - reads unique-ids from standard input, one per line
    --all                     # All messages
    --new                     # Only messages not fetched before
    --fetched                 # Only messages fetched before
    --larger: string          # Only messages larger than SIZE: octets, or with k, M, G, KiB, MiB, GiB
    --smaller: string         # Only messages smaller than SIZE
    --older-than: string      # Only messages fetched at least AGE ago: a number with m, h, d or w
    --first: string           # Of the messages that the other selectors select, the N with the lowest numbers
    --last: string            # Of the messages that the other selectors select, the N with the highest numbers
    --commit                  # Delete the marked messages: end the session with QUIT
    --account(-a): string     # Use this account of the config file
    --user: string            # Log in as USER, sent unchanged
    --auth: string@"nu-complete pop3 headers auth" # Authentication mechanism
    --config: path            # Read this configuration file
    --state-dir: directory    # Keep the record of fetched messages in DIR
    --host: string            # Name or address of the server, or a URL
    --port: string            # Port of the server
    --tls: string@"nu-complete pop3 headers tls" # Encryption: starttls, implicit or none
    --ca-file: path           # Trust the certificate authorities in this PEM file instead of the system's
    --tls-fingerprint: string # Trust only the certificate with this SHA-256 fingerprint
    --tls-name: string        # Check the certificate for NAME instead of the host, and send NAME as SNI
    --client-cert: path       # Client certificate, in PEM
    --client-key: path        # Key of the client certificate, in PEM
    --proxy: string           # Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT
    --bind: string            # Connect from this local IP address, over its family only
    -4                        # Connect over IPv4 only
    -6                        # Connect over IPv6 only
    --timeout: string         # Give up after SECONDS of silence
    --deadline: string        # End the run after SECONDS
    --wait: string            # Retry for SECONDS while the server says that the maildrop is in use
    --no-pipelining           # Send one command at a time
    --json                    # Print one JSON object per line
    --color: string@"nu-complete pop3 headers color" # When to use colours
    --trace: path             # Write the conversation to standard error, or append it to FILE
    --verbose(-v)             # Print more on standard error; twice, even more
    --quiet(-q)               # Omit warnings and rows of fetch and delete; twice, also errors
    --help(-h)                # Print help: -h in short, --help in full
    --version(-V)             # Print the version; --version also prints build details
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

  # Download messages byte for byte, and record them as fetched
  export extern "pop3 fetch" [
    --dir: directory          # One .eml file per message in DIR (default: the current directory)
    --maildir: directory      # Deliver to the Maildir DIR
    --mbox: path              # Append to the mbox FILE; - means standard output
    --pipe: string            # Run COMMAND once per message, with the message on its standard input
    --pipe-timeout: string    # End the --pipe command of a message after SECONDS; the message then fails [default: none]
    --lmtp: string            # Deliver to the LMTP server at ADDRESS: HOST:PORT, or the path of a socket (with a slash)
    --rcpt: string            # Recipient of the messages at the LMTP server
    --stdout                  # Write one message to standard output, unchanged
    --skip                    # Store nothing, but count the messages as fetched, so that later runs ignore them
    --limit-size: string      # Stop before the message that would exceed SIZE in total, but fetch at least one
    --delete                  # Mark each message for deletion once it is stored; with --commit, delete it
    --no-state                # Neither read nor write the record of fetched messages
    --uid: string             # The message with this unique-id (repeatable); - reads unique-ids from standard input, one per line
    --all                     # All messages
    --new                     # Only messages not fetched before
    --fetched                 # Only messages fetched before
    --larger: string          # Only messages larger than SIZE: octets, or with k, M, G, KiB, MiB, GiB
    --smaller: string         # Only messages smaller than SIZE
    --older-than: string      # Only messages fetched at least AGE ago: a number with m, h, d or w
    --first: string           # Of the messages that the other selectors select, the N with the lowest numbers
    --last: string            # Of the messages that the other selectors select, the N with the highest numbers
    --commit                  # Delete the marked messages: end the session with QUIT
    --account(-a): string     # Use this account of the config file
    --user: string            # Log in as USER, sent unchanged
    --auth: string@"nu-complete pop3 fetch auth" # Authentication mechanism
    --config: path            # Read this configuration file
    --state-dir: directory    # Keep the record of fetched messages in DIR
    --host: string            # Name or address of the server, or a URL
    --port: string            # Port of the server
    --tls: string@"nu-complete pop3 fetch tls" # Encryption: starttls, implicit or none
    --ca-file: path           # Trust the certificate authorities in this PEM file instead of the system's
    --tls-fingerprint: string # Trust only the certificate with this SHA-256 fingerprint
    --tls-name: string        # Check the certificate for NAME instead of the host, and send NAME as SNI
    --client-cert: path       # Client certificate, in PEM
    --client-key: path        # Key of the client certificate, in PEM
    --proxy: string           # Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT
    --bind: string            # Connect from this local IP address, over its family only
    -4                        # Connect over IPv4 only
    -6                        # Connect over IPv6 only
    --timeout: string         # Give up after SECONDS of silence
    --deadline: string        # End the run after SECONDS
    --wait: string            # Retry for SECONDS while the server says that the maildrop is in use
    --no-pipelining           # Send one command at a time
    --json                    # Print one JSON object per line
    --color: string@"nu-complete pop3 fetch color" # When to use colours
    --trace: path             # Write the conversation to standard error, or append it to FILE
    --verbose(-v)             # Print more on standard error; twice, even more
    --quiet(-q)               # Omit warnings and rows of fetch and delete; twice, also errors
    --help(-h)                # Print help: -h in short, --help in full
    --version(-V)             # Print the version; --version also prints build details
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
    --older-than: string      # Only messages fetched at least AGE ago: a number with m, h, d or w
    --first: string           # Of the messages that the other selectors select, the N with the lowest numbers
    --last: string            # Of the messages that the other selectors select, the N with the highest numbers
    --commit                  # Delete the marked messages: end the session with QUIT
    --account(-a): string     # Use this account of the config file
    --user: string            # Log in as USER, sent unchanged
    --auth: string@"nu-complete pop3 delete auth" # Authentication mechanism
    --config: path            # Read this configuration file
    --state-dir: directory    # Keep the record of fetched messages in DIR
    --host: string            # Name or address of the server, or a URL
    --port: string            # Port of the server
    --tls: string@"nu-complete pop3 delete tls" # Encryption: starttls, implicit or none
    --ca-file: path           # Trust the certificate authorities in this PEM file instead of the system's
    --tls-fingerprint: string # Trust only the certificate with this SHA-256 fingerprint
    --tls-name: string        # Check the certificate for NAME instead of the host, and send NAME as SNI
    --client-cert: path       # Client certificate, in PEM
    --client-key: path        # Key of the client certificate, in PEM
    --proxy: string           # Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT
    --bind: string            # Connect from this local IP address, over its family only
    -4                        # Connect over IPv4 only
    -6                        # Connect over IPv6 only
    --timeout: string         # Give up after SECONDS of silence
    --deadline: string        # End the run after SECONDS
    --wait: string            # Retry for SECONDS while the server says that the maildrop is in use
    --no-pipelining           # Send one command at a time
    --json                    # Print one JSON object per line
    --color: string@"nu-complete pop3 delete color" # When to use colours
    --trace: path             # Write the conversation to standard error, or append it to FILE
    --verbose(-v)             # Print more on standard error; twice, even more
    --quiet(-q)               # Omit warnings and rows of fetch and delete; twice, also errors
    --help(-h)                # Print help: -h in short, --help in full
    --version(-V)             # Print the version; --version also prints build details
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
    --older-than: string      # Only messages fetched at least AGE ago: a number with m, h, d or w
    --first: string           # Of the messages that the other selectors select, the N with the lowest numbers
    --last: string            # Of the messages that the other selectors select, the N with the highest numbers
    --commit                  # Delete the marked messages: end the session with QUIT
    --account(-a): string     # Use this account of the config file
    --user: string            # Log in as USER, sent unchanged
    --auth: string@"nu-complete pop3 uidl auth" # Authentication mechanism
    --config: path            # Read this configuration file
    --state-dir: directory    # Keep the record of fetched messages in DIR
    --host: string            # Name or address of the server, or a URL
    --port: string            # Port of the server
    --tls: string@"nu-complete pop3 uidl tls" # Encryption: starttls, implicit or none
    --ca-file: path           # Trust the certificate authorities in this PEM file instead of the system's
    --tls-fingerprint: string # Trust only the certificate with this SHA-256 fingerprint
    --tls-name: string        # Check the certificate for NAME instead of the host, and send NAME as SNI
    --client-cert: path       # Client certificate, in PEM
    --client-key: path        # Key of the client certificate, in PEM
    --proxy: string           # Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT
    --bind: string            # Connect from this local IP address, over its family only
    -4                        # Connect over IPv4 only
    -6                        # Connect over IPv6 only
    --timeout: string         # Give up after SECONDS of silence
    --deadline: string        # End the run after SECONDS
    --wait: string            # Retry for SECONDS while the server says that the maildrop is in use
    --no-pipelining           # Send one command at a time
    --json                    # Print one JSON object per line
    --color: string@"nu-complete pop3 uidl color" # When to use colours
    --trace: path             # Write the conversation to standard error, or append it to FILE
    --verbose(-v)             # Print more on standard error; twice, even more
    --quiet(-q)               # Omit warnings and rows of fetch and delete; twice, also errors
    --help(-h)                # Print help: -h in short, --help in full
    --version(-V)             # Print the version; --version also prints build details
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

  # Verify a password and save it in the keyring; with OAuth 2.0, get a grant
  export extern "pop3 login" [
    --password-stdin          # Read the password from the first line of standard input
    --device                  # OAuth 2.0: print a code to confirm on any device, and wait
    --no-browser              # OAuth 2.0: print the URL to open, and read the URL of the last page from standard input
    --commit
    --account(-a): string     # Use this account of the config file
    --user: string            # Log in as USER, sent unchanged
    --auth: string@"nu-complete pop3 login auth" # Authentication mechanism
    --config: path            # Read this configuration file
    --state-dir: directory    # Keep the record of fetched messages in DIR
    --host: string            # Name or address of the server, or a URL
    --port: string            # Port of the server
    --tls: string@"nu-complete pop3 login tls" # Encryption: starttls, implicit or none
    --ca-file: path           # Trust the certificate authorities in this PEM file instead of the system's
    --tls-fingerprint: string # Trust only the certificate with this SHA-256 fingerprint
    --tls-name: string        # Check the certificate for NAME instead of the host, and send NAME as SNI
    --client-cert: path       # Client certificate, in PEM
    --client-key: path        # Key of the client certificate, in PEM
    --proxy: string           # Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT
    --bind: string            # Connect from this local IP address, over its family only
    -4                        # Connect over IPv4 only
    -6                        # Connect over IPv6 only
    --timeout: string         # Give up after SECONDS of silence
    --deadline: string        # End the run after SECONDS
    --wait: string            # Retry for SECONDS while the server says that the maildrop is in use
    --no-pipelining           # Send one command at a time
    --json                    # Print one JSON object per line
    --color: string@"nu-complete pop3 login color" # When to use colours
    --trace: path             # Write the conversation to standard error, or append it to FILE
    --verbose(-v)             # Print more on standard error; twice, even more
    --quiet(-q)               # Omit warnings and rows of fetch and delete; twice, also errors
    --help(-h)                # Print help: -h in short, --help in full
    --version(-V)             # Print the version; --version also prints build details
    address?: string          # A mail address, to find its server, or an account of the configuration file
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
    --auth: string@"nu-complete pop3 logout auth" # Authentication mechanism
    --config: path            # Read this configuration file
    --state-dir: directory    # Keep the record of fetched messages in DIR
    --host: string            # Name or address of the server, or a URL
    --port: string            # Port of the server
    --tls: string@"nu-complete pop3 logout tls" # Encryption: starttls, implicit or none
    --ca-file: path           # Trust the certificate authorities in this PEM file instead of the system's
    --tls-fingerprint: string # Trust only the certificate with this SHA-256 fingerprint
    --tls-name: string        # Check the certificate for NAME instead of the host, and send NAME as SNI
    --client-cert: path       # Client certificate, in PEM
    --client-key: path        # Key of the client certificate, in PEM
    --proxy: string           # Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT
    --bind: string            # Connect from this local IP address, over its family only
    -4                        # Connect over IPv4 only
    -6                        # Connect over IPv6 only
    --timeout: string         # Give up after SECONDS of silence
    --deadline: string        # End the run after SECONDS
    --wait: string            # Retry for SECONDS while the server says that the maildrop is in use
    --no-pipelining           # Send one command at a time
    --json                    # Print one JSON object per line
    --color: string@"nu-complete pop3 logout color" # When to use colours
    --trace: path             # Write the conversation to standard error, or append it to FILE
    --verbose(-v)             # Print more on standard error; twice, even more
    --quiet(-q)               # Omit warnings and rows of fetch and delete; twice, also errors
    --help(-h)                # Print help: -h in short, --help in full
    --version(-V)             # Print the version; --version also prints build details
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

  # List the accounts of the configuration file, one per line
  export extern "pop3 accounts" [
    --commit
    --account(-a): string     # Use this account of the config file
    --user: string            # Log in as USER, sent unchanged
    --auth: string@"nu-complete pop3 accounts auth" # Authentication mechanism
    --config: path            # Read this configuration file
    --state-dir: directory    # Keep the record of fetched messages in DIR
    --host: string            # Name or address of the server, or a URL
    --port: string            # Port of the server
    --tls: string@"nu-complete pop3 accounts tls" # Encryption: starttls, implicit or none
    --ca-file: path           # Trust the certificate authorities in this PEM file instead of the system's
    --tls-fingerprint: string # Trust only the certificate with this SHA-256 fingerprint
    --tls-name: string        # Check the certificate for NAME instead of the host, and send NAME as SNI
    --client-cert: path       # Client certificate, in PEM
    --client-key: path        # Key of the client certificate, in PEM
    --proxy: string           # Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT
    --bind: string            # Connect from this local IP address, over its family only
    -4                        # Connect over IPv4 only
    -6                        # Connect over IPv6 only
    --timeout: string         # Give up after SECONDS of silence
    --deadline: string        # End the run after SECONDS
    --wait: string            # Retry for SECONDS while the server says that the maildrop is in use
    --no-pipelining           # Send one command at a time
    --json                    # Print one JSON object per line
    --color: string@"nu-complete pop3 accounts color" # When to use colours
    --trace: path             # Write the conversation to standard error, or append it to FILE
    --verbose(-v)             # Print more on standard error; twice, even more
    --quiet(-q)               # Omit warnings and rows of fetch and delete; twice, also errors
    --help(-h)                # Print help: -h in short, --help in full
    --version(-V)             # Print the version; --version also prints build details
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

  # List the fetched messages, forget them, or import another program's list
  export extern "pop3 record" [
    --forget                  # Forget the messages of --uid, --all or --older-than: they count as new again
    --uid: string             # The message with this unique-id (repeatable); - reads them from standard input, one per line
    --all                     # All messages; also resets a damaged record
    --older-than: string      # Messages fetched at least AGE ago: a number with m, h, d or w
    --import: path            # Import the messages that another program fetched: FILE is a list of mpop, fetchmail, getmail or Thunderbird
    --from: string@"nu-complete pop3 record from" # The program that wrote FILE, instead of detecting it
    --commit
    --account(-a): string     # Use this account of the config file
    --user: string            # Log in as USER, sent unchanged
    --auth: string@"nu-complete pop3 record auth" # Authentication mechanism
    --config: path            # Read this configuration file
    --state-dir: directory    # Keep the record of fetched messages in DIR
    --host: string            # Name or address of the server, or a URL
    --port: string            # Port of the server
    --tls: string@"nu-complete pop3 record tls" # Encryption: starttls, implicit or none
    --ca-file: path           # Trust the certificate authorities in this PEM file instead of the system's
    --tls-fingerprint: string # Trust only the certificate with this SHA-256 fingerprint
    --tls-name: string        # Check the certificate for NAME instead of the host, and send NAME as SNI
    --client-cert: path       # Client certificate, in PEM
    --client-key: path        # Key of the client certificate, in PEM
    --proxy: string           # Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT
    --bind: string            # Connect from this local IP address, over its family only
    -4                        # Connect over IPv4 only
    -6                        # Connect over IPv6 only
    --timeout: string         # Give up after SECONDS of silence
    --deadline: string        # End the run after SECONDS
    --wait: string            # Retry for SECONDS while the server says that the maildrop is in use
    --no-pipelining           # Send one command at a time
    --json                    # Print one JSON object per line
    --color: string@"nu-complete pop3 record color" # When to use colours
    --trace: path             # Write the conversation to standard error, or append it to FILE
    --verbose(-v)             # Print more on standard error; twice, even more
    --quiet(-q)               # Omit warnings and rows of fetch and delete; twice, also errors
    --help(-h)                # Print help: -h in short, --help in full
    --version(-V)             # Print the version; --version also prints build details
  ]

}

export use completions *
