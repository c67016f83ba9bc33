"""Disks that record every write and every flush in order: files of a FUSE file system, served without libfuse.

`Recorder` mounts the file system and serves it from a process of its own. Each image becomes a file `disk0`, `disk1`, ...;
a loop device turns the file into a disk. `note()` adds a line to the same log, so that the order of writes and events
is known. Linux, root, only the standard library.
"""
import ctypes
import errno
import fcntl
import os
import signal
import struct
import time

WRITE, FLUSH, NOTE, FAILED = 1, 2, 3, 4
HEAD = struct.Struct('<BBxxIQ')          # kind, disk, length, offset; after a write or a note: its octets
libc = ctypes.CDLL(None, use_errno=True)
MAX_WRITE = 1 << 20


def check(result, what):
    if result < 0:
        e = ctypes.get_errno()
        raise OSError(e, '%s: %s' % (what, os.strerror(e)))


def mount(source, target, kind, options='', flags=0):
    check(libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode()), 'mount ' + kind)


def umount(target, lazy=False):
    for i in range(100):
        if libc.umount2(target.encode(), 2 if lazy else 0) == 0:
            return
        e = ctypes.get_errno()
        if e in (errno.EINVAL, errno.ENOENT):
            return
        if e != errno.EBUSY:
            break
        time.sleep(0.02)
    print('cannot unmount', target, os.strerror(e), flush=True)
    check(libc.umount2(target.encode(), 2), 'umount ' + target)


def loop(path, direct=False):
    """Sets up a loop device that is removed after its last use. Returns its name, and a descriptor to close once it is mounted."""
    for i in range(200):
        c = os.open('/dev/loop-control', os.O_RDWR)
        try:
            n = fcntl.ioctl(c, 0x4C82)
        finally:
            os.close(c)
        dev = '/dev/loop%d' % n
        if not os.path.exists(dev):
            time.sleep(0.01)
            continue
        d = os.open(dev, os.O_RDWR)
        f = os.open(path, os.O_RDWR)
        try:
            info = struct.pack('<5Q4I64s64s32s2Q', 0, 0, 0, 0, 0, 0, 0, 0, 4 | (16 if direct else 0), path.encode()[:63], b'', b'', 0, 0)
            fcntl.ioctl(d, 0x4C0A, struct.pack('<2I', f, 512) + info + b'\0' * 64)
            return dev, d
        except OSError as e:
            os.close(d)
            if e.errno != errno.EBUSY:
                raise
        finally:
            os.close(f)
    raise OSError(errno.EBUSY, 'no free loop device')


def mount_image(path, target, kind, options, direct=False):
    dev, d = loop(path, direct)
    try:
        # FUSE splits larger requests, and the loop driver reports success when only the first part was written.
        with open('/sys/block/%s/queue/max_sectors_kb' % os.path.basename(dev), 'w') as f:
            f.write('512')
        flags = 0x400                     # noatime
        mount(dev, target, kind, options, flags)
    finally:
        os.close(d)
    return dev


def alone():
    """Enters a mount namespace of its own: a copy of these mounts in another one would keep them busy."""
    check(libc.unshare(0x20000), 'unshare')
    check(libc.mount(b'none', b'/', None, ctypes.c_ulong(0x4000 | 0x40000), None), 'make / private')


class Recorder:
    def __init__(self, folder, images, log):
        self.folder, self.images, self.log = folder, images, log
        os.makedirs(folder, exist_ok=True)
        self.fd = os.open('/dev/fuse', os.O_RDWR)
        mount('powercut', folder, 'fuse', 'fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,max_read=%d' % (self.fd, MAX_WRITE), 6)
        self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                libc.prctl(1, 9)           # PR_SET_PDEATHSIG: ends with the worker
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                Daemon(self.fd, images, log).serve()
                code = 0
            except BaseException:
                import traceback
                traceback.print_exc()
            finally:
                os._exit(code)
        os.close(self.fd)
        self.events = os.open(os.path.join(folder, 'events'), os.O_WRONLY)

    def disk(self, n):
        return os.path.join(self.folder, 'disk%d' % n)

    def note(self, text):
        os.write(self.events, text.encode())

    def fail(self, after, count, disk=0):
        """Lets `count` writes fail with EIO, after `after` more that succeed."""
        os.write(self.events, b'!%d %d %d' % (after, count, disk))

    def close(self):
        events, self.events = self.events, -1
        if events >= 0:
            os.close(events)
        if self.pid:
            umount(self.folder)
            os.waitpid(self.pid, 0)
            self.pid = 0


