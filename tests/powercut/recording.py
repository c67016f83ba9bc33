"""One run of `pop3 fetch` on disks that record every write, and what it stored."""
import ctypes
import hashlib
import json
import os
import random
import re
import subprocess
import threading

import disk
from filesystems import copy_sparse, make_image, punch
from server import Server


STORES = ('dir', 'maildir', 'mbox')
FOREIGN = b'From friend@lab.test Sun Nov 22 10:00:00 2026\nSubject: was here before\n\n>From here on, no line end at the end'


def message(name, size):
    """A message of about `size` octets, unlike any other, with lines that need dot-stuffing and mbox quoting."""
    token = hashlib.sha256(name.encode()).hexdigest()[:24]
    text = ('Message-ID: <%s@lab.test>\r\nFrom: s@lab.test\r\nSubject: %s\r\n\r\n.dot\r\nFrom the start\r\n>From quoted\r\n..\r\n' % (token, name)).encode()
    line, n = b'', 0
    lines = []
    while len(text) + n < size:
        line = ('%06d %s %s\r\n' % (len(lines), name, hashlib.md5(b'%s%d' % (name.encode(), len(lines))).hexdigest())).encode()
        lines.append(line)
        n += len(line)
    return text + b''.join(lines)


def maildrop(prefix, count, rng, big=3):
    """`count` messages, `big` of them large: {unique-id: octets}."""
    sizes = [rng.choice((300, 500, 900, 2500, 4096, 9000, 20000)) for _ in range(count)]
    for i in rng.sample(range(count), min(big, count)):
        sizes[i] = rng.choice((300_000, 1_000_000, 1_100_000))
    return {'%s-%03d' % (prefix, i): message('%s-%03d' % (prefix, i), size) for i, size in enumerate(sizes)}


class Scenario:
    """What is recorded: file systems (the last one holds the record), destination, options, and other activity."""

    def __init__(self, systems, store, delete, second, direct, kick, used, count, seed):
        self.systems, self.store, self.delete, self.second = systems, store, delete, second
        self.direct, self.kick, self.used, self.count, self.seed = direct, kick, used, count, seed
        words = ['+'.join(systems), store, 'delete' if delete else '', 'second' if second else 'first']
        words += ['kick' if kick else '', 'dio' if direct else '', 'used' if used else '']
        self.name = ' '.join(word for word in words if word)


