"""Open vSwitch with DPDK, from Debian's packages, as it ships and with its settings."""

import os

from peer import GENERATOR_CORE, number
from peer_openvswitch import SCHEMA, OpenVswitch
from switch import ALL_CORES, PMD_CORE

DAEMON = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
MEM_MB = 1024

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


class Ovs(OpenVswitch):
    name = "ovs"
    title = "OVS-DPDK"
    datapath_type = "netdev"

    @classmethod
    def missing(cls):
        if not os.access(DAEMON, os.X_OK) or not os.path.exists(SCHEMA):
            return "apt-get install --no-install-recommends openvswitch-switch openvswitch-switch-dpdk"
        return None

    def __init__(self, folder, layout):
        super().__init__(folder, layout)
        self.settings = None

    def start(self):
        self.start_db(*self.boot_settings())
        ready = r"ovs-vswitchd-dpdk \(Open vSwitch\)|dpdk.*DPDK Enabled"
        self.home = self.start_vswitchd(["unshare", "-n", DAEMON], ALL_CORES, ready)
        self.make_bridge()

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
        ports = super().port_words()
        if self.layout == "vm-tap":
            # Two receive queues: OVS wants two to send, one for each of its threads, and net_tap as many of either kind.
            ports["vm2"].append("options:n_rxq=2")
        return ports

    def apply(self, settings):
        if settings == self.settings:
            return
        full = {**AS_SHIPPED, **settings}
        self.vsctl("set", "Open_vSwitch", ".", *(f"other_config:{k}={v}" for k, v in full.items()))
        self.settings = settings

    def work(self):
        said = self.appctl("dpif-netdev/pmd-stats-show")
        pmd = said[said.index("pmd thread") :].split("main thread")[0]
        return number(pmd, r"processing cycles: (\d+)"), number(pmd, r"packets received: (\d+)")
