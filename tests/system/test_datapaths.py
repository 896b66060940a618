"""Datapaths beside swctld's, as OVS's dpif-netlink makes them.

    far ===veth=== near (NETDEV) --- datapath "ovs-swd" --- br0 (INTERNAL: a tap), ovs-swd (the local port)
                                     datapath "swd"     --- sink            of swctld, in the same swd
"""

import errno

import pytest
from dp_client import *
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
    switch.start()
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
    assert (br0, near) == (512, 513)
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


def test_misses_go_to_the_handlers_and_need_not_come_back(world):
    client = world.client
    dp = client.dp_new("ovs-swd")
    br0, near = client.port_new(dp, "br0", INTERNAL), client.port_new(dp, "near", NETDEV)
    tap, far = world.near.packet_socket("br0"), world.far.packet_socket("far")
    with DpClient(world.switch.run_dir) as handler:
        client.call(DATAPATH, SET, attr(DP_FEATURES, PER_CPU), attr(DP_PIDS, handler.pid()), dp=dp)
        for executed in (True, False):
            far.send(FRAME)
            miss = handler.next_unasked()
            while attrs(miss.attrs[PACKET_KEY])[KEY_IN_PORT] != struct.pack("=I", near):
                miss = handler.next_unasked()  # the host's own, on its taps
            assert (miss.family, miss.cmd, miss.dp) == (PACKET, MISS, dp)
            assert miss.attrs[PACKET_DATA] == FRAME
            if executed:
                key = attr(PACKET_KEY, miss.attrs[PACKET_KEY])
                client.call(PACKET, EXECUTE, attr(PACKET_DATA, FRAME), key, attr(PACKET_ACTIONS, [attr(OUTPUT, br0)]), dp=dp)
                while tap.frame() != FRAME:
                    pass
    # Nobody is owed the second one: vswitchd drops by not executing.
    (told,) = [p for p in client.dump(VPORT, dp) if p.text(PORT_NAME) == "near"]
    assert b"upcall-lost" not in told.attrs[PORT_OPTIONS]


def test_swctld_and_another_control_daemon_share_swd(world):
    client, switch = world.client, world.switch
    switch.swctl("add-port", "sink", "type=null")
    dp = client.dp_new("ovs-swd")
    br0 = client.port_new(dp, "br0", INTERNAL)
    assert br0 >= 512, "numbers that swctld's ports may have"
    assert [p["name"] for p in switch.json("list-ports")["ports"]] == ["sink"]
    assert "sink" not in [p.text(PORT_NAME) for p in client.dump(VPORT, dp)]
    client.flow_new(dp, br0, [])
    with pytest.raises(Refused) as refused:
        client.flow_new(1, br0, [])
    assert refused.value.code == errno.EINVAL and "another datapath" in refused.value.text
    switch.set_flows("actions=drop")
    switch.swctld.kill()
    switch.start_swctld()
    switch.wait(lambda: switch.json("show")["swd"]["connected"], "connection")
    switch.settle()
    assert len(client.dump(FLOW, dp)) == 1, "swctld deletes what is not its own"
    switch.swctl("del-port", "sink")


def test_swctl_counts_its_own_and_names_what_is_not(world):
    """Open vSwitch's probes are packets of no port, too."""
    client, switch = world.client, world.switch
    dp = client.dp_new("ovs-swd")
    br0 = client.port_new(dp, "br0", INTERNAL)
    client.flow_new(dp, br0, [])
    switch.settle()
    before = switch.json("drops")["drops"]
    client.call(PACKET, EXECUTE, attr(PACKET_DATA, FRAME), attr(PACKET_KEY, []), attr(PACKET_ACTIONS, []), dp=dp)

    def others(drops):
        return sum(d["packets"] for d in drops if (d["port"], d["reason"]) == ("(others)", "flow-drop"))

    switch.wait(lambda: others(switch.json("drops")["drops"]) == others(before) + 1, "drop, which a PMD counts")
    assert "(gone)" not in switch.swctl("drops")
    own = len(switch.json("dp", "dump-flows")["flows"])
    told = switch.json("dp", "show")
    assert (told["flows"], told["all_flows"]) == (own, own + 1)
    assert switch.json("show")["megaflows"] == own
    assert "1 of other control daemons of at most" in switch.swctl("dp", "show")
    switch.swctl("add-port", "own", "type=null")
    queues = [q for pmd in switch.json("pmd", "show")["pmds"] for q in pmd["rxqs"]]
    assert {q["port"]: q["foreign"] for q in queues} == {"own": False, "br0": True, "ovs-swd": True}
    assert "of another control daemon" in switch.swctl("pmd", "show")
    switch.swctl("del-port", "own")