class Recording:
    def __init__(self, o, box, sc, report):
        self.o, self.box, self.sc, self.report = o, box, sc, report
        self.rng = random.Random('%s %s' % (sc.seed, sc.name))
        m0, last = box.path('m0'), box.path('m%d' % (len(sc.systems) - 1))
        self.target = {'dir': m0 + '/mail/in', 'maildir': m0 + '/md', 'mbox': m0 + '/box/in.mbox'}[sc.store]
        self.state = last + '/state/pop3'
        self.canon = {}                     # SHA-256 of a stored message: unique-id
        self.foreign = b''
        self.reported = []                  # names of files whose row was printed, for `take`
        self.kept = set()                   # fetched without --delete: they stay on the server

    # -- the program --
    def fetch(self, server, delete, expect_note=None, timeout=3):
        a = [self.o.pop3, '--host', '127.0.0.1', '--port', str(server.port), '--user', 'alice', '--tls', 'none', '--state-dir', self.state,
             '--timeout', str(timeout), '--json', 'fetch', '--' + self.sc.store, self.target] + (['--delete', '--commit'] if delete else [])
        if expect_note and self.o.sabotage:
            a = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=' + self.o.sabotage, '-e', 'inject=%s:retval=0' % self.o.sabotage] + a
        env = {'HOME': self.box.path('home'), 'POP3_PASSWORD': 'x', 'PATH': '/usr/bin:/bin'}
        p = subprocess.Popen(a, env=env, cwd=self.box.path('home'), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        err = []
        reader = threading.Thread(target=lambda: err.append(p.stderr.read()), daemon=True)
        reader.start()
        killer = threading.Timer(60, p.kill)
        killer.start()
        try:
            for line in p.stdout:
                if expect_note:
                    row = json.loads(line)
                    if 'error' not in row:
                        expect_note('row ' + row['uid'])
                        self.reported.append(os.path.basename(row['path'] or ''))
            code = p.wait()
        finally:
            killer.cancel()
        reader.join()
        p.stdout.close()
        p.stderr.close()
        return code, err[0].decode('utf-8', 'replace').strip()

    # -- what is stored --
    def know(self, messages):
        """Adds messages to those that `look` recognises."""
        for u, d in messages.items():
            self.canon[hashlib.sha256(d if self.sc.store == 'dir' else d.replace(b'\r\n', b'\n')).digest()] = u

    def look(self):
        """Returns ({unique-id: copies}, names of temporary files, descriptions of anything else)."""
        have, temporary, odd = {}, [], []
        aside = self.box.path('m0', 'taken')

        def found(data, where):
            u = self.canon.get(hashlib.sha256(data).digest())
            if u is None:
                odd.append('%s (%d octets, %d of them NUL)' % (where, len(data), data.count(0)))
            else:
                have[u] = have.get(u, 0) + 1
        for n in sorted(os.listdir(aside)) if os.path.isdir(aside) else ():
            with open(os.path.join(aside, n), 'rb') as f:
                found(f.read(), n)
        if self.sc.store == 'dir':
            for n in sorted(os.listdir(self.target)) if os.path.isdir(self.target) else ():
                if n.startswith('.pop3-'):
                    temporary.append(n)
                else:
                    with open(os.path.join(self.target, n), 'rb') as f:
                        found(f.read(), n)
        elif self.sc.store == 'maildir':
            for d in ('tmp', 'new', 'cur'):
                p = os.path.join(self.target, d)
                for n in sorted(os.listdir(p)) if os.path.isdir(p) else ():
                    if d == 'tmp':
                        temporary.append(n)
                    else:
                        with open(os.path.join(p, n), 'rb') as f:
                            found(f.read(), n)
        else:
            folder = os.path.dirname(self.target)
            for n in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
                if n != os.path.basename(self.target):
                    temporary.append(n)
            if os.path.exists(self.target):
                with open(self.target, 'rb') as f:
                    data = f.read()
                if not data.startswith(self.foreign):
                    odd.append('the mail that was in the mbox before is gone')
                rest = data[len(self.foreign):]
                if self.foreign and rest:
                    if rest[:2] != b'\n\n':
                        odd.append('no blank line before the first message')
                    rest = rest[2:]
                if rest and not rest.startswith(b'From '):
                    odd.append('no From line at the start')
                for n, part in enumerate(re.split(rb'(?m)^From [^\n]*\n', rest)[1:]):
                    if not part.endswith(b'\n\n'):
                        odd.append('message %d has no blank line at its end (%d octets)' % (n, len(part)))
                        continue
                    found(re.sub(rb'(?m)^>(>*From )', rb'\1', part[:-1]), 'message %d' % n)
        return have, temporary, odd

    # -- one recording --
    def use(self, image, system):
        """Fills the free blocks with old mail, which a file whose blocks were never written would show."""
        self.box.mount([image], [system], False)
        text = b''.join(b'From old@lab.test Sat Nov 21 10:00:00 2026\nSubject: deleted long ago %d\n\nold words\n\n' % i for i in range(20000))
        names = [self.box.path('m0', 'old%d' % i) for i in range(100)]
        try:
            for n in names:
                with open(n, 'wb') as f:
                    f.write(text)
                    f.flush()
                    os.fsync(f.fileno())
        except OSError:
            pass
        for n in names:
            if os.path.exists(n):
                os.unlink(n)
        self.box.umount()

    def prepare(self):
        """Makes the images. Returns them, the messages on the server, the unique-ids that must be stored, and all messages."""
        sc, box = self.sc, self.box
        images = []
        for i, system in enumerate(sc.systems):
            image = box.path('base%d' % i)
            make_image(image, system)
            if sc.used:
                self.use(image, system)
            punch(image)
            images.append(image)
        new = maildrop('new', sc.count, self.rng)
        every = dict(new)
        if sc.second:
            old = maildrop('old', 30, self.rng, 1)
            every.update(old)
            self.know(every)
            box.mount(images, sc.systems, False)
            if sc.store == 'mbox':
                os.makedirs(os.path.dirname(self.target), mode=0o700)
                with open(self.target, 'wb') as f:
                    f.write(FOREIGN)
                self.foreign = FOREIGN
            s = Server(old)
            code, err = self.fetch(s, False)
            s.close()
            have, _, odd = self.look()
            if code or odd or len(have) != 30:
                raise RuntimeError('preparing %s: exit %d, %d stored, %s %s' % (sc.name, code, len(have), odd, err))
            box.umount()
            for image in images:
                punch(image)
            # Messages that are gone from the server are removed from the record in time.
            kept = dict(list(old.items())[10:])
            self.kept = set(kept)
            return images, {**kept, **new}, set(old), every
        self.know(every)
        return images, new, set(), every

    def record(self, images, messages, fail=None):
        """Runs `fetch` on recording disks. Returns the log, the exit code and standard error."""
        sc, box = self.sc, self.box
        log = box.path('log')
        work = [i + '.rec' for i in images]
        for a, b in zip(images, work):
            copy_sparse(a, b)
        r = box.recorder = disk.Recorder(box.path('fuse'), work, log)
        box.mount([r.disk(i) for i in range(len(images))], sc.systems, False, sc.direct)
        lock = threading.Lock()

        def note(text):
            with lock:
                r.note(text)
        pauses, at = {}, 0
        while at < len(messages):
            at += self.rng.choice((1, 2, 4, 8, 12, 25, 40))
            pauses[at] = self.rng.choice((0.012, 0.02, 0.03, 0.06))
        server = Server(messages, note, pauses)
        stop = threading.Event()
        kicker = threading.Thread(target=self.kick, args=(stop,), daemon=True)
        note('start')
        if fail:
            r.fail(*fail)
        if sc.kick:
            kicker.start()
        taker = threading.Thread(target=self.take, args=(stop,), daemon=True)
        if self.o.taker:
            taker.start()
        try:
            code, err = self.fetch(server, sc.delete, note)
        finally:
            stop.set()
            if sc.kick:
                kicker.join()
            if self.o.taker:
                taker.join()
        note('exit %d' % code)
        server.close()
        if fail:
            r.fail(0, 0)
            for i in range(len(images)):
                disk.umount(box.path('m%d' % i), lazy=False)
            box.mounted = []
        box.umount()
        r.close()
        box.recorder = None
        entries = disk.read_log(log)
        for w in work:
            if not fail:
                os.unlink(w)
        return entries, code, err

    def kick(self, stop):
        """Other activity on the machine: writes back files at random moments, sometimes the whole file system."""
        rng = random.Random(self.rng.random())
        while not stop.wait(rng.uniform(0.001, 0.02)):
            try:
                files = []
                for top in {self.box.path('m0'), self.box.path('m%d' % (len(self.sc.systems) - 1))}:
                    for d, _, names in os.walk(top):
                        files += [os.path.join(d, n) for n in names]
                for f in rng.sample(files, min(len(files), rng.choice((1, 3, 10)))):
                    fd = os.open(f, os.O_RDONLY)
                    disk.libc.sync_file_range(fd, ctypes.c_int64(0), ctypes.c_int64(0), 2 | rng.choice((0, 4)))
                    os.close(fd)
                if rng.random() < 0.4:
                    # A commit of the journal writes the names and sizes of all files, but not the data of all.
                    fd = os.open(self.box.path('m0', 'bystander'), os.O_RDWR | os.O_CREAT)
                    os.write(fd, b'x')
                    os.fsync(fd)
                    os.close(fd)
                if rng.random() < 0.03:
                    fd = os.open(self.box.path('m0'), os.O_RDONLY)
                    disk.libc.syncfs(fd)
                    os.close(fd)
            except OSError:
                pass

    def take(self, stop):
        """Another program that takes each message at once: a mail reader that moves it from `new` to `cur` of the Maildir as
        soon as it appears, or a script that moves a file of `--dir` to another folder as soon as its row was printed."""
        if self.sc.store == 'maildir':
            source, aside, flags = self.target + '/new', self.target + '/cur', ':2,S'
        else:
            source, aside, flags = self.target, self.box.path('m0', 'taken'), ''
            os.makedirs(aside, exist_ok=True)
        while not stop.wait(0.002):
            try:
                if self.sc.store == 'maildir':
                    names = os.listdir(source)
                else:
                    names, self.reported = self.reported, []
                for n in names:
                    os.rename(os.path.join(source, n), os.path.join(aside, n + flags))
                for d in (source, aside) if names else ():
                    fd = os.open(d, os.O_RDONLY)
                    os.fsync(fd)
                    os.close(fd)
            except OSError:
                pass
