"""Debian's Open vSwitch with its dummy datapath: packets go in and come out as bytes, without devices or privileges.

It is OVS's own userspace datapath (dpif-netdev) behind ports that are files: what `netdev-dummy/receive` hands to a port is handled like
a frame that came in, and what a port sends is in its pcap file.
"""

import json
import os
import socket
import subprocess

from switch import Daemon

DAEMON = "/usr/sbin/ovs-vswitchd"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
TOOLS = ("ovs-ofctl", "ovs-vsctl", "ovsdb-tool", "ovsdb-server")
N_PORTS = 4
PCAP_HEADER, RECORD_HEADER = 24, 16
# Its main loop takes at most ten commands of a connection a turn, and packets in each turn.
COMMANDS_A_TURN = 10


def missing():
    """What to install, or None."""
    here = os.access(DAEMON, os.X_OK) and os.path.exists(SCHEMA) and all(os.access(f"/usr/bin/{t}", os.X_OK) or find(t) for t in TOOLS)
    return None if here else "needs Open vSwitch: apt-get install --no-install-recommends openvswitch-switch"


def find(tool):
    return any(os.access(os.path.join(d, tool), os.X_OK) for d in os.environ.get("PATH", "").split(":") + ["/usr/sbin"])


class Refused(AssertionError):
    """Open vSwitch does not take it: the case is wrong, or needs another version."""


class Control:
    """Its control socket: JSON-RPC, as ovs-appctl speaks it."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(20)
        self.sock.connect(path)
        self.text = ""
        self.decoder = json.JSONDecoder()

    def call(self, method, *params, times=1):
        """The answer, or the last of those to so many requests at once."""
        request = json.dumps({"id": 0, "method": method, "params": list(params)}).encode()
        self.sock.sendall(request * times)
        for _ in range(times):
            result = self._answer(method)
        return result

    def _answer(self, method):
        while True:
            try:
                answer, end = self.decoder.raw_decode(self.text)
            except ValueError:
                more = self.sock.recv(65536)
                if not more:
                    raise Refused(f"ovs-vswitchd hung up on {method}") from None
                self.text += more.decode()
                continue
            self.text = self.text[end:].lstrip()
            if answer["error"] is not None:
                raise Refused(f"{method}: {answer['error'].strip()}")
            return answer["result"]

    def close(self):
        self.sock.close()


class OvsDummy:
    """A bridge with the ports 1 to 4."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.env = {f"OVS_{v}": self.folder for v in ("RUNDIR", "DBDIR", "LOGDIR", "SYSCONFDIR")}
        self.daemons = []
        self.control = None
        self.made = []  # commands that unmake what the last rules needed
        self.read_up_to = dict.fromkeys(self.ports(), PCAP_HEADER)

    @staticmethod
    def ports():
        return range(1, N_PORTS + 1)

    def start(self):
        db, server = f"{self.folder}/conf.db", f"unix:{self.folder}/db.sock"
        self.tool("ovsdb-tool", "create", db, SCHEMA)
        words = ["ovsdb-server", db, f"--remote=p{server}", f"--unixctl={self.folder}/ovsdb.ctl", "-vconsole:info"]
        self.daemons.append(Daemon(words, {0}, self.env))
        self.daemons[0].wait_line(r"ovsdb-server \(Open vSwitch\)")
        self.tool("ovs-vsctl", f"--db={server}", "--no-wait", "init")
        # As it ships it looks behind one tag only; swd looks behind two.
        self.tool("ovs-vsctl", f"--db={server}", "--no-wait", "set", "Open_vSwitch", ".", "other_config:vlan-limit=2")
        words = ["unshare", "-n", DAEMON, "--enable-dummy", server, f"--unixctl={self.folder}/vswitchd.ctl", "-vconsole:info"]
        self.daemons.append(Daemon(words, {0}, self.env))
        self.daemons[1].wait_line(r"ovs-vswitchd \(Open vSwitch\)")
        bridge = "add-br br0 -- set bridge br0 datapath_type=dummy fail-mode=secure".split()
        for n in self.ports():
            bridge += f"-- add-port br0 p{n} -- set interface p{n} type=dummy ofport_request={n} options:tx_pcap={self.pcap(n)}".split()
        self.tool("ovs-vsctl", f"--db={server}", *bridge)
        # As it ships it takes the ports of first fragments for 0; swd reads them.
        self.ofctl("set-frags", "nx-match")
        self.control = Control(f"{self.folder}/vswitchd.ctl")
        return self

    def pcap(self, port):
        return f"{self.folder}/p{port}.pcap"

    def tool(self, *words, stdin=None):
        done = subprocess.run(
            words,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=20,
            env={**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin", **self.env},
            check=False,
        )
        if done.returncode != 0:
            raise Refused(f"{' '.join(words[:5])}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def ofctl(self, command, *words, version=None, stdin=None):
        options = ["-O", f"OpenFlow{version}"] if version else []
        return self.tool("ovs-ofctl", *options, command, f"{self.folder}/br0.mgmt", *words, stdin=stdin)

    def set_rules(self, rules, groups=(), meters=(), version=None):
        """These and no others."""
        self.ofctl("del-flows")
        for command in self.made:
            self.ofctl(command, version=15)
        self.made = [c for c, texts in (("del-groups", groups), ("del-meters", meters)) if texts]
        for meter in meters:
            self.ofctl("add-meter", meter, version=15)
        for group in groups:
            self.ofctl("add-group", group, version=15)
        self.ofctl("add-flows", "-", version=version, stdin="\n".join(rules) + "\n")
        self.control.call("revalidator/purge")
        self.collect()

    def send(self, port, frame):
        """{port: [frames]} of what comes out where."""
        self.control.call("netdev-dummy/receive", f"p{port}", bytes(frame).hex())
        self.control.call("version", times=COMMANDS_A_TURN + 1)
        return self.collect()

    def settle(self):
        """Waits until megaflows are what rules, learned ones too, now say."""
        self.control.call("revalidator/wait")

    def collect(self):
        came = {}
        for n in self.ports():
            with open(self.pcap(n), "rb") as f:
                f.seek(self.read_up_to[n])
                data = f.read()
            at = 0
            while at + RECORD_HEADER <= len(data):
                length = int.from_bytes(data[at + 8 : at + 12], "little")
                came.setdefault(n, []).append(data[at + RECORD_HEADER : at + RECORD_HEADER + length])
                at += RECORD_HEADER + length
            self.read_up_to[n] += at
        return came

    def stop(self):
        if self.control is not None:
            self.control.close()
        for daemon in reversed(self.daemons):
            daemon.kill()
