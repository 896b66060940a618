"""vhost-user ports in both roles, with every kind of ring, and their reconnection.

    a (guest) --- swd --- b (guest)       "server": swd listens; "client": the guest's side listens

One switch for the module; each test has ports of its own.
"""

import itertools
import os

import pytest
from conftest import attach
from frames import *
from vhost_frontend import VhostFrontend, wait_path
from vhost_protocol import Refused

MODES = ["server", "client"]
_serial = itertools.count()


@pytest.fixture(scope="module")
def roles_switch(module_switch_factory):
    return module_switch_factory()


class Pair:
    """Two ports of their own with rules from one to the other and back."""

    def __init__(self, switch):
        self.switch = switch
        self.guests = []

    def add(self, **kw):
        guest = attach(self.switch, f"p{next(_serial)}", **kw)
        self.guests.append(guest)
        self.switch.wait_link(guest.name)
        return guest

    def connect(self, a, b):
        self.switch.set_flows(f"in_port={a.name},actions=output:{b.name}", f"in_port={b.name},actions=output:{a.name}")

    def path(self, **kw):
        a, b = self.add(**kw), self.add(**kw)
        self.connect(a, b)
        return a, b

    def close(self):
        for guest in self.guests:
            guest.close()
        for port in self.switch.json("list-ports")["ports"]:
            self.switch.swctl("del-port", port["name"])


@pytest.fixture
def pair(roles_switch):
    pair = Pair(roles_switch)
    yield pair
    pair.close()


def exchange(a, b, n=64, queue=0, size=100):
    """Frames both ways, in bursts; each arrives once, whole and in order."""
    head = raw(udp())
    for sender, receiver in ((a, b), (b, a)):
        frames = [head + os.urandom(size) + i.to_bytes(8, "big") for i in range(n)]
        for i in range(0, n, 32):
            sender.send(*frames[i : i + 32], queue=queue)
            assert receiver.recv_n(min(32, n - i)) == frames[i : i + 32]


def settle(a, b):
    """After a reconnection: waits until the way is open in both directions."""
    for sender, receiver in ((a, b), (b, a)):
        wait_path(sender, receiver, raw(udp()))


