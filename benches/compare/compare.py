#!/usr/bin/env python3
"""Runs pop3, mpop, curl and Python's poplib side by side against a Dovecot of its own, over TLS, and prints a table.

    cargo build --release && benches/compare/compare.py [--runs N] [--only WORDS] [--pop3 FILE] [--old FILE]

Needs dovecot, mpop, curl, openssl and GNU time (those of clients left out with `--without` excepted); run it as root or
as the user who may start Dovecot. Everything is in a temporary folder. The clients take turns in each round, every
result is compared byte for byte with what the server holds, and the figures are medians. On a disk most of the time is
spent on syncing; with `--folder /dev/shm` the clients are compared.

`--old FILE` adds another build of pop3, of an earlier commit: no job may take 5 % longer than with that build.

    benches/compare/compare.py --old /tmp/pop3-before --without 'mpop killsize curl poplib' --folder /dev/shm
"""

import argparse
import hashlib
import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

import delay

HERE = pathlib.Path(__file__).resolve().parent
POPLIB = HERE / "poplib_client.py"
PASSWORD = "secret"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pop3", default=HERE.parent.parent / "target/release/pop3", type=pathlib.Path)
    parser.add_argument("--old", type=pathlib.Path, help="an earlier build of pop3 to compare with")
    parser.add_argument("--runs", default=5, type=int)
    parser.add_argument("--only", default="", help="only jobs with all of these words in their names")
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="where the temporary folder is made")
    parser.add_argument("--without", default="", help="clients to leave out")
    parser.add_argument("--floor", action="store_true",
                        help="also what it takes with every command in flight and the answers thrown away")
    parser.add_argument("--verbose", action="store_true", help="every run, and how often clients waited")
    options = parser.parse_args()
    options.pop3 = options.pop3.resolve()
    options.old = options.old and options.old.resolve()
    with tempfile.TemporaryDirectory(prefix="pop3-compare-", dir=options.folder) as folder:
        os.chmod(folder, 0o755)
        server = Dovecot(pathlib.Path(folder))
        try:
            jobs = [job for job in JOBS if all(word in job.name for word in options.only.split())]
            measured = [(job, measure(job, server, options)) for job in jobs]
        finally:
            server.stop()
    table(measured)
    return 0 if all(holds for job, figures in measured for _, holds in bars(job, figures)) else 1


class Dovecot:
    def __init__(self, folder):
        self.folder = folder
        self.mail = folder / "mail"
        self.mail.mkdir()
        self.maildrops = {}
        self.port = free_port()
        self.certificate = folder / "certificate.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem",
             "-out", self.certificate], check=True, capture_output=True)
        root = os.geteuid() == 0
        me = pwd.getpwuid(os.geteuid()).pw_name
        self.owner = "dovenull" if root else me
        configuration = CONFIGURATION.format(
            folder=folder, port=self.port, owner=self.owner, internal="dovecot" if root else me,
            first=1 if root else os.geteuid(),
            unprivileged="" if root else "service anvil {\n chroot=\n}\n")
        (folder / "dovecot.conf").write_text(configuration)
        if root:
            shutil.chown(self.mail, self.owner)
        self.process = subprocess.Popen(["dovecot", "-F", "-c", folder / "dovecot.conf"])
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit("dovecot does not listen: " + (folder / "log").read_text())

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def maildrop(self, user, count, octets):
        """A maildrop with so many messages, the same in each run of this script."""
        if user not in self.maildrops:
            self.maildrops[user] = Maildrop(self.mail / user, count, octets)
            self._ready(user, count)
        return self.maildrops[user]

    def copy(self, user, name):
        """A maildrop to be spoilt: the same files under another name."""
        drop = self.mail / name
        (drop / "cur").mkdir(parents=True)
        for sub in "new", "tmp":
            (drop / sub).mkdir()
        for file in (self.mail / user / "cur").iterdir():
            os.link(file, drop / "cur" / file.name)
        self._ready(name, None)

    def remove(self, name):
        shutil.rmtree(self.mail / name)

    def _ready(self, user, count):
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", self.owner, self.mail / user], check=True)
        # Dovecot indexes a maildrop when it is first opened, and reads its folders anew as long as they are so young that
        # they may have changed unnoticed, at whoever's cost.
        for wait in 2, 0.5, 0:
            session = Session(self.port, user)
            listed = session.list("LIST")
            assert count is None or len(listed) == count, f"{user}: {len(listed)} messages"
            session.ask("QUIT")
            time.sleep(wait)


