"""Every field that a rule can match on: a packet that matches goes to one port, one that differs in just that field to another.

    vm1 --- swd --- vm2    matched
      vm3 ---|\\--- vm4    not matched (vm3: another input port)
"""

import pytest
from frames import *

FRAG6 = IPv6ExtHdrFragment


def ns(**kw):
    return ICMPv6ND_NS(**{"tgt": "fe80::1", **kw})


def mpls(label, **kw):
    return eth(type=0x8847) / MPLS(label=label, ttl=64, **kw)


def frag4(**kw):
    return eth() / ip4(proto=17, **kw) / Raw(bytes(64))


# name: (match, packets that match, packets that do not)
CASES = {
    "dl_src": ("dl_src=02:00:00:00:00:11", [tcp()], [tcp(l2=eth(src="02:00:00:00:00:12"))]),
    "dl_dst": ("dl_dst=02:00:00:00:00:22", [tcp()], [tcp(l2=eth(dst="02:00:00:00:00:23"))]),
    "dl_src masked": ("dl_src=02:00:00:00:00:00/ff:ff:00:00:00:00", [tcp()], [tcp(l2=eth(src="02:01:00:00:00:11"))]),
    "dl_dst masked": (
        "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00",
        [tcp(l2=eth(dst="01:00:5e:00:00:01"))],
        [tcp(l2=eth(dst="02:00:5e:00:00:01"))],
    ),
    "dl_type": (
        "dl_type=0x88b5",
        [eth(type=0x88B5) / Raw(PAYLOAD)],
        [eth(type=0x88B6) / Raw(PAYLOAD), tcp()],
    ),
    "dl_type of MPLS": (
        "dl_type=0x8847",
        [mpls(16, s=1), mpls(17, s=0) / MPLS(label=16, s=1) / ip4() / UDP()],
        [eth(type=0x8848) / MPLS(label=16, s=1) / ip4() / UDP(), tcp()],
    ),
    "dl_vlan": ("dl_vlan=10", [tcp(l2=eth(vlan=10)), tcp(l2=eth(vlan=[10, 20]))], [tcp(l2=eth(vlan=11)), tcp(l2=eth(vlan=[20, 10]))]),
    "dl_vlan against untagged": ("dl_vlan=10", [tcp(l2=eth(vlan=10))], [tcp()]),
    "dl_vlan none": ("dl_vlan=0xffff", [tcp()], [tcp(l2=eth(vlan=10)), tcp(l2=eth(vlan=0))]),
    "dl_vlan_pcp": (
        "dl_vlan_pcp=5",
        [eth() / Dot1Q(vlan=1, prio=5) / ip4() / UDP()],
        [eth() / Dot1Q(vlan=1, prio=4) / ip4() / UDP(), udp()],
    ),
    "vlan_tci exact": ("vlan_tci=0x100a", [tcp(l2=eth(vlan=10))], [tcp(l2=eth(vlan=11)), tcp()]),
    "vlan_tci masked": ("vlan_tci=0x1000/0x1000", [tcp(l2=eth(vlan=10)), tcp(l2=eth(vlan=0))], [tcp()]),
    "ip": ("ip", [tcp(), tcp(l2=eth(vlan=4))], [tcp6(), eth() / ARP()]),
    "ipv6": ("ipv6", [tcp6(), udp6(l2=eth(vlan=4))], [tcp()]),
    "arp": ("arp", [eth() / ARP()], [tcp()]),
    "tcp": ("tcp", [tcp()], [udp(), tcp6()]),
    "udp": ("udp", [udp()], [tcp(), udp6()]),
    "sctp": ("sctp", [sctp()], [udp(), sctp6()]),
    "icmp": ("icmp", [icmp()], [udp()]),
    "tcp6": ("tcp6", [tcp6()], [udp6(), tcp()]),
    "udp6": ("udp6", [udp6()], [tcp6(), udp()]),
    "sctp6": ("sctp6", [sctp6()], [udp6(), sctp()]),
    "icmp6": ("icmp6", [eth() / ip6() / ICMPv6EchoRequest()], [udp6(), icmp()]),
    "behind a tag": ("tcp,dl_vlan=10,tp_dst=2000", [tcp(l2=eth(vlan=10))], [tcp(l2=eth(vlan=10), dport=2001)]),
    "behind two tags": ("tcp,dl_vlan=10,tp_dst=2000", [tcp(l2=eth(vlan=[10, 20]))], [tcp(l2=eth(vlan=[10, 20]), dport=2001)]),
    "nw_src": ("ip,nw_src=10.1.1.1", [tcp()], [tcp(l3=ip4(src="10.1.1.2"))]),
    "nw_dst": ("ip,nw_dst=10.2.2.2", [tcp()], [tcp(l3=ip4(dst="10.2.2.3"))]),
    "nw_src prefix": ("ip,nw_src=10.1.0.0/16", [tcp(), tcp(l3=ip4(src="10.1.255.1"))], [tcp(l3=ip4(src="10.2.1.1"))]),
    "nw_dst prefix": ("ip,nw_dst=10.2.2.0/30", [tcp(), tcp(l3=ip4(dst="10.2.2.3"))], [tcp(l3=ip4(dst="10.2.2.4"))]),
    "nw_dst mask": ("ip,nw_dst=0.0.0.2/0.0.0.255", [tcp(), tcp(l3=ip4(dst="77.7.7.2"))], [tcp(l3=ip4(dst="10.2.2.1"))]),
    "nw_proto": ("ip,nw_proto=47", [eth() / ip4(proto=47) / Raw(PAYLOAD)], [eth() / ip4(proto=48) / Raw(PAYLOAD)]),
    "nw_proto of IPv6": ("ipv6,nw_proto=47", [eth() / ip6(nh=47) / Raw(PAYLOAD)], [eth() / ip6(nh=48) / Raw(PAYLOAD)]),
    "nw_tos": ("ip,nw_tos=0x20", [tcp(l3=ip4(tos=0x20)), tcp(l3=ip4(tos=0x21))], [tcp(l3=ip4(tos=0x24))]),
    "nw_tos of IPv6": ("ipv6,nw_tos=0x20", [tcp6(l3=ip6(tc=0x20))], [tcp6(l3=ip6(tc=0x24))]),
    "nw_ecn": ("ip,nw_ecn=1", [tcp(l3=ip4(tos=0x21))], [tcp(l3=ip4(tos=0x20))]),
    "nw_ttl": ("ip,nw_ttl=3", [tcp(l3=ip4(ttl=3))], [tcp(l3=ip4(ttl=4))]),
    "nw_ttl of IPv6": ("ipv6,nw_ttl=3", [tcp6(l3=ip6(hlim=3))], [tcp6(l3=ip6(hlim=4))]),
    "nw_frag no": ("ip,ip_frag=no", [udp()], [frag4(flags="MF"), frag4(frag=10)]),
    "nw_frag yes": ("ip,ip_frag=yes", [frag4(flags="MF"), frag4(frag=10)], [udp()]),
    "nw_frag first": ("ip,ip_frag=first", [frag4(flags="MF")], [frag4(frag=10), udp()]),
    "nw_frag later": ("ip,ip_frag=later", [frag4(frag=10), frag4(frag=10, flags="MF")], [frag4(flags="MF"), udp()]),
    "nw_frag not_later": ("ip,ip_frag=not_later", [udp(), frag4(flags="MF")], [frag4(frag=10)]),
    "fragments of IPv6": (
        "ipv6,ip_frag=later",
        [eth() / ip6() / FRAG6(offset=10, nh=17) / Raw(PAYLOAD)],
        [eth() / ip6() / FRAG6(offset=0, m=1, nh=17) / UDP() / Raw(PAYLOAD), udp6()],
    ),
    "first fragment has ports": (
        "udp,tp_dst=2000",
        [eth() / ip4(flags="MF") / UDP(sport=1, dport=2000) / Raw(PAYLOAD)],
        [eth() / ip4(frag=5, proto=17) / Raw(b"\0\1\7\xd0" * 8)],
    ),
    "ipv6_src": ("ipv6,ipv6_src=2001:db8:1::1", [tcp6()], [tcp6(l3=ip6(src="2001:db8:1::2"))]),
    "ipv6_dst": ("ipv6,ipv6_dst=2001:db8:2::2", [tcp6()], [tcp6(l3=ip6(dst="2001:db8:2::3"))]),
    "ipv6_src prefix": ("ipv6,ipv6_src=2001:db8:1::/48", [tcp6()], [tcp6(l3=ip6(src="2001:db8:2::1"))]),
    "ipv6_dst prefix": ("ipv6,ipv6_dst=2001:db8:2::/127", [tcp6(l3=ip6(dst="2001:db8:2::1"))], [tcp6()]),
    "ipv6_label": ("ipv6,ipv6_label=0x12345", [tcp6(l3=ip6(fl=0x12345))], [tcp6(l3=ip6(fl=0x12346))]),
    "ports behind extension headers": (
        "tcp6,tp_dst=2000",
        [tcp6(l3=ip6() / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt())],
        [tcp6(l3=ip6() / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt(), dport=2001)],
    ),
    "ports behind a routing header": (
        "tcp6,tp_dst=2000",
        [tcp6(l3=ip6() / IPv6ExtHdrRouting(addresses=["2001:db8::9"]))],
        [tcp6(l3=ip6() / IPv6ExtHdrRouting(addresses=["2001:db8::9"]), dport=2001)],
    ),
    "tcp_flags exact": ("tcp,tcp_flags=0x002", [tcp(flags="S")], [tcp(flags="SA")]),
    "tcp_flags by name": ("tcp,tcp_flags=+syn-ack", [tcp(flags="S"), tcp(flags="SP")], [tcp(flags="SA"), tcp(flags="A")]),
    "icmp_type": ("icmp,icmp_type=8", [icmp(type=8)], [icmp(type=0)]),
    "icmp_code": ("icmp,icmp_type=3,icmp_code=1", [icmp(type=3, code=1)], [icmp(type=3, code=2)]),
    "icmpv6 type": (
        "icmp6,icmp_type=128",
        [eth() / ip6() / ICMPv6EchoRequest()],
        [eth() / ip6() / ICMPv6EchoRequest(type=129)],
    ),
    "icmpv6 code": (
        "icmp6,icmp_type=128,icmp_code=0",
        [eth() / ip6() / ICMPv6EchoRequest()],
        [eth() / ip6() / ICMPv6EchoRequest(code=1)],
    ),
    "nd_target": (
        "icmp6,icmp_type=135,icmp_code=0,nd_target=fe80::1",
        [eth() / ip6(hlim=255) / ns()],
        [eth() / ip6(hlim=255) / ns(tgt="fe80::2")],
    ),
    "nd_sll": (
        "icmp6,icmp_type=135,icmp_code=0,nd_sll=02:00:00:00:00:11",
        [eth() / ip6(hlim=255) / ns() / ICMPv6NDOptSrcLLAddr(lladdr=SRC)],
        [eth() / ip6(hlim=255) / ns() / ICMPv6NDOptSrcLLAddr(lladdr=DST), eth() / ip6(hlim=255) / ns()],
    ),
    "nd_tll": (
        "icmp6,icmp_type=136,icmp_code=0,nd_tll=02:00:00:00:00:11",
        [eth() / ip6(hlim=255) / ICMPv6ND_NA(tgt="fe80::1") / ICMPv6NDOptDstLLAddr(lladdr=SRC)],
        [eth() / ip6(hlim=255) / ICMPv6ND_NA(tgt="fe80::1") / ICMPv6NDOptDstLLAddr(lladdr=DST)],
    ),
    "arp_op": ("arp,arp_op=1", [eth() / ARP(op=1)], [eth() / ARP(op=2)]),
    "arp_spa": ("arp,arp_spa=10.0.0.1", [eth() / ARP(psrc="10.0.0.1")], [eth() / ARP(psrc="10.0.0.2")]),
    "arp_tpa": ("arp,arp_tpa=10.0.0.1", [eth() / ARP(pdst="10.0.0.1")], [eth() / ARP(pdst="10.0.0.2")]),
    "arp_tpa prefix": ("arp,arp_tpa=10.0.0.0/24", [eth() / ARP(pdst="10.0.0.9")], [eth() / ARP(pdst="10.0.1.9")]),
    "arp_sha": ("arp,arp_sha=02:00:00:00:00:11", [eth() / ARP(hwsrc=SRC)], [eth() / ARP(hwsrc=DST)]),
    "arp_tha": ("arp,arp_tha=02:00:00:00:00:11", [eth() / ARP(hwdst=SRC)], [eth() / ARP(hwdst=DST)]),
    "802.3": (
        "dl_type=0x05ff",
        [Ether(src=SRC, dst=DST, type=32) / LLC(dsap=0x42, ssap=0x42, ctrl=3) / Raw(bytes(29))],
        [tcp()],
    ),
}
for proto, make in (("tcp", tcp), ("udp", udp), ("sctp", sctp), ("tcp6", tcp6), ("udp6", udp6), ("sctp6", sctp6)):
    CASES[f"{proto} tp_src"] = (f"{proto},tp_src=1000", [make()], [make(sport=1001)])
    CASES[f"{proto} tp_dst"] = (f"{proto},tp_dst=2000", [make()], [make(dport=2001)])
    CASES[f"{proto} tp_dst masked"] = (f"{proto},tp_dst=0x0700/0xff00", [make(), make(dport=0x07FF)], [make(dport=0x0800)])


