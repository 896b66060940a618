"""How often a packet's payload is copied on its way: docs/copies.md, row by row.

    vm1 --- swd --- vm2, vm3, vm4, net_null, net_ring (what goes out comes in again), net_tap, net_pcap
"""

import contextlib

import pytest
from conftest import attach
from frames import *
from netns import Netns
from test_ethdev_ports import dpdk_port
from test_vhost_offloads import GSO_TCP4, header, partial, super_frame
from vhost_protocol import GUEST_OFFLOADS, HOST_OFFLOADS

N = 40
FRAME = raw(udp(payload=bytes(range(200)) * 5))  # more than a head


class Count:
    """Copies made since."""

    def __init__(self, switch):
        self.switch = switch
        self.before = self.in_all()

    def in_all(self):
        (pmd,) = self.switch.json("pmd", "stats")["pmds"]
        return pmd["copies"], pmd["misses"]

    @property
    def copies(self):
        return self.in_all()[0] - self.before[0]

    @property
    def copies_of_hits(self):
        """Where the kernel may say something of its own, which costs a copy when it is a miss."""
        copies, misses = (now - then for now, then in zip(self.in_all(), self.before))
        return copies - misses


@contextlib.contextmanager
def transmits(switch, n):
    """Waits behind its body until ports have sent so many packets, which are counted after their copies."""

    def sent():
        return sum(p["tx_packets"] for p in switch.json("stats")["ports"])

    def rounds():
        return sum(pmd["iterations"] for pmd in switch.json("pmd", "stats")["pmds"])

    began = rounds()
    switch.wait(lambda: rounds() > began + 1, "end of what was sent before")
    before = sent()
    yield Count(switch)
    switch.wait(lambda: sent() - before >= n, f"{n} packets sent by ports")
    assert sent() - before == n


def send_one_by_one(sender, receivers, frame=FRAME, n=N):
    for i in range(n):
        sender.send(numbered(frame, i))
        for receiver in receivers:
            receiver.recv()


@pytest.mark.parametrize(
    "actions, receivers",
    [
        ("output:vm2", ["vm2"]),
        ("mod_vlan_vid:7,mod_tp_dst:9,output:vm2", ["vm2"]),
        ("output:vm2,output:vm3", ["vm2", "vm3"]),
        ("output:vm2,mod_vlan_vid:7,output:vm3,mod_tp_dst:9,output:vm4", ["vm2", "vm3", "vm4"]),
        ("flood", ["vm2", "vm3", "vm4"]),
    ],
)
def test_from_guest_to_guests_each_receiver_costs_one(net, actions, receivers):
    net.set_flows(f"in_port=vm1,udp,actions={actions}")
    receivers = [getattr(net, name) for name in receivers]
    with transmits(net.switch, len(receivers)):
        send_one_by_one(net.vm1, receivers, n=1)
    with transmits(net.switch, N * len(receivers)) as count:
        send_one_by_one(net.vm1, receivers)
    assert count.copies == N * len(receivers)


@pytest.mark.parametrize("length", [60, 128, 129, 1514, 9000])
def test_one_copy_whatever_the_length(net, length):
    net.set_flows("in_port=vm1,actions=output:vm2")
    frame = raw(udp(payload=bytes(length - 42)))
    with transmits(net.switch, 1):
        send_one_by_one(net.vm1, [net.vm2], frame, 1)
    with transmits(net.switch, N) as count:
        send_one_by_one(net.vm1, [net.vm2], frame)
    assert count.copies == N


def test_what_is_dropped_costs_nothing(net):
    net.set_flows("in_port=vm1,actions=drop")
    net.vm1.send(FRAME)
    net.switch.wait(lambda: net.switch.megaflows("in_port(vm1)"), "megaflow")
    count, before = Count(net.switch), net.switch.drops().get(("vm1", "flow-drop"), 0)
    net.vm1.send(*[FRAME] * N)
    net.switch.wait_drop("vm1", "flow-drop", before + N - 1)
    assert count.copies == 0


def test_a_miss_costs_one_and_its_way_on_another(net, newcomer):
    net.set_flows("actions=output:vm2")
    with transmits(net.switch, 1) as count:
        newcomer.send(FRAME)
        net.vm2.recv()
    assert count.copies == 2


DEVICES = ["net_null8,no-rx=1", "net_tap8,iface=swtap8", "net_pcap8,tx_pcap={run_dir}/out.pcap"]


