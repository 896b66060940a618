"""Open vSwitch with our datapath, in a network namespace of its own.

    guests' namespaces n0, n1 ...     p0, p1: 10.1.1.1, 10.1.1.2 ...
          |     |
       ovs-p0 ovs-p1     (veth; Interface type system)
          |     |
         swd (br0) ------ ovs-vswitchd (the plugin's) ------ ovsdb-server
"""

import os
import re
import shutil
import subprocess
import tempfile
import time

from netns import Netns
from sleepy_pmd import let_sleep
from steady import steady_now
from switch import ALL_CORES, PMD_CORE, SLOW, Daemon, build_dir, program

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
VSWITCHD = os.path.join(build_dir(), "ovs/openvswitch/swd/ovs-vswitchd")


class OvsPlugin:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="swd-")
        self.env = {f"OVS_{v}": self.dir for v in ("RUNDIR", "DBDIR", "LOGDIR", "SYSCONFDIR")}
        self.env["SWD_DATAPATH_SOCKET"] = f"{self.dir}/datapath.sock"
        self.ns = Netns()
        self.ns.ip("link", "set", "lo", "up")
        self.guests = []
        self.db = self.vswitchd = self.swd = None
        self.old_logs = []

    # Life.

    def start_db(self):
        self.tool("ovsdb-tool", "create", f"{self.dir}/conf.db", SCHEMA)
        words = [f"{self.dir}/conf.db", f"--remote=punix:{self.dir}/db.sock", f"--unixctl={self.dir}/ovsdb.ctl", "-vconsole:info"]
        self.db = self._daemon("ovsdb-server", *words)
        self.db.wait_line(r"ovsdb-server \(Open vSwitch\)")
        self.vsctl("--no-wait", "init")

    def start_vswitchd(self):
        self._keep_log(self.vswitchd)
        words = ["--disable-system", f"unix:{self.dir}/db.sock", f"--unixctl={self.dir}/vswitchd.ctl", "-vconsole:info", "-vsyslog:off"]
        self.vswitchd = self._daemon(VSWITCHD, *words)
        self.vswitchd.wait_line(r"ovs-vswitchd \(Open vSwitch\)")

    def restart_vswitchd(self):
        self.vswitchd.stop()
        self.start_vswitchd()
        self.vswitchd.wait_line("added interface br0 on port")

    def start_swd(self):
        self._keep_log(self.swd)
        self.swd = self._daemon(program("swd"), "--run-dir", self.dir, "--pmd-cores", PMD_CORE, "--mem", 128, cores=ALL_CORES)
        self.swd.wait_line(r"swd: ready$")
        let_sleep(f"{self.dir}/datapath.sock")

    def start_swctld(self):
        """Beside ovs-vswitchd."""
        swctld = self._daemon(program("swctld"), "--run-dir", self.dir, "--db", f"{self.dir}/swd.db")
        swctld.wait_line(r"swctld: ready$")
        return swctld

    def start(self):
        self.start_db()
        self.start_swd()
        self.start_vswitchd()
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=swd")
        return self

    def close(self):
        for daemon in (self.vswitchd, self.swd, self.db):
            if daemon is not None:
                daemon.kill()
        for ns in (*self.guests, self.ns):
            ns.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def _daemon(self, *argv, cores=frozenset({0})):
        return Daemon(["nsenter", "-t", self.ns.pid, "-n", "--", *argv], cores, self.env)

    def _keep_log(self, daemon):
        if daemon is not None:
            self.old_logs.append((f"{daemon.argv[5]} (pid {daemon.pid}, ended)", daemon.output()))

    def logs(self):
        return self.old_logs + [(f"{d.argv[5]} (pid {d.pid})", d.output()) for d in (self.swd, self.vswitchd) if d is not None]

    # Speaking.

    def tool(self, *words, check=True):
        """A tool of Open vSwitch; with check=False (status, what it says on stderr)."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.ns.pid), "-n", "--", *map(str, words)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20 * SLOW,
            env={**os.environ, **self.env},
            check=False,
        )
        if not check:
            return done.returncode, done.stderr
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, words))}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def vsctl(self, *words, **kw):
        return self.tool("ovs-vsctl", f"--db=unix:{self.dir}/db.sock", "--timeout=10", *words, **kw)

    def swctl(self, *words, check=True):
        """What it prints, whether it accepts or (check=False) not."""
        argv = [program("swctl"), "--run-dir", self.dir, *words]
        return subprocess.run(argv, check=check, capture_output=True, text=True, timeout=20 * SLOW).stdout

    def ofctl(self, *words):
        return self.tool("ovs-ofctl", "--timeout=10", *words)

    def n_packets(self):
        """Of all rules of br0."""
        self.appctl("revalidator/wait")
        return sum(map(int, re.findall(r"n_packets=(\d+)", self.ofctl("dump-flows", f"{self.dir}/br0.mgmt"))))

    def appctl(self, *words, **kw):
        return self.tool("ovs-appctl", "--timeout=10", "-t", f"{self.dir}/vswitchd.ctl", *words, **kw)

    def refused_port(self, name, *words):
        """What ovs-vsctl says of a port that cannot be; it must stand in `ovs-vsctl show`, too."""
        status, said = self.vsctl("add-port", "br0", name, "--", "set", "interface", name, *words, check=False)
        error = self.vsctl("get", "interface", name, "error").strip().strip('"')
        assert status in (0, 1) and error not in ("", "[]"), said
        self.vsctl("del-port", name)
        return error

    def wait(self, what, name, timeout=10.0):
        deadline = steady_now() + timeout * SLOW
        while not what():
            assert steady_now() < deadline, f"no {name} in {timeout} s"
            time.sleep(0.02)

    # Traffic.

    def add_guest(self):
        """A namespace with the next address, on a port of br0."""
        n, ns = len(self.guests), Netns()
        self.guests.append(ns)
        self.ns.veth(f"ovs-p{n}", ns, f"p{n}")
        ns.ip("address", "add", f"10.1.1.{n + 1}/24", "dev", f"p{n}")
        ns.checksums_in_software(f"p{n}")
        self.vsctl("add-port", "br0", f"ovs-p{n}")
        return ns

    def ping(self, guest, to, count=1, interval=0.1, patience_s=10):
        """How many of them were answered."""
        said = self.guests[guest].run("ping", "-n", "-q", "-c", count, "-i", interval, "-W", patience_s, f"10.1.1.{to + 1}", check=False).stdout
        return int(re.search(r"(\d+) received", said)[1])

    def pings_until_answered(self, guest, to):
        self.wait(lambda: self.ping(guest, to, patience_s=1) == 1, "answer to a ping")

    def complaints(self):
        """Of ovs-vswitchd, but those that a machine makes which holds it up."""
        return [line for line in self.vswitchd.lines if re.search(r"\|(WARN|ERR|EMER)\|", line) and not re.search(r"\|(timeval|ovs_rcu)\|", line)]

    def connections(self):
        """ovs-vswitchd's to swd: whether the other end of each is there. How many there are is up to how many threads ask at once."""
        fds = f"/proc/{self.vswitchd.pid}/fd"
        own = {os.readlink(f"{fds}/{fd}") for fd in os.listdir(fds)}
        rows = [row.split() for row in self.tool("ss", "-xanH").splitlines()]
        return [row[7] != "0" for row in rows if row[0] == "u_seq" and f"socket:[{row[5]}]" in own]

    def cpu_s(self):
        """Processor time that ovs-vswitchd has used."""
        with open(f"/proc/{self.vswitchd.pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
