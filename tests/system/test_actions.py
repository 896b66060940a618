"""What each action does to a packet, and that checksums are right afterwards.

    vm1 --- swd --- vm2       vm1 sends, rules say what happens,
             |\\
           vm3 vm4            the others look at what comes
"""

import pytest
from frames import *

NEW_MAC = "02:aa:bb:cc:dd:ee"
L3_KINDS = {
    "tcp": lambda **kw: tcp(**kw),
    "udp": lambda **kw: udp(**kw),
    "sctp": lambda **kw: sctp(**kw),
    "icmp": lambda **kw: icmp(**kw),
}
KINDS_WITH_PORTS = {
    "tcp": (tcp, TCP),
    "udp": (udp, UDP),
    "sctp": (sctp, SCTP),
    "tcp6": (tcp6, TCP),
    "udp6": (udp6, UDP),
    "sctp6": (sctp6, SCTP),
}


def through(net, flow, packet, to="vm2"):
    """What `to` gets of a packet that vm1 sends under one rule: its checksums are checked."""
    net.set_flows(flow)
    net.vm1.send(raw(packet))
    return check_checksums(getattr(net, to).recv())


def nobody_else(net, *names):
    for guest in net.guests:
        if guest.name not in names:
            guest.expect_none(0.01)


# Where packets go.


@pytest.mark.parametrize("target", ["name", "number", "bare name"])
def test_output_reaches_the_port_named_and_no_other(net, target):
    number = net.switch.port("vm3")["number"]
    action = {"name": "output:vm3", "number": f"output:{number}", "bare name": "vm3"}[target]
    net.set_flows(f"actions={action}")
    frame = raw(tcp())
    net.vm1.send(frame)
    assert net.vm3.recv() == frame
    nobody_else(net, "vm3")


def test_several_outputs_each_get_the_packet(net):
    net.set_flows("actions=output:vm2,output:vm3,output:vm4")
    frame = raw(udp())
    net.vm1.send(frame)
    assert [g.recv() for g in (net.vm2, net.vm3, net.vm4)] == [frame] * 3
    net.vm1.expect_none(0.01)


def test_output_before_a_change_gets_the_packet_as_it_was(net):
    net.set_flows("ip,actions=output:vm2,mod_nw_dst:10.9.9.9,output:vm3,mod_dl_src:%s,output:vm4" % NEW_MAC)
    frame = raw(tcp())
    net.vm1.send(frame)
    assert net.vm2.recv() == frame
    second = check_checksums(net.vm3.recv())
    assert (second[IP].dst, second.src) == ("10.9.9.9", SRC)
    third = check_checksums(net.vm4.recv())
    assert (third[IP].dst, third.src) == ("10.9.9.9", NEW_MAC)


def test_drop_drops_and_counts(net):
    net.set_flows("actions=drop")
    before = net.switch.drops().get(("vm1", "flow-drop"), 0)
    for i in range(3):
        net.vm1.send(numbered(tcp(), i))
    net.switch.wait_drop("vm1", "flow-drop", before + 2)
    nobody_else(net)


def test_no_rule_drops(net):
    before = net.switch.drops().get(("vm1", "flow-drop"), 0)
    net.vm1.send(raw(tcp()))
    net.switch.wait_drop("vm1", "flow-drop", before)
    nobody_else(net)


@pytest.mark.parametrize("word", ["flood", "FLOOD"])
def test_flood_reaches_all_but_the_sender(net, word):
    net.set_flows(f"actions={word}")
    frame = raw(tcp())
    net.vm1.send(frame)
    assert [g.recv() for g in (net.vm2, net.vm3, net.vm4)] == [frame] * 3
    net.vm1.expect_none(0.01)


@pytest.mark.parametrize("word", ["in_port", "IN_PORT"])
def test_in_port_sends_back(net, word):
    net.set_flows(f"actions={word}")
    frame = raw(tcp())
    net.vm1.send(frame)
    assert net.vm1.recv() == frame
    nobody_else(net, "vm1")


def test_output_to_the_port_a_packet_came_from_is_not_sent(net):
    """OpenFlow: only in_port sends back."""
    net.set_flows("actions=output:vm1,output:vm2")
    net.vm1.send(raw(tcp()))
    net.vm2.recv()
    net.vm1.expect_none(0.01)


def test_normal_delivers(net):
    a, b = fresh_macs()
    net.set_flows("actions=NORMAL")
    frame = raw(tcp(l2=eth(src=a, dst=b)))
    net.vm1.send(frame)
    assert [g.recv() for g in (net.vm2, net.vm3, net.vm4)] == [frame] * 3


def test_lower_case_normal_delivers(net):
    net.set_flows("actions=normal")
    net.vm1.send(raw(tcp(l2=eth(*fresh_macs()))))
    net.vm2.recv()


