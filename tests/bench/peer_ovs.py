"""Open vSwitch with DPDK, from Debian's packages, as it ships and with its settings."""

import os

from peer import GENERATOR_CORE, TAP_DEVICE, BenchError, Peer, command, masks_of, number
from switch import ALL_CORES, PMD_CORE, Daemon

DAEMON = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
MEM_MB = 1024
FLOW_LIMIT = 500_000  # more than any scenario needs

# What its documentation offers for one PMD and many flows. One is as it ships; bench takes the best by measurement.
AS_SHIPPED = {"smc-enable": "false", "emc-insert-inv-prob": "100", "tx-flush-interval": "0"}
SETTINGS = {
    "as shipped": {},
    "emc always": {"emc-insert-inv-prob": "1"},
    "emc off": {"emc-insert-inv-prob": "0"},
    "smc, emc off": {"smc-enable": "true", "emc-insert-inv-prob": "0"},
    "smc, emc 1/100": {"smc-enable": "true"},
    "smc, emc always": {"smc-enable": "true", "emc-insert-inv-prob": "1"},
    "emc off, tx flush 50 us": {"emc-insert-inv-prob": "0", "tx-flush-interval": "50"},
}


class Ovs(Peer):
    name = "ovs"
    title = "OVS-DPDK"

    @classmethod
    def missing(cls):
        if not os.access(DAEMON, os.X_OK) or not os.path.exists(SCHEMA):
            return "apt-get install --no-install-recommends openvswitch-switch openvswitch-switch-dpdk"
        return None

    def __init__(self, folder, layout):
        super().__init__(folder, layout)
        self.settings = None
        self.env = {f"OVS_{v}": folder for v in ("RUNDIR", "DBDIR", "LOGDIR", "SYSCONFDIR")}
        self.db = f"unix:{folder}/db.sock"
        self.control = f"{folder}/vswitchd.ctl"

    def start(self):
        file = f"{self.folder}/conf.db"
        command("ovsdb-tool", "create", file, SCHEMA, env=self.env)
        server = ["ovsdb-server", file, f"--remote=punix:{self.folder}/db.sock", f"--unixctl={self.folder}/ovsdb.ctl"]
        # Its own word for being ready: --detach returns then, but would take the process out of our hands.
        self.daemons = [Daemon([*server, "-vconsole:info"], {GENERATOR_CORE}, self.env)]
        self.daemons[0].wait_line(r"ovsdb-server \(Open vSwitch\)")
        self.vsctl("--no-wait", "init", "--", "set", "Open_vSwitch", ".", *self.boot_settings())
        vswitchd = ["unshare", "-n", DAEMON, self.db, f"--unixctl={self.control}"]
        self.daemons.append(Daemon(vswitchd, ALL_CORES, self.env))
        self.home = self.daemons[1]
        self.home.wait_line(r"ovs-vswitchd-dpdk \(Open vSwitch\)|dpdk.*DPDK Enabled")
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail-mode=secure")
        for i, (port, words) in enumerate(self.port_words().items()):
            self.vsctl("add-port", "br0", port, "--", "set", "interface", port, f"ofport_request={i + 1}", *words)
            problem = self.vsctl("get", "interface", port, "error").strip()
            if problem != "[]":
                raise BenchError(f"OVS: port {port}: {problem}")

    def boot_settings(self):
        settings = {
            "dpdk-init": "true",
            "dpdk-socket-mem": MEM_MB,
            "pmd-cpu-mask": hex(1 << PMD_CORE),
            "dpdk-lcore-mask": hex(1 << GENERATOR_CORE),
            "dpdk-extra": "--no-pci --in-memory",
            "userspace-tso-enable": "true" if self.layout == "tso" else "false",
            **AS_SHIPPED,
        }
        return [f"other_config:{k}={v}" if " " not in str(v) else f'other_config:{k}="{v}"' for k, v in settings.items()]

    def port_words(self):
        if self.layout == "tso":  # it offers offloads only where it is the client
            return {n: ["type=dpdkvhostuserclient", f"options:vhost-server-path={self.socket(n)}"] for n in ("vm1", "vm2")}
        ports = {n: ["type=dpdkvhostuser"] for n in self.guests()}
        if self.layout == "vm-tap":
            # Two receive queues: OVS wants two to send, one for each of its threads, and net_tap as many of either kind.
            ports["vm2"] = ["type=dpdk", f"options:dpdk-devargs={TAP_DEVICE}", "options:n_rxq=2"]
        return ports

    def ports(self):
        return [p.replace("vhost:", "vhost-listen:") if self.layout == "tso" else p for p in super().ports()]

    def socket(self, port):
        return os.path.join(self.folder, port)

    def vsctl(self, *words):
        return command("ovs-vsctl", f"--db={self.db}", *words, env=self.env)

    def set_rules(self, rules):
        file = f"{self.folder}/rules"
        with open(file, "w", encoding="ascii") as f:
            f.writelines(r.format(a=1, b=2, c=3, d=4) + "\n" for r in rules)
        command("ovs-ofctl", "--bundle", "replace-flows", f"unix:{self.folder}/br0.mgmt", file, env=self.env)
        command("ovs-appctl", "-t", self.control, "revalidator/wait")

    def apply(self, settings):
        if settings == self.settings:
            return
        full = {**AS_SHIPPED, **settings}
        self.vsctl("set", "Open_vSwitch", ".", *(f"other_config:{k}={v}" for k, v in full.items()))
        self.settings = settings

    def work(self):
        said = command("ovs-appctl", "-t", self.control, "dpif-netdev/pmd-stats-show")
        pmd = said[said.index("pmd thread") :].split("main thread")[0]
        return number(pmd, r"processing cycles: (\d+)"), number(pmd, r"packets received: (\d+)")

    def megaflows(self):
        said = command("ovs-appctl", "-t", self.control, "dpctl/show")
        return int(number(said, r"flows: (\d+)"))

    def n_rules(self):
        said = command("ovs-ofctl", "dump-aggregate", f"unix:{self.folder}/br0.mgmt", env=self.env)
        return int(number(said, r"flow_count=(\d+)"))

    def all_masks(self):
        flows = command("ovs-appctl", "-t", self.control, "dpctl/dump-flows", "-m", "--names").splitlines()
        return masks_of(f.partition(", packets:")[0].partition(", ")[2] for f in flows if "ufid:" in f)

    def forget(self, port):
        # It begins with a limit of 10,000 megaflows and raises it by 1,000 a time: this is where it ends when all goes well.
        command("ovs-appctl", "-t", self.control, "upcall/set-flow-limit", FLOW_LIMIT)
        command("ovs-appctl", "-t", self.control, "revalidator/purge")

    def forget_connections(self):
        command("ovs-appctl", "-t", self.control, "dpctl/flush-conntrack")

    def masks(self):
        flows = command("ovs-appctl", "-t", self.control, "dpctl/dump-flows", "-m", "--names").splitlines()
        matches = (f.partition(", packets:")[0].partition(", ")[2] for f in flows if "ufid:" in f and "actions:drop" not in f)
        return masks_of(matches)
