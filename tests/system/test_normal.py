"""NORMAL: a learning switch with VLANs.

    vm1   vm2   vm3   vm4          a module's own switch, for ports with VLANs:
      \\    |     |    /
       ------ swd ------            acc1, acc2: tag=10    acc3: tag=20
      one rule: actions=NORMAL      every: no option      some: trunks=10,30

MACs are fresh in each test: nothing that another learned is in the way.
"""

import types

import pytest
from conftest import attach
from frames import *


@pytest.fixture
def normal(net):
    net.set_flows("priority=0,actions=NORMAL")
    return net


def fdb(switch, mac):
    return [e for e in switch.json("fdb", "show")["entries"] if e["mac"] == mac]


def between(src, dst, **kw):
    return raw(udp(l2=eth(src=src, dst=dst, **kw)))


def announce(net, guest, mac, vlan=None, heard_by=None):
    """Lets the switch learn where a MAC is, with a broadcast that all others (or just these) hear."""
    guest.send(broadcast(mac, vlan))
    for other in [g for g in net.guests if g is not guest] if heard_by is None else heard_by:
        assert other.recv().endswith(PAYLOAD)
    assert guest.name in [e["port"] for e in fdb(net.switch, mac)]


def test_unknown_destination_floods_to_all_but_the_sender(normal):
    a, b = fresh_macs()
    frame = between(a, b)
    normal.vm1.send(frame)
    assert [g.recv() for g in (normal.vm2, normal.vm3, normal.vm4)] == [frame] * 3
    normal.vm1.expect_none(0.01)


@pytest.mark.parametrize("dst", ["ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:05", "33:33:00:00:00:01"])
def test_broadcast_and_multicast_flood(normal, dst):
    (a,) = fresh_macs(1)
    for _ in range(2):
        normal.vm1.send(between(a, dst))
        for guest in (normal.vm2, normal.vm3, normal.vm4):
            guest.recv()


def test_a_learned_destination_gets_it_alone(normal):
    a, b = fresh_macs()
    announce(normal, normal.vm2, b)
    for _ in range(3):
        normal.vm1.send(between(a, b))
        normal.vm2.recv()
    normal.vm3.expect_none(0.01)
    normal.vm4.expect_none(0.01)


def test_both_directions_are_learned_from_one_exchange(normal):
    a, b = fresh_macs()
    normal.vm1.send(between(a, b))
    for guest in (normal.vm2, normal.vm3, normal.vm4):
        guest.recv()
    normal.vm2.send(between(b, a))
    normal.vm1.recv()
    normal.vm3.expect_none(0.01)

    def alone():
        normal.vm1.send(between(a, b))
        normal.vm2.recv()
        return normal.vm3.drain() == 0

    # The flooding megaflow of the first packet is right again within 1 s.
    normal.switch.wait(alone, "an end of the flooding", 1.0)


def test_fdb_show_tells_where_a_mac_is(normal):
    (a,) = fresh_macs(1)
    announce(normal, normal.vm3, a)
    (entry,) = fdb(normal.switch, a)
    assert (entry["port"], entry["vlan"]) == ("vm3", 0) and entry["age_s"] < 60
    assert a in normal.swctl("fdb", "show")


def test_a_moved_mac_is_followed_within_a_second(normal):
    a, b = fresh_macs()
    announce(normal, normal.vm2, b)
    normal.vm1.send(between(a, b))
    normal.vm2.recv()
    normal.vm3.send(broadcast(b))  # moved
    for guest in (normal.vm1, normal.vm2, normal.vm4):
        guest.recv()

    def moved():
        normal.vm1.send(between(a, b))
        normal.vm3.recv(0.02)
        return normal.vm2.drain() == 0

    normal.switch.wait(moved, "delivery at the new place alone", 1.0)
    assert [e["port"] for e in fdb(normal.switch, b)] == ["vm3"]


def test_a_packet_for_a_mac_behind_its_own_port_goes_nowhere(normal):
    a, b = fresh_macs()
    announce(normal, normal.vm1, b)
    normal.vm1.send(between(a, b))
    normal.switch.wait(lambda: normal.switch.megaflows(a, b), "megaflow of the packet")
    for guest in normal.guests:
        guest.expect_none(0.01)


def test_multicast_sources_are_not_learned(normal):
    (b,) = fresh_macs(1)
    normal.vm1.send(between("03:00:00:00:00:09", b))
    for guest in (normal.vm2, normal.vm3, normal.vm4):
        guest.recv()
    assert fdb(normal.switch, "03:00:00:00:00:09") == []


