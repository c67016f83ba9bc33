#!/usr/bin/env python3
"""Power cuts during `pop3 fetch`: see README.md.

    powercut.py --pop3 PATH [--cuts N] [--seconds S] [-j N] [--only PATTERN]...
"""
import argparse
import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import disk  # noqa: E402
from campaign import Campaign, Report, eio  # noqa: E402
from filesystems import Box, make_image  # noqa: E402
from recording import STORES, Scenario  # noqa: E402


def scenarios(o, round_number):
    one = ['ext4', 'xfs', 'btrfs', 'ext4-writeback', 'ext4-wb-nodelalloc', 'ext4-nodelalloc', 'ext4-journal', 'ext4-1k', 'btrfs-30']
    if o.beyond:
        one = ['ext4-fastcommit', 'ext2']
    two = [('ext4', 'xfs'), ('xfs', 'ext4'), ('btrfs', 'ext4'), ('ext4', 'ext4'), ('xfs', 'btrfs')]
    out = []
    for systems in [(s,) for s in one] + ([] if o.beyond else two):
        for n, store in enumerate(STORES):
            for delete in (False, True):
                for second in (False, True):
                    rng = random.Random('%d %s %s %s %s %d' % (o.seed, systems, store, delete, second, round_number))
                    sc = Scenario(systems, store, delete, second, rng.random() < .5, rng.random() < (1.1 if 'wb' in systems[0] else .6), rng.random() < .3 or 'writeback' in systems[0] or 'wb' in systems[0],
                                  o.messages or rng.choice((60, 90, 150, 300)), '%d.%d' % (o.seed, round_number))
                    if all(re.search(w, sc.name) for w in o.only):
                        out.append(sc)
    return out


def end_on_signals():
    def end(*_):
        raise KeyboardInterrupt
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, end)


def work(o, top, number, jobs, results):
    end_on_signals()
    disk.alone()
    box = Box(top, 'w%d' % number, o.pop3)
    try:
        while time.monotonic() < o.until:
            sc = jobs.get()
            if sc is None:
                break
            report, t = Report(), time.monotonic()
            try:
                (eio if o.eio else Campaign.run)(Campaign(o, box, sc, report), o.cuts)
            except Exception as e:
                traceback.print_exc()
                report.refused.append('%s: the test itself: %r' % (sc.name, e))
                box.close()
            results.put((sc.name, time.monotonic() - t, report))
    except KeyboardInterrupt:
        pass
    finally:
        for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(s, signal.SIG_IGN)
        box.close()
        results.put(None)


def probe(o, top):
    """Mounts each file system once, in a process of its own; returns True if all of it works here."""
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1] == 0
    code = 1
    try:
        disk.alone()
        for n, system in enumerate(('ext4', 'xfs', 'btrfs')):
            box = Box(top, 'probe%d' % n, o.pop3)
            image = box.path('image')
            make_image(image, system)
            box.recorder = disk.Recorder(box.path('fuse'), [image], box.path('log'))
            try:
                box.mount([box.recorder.disk(0)], [system], False)
            finally:
                box.close()
        code = 0
    except (OSError, subprocess.CalledProcessError) as e:
        print('powercut: not possible here: %s' % e, flush=True)
    finally:
        os._exit(code)


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('--pop3', required=True)
    p.add_argument('--cuts', type=int, default=60, help='cuts of each scenario (60)')
    p.add_argument('--rounds', type=int, default=1, help='how often each scenario is recorded')
    p.add_argument('--messages', type=int, default=0)
    p.add_argument('--only', action='append', default=[], help='only scenarios whose name matches this regular expression')
    p.add_argument('--nested', action='store_true', help='cut again during the recovery of the next run')
    p.add_argument('--taker', action='store_true', help='another program moves each message away as soon as it is stored')
    p.add_argument('--eio', action='store_true', help='failing writes instead of power cuts')
    p.add_argument('--sabotage', default='', metavar='CALLS', help='make these system calls (fsync,fdatasync,syncfs) do nothing during the recording: must report losses')
    p.add_argument('--beyond', action='store_true', help='only file systems that lose synced data themselves: ext2, ext4 with fast_commit')
    p.add_argument('--list', action='store_true', help='only name the scenarios')
    p.add_argument('--probe', action='store_true', help='only try whether this machine has all that is needed')
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--seconds', type=float, default=1e9)
    p.add_argument('-j', type=int, default=2)
    p.add_argument('--stop', action='store_true', help='stop at the first violation')
    p.add_argument('-v', dest='verbose', action='store_true')
    o = p.parse_args()
    o.pop3, o.until = os.path.abspath(o.pop3), time.monotonic() + o.seconds
    todo = [sc for r in range(o.rounds) for sc in scenarios(o, r)]
    if o.list:
        print('\n'.join(sc.name for sc in todo))
        return 0
    if os.geteuid():
        sys.exit('powercut: mounting needs root')
    top = tempfile.mkdtemp(prefix='powercut-', dir='/dev/shm')
    if o.probe:
        try:
            return 0 if probe(o, top) else 1
        finally:
            shutil.rmtree(top, ignore_errors=True)
    jobs, results, total, workers, begun = multiprocessing.Queue(), multiprocessing.Queue(), Report(), [], time.monotonic()
    end_on_signals()
    try:
        for sc in todo:
            jobs.put(sc)
        for n in range(o.j):
            jobs.put(None)
            w = multiprocessing.Process(target=work, args=(o, top, n, jobs, results))
            w.start()
            workers.append(w)
        left = o.j
        while left:
            r = results.get()
            if r is None:
                left -= 1
                continue
            name, seconds, rep = r
            total.add(rep)
            print('%-48s %4d cuts %3d flushes %4d writes  L%d D%d T%d R%d odd %d  no mount %d  lock waited for %d  %.0f s' % (
                name, rep.cuts, rep.flushes, rep.writes, len(rep.lost), len(rep.doubled), len(rep.torn), len(rep.refused), len(rep.odd), rep.unmountable, rep.waited, seconds), flush=True)
            for sort in ('lost', 'doubled', 'torn', 'refused', 'odd'):
                for line in getattr(rep, sort)[:3]:
                    print('    %s %s' % (sort, line), flush=True)
    except KeyboardInterrupt:
        print('interrupted')
        for w in workers:
            w.terminate()
    finally:
        for w in workers:
            w.join(20)
        shutil.rmtree(top, ignore_errors=True)
    bad = [len(x) for x in (total.lost, total.doubled, total.torn, total.refused)]
    print('%d recordings, %d flushes, %d writes; %d images that the file system itself would not mount (%d repaired), %d times a dot-lock waited for (%d empty%s), %d odd, %.0f s' % (
        total.records, total.flushes, total.writes, total.unmountable, total.repaired, total.waited, total.short_lock, ''.join(', ' + l for l in sorted(set(total.locks))[:5]), len(total.odd), time.monotonic() - begun))
    if o.eio:
        print('%d runs met a write that failed, %d of them ended in exit 73' % (total.hit, total.told))
    print('%d cuts, %d lost, %d doubled, %d torn, %d refused' % (total.cuts, *bad))
    return 1 if any(bad) else 0


if __name__ == '__main__':
    sys.exit(main())