@pytest.mark.parametrize("case", CASES)
def test_field_tells_packets_apart(net, case):
    match, matching, others = CASES[case]
    net.set_flows(f"priority=10,in_port=vm1,{match},actions=output:vm2", "priority=1,actions=output:vm4")
    sent = [(raw(p), net.vm2) for p in matching] + [(raw(p), net.vm4) for p in others]
    # Twice, in both orders: what the first round left in the caches must not catch the wrong packet.
    for frame, guest in sent + sent[::-1]:
        net.vm1.send(frame)
        assert guest.recv() == frame
    for guest in (net.vm2, net.vm4):
        guest.expect_none(0.002)


@pytest.mark.parametrize("written", ["vm1", "number"])
def test_in_port_tells_ports_apart(net, written):
    port = net.switch.port("vm1")["number"] if written == "number" else "vm1"
    net.set_flows(f"priority=10,in_port={port},actions=output:vm2", "priority=1,actions=output:vm4")
    for _ in range(2):
        for sender, receiver in ((net.vm1, net.vm2), (net.vm3, net.vm4)):
            sender.send(raw(tcp()))
            receiver.recv()
    net.vm2.expect_none(0.002)


@pytest.mark.parametrize(
    "rules, packet, absent",
    [
        (["ip,nw_dst=10.0.0.0/8,actions=output:vm2"], tcp(), ["tcp(", "ttl="]),
        (["dl_type=0x0806,actions=drop", "priority=1,actions=output:vm2"], tcp(), ["tcp(", "10.1.1.1", "10.2.2.2"]),
        (["tcp,tp_dst=2000,actions=output:vm2"], tcp(), ["10.1.1.1", "10.2.2.2", "src=1000"]),
    ],
    ids=["prefix", "ethertype", "one port"],
)
def test_a_megaflow_holds_only_the_bits_that_decided(net, newcomer, rules, packet, absent):
    net.set_flows(*rules)
    newcomer.send(raw(packet))
    net.vm2.recv()
    (flow,) = net.switch.megaflows("in_port(new)")
    for text in absent:
        assert text not in flow["match"], flow["match"]


def test_one_megaflow_serves_many_flows_of_one_rule(net, newcomer):
    net.set_flows("ip,nw_dst=10.2.0.0/16,actions=output:vm2")
    for i in range(50):
        newcomer.send(raw(tcp(l3=ip4(dst=f"10.2.3.{i}"), sport=5000 + i)))
        net.vm2.recv()
    assert len(net.switch.megaflows("in_port(new)")) == 1