def test_highest_priority_wins(net):
    net.set_flows("priority=1,actions=output:vm2", "priority=20,tcp,actions=output:vm3", "priority=10,ip,actions=output:vm4")
    for packet, guest in ((tcp(), net.vm3), (udp(), net.vm4), (eth() / ARP(), net.vm2)):
        net.vm1.send(raw(packet))
        guest.recv()
    nobody_else(net)


# VLANs.


def test_mod_vlan_vid_adds_a_tag(net):
    got = through(net, "actions=mod_vlan_vid:10,output:vm2", tcp())
    assert (got[Dot1Q].vlan, got[Dot1Q].prio) == (10, 0)
    assert raw(got[IP]) == raw(tcp()[IP])


def test_mod_vlan_vid_changes_a_tag_and_keeps_its_priority(net):
    packet = eth() / Dot1Q(vlan=5, prio=6) / ip4() / UDP() / Raw(PAYLOAD)
    got = through(net, "actions=mod_vlan_vid:10,output:vm2", packet)
    assert (got[Dot1Q].vlan, got[Dot1Q].prio) == (10, 6)
    assert raw(got[IP]) == raw(packet[IP])


def test_strip_vlan_takes_the_outer_tag_off(net):
    assert raw(through(net, "actions=strip_vlan,output:vm2", tcp(l2=eth(vlan=7)))) == raw(tcp())


def test_strip_vlan_of_two_tags_leaves_the_inner(net):
    assert raw(through(net, "actions=strip_vlan,output:vm2", tcp(l2=eth(vlan=[7, 8])))) == raw(tcp(l2=eth(vlan=8)))


def test_strip_vlan_leaves_untagged_packets_alone(net):
    assert raw(through(net, "actions=strip_vlan,output:vm2", tcp())) == raw(tcp())


def test_push_vlan_then_mod_vlan_vid_tags(net):
    got = through(net, "actions=push_vlan:0x8100,mod_vlan_vid:20,output:vm2", tcp())
    assert raw(got) == raw(tcp(l2=eth(vlan=20)))


def test_push_vlan_puts_a_second_tag_outside(net):
    got = through(net, "actions=push_vlan:0x8100,mod_vlan_vid:20,output:vm2", tcp(l2=eth(vlan=7)))
    assert raw(got) == raw(tcp(l2=eth(vlan=[20, 7])))


def test_push_vlan_with_a_provider_tag(net):
    got = through(net, "actions=push_vlan:0x88a8,mod_vlan_vid:20,output:vm2", tcp(l2=eth(vlan=7)))
    assert got.type == 0x88A8
    assert raw(got.payload)[:2] == b"\x00\x14"


def test_tag_and_untag_for_different_ports(net):
    net.set_flows("actions=mod_vlan_vid:10,output:vm2,strip_vlan,output:vm3")
    net.vm1.send(raw(tcp()))
    assert net.vm2.recv() == raw(tcp(l2=eth(vlan=10)))
    assert net.vm3.recv() == raw(tcp())


# Ethernet.


@pytest.mark.parametrize("kind", ["tcp", "tcp6", "arp", "tagged"])
def test_mod_dl_src_and_dst(net, kind):
    packet = {"tcp": tcp(), "tcp6": tcp6(), "arp": eth() / ARP() / Raw(bytes(18)), "tagged": tcp(l2=eth(vlan=9))}[kind]
    got = through(net, f"actions=mod_dl_src:{NEW_MAC},mod_dl_dst:02:99:99:99:99:99,output:vm2", packet)
    assert (got.src, got.dst) == (NEW_MAC, "02:99:99:99:99:99")
    assert raw(got)[12:] == raw(packet)[12:]


# IPv4 addresses.


@pytest.mark.parametrize("kind", L3_KINDS)
@pytest.mark.parametrize("vlan", [None, 30], ids=["untagged", "tagged"])
def test_mod_nw_src_and_dst_with_right_checksums(net, kind, vlan):
    got = through(
        net, "ip,actions=mod_nw_src:192.168.77.1,mod_nw_dst:192.168.88.2,output:vm2", L3_KINDS[kind](l2=eth(vlan=vlan))
    )
    assert (got[IP].src, got[IP].dst) == ("192.168.77.1", "192.168.88.2")
    assert PAYLOAD in raw(got)


def test_mod_nw_dst_with_ip_options(net):
    packet = eth() / ip4(options=[IPOption_NOP()] * 8) / TCP() / Raw(PAYLOAD)
    got = through(net, "ip,actions=mod_nw_dst:192.168.88.2,output:vm2", packet)
    assert got[IP].dst == "192.168.88.2" and len(got[IP].options) == 8


def test_mod_nw_dst_leaves_a_later_fragment_s_payload_alone(net):
    packet = eth() / ip4(frag=100, proto=6) / Raw(PAYLOAD)
    got = through(net, "ip,actions=mod_nw_dst:192.168.88.2,output:vm2", packet)
    assert got[IP].dst == "192.168.88.2"
    assert raw(got[IP].payload) == PAYLOAD