def test_the_same_mac_in_two_vlans_is_two_places(normal):
    a, b = fresh_macs()
    announce(normal, normal.vm2, b, vlan=100)
    announce(normal, normal.vm3, b, vlan=200)
    for vlan, guest, other in ((100, normal.vm2, normal.vm3), (200, normal.vm3, normal.vm2)):
        normal.vm1.send(between(a, b, vlan=vlan))
        assert guest.recv() == between(a, b, vlan=vlan)
        other.expect_none(0.01)


# VLANs of ports.

PORTS = {
    "acc1": ["tag=10"],
    "acc2": ["tag=10"],
    "acc3": ["tag=20"],
    "every": [],
    "some": ["trunks=10,30"],
}


@pytest.fixture(scope="module")
def vlan_switch(module_switch_factory):
    switch = module_switch_factory()
    guests = {name: attach(switch, name, options) for name, options in PORTS.items()}
    for name in guests:
        switch.wait_link(name)
    yield types.SimpleNamespace(switch=switch, **guests, guests=list(guests.values()), by_name=guests)
    for guest in guests.values():
        guest.close()


@pytest.fixture
def vlans(vlan_switch):
    vlan_switch.switch.set_flows("priority=0,actions=NORMAL")
    for guest in vlan_switch.guests:
        guest.drain()
    return vlan_switch


@pytest.mark.parametrize(
    "sender, vlan, receivers",
    [
        ("acc1", None, {"acc2": None, "every": 10, "some": 10}),
        ("acc3", None, {"every": 20}),
        ("every", 10, {"acc1": None, "acc2": None, "some": 10}),
        ("every", 20, {"acc3": None}),
        ("every", 30, {"some": 30}),
        ("every", 40, {}),
        ("every", None, {}),
        ("some", 10, {"acc1": None, "acc2": None, "every": 10}),
        ("some", 20, {}),
        ("some", None, {}),
        ("acc1", 10, {}),
    ],
)
def test_a_broadcast_reaches_just_the_ports_of_its_vlan(vlans, sender, vlan, receivers):
    """Access ports take and give untagged frames of their VLAN; trunks carry tags of the VLANs that are allowed."""
    (a,) = fresh_macs(1)
    vlans.by_name[sender].send(broadcast(a, vlan))
    for name, tag in receivers.items():
        got = Ether(vlans.by_name[name].recv())
        assert (got[Dot1Q].vlan if Dot1Q in got else None) == tag
        assert raw(got).endswith(PAYLOAD)
    # What the switch sends of the next one comes behind what it sent of this.
    (b,) = fresh_macs(1)
    vlans.by_name[sender].send(broadcast(b, None if sender.startswith("acc") else 10))
    last = vlans.every if sender == "acc3" else vlans.acc2
    assert Ether(last.recv()).src == b
    for guest in vlans.guests:
        while (frame := guest.wait_frame(0.01)) is not None:
            assert Ether(frame).src == b, f"unexpected frame at {guest.name}"


def test_unicast_crosses_from_access_to_trunk_and_back(vlans):
    a, b = fresh_macs()
    announce(vlans, vlans.acc1, a, heard_by=[vlans.acc2, vlans.every, vlans.some])
    announce(vlans, vlans.every, b, vlan=10, heard_by=[vlans.acc1, vlans.acc2, vlans.some])
    vlans.acc1.send(between(a, b))
    assert vlans.every.recv() == between(a, b, vlan=10)
    vlans.every.send(between(b, a, vlan=10))
    assert vlans.acc1.recv() == between(b, a)
    for name in ("acc2", "some"):
        vlans.by_name[name].expect_none(0.01)


def test_priority_bits_survive_the_way_through_a_trunk(vlans):
    (a,) = fresh_macs(1)
    frame = Ether(src=a, dst="ff:ff:ff:ff:ff:ff") / Dot1Q(vlan=30, prio=5) / Raw(PAYLOAD)
    vlans.every.send(raw(frame))
    assert vlans.some.recv() == raw(frame)


def test_a_port_s_vlan_options_are_shown(vlans):
    ports = {p["name"]: p for p in vlans.switch.json("list-ports")["ports"]}
    assert ports["acc1"]["tag"] == 10 and ports["some"]["trunks"] == [10, 30]
    assert "tag" not in ports["every"] and "trunks" not in ports["every"]


def test_macs_of_a_removed_port_are_forgotten(switch_factory):
    switch = switch_factory()
    guests = [attach(switch, n) for n in ("a", "b", "c")]
    try:
        for guest in guests:
            switch.wait_link(guest.name)
        one, two = fresh_macs()
        announce(types.SimpleNamespace(switch=switch, guests=guests), guests[1], two)
        switch.swctl("del-port", "b")
        assert fdb(switch, two) == []
        guests[0].send(between(one, two))
        guests[2].recv()
    finally:
        for guest in guests:
            guest.close()