class Session:
    """As much POP3 as it takes to look after a server."""

    def __init__(self, port, user):
        context = ssl._create_unverified_context()
        self.stream = context.wrap_socket(socket.create_connection(("127.0.0.1", port)))
        self.lines = self.stream.makefile("rb")
        self.answer()
        self.ask(f"USER {user}")
        self.ask(f"PASS {PASSWORD}")

    def ask(self, command):
        self.stream.sendall(command.encode() + b"\r\n")
        return self.answer()

    def answer(self):
        line = self.lines.readline()
        assert line.startswith(b"+OK"), line
        return line

    def list(self, command):
        self.ask(command)
        return [line.rstrip(b"\r\n") for line in iter(self.lines.readline, b".\r\n")]


class Maildrop:
    def __init__(self, folder, count, octets):
        self.count = count
        self.octets = 0
        self.sums = []
        self.wire_sum = hashlib.sha256()
        self.head_sum = hashlib.sha256()
        self.subjects = []
        for sub in "new", "cur", "tmp":
            (folder / sub).mkdir(parents=True)
        random_numbers = random.Random(1)
        for number in range(count):
            head = (f"From: Alice <a{number}@example.org>\nTo: b@example.org\nSubject: message {number}\n"
                    f"Date: Sun, 22 Nov 2026 10:00:{number % 60:02d} +0000\nMessage-ID: <{number}@example.org>\n\n")
            self.subjects.append(f"message {number}")
            sums = hashlib.sha256()
            # Names that are alike meet in Dovecot's hash table, and it takes ten times as long for all.
            name = f"{1700000000 + number}.{random_numbers.getrandbits(64):016x}.host:2,S"
            with open(folder / "cur" / name, "wb") as file:
                for piece in (head.encode(), *bodies(random_numbers, octets - len(head))):
                    file.write(piece)
                    sums.update(piece)
                    wire = piece.replace(b"\n", b"\r\n")
                    self.wire_sum.update(wire)
                    self.octets += len(wire)
            self.head_sum.update(head.encode().replace(b"\n", b"\r\n"))
            self.sums.append(sums.hexdigest())
        self.sums.sort()


