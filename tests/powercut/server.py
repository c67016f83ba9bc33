"""A plain POP3 server in a thread: a maildrop in memory, pauses between answers, and a note for each deletion."""
import os
import socket
import threading
import time


class Listener:
    """One port for all servers of a process, as the record of what was fetched is kept per user, host and port."""
    instances = {}

    @classmethod
    def of_this_process(cls):
        return cls.instances.get(os.getpid()) or cls()

    def __init__(self):
        self.instances[os.getpid()] = self
        self.socket = socket.create_server(('127.0.0.1', 0))
        self.port = self.socket.getsockname()[1]
        self.server = None
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            s, _ = self.socket.accept()
            server = self.server
            if server is None:
                s.close()
                continue
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server.open.add(s)
            threading.Thread(target=server.session, args=(s,), daemon=True).start()


class Server:
    def __init__(self, messages, note=None, pauses=None):
        """`messages`: {unique-id: octets with CRLF}; `note(text)` is called at DELE and QUIT before the answer; `pauses`:
        {nth RETR: seconds}."""
        self.messages, self.note, self.pauses = dict(messages), note or (lambda text: None), pauses or {}
        self.retrieved, self.commands = [], []
        self.open = set()
        self.listener = Listener.of_this_process()
        self.port = self.listener.port
        self.listener.server = self

    def close(self):
        if self.listener.server is self:
            self.listener.server = None
        for s in list(self.open):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def session(self, s):
        try:
            self.serve(s)
        except OSError:
            pass
        finally:
            self.open.discard(s)
            s.close()

    def serve(self, s):
        listed = list(self.messages.items())
        marked, asked, lines = [], 0, s.makefile('rb')
        s.sendall(b'+OK ready\r\n')
        for line in lines:
            words = line.decode('latin-1').split()
            verb = words[0].upper() if words else ''
            n = int(words[1]) - 1 if len(words) > 1 and words[1].isdigit() else -1
            self.commands.append(verb)
            if verb == 'CAPA':
                a = b'+OK\r\nUSER\r\nUIDL\r\nTOP\r\nPIPELINING\r\n.\r\n'
            elif verb in ('USER', 'PASS', 'NOOP'):
                a = b'+OK\r\n'
            elif verb == 'STAT':
                a = b'+OK %d %d\r\n' % (len(listed), sum(len(d) for _, d in listed))
            elif verb == 'LIST' and 0 <= n < len(listed):
                a = b'+OK %d %d\r\n' % (n + 1, len(listed[n][1]))
            elif verb == 'LIST':
                a = b'+OK\r\n' + b''.join(b'%d %d\r\n' % (i + 1, len(d)) for i, (_, d) in enumerate(listed)) + b'.\r\n'
            elif verb == 'UIDL':
                a = b'+OK\r\n' + b''.join(b'%d %s\r\n' % (i + 1, u.encode()) for i, (u, _) in enumerate(listed)) + b'.\r\n'
            elif verb == 'RETR' and 0 <= n < len(listed):
                d = listed[n][1].replace(b'\r\n.', b'\r\n..')
                a = b'+OK\r\n' + (b'.' if d.startswith(b'.') else b'') + d + b'.\r\n'
                s.sendall(a)
                self.retrieved.append(listed[n][0])
                asked += 1
                if asked in self.pauses:
                    time.sleep(self.pauses[asked])
                continue
            elif verb == 'TOP' and 0 <= n < len(listed):
                head = listed[n][1].split(b'\r\n\r\n')[0]
                a = b'+OK\r\n' + (b'\r\n' + head).replace(b'\r\n.', b'\r\n..')[2:] + b'\r\n\r\n.\r\n'
            elif verb == 'DELE' and 0 <= n < len(listed):
                self.note('dele ' + listed[n][0])
                marked.append(listed[n][0])
                a = b'+OK\r\n'
            elif verb == 'RSET':
                marked = []
                a = b'+OK\r\n'
            elif verb == 'QUIT':
                self.note('quit ' + ' '.join(marked))
                for u in marked:
                    self.messages.pop(u, None)
                s.sendall(b'+OK\r\n')
                return
            else:
                a = b'-ERR no\r\n'
            s.sendall(a)
