"""DPDK's testpmd between two net_vhost ports in io mode: no lookup at all, the bound that librte_vhost allows."""

import shutil

from peer import GENERATOR_CORE, Peer
from switch import ALL_CORES, PMD_CORE, Daemon

MEM_MB = 512


class Testpmd(Peer):
    name = "testpmd"
    title = "testpmd io"

    @classmethod
    def missing(cls):
        return None if shutil.which("dpdk-testpmd") else "apt-get install --no-install-recommends dpdk-dev"

    def start(self):
        eal = ["--no-pci", "--in-memory", "-m", MEM_MB, "-l", f"{GENERATOR_CORE},{PMD_CORE}", "--main-lcore", GENERATOR_CORE]
        for i, name in enumerate(("vm1", "vm2")):
            # Segmentation offload only passes through io mode in its old, marked form.
            tso = ",tso=1,legacy-ol-flags=1" if self.layout == "tso" else ""
            eal += ["--vdev", f"net_vhost{i},iface={self.socket(name)},queues=1{tso}"]
        # A period of statistics, however long, keeps it from waiting for Enter.
        own = ["--forward-mode=io", "--no-lsc-interrupt", "--no-flush-rx", "--nb-cores=1", "--stats-period=1000000"]
        self.home = Daemon(["dpdk-testpmd", *eal, "--", *own], ALL_CORES)
        self.daemons = [self.home]
        self.home.wait_line(r"io packet forwarding")
