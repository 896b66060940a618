"""What all peers are made of: processes that can be frozen, a folder of their own, and a network namespace without a name."""

import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))

from switch import Daemon  # noqa: E402  (needs the path above)

GENERATOR_CORE = 0
TAP = "tap0"  # of layout vm-tap, made by the peer's net_tap device
TAP_DEVICE = f"net_tap0,iface={TAP}"

class BenchError(Exception):
    """One line that says what is wrong and how to mend it."""


def command(*words, env=None, timeout=30):
    """Runs a tool that must succeed; its output."""
    words = [str(w) for w in words]
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **(env or {})},
        check=False,
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise BenchError(f"{' '.join(words[:6])}: status {done.returncode}: {said[-1] if said else 'no output'}")
    return done.stdout


def entering(pid):
    """Starts a command in a process's network namespace."""
    return ["nsenter", f"--net=/proc/{pid}/ns/net"]


class Namespace:
    """A network namespace that lives as long as a process in it: nothing is left behind, whatever happens."""

    def __init__(self):
        self.holder = Daemon(["unshare", "-n", "sh", "-c", "echo ready; exec sleep infinity"], {GENERATOR_CORE})
        self.holder.wait_line("ready")

    @property
    def prefix(self):
        return entering(self.holder.pid)

    def ip(self, *words):
        return command(*self.prefix, "ip", *words)

    def sysctl(self, name, value):
        command(*self.prefix, "sysctl", "-q", "-w", f"{name}={value}")

    def stop(self):
        self.holder.kill()


class Peer:
    """A switch under test. Those that are not measured at the moment are frozen: all stay up, one runs."""

    name = ""
    title = ""

    def __init__(self, folder, layout):
        self.folder = folder
        self.layout = layout  # what it has ports for: see scenarios.LAYOUTS
        self.daemons = []
        self.home = None  # the process with the poll-mode thread, in whose network namespace the tap is
        os.makedirs(folder, exist_ok=True)

    @classmethod
    def missing(cls):
        """What to install to have this peer, or None."""
        return None

    def start(self):
        raise NotImplementedError

    def ports(self):
        """The generator's ports: its words for --port, first port first."""
        if self.layout == "vm-tap":
            return [f"vhost:{self.socket('vm1')}", f"packet:{TAP}"]
        return [f"vhost:{self.socket(name)}" for name in self.guests()]

    def guests(self):
        return ("vm1", "vm2", "vm3", "vm4") if self.layout == "pairs" else ("vm1", "vm2")

    def socket(self, port):
        return os.path.join(self.folder, f"{port}.sock")

    def set_rules(self, rules):
        """These rules and no others; rules have {a} and {b}, in layout pairs {c} and {d} too, where the ports' names belong."""

    def apply(self, settings):
        """Settings of this peer's own."""

    def work(self):
        """(busy cycles, packets) of the PMD so far, or None where the peer does not tell."""
        return None

    def megaflows(self):
        """How many there are, of peers that have some."""
        raise NotImplementedError

    def forget(self, port):
        """Lets go of the megaflows of a port's packets; rules are to be set anew afterwards."""
        raise NotImplementedError

    def forget_connections(self):
        """Empties the connection table."""
        raise NotImplementedError

    def masks(self):
        """How many masks its megaflows have that output, or None where there are none."""
        return None

    def prefix(self):
        """What starts the generator where it can see this peer's ports."""
        return entering(self.home.pid) if self.layout == "vm-tap" else []

    def generator_started(self):
        """The generator runs and is about to open its ports."""

    def freeze(self):
        for d in self.daemons:
            if d.alive():
                os.kill(d.pid, signal.SIGSTOP)

    def thaw(self):
        for d in self.daemons:
            if not d.alive():
                last = [line for line in d.output().splitlines() if line.strip()]
                raise BenchError(f"{self.title}: {d.name} has ended: {last[-1] if last else 'no output'}")
            os.kill(d.pid, signal.SIGCONT)

    def stop(self):
        for d in reversed(self.daemons):
            if d.alive():
                os.kill(d.pid, signal.SIGCONT)
            d.kill()
        self.daemons = []


def masks_of(flows):
    """How many masks these megaflows have: texts as ovs-dpctl prints them, of flows that output."""
    return len({re.sub(r"(?<==)[^,()/]*|(?<=\()[^,()/=]+(?=[/)])", "", f) for f in flows})


def number(text, pattern):
    """The first group of a pattern as a number."""
    found = re.search(pattern, text)
    if found is None:
        raise BenchError(f"no {pattern!r} in what a peer said")
    return float(found[1])