def bodies(random_numbers, octets):
    lines = max(1, octets // 72)
    for start in range(0, lines, BLOCK_LINES):
        if start and lines > 100 * BLOCK_LINES:
            yield block
            continue
        block = b"".join(
            b"." * (line % 3) + b"x%d " % random_numbers.randrange(10**6) * 8 + b"\n"
            for line in range(min(BLOCK_LINES, lines - start)))
        yield block


BLOCK_LINES = 10_000


class Run:
    """One run of one client: a scratch folder, where the server is, and what came out."""

    def __init__(self, server, options, scratch, port, user, drop):
        self.server, self.options, self.scratch = server, options, scratch
        self.port, self.user, self.drop = port, user, drop
        self.output = scratch / "output"
        self.program = options.pop3

    def environment(self):
        return {"PATH": os.environ["PATH"], "HOME": str(self.scratch), "POP3_PASSWORD": PASSWORD, "LC_ALL": "C.UTF-8"}

    # Command lines.

    def pop3(self, *words):
        return [self.program, "--host", "127.0.0.1", "--port", self.port, "--tls", "implicit", "--user", self.user,
                "--ca-file", self.server.certificate, "--state-dir", self.scratch / "state", *words]

    def mpop(self, *words, **settings):
        maildir = self.scratch / "maildir"
        for sub in "new", "cur", "tmp":
            (maildir / sub).mkdir(parents=True, exist_ok=True)
        lines = {
            "account": "default", "host": "127.0.0.1", "port": self.port, "tls": "on", "tls_starttls": "off",
            "tls_trust_file": self.server.certificate, "auth": "plain", "user": self.user, "password": PASSWORD,
            "delivery": f"maildir {maildir}", "received_header": "off", "keep": "on",
            "uidls_file": self.scratch / "uidls", **settings}
        path = self.scratch / "mpoprc"
        path.write_text("".join(f"{key} {value}\n" for key, value in lines.items()))
        path.chmod(0o600)
        return ["mpop", "-C", path, "--quiet", "--quiet", *words]

    def curl(self, *words):
        return ["curl", "--silent", "--show-error", "--cacert", self.server.certificate,
                "--user", f"{self.user}:{PASSWORD}", *words]

    def url(self, path=""):
        return f"pop3s://127.0.0.1:{self.port}/{path}"

    def poplib(self, verb):
        return [sys.executable, POPLIB, self.port, self.server.certificate, self.user, PASSWORD, verb]

    def flood(self, command):
        return [sys.executable, HERE / "floor.py", self.port, self.user, PASSWORD, command, self.drop.count]

    # What must have come out.

    def maildir_is_right(self):
        new = self.scratch / "maildir/new"
        sums = sorted(hashlib.sha256(file.read_bytes()).hexdigest() for file in new.iterdir())
        assert sums == self.drop.sums, f"{len(sums)} files, not the {self.drop.count} of the server"

    def wire_is_right(self):
        assert sum_of(self.output) == self.drop.wire_sum.hexdigest(), "other octets than the server's"

    def file_is_right(self):
        [file] = (self.scratch / "dir").iterdir()
        assert sum_of(file) == self.drop.wire_sum.hexdigest(), "other octets than the server's"

    def heads_are_right(self):
        assert sum_of(self.output) == self.drop.head_sum.hexdigest(), "other headers than the server's"

    def rows_are_right(self):
        subjects = [row.rsplit("  ", 1)[-1] for row in self.output.read_text().splitlines()]
        assert [s.strip() for s in subjects] == self.drop.subjects, f"other subjects: {subjects[:3]}"

    def status_is_right(self):
        assert self.output.read_text().startswith(f"{self.drop.count} messages, "), self.output.read_text()

    def listing_is_right(self):
        assert len(self.output.read_text().split("\n")) >= self.drop.count

    def is_empty(self):
        session = Session(self.server.port, self.user)
        assert session.ask("STAT").split()[1] == b"0"

    def nothing_came(self):
        new = self.scratch / "maildir/new"
        assert not new.exists() or not any(new.iterdir())

    def anything(self):
        pass


def sum_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def curl_tops(run):
    lines = [f'url = "{run.url()}"\nrequest = "TOP {number} 0"\n' for number in range(1, run.drop.count + 1)]
    common = f'cacert = "{run.server.certificate}"\nuser = "{run.user}:{PASSWORD}"\nsilent\nshow-error\n'
    path = run.scratch / "curlrc"
    path.write_text("next\n".join(common + line for line in lines))
    return ["curl", "--config", path]


def fetched_before(client):
    """Lets a client fetch everything, so that there is nothing new."""

    def prepare(run):
        run.port, port = run.server.port, run.port
        words = run.pop3("--quiet", "fetch", "--maildir", run.scratch / "maildir") if client == "pop3" else run.mpop()
        subprocess.run([str(word) for word in words], env=run.environment(), check=True, stdout=subprocess.DEVNULL)
        run.port = port
        shutil.rmtree(run.scratch / "maildir/new")
        (run.scratch / "maildir/new").mkdir()

    return prepare


class Client:
    def __init__(self, command, check, prepare=None):
        self.command, self.check, self.prepare = command, check, prepare


# The bars for every job: MB of peak memory, and the time that it may take in proportion to an earlier build.
MEMORY = 16
OLD = 1.05


class Job:
    """`bars` are pairs: of which client's time the job may take how much."""

    def __init__(self, name, count, octets, round_trip, bars, spoilt=False, memory=MEMORY, cpu=None, **clients):
        self.name, self.count, self.octets, self.round_trip = name, count, octets, round_trip
        self.bars, self.spoilt, self.memory, self.cpu, self.clients = bars, spoilt, memory, cpu, clients
        self.user = f"u{count}x{octets}"


MAILDIR = dict(
    pop3=Client(lambda run: run.pop3("fetch", "--maildir", run.scratch / "maildir"), Run.maildir_is_right),
    mpop=Client(lambda run: run.mpop(), Run.maildir_is_right))
FLOOD = dict(floor=Client(lambda run: run.flood("RETR {}"), Run.anything))
TOPS = dict(
    pop3=Client(lambda run: run.pop3("headers"), Run.rows_are_right),
    poplib=Client(lambda run: run.poplib("top"), Run.heads_are_right),
    floor=Client(lambda run: run.flood("TOP {} 0"), Run.anything))

NAMES = {
    "pop3": "pop3", "old": "old pop3", "mpop": "mpop", "killsize": "mpop, killsize 0", "curl": "curl", "poplib": "poplib", "floor": "floor"}

JOBS = [
    Job("fetch 5,000 × 6 KB to a Maildir, 0 ms", 5000, 6000, 0, [("mpop", 0.9)], cpu="mpop", **MAILDIR, **FLOOD),
    Job("fetch 5,000 × 6 KB to a Maildir, 20 ms", 5000, 6000, 0.02, [("mpop", 0.45)], **MAILDIR, **FLOOD),
    Job("fetch 5,000 × 700 octets, 50 ms", 5000, 700, 0.05, [("mpop", 0.16)], **MAILDIR, **FLOOD),
    Job("fetch 500 × 700 octets, 50 ms", 500, 700, 0.05, [("mpop", 0.5)], **MAILDIR, **FLOOD),
    Job("headers of 500, 50 ms", 500, 700, 0.05, [("curl", 0.025)], **TOPS,
        curl=Client(curl_tops, Run.heads_are_right)),
    Job("headers of 5,000, 0 ms", 5000, 700, 0, [("poplib", 0.2)], **TOPS),
    Job("status of 500, 50 ms", 500, 700, 0.05, [("curl", 0.85)],
        pop3=Client(lambda run: run.pop3("status"), Run.status_is_right),
        curl=Client(lambda run: run.curl(run.url()), Run.listing_is_right),
        mpop=Client(lambda run: run.mpop("--status-only"), Run.anything),
        poplib=Client(lambda run: run.poplib("stat"), Run.anything)),
    Job("nothing new in 5,000, 0 ms", 5000, 700, 0, [("mpop", 1.0)],
        pop3=Client(lambda run: run.pop3("fetch", "--maildir", run.scratch / "maildir"), Run.nothing_came,
                    fetched_before("pop3")),
        mpop=Client(lambda run: run.mpop(), Run.nothing_came, fetched_before("mpop"))),
    Job("delete 5,000, 50 ms", 5000, 700, 0.05, [("mpop", 0.12)], spoilt=True,
        pop3=Client(lambda run: run.pop3("delete", "--all", "--commit"), Run.is_empty),
        # By default it deletes what it has fetched; told that everything is too large, it need not fetch.
        mpop=Client(lambda run: run.mpop(keep="off"), Run.is_empty),
        killsize=Client(lambda run: run.mpop(keep="off", killsize=0), Run.is_empty),
        floor=Client(lambda run: run.flood("DELE {}"), Run.is_empty)),
    Job("fetch of one 1 GiB message, 0 ms", 1, 1 << 30, 0, [("curl", 1.1)],
        pop3=Client(lambda run: run.pop3("fetch", "--stdout"), Run.wire_is_right),
        curl=Client(lambda run: run.curl(run.url(1)), Run.wire_is_right)),
    Job("fetch of one 1 GiB message to --dir, 0 ms", 1, 1 << 30, 0, [("curl", 1.1)],
        pop3=Client(lambda run: run.pop3("fetch", "--dir", run.scratch / "dir"), Run.file_is_right),
        curl=Client(lambda run: run.curl(run.url(1)), Run.wire_is_right)),
    Job("fetch 50,000 × 700 octets, 0 ms", 50_000, 700, 0, [("mpop", 0.9)], **MAILDIR),
    Job("headers of 50,000, 0 ms", 50_000, 700, 0, [("poplib", 0.2)], **TOPS),
]


def measure(job, server, options):
    drop = server.maildrop(job.user, job.count, job.octets)
    proxy = delay.Delay(server.port, job.round_trip) if job.round_trip else None
    figures = {}
    without = options.without.split() + ([] if options.floor else ["floor"])
    clients = dict(job.clients, old=job.clients["pop3"]) if options.old else job.clients
    names = [name for name in clients if name not in without]
    for number in range(options.runs):
        # What the first of two builds finds warm or cold must not always be the same one's advantage.
        for name in names if number % 2 == 0 else reversed(names):
            user = job.user
            if job.spoilt:
                user = f"spoilt-{number}-{name}"
                server.copy(job.user, user)
            scratch = pathlib.Path(tempfile.mkdtemp(dir=server.folder))
            run = Run(server, options, scratch, proxy.port if proxy else server.port, user, drop)
            if name == "old":
                run.program = options.old
            client = clients[name]
            if client.prepare:
                client.prepare(run)
            os.sync()
            turns = proxy.turns if proxy else 0
            figure = timed(client.command(run), run)
            if proxy:
                figure["turns"] = proxy.turns - turns
            client.check(run)
            figures.setdefault(name, []).append(figure)
            if options.verbose:
                print(f"{job.name}: {name}: {figure}", file=sys.stderr)
            # Thousands of files stay until the end: ext4 passes over inodes that were freed seconds ago one by one, at the
            # cost of who creates files next.
            if job.count < 100:
                shutil.rmtree(scratch)
            if job.spoilt:
                server.remove(user)
    return {name: {key: statistics.median(figure[key] for figure in runs) for key in runs[0]}
            for name, runs in figures.items()}


def timed(words, run):
    memory = run.scratch / "memory"
    # What is forked from here has the memory of this process for its peak; what GNU time forks has not.
    words = ["time", "--format", "%M", "--output", memory, *words]
    words = [str(word) for word in words]
    path = shutil.which(words[0])
    with open(run.output, "wb") as output:
        begun = time.perf_counter()
        process = os.posix_spawn(path, words, run.environment(), file_actions=[
            (os.POSIX_SPAWN_DUP2, output.fileno(), 1)])
        _, status, usage = os.wait4(process, 0)
        wall = time.perf_counter() - begun
    if status:
        sys.exit(f"{' '.join(words)}: {os.waitstatus_to_exitcode(status)}")
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime,
            "memory": int(memory.read_text().split()[-1]) * 1024 / 1e6}


