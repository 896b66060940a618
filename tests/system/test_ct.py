"""Rules that track connections: ct(...), ct_state and what a connection keeps.

    vm1 --- swd --- vm2       vm1 is inside: it may open connections to vm2, which may only answer
"""

import pytest
from frames import *

FIREWALL = (
    "priority=0,actions=drop",
    "priority=10,ip,actions=ct(table=1,zone=5)",
    "priority=10,table=1,ip,in_port=vm1,ct_state=+trk+new,actions=ct(commit,zone=5,exec(set_field:0x7->ct_mark)),output:vm2",
    "priority=10,table=1,ip,in_port=vm1,ct_state=+trk+est,actions=output:vm2",
    "priority=10,table=1,ip,in_port=vm2,ct_state=+trk+est+rpl,ct_mark=0x7,actions=output:vm1",
)
NAT = (
    "priority=10,in_port=vm1,ip,actions=ct(commit,nat(src=10.9.9.9:7000-7001)),output:vm2",
    "priority=10,in_port=vm2,ip,actions=ct(table=1,nat)",
    "priority=10,table=1,ip,ct_state=+trk+est+rpl,actions=output:vm1",
)


def answer(frame):
    """What the other side sends back."""
    packet = Ether(frame)
    ip, l4 = packet[IP], packet[IP].payload
    ip.src, ip.dst, packet.src, packet.dst = ip.dst, ip.src, packet.dst, packet.src
    l4.sport, l4.dport = l4.dport, l4.sport
    if l4.name == "TCP":
        l4.flags, l4.seq, l4.ack = "SA", 1, l4.seq + 1
    del ip.chksum, l4.chksum
    return raw(packet)


def refused(net, frame):
    """vm2 sends what does not reach vm1: it has been dropped when this returns."""
    before = net.switch.drops().get(("vm2", "flow-drop"), 0)
    net.vm2.send(frame)
    net.switch.wait_drop("vm2", "flow-drop", before)
    net.vm1.expect_none(0.01)


def connections(net, *words):
    return net.switch.json("ct", "dump", *words)["connections"]


@pytest.fixture(autouse=True)
def forgotten(net):
    yield
    net.set_flows()
    net.switch.swctl("ct", "flush")
    net.switch.wait(lambda: net.switch.json("ct", "stats")["connections"] == 0, "empty table")


@pytest.mark.parametrize("l4", [udp, lambda **kw: tcp(flags="S", **kw)], ids=["udp", "tcp"])
def test_answers_pass_and_what_nobody_asked_for_does_not(net, l4):
    net.set_flows(*FIREWALL)
    asked = raw(l4(sport=4001))
    refused(net, answer(asked))
    net.vm1.send(asked)
    assert net.vm2.recv() == asked
    net.vm2.send(answer(asked))
    assert net.vm1.recv() == answer(asked)
    refused(net, answer(raw(l4(sport=4002))))


def test_a_connection_is_shown_with_zone_and_mark_and_flushed_by_zone(net):
    net.set_flows(*FIREWALL)
    net.vm1.send(raw(udp(sport=4001, dport=53)))
    net.vm2.recv()
    (conn,) = connections(net)
    assert (conn["protocol"], conn["zone"], conn["mark"]) == ("udp", 5, "0x7")
    assert (conn["orig"]["src_port"], conn["orig"]["dst_port"]) == (4001, 53)
    assert (conn["reply"]["src_port"], conn["reply"]["dst_port"]) == (53, 4001)
    assert [c["orig"] for c in connections(net, "--zone", "5")] == [conn["orig"]]
    assert connections(net, "--zone", "6") == []
    net.switch.swctl("ct", "flush", "--zone", "6")
    assert len(connections(net)) == 1
    net.switch.swctl("ct", "flush", "--zone", "5")
    assert connections(net) == []
    refused(net, answer(raw(udp(sport=4001, dport=53))))


def test_the_source_is_translated_and_answers_come_back(net):
    net.set_flows(*NAT)
    asked = raw(udp(sport=4001))
    net.vm1.send(asked)
    seen = check_checksums(net.vm2.recv())
    assert (seen[IP].src, seen[UDP].sport in (7000, 7001)) == ("10.9.9.9", True)
    net.vm2.send(answer(raw(seen)))
    back = check_checksums(net.vm1.recv())
    assert (back[IP].dst, back[UDP].dport) == (Ether(asked)[IP].src, 4001)


def test_counters_tell_of_the_table(net):
    net.set_flows(*FIREWALL)
    before = net.switch.json("ct", "stats")
    net.vm1.send(raw(udp(sport=4001)))
    net.vm2.recv()
    after = net.switch.json("ct", "stats")
    assert after["connections"] == 1
    assert after["opened"] == before["opened"] + 1
    assert after["packets"] > before["packets"]
    assert "1 of" in net.switch.swctl("ct", "stats")
    assert "udp" in net.switch.swctl("ct", "dump")


def test_ct_clear_makes_the_packet_untracked_again(net):
    net.set_flows(
        "table=0,priority=10,ip,actions=ct(table=1)",
        "table=1,priority=10,ip,ct_state=+trk,actions=ct_clear,resubmit(,2)",
        "table=2,priority=10,ip,ct_state=-trk,actions=output:vm2",
        "table=2,priority=9,actions=output:vm3",
    )
    net.vm1.send(raw(udp()))
    assert net.vm2.recv() == raw(udp())
    net.vm3.expect_none(0.01)
