"""This tree's switch."""

import os

from peer import TAP_DEVICE, BenchError, Peer, masks_of
from switch import Switch, build_dir, program

MEM_MB = 768
SET_UP = {"mem": 1280, "swd_args": ["--max-flows", "1000000"]}  # one port may have half of them
FEW_MEGAFLOWS = 64  # what other ports may have


def switch_for(folder, layout):
    """swd, in a network namespace of its own, and what speaks to it; nothing is started."""
    switch = Switch(folder, **(SET_UP if layout == "pairs" else {"mem": MEM_MB}))
    switch.swd_prefix = ["unshare", "-n"]
    return switch


class Swd(Peer):
    name = "swd"
    title = "swd"

    def __init__(self, folder, layout):
        super().__init__(folder, layout)
        self.switch = None

    @classmethod
    def missing(cls):
        for name in ("swd", "swctld", "swctl"):
            if not os.access(program(name), os.X_OK):
                return f"{name} is not in {os.path.basename(build_dir())}: run `make`, or set SWD_BUILD"
        return None

    def start(self):
        self.switch = switch_for(self.folder, self.layout)
        try:
            self.switch.start()
            self.home = self.switch.swd
            self.daemons = [self.switch.swd, self.switch.swctld]
            for name, options in self.port_options().items():
                self.switch.swctl("add-port", name, *options)
        except AssertionError as e:
            raise BenchError(f"swd: {str(e).splitlines()[0]}") from e

    def port_options(self):
        ports = {n: ["type=vhost-user", f"path={self.socket(n)}", "mode=server"] for n in self.guests()}
        if self.layout == "vm-tap":
            ports["vm2"] = ["type=dpdk", f"devargs={TAP_DEVICE}"]
        return ports

    def set_rules(self, rules):
        self.switch.set_flows(*(r.format(a="vm1", b="vm2", c="vm3", d="vm4") for r in rules))

    def work(self):
        pmds = self.switch.json("pmd", "show")["pmds"]
        return sum(p["busy_cycles"] for p in pmds), sum(p["rx_packets"] for p in pmds)

    def megaflows(self):
        return self.switch.json("dp", "show")["flows"]

    def n_rules(self):
        return self.switch.json("show")["rules"]

    def all_masks(self):
        return self.switch.json("dp", "show")["masks"]

    def swctl_words(self, *words):
        return [program("swctl"), "--run-dir", self.folder, *words]

    def forget(self, port):
        self.switch.swctl("del-port", port)
        # A port of this name has its number again, and with it the megaflows that have not gone yet.
        self.switch.wait(lambda: self.megaflows() <= FEW_MEGAFLOWS, "end of the port's megaflows", 20)
        self.switch.swctl("add-port", port, *self.port_options()[port])

    def forget_connections(self):
        self.switch.swctl("ct", "flush")

    def masks(self):
        return masks_of(f["match"] for f in self.switch.json("dp", "dump-flows")["flows"] if f["actions"] != "drop")

    def stop(self):
        super().stop()
        if self.switch is not None:
            self.switch.kill()