class Daemon:
    def __init__(self, fd, images, log):
        self.fd = fd
        self.disks = [os.open(i, os.O_RDWR) for i in images]
        self.sizes = [os.fstat(d).st_size for d in self.disks]
        self.log = open(log, 'wb', buffering=1 << 20)
        self.failing = [None] * len(images)

    def attr(self, node):
        mode, size = (0o40755, 0) if node == 1 else (0o100644, self.sizes[node - 10] if node >= 10 else 0)
        return struct.pack('<6Q10I', node, size, (size + 511) // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def answer(self, unique, data=b'', error=0):
        try:
            os.writev(self.fd, [struct.pack('<IiQ', 16 + len(data), -error, unique), data])
        except OSError as e:
            if e.errno != errno.ENOENT:
                raise

    def serve(self):
        while True:
            try:
                request = os.read(self.fd, MAX_WRITE + 65536)
            except OSError as e:
                if e.errno in (errno.EINTR, errno.ENOENT, errno.EAGAIN):
                    continue
                break                     # ENODEV: unmounted
            length, op, unique, node = struct.unpack_from('<IIQQ', request)
            body = memoryview(request)[40:length]
            try:
                self.handle(op, unique, node, body)
            except OSError as e:
                self.answer(unique, error=e.errno or errno.EIO)
        self.log.close()

    def handle(self, op, unique, node, body):
        if op == 16:                                       # WRITE
            _, offset, size = struct.unpack_from('<QQI', body)
            data = body[40:40 + size]
            if node == 2:
                text = bytes(data)
                if text.startswith(b'!'):
                    after, count, disk = map(int, text[1:].split())
                    self.failing[disk] = [after, count]
                else:
                    self.log.write(HEAD.pack(NOTE, 0, len(text), 0) + text)
                return self.answer(unique, struct.pack('<II', size, 0))
            disk = node - 10
            failing = self.failing[disk]
            if failing:
                failing[0] -= 1
                if failing[0] < 0 and failing[1] > 0:
                    failing[1] -= 1
                    self.log.write(HEAD.pack(FAILED, disk, size, offset))
                    return self.answer(unique, error=errno.EIO)
            os.pwrite(self.disks[disk], data, offset)
            self.log.write(HEAD.pack(WRITE, disk, size, offset))
            self.log.write(data)
            return self.answer(unique, struct.pack('<II', size, 0))
        if op == 15:                                       # READ
            _, offset, size = struct.unpack_from('<QQI', body)
            return self.answer(unique, os.pread(self.disks[node - 10], size, offset) if node >= 10 else b'')
        if op == 20:                                       # FSYNC
            if node >= 10:
                self.log.write(HEAD.pack(FLUSH, node - 10, 0, 0))
            return self.answer(unique)
        if op == 26:                                       # INIT
            major, minor, ahead, flags = struct.unpack_from('<4I', body)
            want = flags & (1 | 1 << 5 | 1 << 15 | 1 << 22)
            return self.answer(unique, struct.pack('<4I2H2I2H', 7, min(minor, 31), ahead, want, 16, 12, MAX_WRITE, 1, MAX_WRITE // 4096, 0) + b'\0' * 32)
        if op == 1:                                        # LOOKUP
            name = bytes(body).split(b'\0')[0]
            node = 2 if name == b'events' else 0
            if name.startswith(b'disk') and int(name[4:]) < len(self.disks):
                node = 10 + int(name[4:])
            if not node:
                return self.answer(unique, error=errno.ENOENT)
            return self.answer(unique, struct.pack('<4Q2I', node, 1, 3600, 3600, 0, 0) + self.attr(node))
        if op in (3, 4):                                   # GETATTR, SETATTR
            return self.answer(unique, struct.pack('<QII', 3600, 0, 0) + self.attr(node))
        if op in (14, 27):                                 # OPEN, OPENDIR
            return self.answer(unique, struct.pack('<QII', node, 1 if op == 14 else 0, 0))
        if op == 17:                                       # STATFS
            return self.answer(unique, struct.pack('<5Q4I', 1 << 20, 1 << 19, 1 << 19, 9, 9, 4096, 255, 4096, 0) + b'\0' * 24)
        if op in (18, 29, 34):                             # RELEASE, RELEASEDIR, ACCESS
            return self.answer(unique)
        if op in (2, 42, 36):                              # FORGET, BATCH_FORGET, INTERRUPT
            return None
        return self.answer(unique, error=errno.ENOSYS)


def read_log(path):
    """The entries of a log: (kind, disk, offset, octets); for a failed write the number of octets."""
    with open(path, 'rb') as f:
        data = memoryview(f.read())
    at, out = 0, []
    while at + HEAD.size <= len(data):
        kind, disk, length, offset = HEAD.unpack_from(data, at)
        at += HEAD.size
        if kind in (WRITE, NOTE):
            out.append((kind, disk, offset, data[at:at + length]))
            at += length
        else:
            out.append((kind, disk, offset, length))
    return out