RINGS = {
    "split": {},
    "split, event index": {"event_idx": True},
    "split, indirect": {"indirect": True},
    "split, header apart": {"tx_layout": "two"},
    "split, many descriptors": {"tx_layout": "64"},
    "split, in order": {"in_order": True, "tx_layout": "64"},
    "split, header apart in receive buffers": {"mergeable": False, "rx_layout": "two"},
    "split, receive buffers indirect": {"mergeable": False, "rx_layout": "two", "indirect": True},
    "split, not mergeable": {"mergeable": False},
    "split, legacy driver": {"legacy": True, "mergeable": False, "tx_layout": "two"},
    "split, legacy driver, mergeable": {"legacy": True},
    "split, front end without protocol features": {"protocol": False},
    "split, ring of 64": {"ring_size": 64},
    "split, ring of 1024": {"ring_size": 1024},
    "packed": {"packed": True},
    "packed, event index": {"packed": True, "event_idx": True},
    "packed, indirect": {"packed": True, "indirect": True},
    "packed, many descriptors": {"packed": True, "tx_layout": "64"},
    "packed, in order": {"packed": True, "in_order": True, "tx_layout": "64"},
    "packed, all": {"packed": True, "in_order": True, "indirect": True, "event_idx": True, "tx_layout": "64"},
    "packed, header apart in receive buffers": {"packed": True, "mergeable": False, "rx_layout": "two"},
    "packed, not mergeable": {"packed": True, "mergeable": False},
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("ring", RINGS)
def test_every_kind_of_ring_carries_traffic(pair, mode, ring):
    a, b = pair.path(mode=mode, **RINGS[ring])
    exchange(a, b, 640)
    for size in (0, 1, 1400):
        exchange(a, b, 8, size=size)


@pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
def test_a_long_frame_is_spread_over_mergeable_buffers(pair, packed):
    a, b = pair.path(packed=packed)
    frame = raw(udp(payload=os.urandom(8000)))
    a.send(frame)
    assert b.recv() == frame
    assert len(b.last_used_lens) == -(-(len(frame) + 12) // 2048)
    assert sum(b.last_used_lens) == len(frame) + 12


def test_a_frame_too_long_for_a_buffer_is_a_counted_drop(pair):
    """Without mergeable buffers a frame has to fit into one."""
    a, b = pair.path(mergeable=False)
    a.send(raw(udp(payload=bytes(3000))))
    pair.switch.wait_drop(b.name, "mtu")
    exchange(a, b, 8)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
def test_two_queues_both_carry(pair, mode, packed):
    a, b = pair.path(mode=mode, queues=2, packed=packed)
    assert a.max_queues >= 2
    for queue in (0, 1):
        exchange(a, b, 64, queue=queue)
    port = pair.switch.port(a.name)
    assert (port["rx_queues"], port["tx_queues"]) == (2, 2)


def test_fewer_queues_than_configured_work(pair):
    switch = pair.switch
    name = f"p{next(_serial)}"
    path = f"{switch.run_dir}/{name}.sock"
    switch.swctl("add-port", name, "type=vhost-user", f"path={path}", "mode=server", "queues=4")
    a = VhostFrontend(path, name=name, queues=1).start()
    pair.guests.append(a)
    switch.wait_link(name)
    b = pair.add()
    pair.connect(a, b)
    exchange(a, b)


def test_more_queues_than_configured_are_not_offered(pair):
    switch = pair.switch
    name = f"p{next(_serial)}"
    path = f"{switch.run_dir}/{name}.sock"
    switch.swctl("add-port", name, "type=vhost-user", f"path={path}", "mode=server", "queues=2")
    a = VhostFrontend(path, name=name, queues=3)
    pair.guests.append(a)
    with pytest.raises(Refused, match="3 queues wanted, the switch has 2"):
        a.start()
    a.hang_up()
    a.queues = a.enable = 2
    a.start()
    switch.wait_link(name)
    b = pair.add()
    pair.connect(a, b)
    exchange(a, b)


def test_a_queue_pair_that_is_disabled_gets_nothing(pair):
    """A guest with two queues of which its driver uses one."""
    a = pair.add()
    b = pair.add(queues=2, enable=1)
    pair.connect(a, b)
    for i in range(64):
        a.send(raw(udp(sport=4000 + i)))
        b.recv(queue=0)
    b.expect_none(0.02, queue=1)


def test_a_queue_pair_enabled_later_works(pair):
    a = pair.add()
    b = pair.add(queues=2, enable=1)
    pair.connect(a, b)
    exchange(a, b, 8)
    b.set_enabled(1, True)
    exchange(a, b, 64)
    for _ in range(100):
        b.send(raw(udp()), queue=1)
        a.recv()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
def test_a_killed_guest_takes_the_link_down_and_brings_it_up_again(pair, mode, packed):
    a, b = pair.path(mode=mode, packed=packed)
    exchange(a, b, 32)
    a.hang_up()
    pair.switch.wait_link(a.name, "down")
    assert pair.switch.port(a.name)["reason"]
    assert pair.switch.port(b.name)["link"] == "up"
    a.start()
    pair.switch.wait_link(a.name, "up")
    settle(a, b)
    exchange(a, b, 64)


@pytest.mark.parametrize("mode", MODES)
def test_packets_to_a_dead_guest_are_counted_and_others_do_not_notice(pair, mode):
    a, b = pair.path(mode=mode)
    c = pair.add()
    pair.switch.set_flows(f"in_port={a.name},udp,actions=output:{b.name}", f"in_port={a.name},tcp,actions=output:{c.name}")
    b.hang_up()
    pair.switch.wait_link(b.name, "down")
    for i in range(10):
        a.send(raw(udp()), raw(tcp()))
        c.recv()
    pair.switch.wait_drop(b.name, "port-down")
    c.expect_none(0.02)


@pytest.mark.parametrize("mode", MODES)
def test_a_guest_goes_on_with_its_rings_after_a_lost_connection(pair, mode):
    """What QEMU does when the back end comes back: same rings, base taken from the used index."""
    a, b = pair.path(mode=mode)
    exchange(a, b, 100)
    a.hang_up()
    pair.switch.wait_link(a.name, "down")
    a.restart()
    pair.switch.wait_link(a.name, "up")
    settle(a, b)
    exchange(a, b, 600)


@pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
def test_a_stopped_ring_says_where_it_stood(pair, packed):
    """GET_VRING_BASE: migration and reconnection live on it."""
    a, b = pair.path(packed=packed)
    exchange(a, b, 100)
    sent = a.tx[0].ring
    bases = a.stop()
    if packed:
        assert bases[1] & 0xFFFF == sent.next_avail | sent.avail_wrap << 15
    else:
        assert bases[1] == sent.avail_idx == 100


def test_a_guest_that_stops_and_starts_its_device_goes_on(pair):
    """A driver that is unloaded and loaded again, ten times."""
    a, b = pair.path()
    for _ in range(10):
        a.stop()
        a.start()
        pair.switch.wait_link(a.name)
        settle(a, b)
    exchange(a, b, 64)


def test_a_client_port_waits_for_a_guest_that_comes_late(pair):
    switch = pair.switch
    name = f"p{next(_serial)}"
    path = f"{switch.run_dir}/{name}.sock"
    switch.swctl("add-port", name, "type=vhost-user", f"path={path}", "mode=client", "queues=1")
    port = switch.port(name)
    assert port["link"] == "down" and port["reason"]
    a = VhostFrontend(path, mode="client", name=name)
    pair.guests.append(a)
    a.start()
    switch.wait_link(name)
    b = pair.add()
    pair.connect(a, b)
    exchange(a, b)


def test_a_second_guest_on_a_taken_server_port_disturbs_nobody(pair):
    a, b = pair.path()
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as second:
        second.settimeout(2)
        second.connect(a.path)
        exchange(a, b, 64)
    exchange(a, b, 64)


@pytest.mark.parametrize("mode", MODES)
def test_removing_a_port_with_a_guest_hangs_up_on_it(pair, mode):
    a, b = pair.path(mode=mode)
    exchange(a, b, 8)
    pair.switch.swctl("del-port", a.name)
    a.wait_hang_up()
    if mode == "server":
        assert not os.path.exists(a.path)
    assert pair.switch.port(b.name)["link"] == "up"


def test_a_slow_reader_loses_only_its_own_packets(pair):
    """b takes nothing: what does not fit is counted as its port's full queue; c gets all."""
    a, b = pair.path()
    c = pair.add()
    pair.switch.set_flows(f"udp,actions=output:{b.name}", f"tcp,actions=output:{c.name}")
    a.send(raw(tcp()), raw(udp()))
    c.recv()
    b.recv()
    for _ in range(20):
        a.send(*[raw(udp())] * 32)
        a.send(*[raw(tcp())] * 8)
        c.recv_n(8)
    pair.switch.wait(lambda: any(r == "tx-full" for _, r in pair.switch.drops()), "drops because of a full queue")
    assert 200 <= b.drain() <= 256


def test_frames_too_long_for_a_guest_hold_up_no_others(switch_factory):
    """vm1 (mergeable buffers) --- swd --- vm2 (buffers of 2 kB, one a frame)"""
    switch = switch_factory()
    vm1, vm2 = attach(switch, "vm1"), attach(switch, "vm2", mergeable=False)
    with vm1, vm2:
        switch.set_flows("in_port=vm1,actions=output:vm2")
        wait_path(vm1, vm2, raw(udp()))
        short = [raw(numbered(udp(), i)) for i in range(8)]
        long = [raw(udp(payload=bytes(n))) for n in (8900, 4000, 2500)]
        vm1.send(long[0], *short[:4], *long[1:], *(f for pair in zip(short[4:], [long[2]] * 4) for f in pair))
        assert [bytes(f) for f in vm2.recv_n(8)] == short
        switch.wait(lambda: switch.drops().get(("vm2", "mtu")) == 7, "count of the long frames")
        assert ("vm2", "tx-full") not in switch.drops()
