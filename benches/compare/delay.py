"""A TCP proxy that makes the way long and not narrow.

Every octet arrives half a round trip after it was sent, in both directions, however many are on their way; setting up
the connection takes the round trip that a SYN and its answer take. `Delay.turns` counts how often the direction
changed: what a client paid for by waiting.
"""

import collections
import socket
import threading
import time

# More than any path of a gigabit a second holds at 200 ms.
ON_THE_WAY = 64 << 20
PIECE = 256 << 10


class Delay:
    """Listens on a free port of 127.0.0.1 and leads to `port` there."""

    def __init__(self, port, round_trip):
        self.target = ("127.0.0.1", port)
        self.half = round_trip / 2
        self.turns = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self._connect, args=(client, time.monotonic()), daemon=True).start()

    def _connect(self, client, begun):
        # The client has its answer to SYN at once; it would have had it a round trip later, and the server the
        # client's first octets a half behind that.
        established = begun + 2 * self.half
        _sleep_until(established + self.half)
        try:
            server = socket.create_connection(self.target)
        except OSError:
            client.close()
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        direction = {"last": None}
        Way(self, "client", client, server, established, direction)
        Way(self, "server", server, client, established, direction)


class Way:
    """One direction: a thread reads and stamps, another one waits and writes."""

    def __init__(self, delay, name, source, sink, established, direction):
        self.delay, self.name, self.source, self.sink = delay, name, source, sink
        self.established, self.direction = established, direction
        self.queue = collections.deque()
        self.octets = 0
        self.changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._write, daemon=True).start()

    def _read(self):
        piece = True
        while piece:
            try:
                piece = self.source.recv(PIECE)
            except OSError:
                piece = b""
            due = max(time.monotonic(), self.established) + self.delay.half
            if piece and self.direction["last"] != self.name:
                self.direction["last"] = self.name
                self.delay.turns += self.name == "client"
            with self.changed:
                self.changed.wait_for(lambda: self.octets < ON_THE_WAY)
                self.octets += len(piece)
                self.queue.append((due, piece))
                self.changed.notify_all()

    def _write(self):
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.queue)
                due, piece = self.queue.popleft()
            _sleep_until(due)
            try:
                if not piece:
                    self.sink.shutdown(socket.SHUT_WR)
                    return
                self.sink.sendall(piece)
            except OSError:
                self._abandon()
                return
            with self.changed:
                self.octets -= len(piece)
                self.changed.notify_all()

    def _abandon(self):
        for end in (self.source, self.sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def _sleep_until(due):
    left = due - time.monotonic()
    if left > 0:
        time.sleep(left)
