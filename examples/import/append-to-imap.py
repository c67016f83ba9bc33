#!/usr/bin/env python3
"""Appends the message on standard input to an IMAP mailbox: the command of `pop3 fetch --pipe`.

IMAP_HOST (imap.gmail.com), IMAP_USER, IMAP_PASSWORD (at Gmail an app password), IMAP_MAILBOX (INBOX) and, for tests,
IMAP_PORT and IMAP_TLS=none. The message is dated as its Date field says. Exit status 0: the server has taken it.
"""

import email.utils
import imaplib
import os
import sys
import time


def main() -> None:
    message = sys.stdin.buffer.read()
    host = os.environ.get("IMAP_HOST", "imap.gmail.com")
    plain = os.environ.get("IMAP_TLS") == "none"
    port = int(os.environ.get("IMAP_PORT", "143" if plain else "993"))
    server = (imaplib.IMAP4 if plain else imaplib.IMAP4_SSL)(host, port, timeout=60)
    with server:
        server.login(os.environ["IMAP_USER"], os.environ["IMAP_PASSWORD"])
        mailbox = os.environ.get("IMAP_MAILBOX", "INBOX")
        status, answer = server.append(mailbox, "", date(message), message)
        if status != "OK":
            sys.exit(f"APPEND refused: {answer!r}")


def date(message: bytes) -> str:
    fields = email.message_from_bytes(message.replace(b"\r\n", b"\n").partition(b"\n\n")[0])
    parsed = email.utils.parsedate_tz(str(fields.get("Date", "")))
    return imaplib.Time2Internaldate(email.utils.mktime_tz(parsed) if parsed else time.time())


if __name__ == "__main__":
    try:
        main()
    except (OSError, imaplib.IMAP4.error, KeyError, OverflowError, ValueError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
