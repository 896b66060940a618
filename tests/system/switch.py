"""Starts, stops and kills swd and swctld in a run dir, and speaks to them as an operator does."""

import ctypes
import fcntl
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import threading
import time

from steady import steady_now

PMD_CORE = 1  # swd polls here; everything else, tests too, runs on core 0
ALL_CORES = os.sched_getaffinity(0)
SLOW = float(os.environ.get("SWD_SLOW", "1"))  # how much longer things may take: programs under ThreadSanitizer
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def build_dir():
    return os.path.abspath(os.environ.get("SWD_BUILD", "build"))


def program(name):
    return os.path.join(build_dir(), name)


def _child_setup(cores):
    def setup():
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # whatever happens to pytest
        os.sched_setaffinity(0, cores)

    return setup


class Daemon:
    """A process whose output is read line by line as it comes."""

    def __init__(self, argv, cores, env=None):
        self.argv = [str(a) for a in argv]
        self.name = os.path.basename(self.argv[0])
        self.lines = []
        self.times = []
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            self.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=_child_setup(cores),
            env={**os.environ, **(env or {})},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self):
        return self.process.pid

    def _read(self):
        poll, rest, ended = select.poll(), b"", False
        poll.register(self.process.stdout, select.POLLIN)
        while not ended:
            poll.poll()
            with self._news:  # what is not in the pipe any more is in `lines`
                data = os.read(self.process.stdout.fileno(), 65536)
                ended = not data
                *whole, rest = (rest + data).split(b"\n")
                whole += [rest] if ended and rest else []
                self.lines += [raw.decode(errors="replace") for raw in whole]
                self.times += [time.monotonic()] * len(whole)
                if ended:
                    self.lines.append(None)
                self._news.notify_all()

    def _is_read(self):
        return struct.unpack("=i", fcntl.ioctl(self.process.stdout, termios.FIONREAD, bytes(4)))[0] == 0

    def output(self):
        """All that the daemon has written when this is called."""
        with self._news:
            self._news.wait_for(self._is_read, 5)
            return "\n".join(line for line in self.lines if line is not None)

    def wait_line(self, pattern, timeout=20.0):
        """The first line that matches, waiting for it. AssertionError when the daemon ends or time is over."""
        seen = 0
        timeout *= SLOW
        deadline = time.monotonic() + timeout
        with self._news:
            while True:
                for line in self.lines[seen:]:
                    if line is None:
                        raise AssertionError(f"{self.name} ended before it said {pattern!r}:\n{self.output()}")
                    if re.search(pattern, line):
                        return line
                seen = len(self.lines)
                if not self._news.wait(deadline - time.monotonic()):
                    raise AssertionError(f"{self.name} did not say {pattern!r} in {timeout} s:\n{self.output()}")

    def stamped(self, began):
        return "\n".join(f"{t-began:.3f} {l}" for t, l in zip(self.times, self.lines))

    def alive(self):
        return self.process.poll() is None

    def stop(self, how=signal.SIGTERM, timeout=15.0):
        """Signals the daemon and waits for its end. Returns the exit status (negative: the signal that ended it)."""
        if self.alive():
            self.process.send_signal(how)
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.name} did not end within {timeout} s of signal {how}:\n{self.output()}") from None
        self._reader.join(5)
        return status

    def kill(self):
        return self.stop(signal.SIGKILL)


