"""This tree's switch under ovs-vswitchd, which `make ovs-plugin` builds, in place of swctld. Nothing else differs from peer_swd.py."""

import os
import struct

from dp_client import DUMP, PMD_GET, SWD, DpClient
from peer import GENERATOR_CORE, BenchError, entering
from peer_openvswitch import SCHEMA, OpenVswitch
from peer_swd import Swd, switch_for
from switch import program

VSWITCHD = "ovs/openvswitch/swd/ovs-vswitchd"
BUSY_CYCLES, RX_PACKETS = 5, 7  # SWD_PMD_ATTR_*


class SwdOvs(OpenVswitch):
    name = "swd-ovs"
    title = "swd under ovs-vswitchd"
    datapath_type = "swd"

    @classmethod
    def missing(cls):
        if not os.path.exists(SCHEMA):
            return "apt-get install --no-install-recommends openvswitch-switch"
        if not os.access(program(VSWITCHD), os.X_OK):
            return "ovs-vswitchd with our datapath is not built: run `make ovs-plugin`"
        return Swd.missing()

    def __init__(self, folder, layout):
        super().__init__(folder, layout)
        self.env["SWD_DATAPATH_SOCKET"] = f"{folder}/datapath.sock"

    def start(self):
        self.start_db()
        try:
            self.home = switch_for(self.folder, self.layout).start_swd()
        except AssertionError as e:
            raise BenchError(f"{self.title}: {str(e).splitlines()[0]}") from e
        self.daemons.append(self.home)
        words = [*entering(self.home.pid), program(VSWITCHD), "--disable-system", "-vconsole:info"]
        self.start_vswitchd(words, {GENERATOR_CORE}, r"ovs-vswitchd \(Open vSwitch\)")
        self.make_bridge()

    def work(self):
        with DpClient(self.folder) as client:
            pmds = client.call(SWD, PMD_GET, flags=DUMP)
        return tuple(sum(struct.unpack("=Q", p.attrs[kind])[0] for p in pmds if kind in p.attrs) for kind in (BUSY_CYCLES, RX_PACKETS))
