"""Cuts the power at points of a recorded run, runs `pop3 fetch` on what survived, and judges the result."""
import os
import random
import subprocess
import time

import disk
from filesystems import SYSTEMS, copy_sparse
from recording import Recording, message
from server import Server


POLICIES = ('none', 'all', 'half', 'torn', 'few', 'most', 'late', 'early', 'torn-last', 'one-lost')


class Report:
    """Counts, and a line for each violation."""

    def __init__(self):
        self.cuts = self.unmountable = self.waited = self.records = self.hit = self.told = self.flushes = self.repaired = self.writes = self.short_lock = 0
        self.lost, self.doubled, self.torn, self.refused, self.odd, self.locks = [], [], [], [], [], []

    def add(self, o):
        for k, v in vars(o).items():
            setattr(self, k, getattr(self, k) + v)


class Campaign(Recording):
    def choose(self, policy, pending):
        """The writes since the last flush that reach the disk."""
        rng = self.rng
        if policy == 'none':
            return []
        if policy == 'all':
            return pending
        if policy in ('half', 'few', 'most'):
            p = {'half': .5, 'few': .15, 'most': .85}[policy]
            return [w for w in pending if rng.random() < p]
        if policy == 'late':
            return pending[rng.randint(0, len(pending)):]
        if policy == 'early':
            return pending[:rng.randint(0, len(pending))]
        if policy == 'one-lost':
            k = rng.randrange(len(pending)) if pending else 0
            return pending[:k] + pending[k + 1:]
        out = []
        last = len(pending) - 1
        for n, (offset, data) in enumerate(pending):
            if policy == 'torn-last' and n < last:
                out.append((offset, data))
                continue
            # A sector is written whole or not at all; the superblock of Btrfs is one sector of 4096 octets.
            unit = 4096 if self.kinds[self.at] == 'btrfs' else 512
            for k in range(0, len(data), unit):
                if rng.random() < 0.5:
                    out.append((offset + k, data[k:k + unit]))
        return out

    def points(self, entries, budget):
        """Where to cut: (position in the log, policy), at each flush and between flushes."""
        start = next(i for i, e in enumerate(entries) if e[0] == disk.NOTE and bytes(e[3]) == b'start')
        end = next(i for i, e in enumerate(entries) if e[0] == disk.NOTE and bytes(e[3]).startswith(b'exit')) + 1
        flushes = [i for i in range(start, end) if entries[i][0] == disk.FLUSH]
        self.report.flushes += len(flushes)
        self.report.writes += sum(1 for i in range(start, end) if entries[i][0] == disk.WRITE)
        bounds = [start] + flushes + [end]
        first, more = [], []
        for a, b in zip(bounds, bounds[1:]):
            writes = sum(1 for i in range(a, b) if entries[i][0] == disk.WRITE)
            first.append((b, 'none'))
            if writes:
                first.append((b, 'all'))
                more += [(b, p) for p in POLICIES[2:]]
                more += [(self.rng.randint(a + 1, b), p) for p in ('all', 'half', 'torn', 'none')]
            elif b - a > 1:
                first.append((self.rng.randint(a + 1, b), 'none'))
        # The end of the run is always tried.
        always = [(end, 'none'), (end, 'half'), (end, 'torn')]
        self.rng.shuffle(first)
        self.rng.shuffle(more)
        k = min(len(first), budget // 2)
        return sorted(set(always + first[:k] + more[:max(0, budget - k)]))

    def cut(self, images, entries, budget, messages, must, every, depth=0):
        """Cuts the power at some points of a log and judges each."""
        sc, box = self.sc, self.box
        self.kinds = [SYSTEMS[s][0] for s in sc.systems]
        durable = [i + '.dur' for i in images]
        for a, b in zip(images, durable):
            copy_sparse(a, b)
        handles = [os.open(d, os.O_RDWR) for d in durable]
        applied = [0] * len(images)
        last_flush = [0] * len(images)
        at = 0
        must, deleted, finished, told = set(must), set(), False, {}
        for point, policy in self.points(entries, budget):
            if time.monotonic() > self.o.until:
                break
            while at < point:
                kind, d, offset, data = entries[at]
                if kind == disk.FLUSH:
                    for i in range(applied[d], at):
                        e = entries[i]
                        if e[0] == disk.WRITE and e[1] == d:
                            os.pwrite(handles[d], e[3], e[2])
                    applied[d] = last_flush[d] = at
                elif kind == disk.NOTE:
                    words = bytes(data).decode().split()
                    if words[0] in ('dele', 'row'):
                        must.add(words[1])
                        told.setdefault(words[1], (words[0], at))
                    elif words[0] == 'quit':
                        deleted.update(words[1:])
                    elif words[0] == 'exit' and words[1] == '0':
                        finished = True
                        must = set(every)
                at += 1
            work, pieces = [], 0
            for d in range(len(images)):
                pending = [(e[2], e[3]) for e in entries[last_flush[d]:point] if e[0] == disk.WRITE and e[1] == d]
                self.at = d
                chosen = self.choose(policy, pending)
                pieces += len(chosen)
                image = box.path('work%d.%d' % (d, self.report.cuts))
                copy_sparse(durable[d], image)
                h = os.open(image, os.O_RDWR)
                for offset, data in chosen:
                    os.pwrite(h, data, offset)
                os.close(h)
                work.append(image)
            where = '%s%s: cut at %d of %d (%s, %d pieces%s%s)' % (sc.name, ' again' * depth, point, len(entries), policy, pieces,
                                                                  ', QUIT answered' if deleted else '', ', exit 0' if finished else '')
            left = {u: m for u, m in messages.items() if u not in deleted}
            self.judge(work, left, must, every, where, told)
            for image in work:
                os.unlink(image)
        for h in handles:
            os.close(h)
        for d in durable:
            os.unlink(d)

    def judge(self, work, left, must, every, where, told):
        """Mounts what survived: `must` is stored now, `every` message once after the next run."""
        box, rep, sc = self.box, self.report, self.sc
        rep.cuts += 1
        keep = []
        try:
            box.mount(work, sc.systems, True)
        except OSError as e:
            rep.unmountable += 1
            if self.o.verbose:
                print('no mount', where, e)
            box.umount()
            # As an administrator would.
            for image, system in zip(work, sc.systems):
                if SYSTEMS[system][0] == 'ext4':
                    subprocess.run(['e2fsck', '-fy', image], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                box.mount(work, sc.systems, True)
            except OSError:
                box.umount()
                return
            rep.repaired += 1
            where += ' (e2fsck)'
        try:
            have, temporary, odd = self.look()
            gone = sorted(must - set(have))
            if gone:
                u = gone[0]
                keep.append(('lost', 'not on disk after the cut: %d, %s%s' % (len(gone), u, ', reported by %s at %d' % told[u] if u in told else '')))
            fresh = {'late-%d' % i: message('late-%d' % i, 700 + 5000 * i) for i in range(2)}
            self.know(fresh)
            server = Server({**left, **fresh})
            stated = sorted(os.listdir(self.state)) if os.path.isdir(self.state) else []
            lock = self.target + '.lock'
            if os.path.exists(lock) and os.path.getsize(lock) == 0 and self.rng.random() < .9:
                # Seldom wait for it, see below.
                rep.waited += 1
                rep.short_lock += 1
                os.utime(lock, (time.time() - 400,) * 2)
            code, err = self.fetch(server, sc.delete, timeout=1)
            if code == 75 and sc.store == 'mbox' and 'lock' in err:
                # A torn dot-lock names no holder, and counts as held for five minutes.
                if os.path.exists(lock):
                    rep.waited += 1
                    with open(lock, 'rb') as f:
                        content = f.read()
                    rep.short_lock += not content
                    if content:
                        rep.locks.append(repr(content[:20]))
                    os.utime(lock, (time.time() - 400,) * 2)
                    server.close()
                    server = Server({**left, **fresh})
                    code, err = self.fetch(server, sc.delete, timeout=1)
            if code:
                keep.append(('refused', 'exit %d: %s' % (code, err[:300])))
            server.close()
            have, temporary, odd = self.look()
            missing = sorted((set(every) | set(fresh)) - set(have))
            if missing and not code:
                keep.append(('lost', 'after the next run: %d, %s' % (len(missing), missing[0])))
            twice = [u for u, n in have.items() if n > 1]
            if twice:
                keep.append(('doubled', '%d stored twice, %s' % (len(twice), twice[0])))
            if odd:
                keep.append(('torn', odd[0]))
            if temporary and not code:
                keep.append(('odd', 'temporary files stay: %d, %s' % (len(temporary), temporary[0])))
            stay = sorted(set(server.messages) - self.kept)
            if sc.delete and stay and not code:
                keep.append(('odd', 'left on the server: %d, %s' % (len(stay), stay[0])))
            if not code:
                state = sorted(os.listdir(self.state))
                if any(not n.endswith(('.record', '.lock')) for n in state):
                    keep.append(('odd', 'in the state folder: %s (before: %s)' % (state, stated)))
                s = Server(server.messages)
                code, err = self.fetch(s, False, timeout=1)
                s.close()
                if code:
                    keep.append(('refused', 'the run after: exit %d: %s' % (code, err[:300])))
                if s.retrieved:
                    keep.append(('doubled', 'fetched once more by the run after: %d, %s' % (len(s.retrieved), s.retrieved[0])))
        finally:
            box.umount()
        for sort, why in keep:
            getattr(rep, sort).append('%s: %s' % (where, why))
            if self.o.verbose or self.o.stop:
                print(sort.upper(), where, why, flush=True)
        if keep and self.o.stop and keep[0][0] != 'odd':
            raise SystemExit(3)

    def run(self, budget):
        """Records the scenario once and cuts it `budget` times."""
        images, messages, must, every = self.prepare()
        entries, code, err = self.record(images, messages)
        self.report.records += 1
        if code:
            self.report.refused.append('%s: without any cut: exit %d %s' % (self.sc.name, code, err[:200]))
        if self.o.nested:
            self.nest(images, entries, budget, messages, must, every)
        else:
            self.cut(images, entries, budget, messages, must, every)
        for i in images:
            os.unlink(i)

    def nest(self, images, entries, budget, messages, must, every):
        """Cuts the power, and cuts it again during the recovery of the next run."""
        rounds = max(1, budget // 40)
        chosen = [p for p in self.points(entries, 200) if p[1] != 'none']
        chosen = sorted(self.rng.sample(chosen, min(rounds, len(chosen))))
        for point, policy in chosen:
            must2, deleted, finished = set(must), set(), False
            last = [0] * len(images)
            for i in range(point):
                kind, d, _, data = entries[i]
                if kind == disk.FLUSH:
                    last[d] = i
                elif kind == disk.NOTE:
                    words = bytes(data).decode().split()
                    if words[0] in ('dele', 'row'):
                        must2.add(words[1])
                    elif words[0] == 'quit':
                        deleted.update(words[1:])
                    elif words[0] == 'exit' and words[1] == '0':
                        must2 = set(every)
            self.kinds = [SYSTEMS[s][0] for s in self.sc.systems]
            bases = []
            for d, image in enumerate(images):
                base = image + '.nest'
                copy_sparse(image, base)
                h = os.open(base, os.O_RDWR)
                pending = []
                for i in range(point):
                    e = entries[i]
                    if e[0] == disk.WRITE and e[1] == d:
                        if i < last[d]:
                            os.pwrite(h, e[3], e[2])
                        else:
                            pending.append((e[2], e[3]))
                self.at = d
                for offset, data in self.choose(policy, pending):
                    os.pwrite(h, data, offset)
                os.close(h)
                bases.append(base)
            left = {u: m for u, m in messages.items() if u not in deleted}
            try:
                again, code, err = self.record(bases, left)
            except OSError:
                self.box.close()
                self.report.unmountable += 1
                continue
            self.report.records += 1
            if code and not (code == 75 and 'lock' in err):
                self.report.refused.append('%s: between two cuts: exit %d %s' % (self.sc.name, code, err[:200]))
            if not code:
                self.cut(bases, again, 40, left, must2, every, 1)
            for b in bases:
                os.unlink(b)


def eio(campaign, budget):
    """Fails some writes instead of cutting the power: what was reported as stored must be there."""
    self, sc, box, rep = campaign, campaign.sc, campaign.box, campaign.report
    images, messages, must0, every = self.prepare()
    entries, code, _ = self.record(images, messages)
    start = next(i for i, e in enumerate(entries) if e[0] == disk.NOTE and bytes(e[3]) == b'start')
    end = next(i for i, e in enumerate(entries) if e[0] == disk.NOTE and bytes(e[3]).startswith(b'exit'))
    for n in range(budget):
        if time.monotonic() > self.o.until:
            break
        d = self.rng.randrange(len(images))
        writes = sum(1 for e in entries[start:end] if e[0] == disk.WRITE and e[1] == d)
        fail = (self.rng.randrange(writes), self.rng.choice((1, 1, 1, 2, 5, 1 << 30)), d)
        failed, code, err = self.record(images, messages, fail)
        rep.records += 1
        hit = [e for e in failed if e[0] == disk.FAILED]
        where = '%s: writes %d.. (%d failed), exit %d' % (sc.name, fail[0], len(hit), code)
        must, deleted = set(must0), set()
        for e in failed:
            if e[0] == disk.NOTE:
                words = bytes(e[3]).decode().split()
                if words[0] in ('dele', 'row'):
                    must.add(words[1])
                elif words[0] == 'quit':
                    deleted.update(words[1:])
                elif words[0] == 'exit' and words[1] == '0':
                    must = set(every)
        rep.hit += bool(hit)
        rep.told += bool(hit and code == 73)
        if code not in (0, 73):
            rep.odd.append('%s: %s' % (where, err[:200]))
        work_images = [i + '.rec' for i in images]
        left = {u: m for u, m in messages.items() if u not in deleted}
        self.judge(work_images, left, must, every, where + ' ' + err[:160], {})
        for w in work_images:
            os.unlink(w)