class Switch:
    """swd and swctld in a run dir of their own. Nothing starts before start()."""

    def __init__(self, run_dir, mem=256, swd_args=(), swctld_args=()):
        self.run_dir = str(run_dir)
        self.db = os.path.join(self.run_dir, "swd.db")
        self.mem = mem
        self.swd_args = list(swd_args)
        self.swctld_args = list(swctld_args)
        self.swd_prefix = []  # a command that starts swd, such as unshare -n
        self.swctld_prefix = []
        self.swd = None
        self.swctld = None
        self.old_logs = []
        os.makedirs(self.run_dir, exist_ok=True)

    # Life.

    def start(self):
        self.start_swd()
        self.start_swctld()
        self.wait(lambda: self.json("show")["swd"]["connected"], "swctld's connection to swd")
        return self

    def start_swd(self, ready=True, env=None):
        argv = [*self.swd_prefix, program("swd"), "--run-dir", self.run_dir, "--pmd-cores", PMD_CORE, "--mem", self.mem]
        if isa := os.environ.get("SWD_ISA"):  # "plain", "avx2" or "avx512"; otherwise the best that there is
            argv += ["--isa", isa]
        argv += self.swd_args
        self._keep_log(self.swd)
        self.swd = Daemon(argv, ALL_CORES, env)
        if ready:
            self.swd.wait_line(r"swd: ready$")
        return self.swd

    def start_swctld(self, ready=True, env=None):
        argv = [*self.swctld_prefix, program("swctld"), "--run-dir", self.run_dir, "--db", self.db, *self.swctld_args]
        self._keep_log(self.swctld)
        self.swctld = Daemon(argv, {0}, env)
        if ready:
            self.swctld.wait_line(r"swctld: ready$")
        return self.swctld

    def stop(self):
        """Ends both. Returns (swctld's status, swd's)."""
        try:
            return self.swctld and self.swctld.stop(), self.swd and self.swd.stop()
        finally:
            self.kill()

    def kill(self):
        for daemon in (self.swctld, self.swd):
            if daemon is not None:
                daemon.kill()

    def _keep_log(self, daemon):
        if daemon is not None:
            self.old_logs.append((f"{daemon.name} (pid {daemon.pid}, ended)", daemon.output()))

    def logs(self):
        now = [(f"{d.name} (pid {d.pid})", d.output()) for d in (self.swd, self.swctld) if d is not None]
        return self.old_logs + now

    # Speaking.

    def run(self, *words, stdin=None, timeout=60):
        """swctl with these words, whatever comes of it."""
        return subprocess.run(
            [program("swctl"), "--run-dir", self.run_dir, *map(str, words)],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def swctl(self, *words, stdin=None, timeout=60):
        """swctl must accept; its output."""
        done = self.run(*words, stdin=stdin, timeout=timeout)
        if done.returncode != 0:
            raise AssertionError(f"swctl {' '.join(map(str, words))}: status {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def json(self, *words):
        return json.loads(self.swctl("--json", *words))

    def refused(self, *words, status=1, stdin=None):
        """swctl must refuse with this status and one line; that line."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode == status, f"status {done.returncode}, output {done.stdout!r}, {done.stderr!r}"
        assert done.stdout == ""
        lines = done.stderr.splitlines()
        assert len(lines) == 1, f"not one line: {done.stderr!r}"
        return lines[0]

    def wait(self, condition, what, timeout=10.0):
        """Asks until the condition holds (an answer that counts as true), and returns that."""
        timeout *= SLOW
        deadline = steady_now() + timeout
        while True:
            over = steady_now() > deadline  # before the last look: whoever is held up looks once more
            try:
                answer, problem = condition(), ""
            except AssertionError as e:
                answer, problem = None, f": {e}"
            if answer:
                return answer
            if over:
                raise AssertionError(f"no {what} within {timeout} s{problem}")
            time.sleep(0.01)

    # What tests often want to know or do.

    def port(self, name):
        for port in self.json("list-ports")["ports"]:
            if port["name"] == name:
                return port
        raise AssertionError(f"no port {name}")

    def wait_link(self, name, link="up", timeout=10.0):
        return self.wait(lambda: self.port(name)["link"] == link, f"link {link} on {name}", timeout)

    def set_flows(self, *flows):
        """These rules and no others; returns once the megaflows of the rules before are gone or right."""
        self.swctl("del-flows")
        if flows:
            self.swctl("add-flows", "-", stdin="\n".join(flows) + "\n")
        self.settle()

    def settle(self):
        """Waits until every megaflow is what the rules now say."""
        # swctld checks all of a small table before it reads another request, and swd answers a dump after the changes
        # that were sent before it.
        self.json("dp", "dump-flows")

    def rule(self, text):
        """The one rule whose text has `text` in it."""
        rules = [r for r in self.json("dump-flows")["rules"] if text in r["flow"]]
        assert len(rules) == 1, f"{len(rules)} rules with {text!r}"
        return rules[0]

    def megaflows(self, *texts):
        """Megaflows whose match holds all the texts."""
        flows = self.json("dp", "dump-flows")["flows"]
        return [f for f in flows if all(t in f["match"] for t in texts)]

    def drops(self, port=None):
        """{(port, reason): packets}"""
        return {(d["port"], d["reason"]): d["packets"] for d in self.json("drops", *([port] if port else []))["drops"]}

    def wait_drop(self, port, reason, above=0, timeout=10.0):
        return self.wait(lambda: self.drops().get((port, reason), 0) > above, f"drop {reason} at {port}", timeout)

    def rpc_socket(self):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(60)  # a disk that others use may take its time to take a change
        sock.connect(os.path.join(self.run_dir, "control.sock"))
        return sock
