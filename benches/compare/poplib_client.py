"""poplib as its documentation shows it: everything of a maildrop, one command at a time."""

import poplib
import ssl
import sys

_, port, certificate, user, password, verb = sys.argv
poplib._MAXLINE = 1 << 20
session = poplib.POP3_SSL("127.0.0.1", int(port), context=ssl.create_default_context(cafile=certificate))
session.user(user)
session.pass_(password)
count, _ = session.stat()
if verb == "top":
    for number in range(1, count + 1):
        lines = session.top(number, 0)[1]
        sys.stdout.buffer.write(b"".join(line + b"\r\n" for line in lines))
session.quit()