def test_udp_without_checksum_stays_without(net):
    packet = udp(chksum=0)
    net.set_flows("udp,actions=mod_nw_dst:192.168.88.2,mod_tp_dst:99,output:vm2")
    net.vm1.send(raw(packet))
    got = Ether(net.vm2.recv())
    assert (got[IP].dst, got[UDP].dport, got[UDP].chksum) == ("192.168.88.2", 99, 0)


def test_udp_checksum_that_comes_out_zero_is_sent_as_ffff(net):
    """RFC 768: zero would mean "none". The destination port is chosen so that the sum is zero."""
    packet = Ether(raw(udp(dport=0)))
    port = packet[UDP].chksum  # adding c to the sum whose complement is c makes it 0xffff
    got = through(net, f"udp,actions=mod_tp_dst:{port},output:vm2", packet)
    assert (got[UDP].dport, got[UDP].chksum) == (port, 0xFFFF)


# Transport ports.


@pytest.mark.parametrize("kind", KINDS_WITH_PORTS)
def test_mod_tp_src_and_dst_with_right_checksums(net, kind):
    make, layer = KINDS_WITH_PORTS[kind]
    got = through(net, f"{kind},actions=mod_tp_src:7777,mod_tp_dst:8888,output:vm2", make())
    assert (got[layer].sport, got[layer].dport) == (7777, 8888)
    assert PAYLOAD in raw(got)


@pytest.mark.parametrize("kind", KINDS_WITH_PORTS)
def test_mod_tp_dst_alone_keeps_the_source(net, kind):
    make, layer = KINDS_WITH_PORTS[kind]
    got = through(net, f"{kind},actions=mod_tp_dst:8888,output:vm2", make())
    assert (got[layer].sport, got[layer].dport) == (1000, 8888)


def test_mod_tp_dst_behind_ipv6_extension_headers(net):
    packet = tcp6(l3=ip6() / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt())
    got = through(net, "tcp6,actions=mod_tp_dst:8888,output:vm2", packet)
    assert got[TCP].dport == 8888


@pytest.mark.parametrize("length", [0, 1, 1399, 1400])
def test_checksums_of_odd_and_even_payloads(net, length):
    packet = tcp(payload=bytes(i & 0xFF for i in range(length)))
    got = through(net, "tcp,actions=mod_nw_src:1.2.3.4,mod_tp_src:1,output:vm2", packet)
    assert (got[IP].src, got[TCP].sport) == ("1.2.3.4", 1)


def test_all_sets_at_once(net):
    flow = (
        f"tcp,actions=mod_dl_src:{NEW_MAC},mod_dl_dst:{NEW_MAC},mod_nw_src:1.1.1.1,mod_nw_dst:2.2.2.2,mod_tp_src:3,mod_tp_dst:4,"
        "mod_vlan_vid:55,output:vm2"
    )
    got = through(net, flow, tcp())
    assert (got.src, got.dst, got[Dot1Q].vlan) == (NEW_MAC, NEW_MAC, 55)
    assert (got[IP].src, got[IP].dst, got[TCP].sport, got[TCP].dport) == ("1.1.1.1", "2.2.2.2", 3, 4)


def test_many_packets_of_one_flow_are_all_changed_alike(net, newcomer):
    """The first goes through the control side, the others through megaflow table and exact-match cache."""
    net.set_flows("udp,actions=mod_nw_dst:9.9.9.9,mod_tp_dst:9,output:vm2")
    for i in range(20):
        newcomer.send(numbered(udp(), i))
        got = net.vm2.recv()
        assert int.from_bytes(got[-8:], "big") == i
        packet = check_checksums(raw(Ether(got)))
        assert (packet[IP].dst, packet[UDP].dport) == ("9.9.9.9", 9)
    assert len(net.switch.megaflows("in_port(new)")) == 1
    net.switch.wait(lambda: net.switch.megaflows("in_port(new)")[0]["packets"] >= 19, "count of the hits")


def test_a_burst_keeps_its_order(net):
    net.set_flows("actions=output:vm2")
    net.vm1.send(raw(udp()))
    net.vm2.recv()
    net.vm1.send(*[numbered(UDP_FRAME, i) for i in range(200)])
    assert [int.from_bytes(f[-8:], "big") for f in net.vm2.recv_n(200)] == list(range(200))


def test_rule_counts_packets_and_bytes(net):
    net.set_flows("udp,actions=output:vm2")
    frame = raw(udp())
    for _ in range(10):
        net.vm1.send(frame)
        net.vm2.recv()
    net.switch.wait(lambda: net.switch.rule("udp")["n_packets"] == 10, "count of 10 packets at the rule")
    assert net.switch.rule("udp")["n_bytes"] == 10 * len(frame)
