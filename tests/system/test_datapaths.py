"""Datapaths beside swctld's, as OVS's dpif-netlink makes them.

    far ===veth=== near (NETDEV) --- datapath "ovs-swd" --- br0 (INTERNAL: a tap), ovs-swd (the local port)
"""

import errno

import pytest
from dp_client import *
from frames import numbered
from netns import Netns

FRAME = bytes(6) + b"\2\0\0\0\0\1\x12\x34" + bytes(50)


class World:
    def __init__(self, switch):
        self.switch = switch
        self.near = Netns(switch.swd.pid)
        self.far = Netns()
        self.near.veth("near", self.far, "far")
        self.client = DpClient(switch.run_dir)

    def ifaces(self):
        return {line.split()[1].rstrip(":").split("@")[0] for line in self.near.ip("-o", "link").splitlines()}

    def close(self):
        self.client.close()
        self.near.close()
        self.far.close()


@pytest.fixture(scope="module")
def module_world(module_switch_factory):
    switch = module_switch_factory(start=False)
    switch.swd_prefix = ["unshare", "-nm", "sh", "-c", 'mount -t sysfs none /sys && exec "$@"', "sh"]
    switch.start_swd()
    made = World(switch)
    yield made
    made.close()


@pytest.fixture
def world(module_world):
    yield module_world
    for dp in module_world.client.dump(DATAPATH):
        module_world.client.call(DATAPATH, DEL, dp=dp.dp)


def test_a_datapath_has_a_local_port_taps_and_interfaces(world):
    client = world.client
    dp = client.dp_new("ovs-swd")
    br0, near = client.port_new(dp, "br0", INTERNAL), client.port_new(dp, "near", NETDEV)
    assert (br0, near) == (1, 2)
    assert {"ovs-swd", "br0", "near"} <= world.ifaces()
    assert {p.text(PORT_NAME): p.u32(PORT_TYPE) for p in client.dump(VPORT, dp)} == {
        "ovs-swd": INTERNAL, "br0": INTERNAL, "near": NETDEV,
    }
    with pytest.raises(Refused) as refused:
        client.port_new(dp, "nowhere", NETDEV)
    assert refused.value.code == errno.ENODEV and "no interface is named nowhere" in refused.value.text

    client.flow_new(dp, near, [attr(OUTPUT, br0)], ufid=b"0123456789abcdef")
    tap, far = world.near.packet_socket("br0"), world.far.packet_socket("far")
    far.send(FRAME)
    while tap.frame() != FRAME:  # the host's own
        pass
    stats = client.one(FLOW, GET, attr(FLOW_UFID, b"0123456789abcdef"), dp=dp).attrs[FLOW_STATS]
    assert struct.unpack("=QQ", stats) == (1, len(FRAME))
    client.call(VPORT, DEL, attr(PORT_NO, br0), dp=dp)
    assert "br0" not in world.ifaces()
    client.call(DATAPATH, DEL, dp=dp)
    assert "ovs-swd" not in world.ifaces()