@pytest.mark.parametrize("devargs", DEVICES, ids=lambda d: d.split(",")[0][:-1])
def test_from_guest_to_a_device_costs_one(net, run_dir, devargs):
    with dpdk_port(net.switch, "dev", devargs.format(run_dir=run_dir)):
        for receivers in ([], [net.vm2]):
            net.set_flows(",".join(["in_port=vm1,actions=output:dev", *(f"output:{r.name}" for r in receivers)]))
            ports = 1 + len(receivers)
            with transmits(net.switch, ports):
                send_one_by_one(net.vm1, receivers, n=1)
            with transmits(net.switch, N * ports) as count:
                send_one_by_one(net.vm1, receivers)
            assert count.copies_of_hits == N * ports


@pytest.mark.parametrize(
    "onward, guests",
    [
        (["vm2"], 1),
        (["vm2", "vm3"], 2),
        (["null"], 0),
        (["null", "null2"], 0),
        (["null", "vm2"], 1),
    ],
    ids=str,
)
def test_from_a_device_each_guest_costs_one_and_a_device_nothing(net, onward, guests):
    """Each packet comes in twice: from vm1, and from the ring; the way into the ring costs one."""
    receivers = [getattr(net, name) for name in onward if name.startswith("vm")]
    with dpdk_port(net.switch, "ring", "net_ring8"), dpdk_port(net.switch, "null", "net_null9,no-rx=1"):
        with dpdk_port(net.switch, "null2", "net_null10,no-rx=1"):
            outputs = ",".join(f"output:{name}" for name in onward)
            net.set_flows("in_port=vm1,actions=output:ring", f"in_port=ring,actions={outputs}")
            with transmits(net.switch, 1 + len(onward)):
                send_one_by_one(net.vm1, receivers, n=1)
            with transmits(net.switch, N + N * len(onward)) as count:
                send_one_by_one(net.vm1, receivers)
            assert count.copies == N + N * guests


def test_from_a_tap_to_a_guest_costs_one(net):
    with dpdk_port(net.switch, "tap", "net_tap9,iface=swtap9"):
        sock = Netns(net.switch.swd.pid).packet_socket("swtap9")
        try:
            # The kernel sends frames of its own: only ours go on.
            net.set_flows(f"in_port=tap,dl_dst={DST},actions=output:vm2", "priority=1,actions=drop")
            with transmits(net.switch, 1):
                sock.send(FRAME)
                net.vm2.recv()
            with transmits(net.switch, N) as count:
                for _ in range(N):
                    sock.send(FRAME)
                    net.vm2.recv()
            assert count.copies_of_hits == N
        finally:
            sock.close()


SEGMENTS = 20


@contextlib.contextmanager
def offloading_guest(net, name, features):
    guest = attach(net.switch, name, features=features)
    try:
        net.switch.wait_link(name)
        yield guest
    finally:
        net.swctl("del-port", name)
        guest.close()


@pytest.fixture
def sender(net):
    """A guest that leaves work to others."""
    with offloading_guest(net, "sender", HOST_OFFLOADS) as guest:
        yield guest


def test_a_frame_to_be_segmented_costs_one_where_it_passes_whole(net, sender):
    with offloading_guest(net, "taker", HOST_OFFLOADS | GUEST_OFFLOADS) as taker:
        net.set_flows("in_port=sender,actions=output:taker")
        with transmits(net.switch, 1):
            send_one_by_one(sender, [taker], n=1)
        frame, l4, _ = super_frame(4, 60000)
        with transmits(net.switch, 1) as count:
            sender.send(frame, hdr=header(l4, GSO_TCP4, 1448))
            assert taker.recv() == frame
        assert count.copies == 1


def test_a_frame_that_the_switch_segments_costs_two(net, sender):
    net.set_flows("in_port=sender,actions=output:vm2")
    with transmits(net.switch, 1):
        send_one_by_one(sender, [net.vm2], n=1)
    frame, l4, _ = super_frame(4, SEGMENTS * 1448)
    with transmits(net.switch, SEGMENTS) as count:
        sender.send(frame, hdr=header(l4, GSO_TCP4, 1448))
        net.vm2.recv_n(SEGMENTS)
    assert count.copies == 2 * SEGMENTS  # of a segment's payload


def test_a_checksum_that_the_switch_completes_costs_no_copy(net, sender):
    net.set_flows("in_port=sender,actions=output:vm2")
    with transmits(net.switch, 1):
        send_one_by_one(sender, [net.vm2], n=1)
    frame, l4, whole = partial(4, bytes(1000))
    with transmits(net.switch, 1) as count:
        sender.send(frame, hdr=header(l4))
        assert net.vm2.recv() == whole
    assert count.copies == 1