def bars(job, figures):
    """What is asked of pop3, what it is, and whether that holds."""
    ours = figures["pop3"]
    for name, most in [("old", OLD), *job.bars]:
        if name in figures:
            ratio = ours["wall"] / figures[name]["wall"]
            yield f"time {ratio:.3f} × {name} (≤ {most})", ratio <= most
    if job.cpu in figures:
        ratio = ours["cpu"] / figures[job.cpu]["cpu"]
        yield f"CPU {ratio:.2f} × {job.cpu} (≤ 1)", ratio <= 1
    yield f"{ours['memory']:.1f} MB (≤ {job.memory})", ours["memory"] <= job.memory


def table(measured):
    names = [name for name in NAMES if any(name in figures for _, figures in measured)]
    print("| job | " + " | ".join(NAMES[name] for name in names) + " | pop3 against the bar |")
    print("| --- |" + " --- |" * (len(names) + 1))
    for job, figures in measured:
        cells = [f"{figures[name]['wall']:.3f} s, {figures[name]['cpu']:.2f} s CPU, {figures[name]['memory']:.1f} MB"
                 if name in figures else "" for name in names]
        verdict = "; ".join(text if holds else f"**{text}**" for text, holds in bars(job, figures))
        print(f"| {job.name} | " + " | ".join(cells) + f" | {verdict} |")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


CONFIGURATION = """\
base_dir={folder}/base
state_dir={folder}/state
log_path={folder}/log
protocols=pop3
listen=127.0.0.1
ssl=yes
ssl_cert=<{folder}/certificate.pem
ssl_key=<{folder}/key.pem
disable_plaintext_auth=yes
auth_mechanisms=plain
mail_location=maildir:{folder}/mail/%u
first_valid_uid={first}
first_valid_gid=1
default_internal_user={internal}
default_login_user={owner}
mail_max_userip_connections=100
passdb {{
 driver=static
 args=password={{PLAIN}}secret
}}
userdb {{
 driver=static
 args=uid={owner} gid=nogroup home={folder}/mail/%u
}}
service pop3-login {{
 inet_listener pop3 {{
  port=0
 }}
 inet_listener pop3s {{
  port={port}
  ssl=yes
 }}
}}
{unprivileged}"""


if __name__ == "__main__":
    sys.exit(main())
