"""The least that a job can take: every command in flight at once, the answers thrown away."""

import base64
import socket
import ssl
import sys

_, port, user, password, command, count = sys.argv
stream = ssl._create_unverified_context().wrap_socket(socket.create_connection(("127.0.0.1", int(port))))
stream.recv(4096)
plain = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
stream.sendall(f"AUTH PLAIN {plain}\r\n".encode())
stream.recv(4096)
commands = "".join(command.format(number) + "\r\n" for number in range(1, int(count) + 1)) + "QUIT\r\n"
stream.sendall(commands.encode())
taken = bytearray(1 << 20)
try:
    while stream.recv_into(taken):
        pass
except OSError:
    pass
