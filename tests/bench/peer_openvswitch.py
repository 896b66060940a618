"""Open vSwitch's part of a peer, whatever its datapath: database, ovs-vswitchd, a bridge with its ports, the tools."""

import os

from peer import GENERATOR_CORE, TAP_DEVICE, BenchError, Peer, command, masks_of, number
from switch import Daemon

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
FLOW_LIMIT = 500_000  # more than any scenario needs


class OpenVswitch(Peer):
    datapath_type = ""

    def __init__(self, folder, layout):
        super().__init__(folder, layout)
        self.env = {f"OVS_{v}": folder for v in ("RUNDIR", "DBDIR", "LOGDIR", "SYSCONFDIR")}
        self.db = f"unix:{folder}/db.sock"
        self.control = f"{folder}/vswitchd.ctl"

    def start_db(self, *settings):
        """Settings are those of the table Open_vSwitch."""
        file = f"{self.folder}/conf.db"
        command("ovsdb-tool", "create", file, SCHEMA, env=self.env)
        words = ["ovsdb-server", file, f"--remote=punix:{self.folder}/db.sock", f"--unixctl={self.folder}/ovsdb.ctl"]
        # Its own word for being ready: --detach returns then, but would take the process out of our hands.
        server = Daemon([*words, "-vconsole:info"], {GENERATOR_CORE}, self.env)
        self.daemons.append(server)
        server.wait_line(r"ovsdb-server \(Open vSwitch\)")
        self.vsctl("--no-wait", "init", *(["--", "set", "Open_vSwitch", ".", *settings] if settings else []))

    def start_vswitchd(self, words, cores, ready):
        """words: what starts it, in the right place."""
        vswitchd = Daemon([*words, self.db, f"--unixctl={self.control}", "-vsyslog:off"], cores, self.env)
        self.daemons.append(vswitchd)
        vswitchd.wait_line(ready)
        return vswitchd

    def make_bridge(self):
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", f"datapath_type={self.datapath_type}", "fail-mode=secure")
        for i, (port, words) in enumerate(self.port_words().items()):
            self.vsctl("add-port", "br0", port, "--", "set", "interface", port, f"ofport_request={i + 1}", *words)
            problem = self.vsctl("get", "interface", port, "error").strip()
            if problem != "[]":
                raise BenchError(f"{self.title}: port {port}: {problem}")

    def port_words(self):
        if self.layout == "tso":  # OVS-DPDK offers offloads only where it is the client
            return {n: ["type=dpdkvhostuserclient", f"options:vhost-server-path={self.socket(n)}"] for n in self.guests()}
        ports = {n: ["type=dpdkvhostuser"] for n in self.guests()}
        if self.layout == "vm-tap":
            ports["vm2"] = ["type=dpdk", f"options:dpdk-devargs={TAP_DEVICE}"]
        return ports

    def ports(self):
        return [p.replace("vhost:", "vhost-listen:") if self.layout == "tso" else p for p in super().ports()]

    def socket(self, port):
        return os.path.join(self.folder, port)

    def vsctl(self, *words):
        return command("ovs-vsctl", f"--db={self.db}", "--timeout=20", *words, env=self.env)

    def appctl(self, *words):
        return command("ovs-appctl", "-t", self.control, *words)

    def set_rules(self, rules):
        file = f"{self.folder}/rules"
        with open(file, "w", encoding="ascii") as f:
            f.writelines(r.format(a=1, b=2, c=3, d=4) + "\n" for r in rules)
        command("ovs-ofctl", "--bundle", "replace-flows", f"unix:{self.folder}/br0.mgmt", file, env=self.env)
        self.appctl("revalidator/wait")

    def megaflows(self):
        return int(number(self.appctl("dpctl/show"), r"flows: (\d+)"))

    def n_rules(self):
        said = command("ovs-ofctl", "dump-aggregate", f"unix:{self.folder}/br0.mgmt", env=self.env)
        return int(number(said, r"flow_count=(\d+)"))

    def flows(self):
        return [f for f in self.appctl("dpctl/dump-flows", "-m", "--names").splitlines() if "ufid:" in f]

    def all_masks(self):
        return masks_of(match_of(f) for f in self.flows())

    def masks(self):
        return masks_of(match_of(f) for f in self.flows() if "actions:drop" not in f)

    def forget(self, port):
        # It begins with a limit of 10,000 megaflows and raises it by 1,000 a time: this is where it ends when all goes well.
        self.appctl("upcall/set-flow-limit", FLOW_LIMIT)
        self.appctl("revalidator/purge")

    def forget_connections(self):
        self.appctl("dpctl/flush-conntrack")


def match_of(flow):
    return flow.partition(", packets:")[0].partition(", ")[2]
