"""File systems in images: how each is made and mounted, and a folder in which one worker mounts them."""
import os
import subprocess

import disk


# name: (kind, MiB, mkfs, mount options while recording, mount options after the cut, check before mounting)
SYSTEMS = {
    'ext4': ('ext4', 128, 'mkfs.ext4 -q -F -b 4096 -E nodiscard', '', '', None),
    'ext4-1k': ('ext4', 64, 'mkfs.ext4 -q -F -b 1024 -E nodiscard', '', '', None),
    'ext4-writeback': ('ext4', 128, 'mkfs.ext4 -q -F -b 4096 -E nodiscard', 'data=writeback,commit=1', 'data=writeback', None),
    'ext4-wb-nodelalloc': ('ext4', 128, 'mkfs.ext4 -q -F -b 4096 -E nodiscard', 'data=writeback,nodelalloc,commit=1', 'data=writeback,nodelalloc', None),
    'ext4-nodelalloc': ('ext4', 128, 'mkfs.ext4 -q -F -b 4096 -E nodiscard', 'nodelalloc,commit=1', 'nodelalloc', None),
    'ext4-fastcommit': ('ext4', 128, 'mkfs.ext4 -q -F -b 4096 -O fast_commit -E nodiscard', '', '', None),
    'ext4-journal': ('ext4', 128, 'mkfs.ext4 -q -F -b 4096 -E nodiscard', 'data=journal', 'data=journal', None),
    'ext2': ('ext4', 128, 'mkfs.ext4 -q -F -b 4096 -O ^has_journal -E nodiscard', '', '', 'e2fsck -fy'),
    'xfs': ('xfs', 300, 'mkfs.xfs -q -K -f', '', 'nouuid', None),
    'btrfs': ('btrfs', 256, 'mkfs.btrfs -q -K -f', 'commit=1', '', None),
    'btrfs-30': ('btrfs', 256, 'mkfs.btrfs -q -K -f', '', '', None),
}


def copy_sparse(source, target):
    """Copies a file and keeps its holes."""
    a = os.open(source, os.O_RDONLY)
    b = os.open(target, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    size, at = os.fstat(a).st_size, 0
    os.ftruncate(b, size)
    while at < size:
        try:
            start = os.lseek(a, at, os.SEEK_DATA)
        except OSError:
            break
        at = os.lseek(a, start, os.SEEK_HOLE)
        while start < at:
            data = os.pread(a, min(at - start, 1 << 22), start)
            os.pwrite(b, data, start)
            start += len(data)
    os.close(a)
    os.close(b)


def make_image(path, system):
    """Makes an image of a file system's size, and the file system in it."""
    _, size, mkfs, _, _, _ = SYSTEMS[system]
    with open(path, 'wb') as f:
        f.truncate(size << 20)
    subprocess.run(mkfs.split() + [path], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def punch(path):
    """Turns zeros into holes, which makes copying fast."""
    subprocess.run(['cp', '--sparse=always', path, path + '.s'], check=True)
    os.replace(path + '.s', path)


class Box:
    """The folders of one worker: images, mount points, a home folder for the program."""

    def __init__(self, top, name, pop3):
        self.top, self.pop3 = os.path.join(top, name), pop3
        for d in ('m0', 'm1', 'fuse', 'home'):
            os.makedirs(self.path(d), exist_ok=True)
        self.mounted, self.recorder, self.forget = [], None, []

    def path(self, *p):
        return os.path.join(self.top, *p)

    def mount(self, images, systems, recovering, direct=False):
        for i, (image, system) in enumerate(zip(images, systems)):
            kind, _, _, options, later, fsck = SYSTEMS[system]
            if recovering and fsck:
                subprocess.run(fsck.split() + [image], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            dev = disk.mount_image(image, self.path('m%d' % i), kind, later if recovering else options, direct)
            self.mounted.append(self.path('m%d' % i))
            if kind == 'btrfs':
                self.forget.append(dev)

    def umount(self):
        while self.mounted:
            disk.umount(self.mounted[-1])
            self.mounted.pop()
        if self.forget:
            subprocess.run(['btrfs', 'device', 'scan', '--forget'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.forget = []

    def close(self):
        try:
            self.umount()
        finally:
            if self.recorder:
                self.recorder.close()
                self.recorder = None
