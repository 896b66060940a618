"""Cases of test_against_ovs.py: which packets a rule is for, where they go, and what changes in their headers."""

from frames import *
from ovs_case import *
from test_match_fields import CASES as FIELDS

# Match fields: a packet that matches goes to port 2, any other to port 4.

NOPS = [IPOption_NOP()] * 4
MORE_FIELDS = {
    "nw_src no prefix": ("ip,nw_src=10.0.1.0/255.0.255.0", [tcp(), tcp(l3=ip4(src="10.9.1.7"))], [tcp(l3=ip4(src="10.1.2.1"))]),
    "nw_dst no prefix": ("ip,nw_dst=0.0.0.2/0.0.0.255", [tcp(), udp()], [tcp(l3=ip4(dst="10.2.2.3"))]),
    "ipv6_src prefix": ("ipv6,ipv6_src=2001:db8:1::/48", [tcp6()], [tcp6(l3=ip6(src="2001:db8:3::1"))]),
    "ipv6_dst no prefix": ("ipv6,ipv6_dst=::2/::ffff", [tcp6()], [tcp6(l3=ip6(dst="2001:db8:2::3"))]),
    "dl_dst no prefix": ("dl_dst=00:00:00:00:00:22/00:00:00:00:00:ff", [tcp()], [tcp(l2=eth(dst=OTHER))]),
    "tp_src odd": ("udp,tp_src=1/1", [udp(sport=1001)], [udp(sport=1000)]),
    "tcp_flags one": ("tcp,tcp_flags=+syn-ack", [tcp(flags="S")], [tcp(flags="SA"), tcp(flags="A")]),
    "tcp_flags number": ("tcp,tcp_flags=0x12", [tcp(flags="SA")], [tcp(flags="S"), tcp(flags="SAP")]),
    "ip_frag first": ("ip,ip_frag=first", [frag(flags="MF")], [udp(), frag(frag=8, flags="MF")]),
    "ip_frag later": ("ip,ip_frag=later", [frag(frag=8)], [udp(), frag(flags="MF")]),
    "ip_frag yes": ("ip,ip_frag=yes", [frag(frag=8), frag(flags="MF")], [udp()]),
    "ip_frag not_later": ("ip,ip_frag=not_later", [udp(), frag(flags="MF")], [frag(frag=8)]),
    "ports of a later fragment": ("udp,tp_dst=0", [frag(frag=8)], [udp()]),
    "nw_ttl": ("ip,nw_ttl=7", [tcp(l3=ip4(ttl=7))], [tcp()]),
    "nw_tos": ("ip,nw_tos=32", [tcp(l3=ip4(tos=32)), tcp(l3=ip4(tos=35))], [tcp()]),
    "ip_dscp": ("ip,ip_dscp=8", [tcp(l3=ip4(tos=32))], [tcp()]),
    "nw_ecn": ("ip,nw_ecn=3", [tcp(l3=ip4(tos=35))], [tcp(l3=ip4(tos=32))]),
    "ipv6 ttl, tos, ecn": ("ipv6,nw_ttl=9,nw_tos=64,nw_ecn=1", [tcp6(l3=ip6(hlim=9, tc=65))], [tcp6(l3=ip6(hlim=9)), tcp6()]),
    "ipv6_label": ("ipv6,ipv6_label=0x12345", [tcp6(l3=ip6(fl=0x12345))], [tcp6()]),
    "ipv6_label masked": ("ipv6,ipv6_label=0x12000/0xff000", [tcp6(l3=ip6(fl=0x12345))], [tcp6()]),
    "icmp type and code": ("icmp,icmp_type=3,icmp_code=1", [icmp(type=3, code=1)], [icmp(type=3, code=2), icmp()]),
    "icmp6 type": ("icmp6,icmpv6_type=128", [ping6()], [ns()]),
    "nd_target": ("icmp6,icmpv6_type=135,nd_target=fe80::1", [ns()], [ns("fe80::2")]),
    "nd_target masked": ("icmp6,icmpv6_type=135,nd_target=fe80::/16", [ns(), ns("fe80::2")], [ns("fe00::1")]),
    "nd_sll": (f"icmp6,icmpv6_type=135,nd_sll={SRC}", [ns()], [eth() / ip6(hlim=255) / ICMPv6ND_NS(tgt="fe80::1")]),
    "nd_tll": (f"icmp6,icmpv6_type=136,nd_tll={SRC}", [na()], [eth() / ip6(hlim=255) / ICMPv6ND_NA(tgt="fe80::1")]),
    "arp_sha masked": ("arp,arp_sha=02:00:00:00:00:00/ff:ff:ff:ff:00:00", [arp()], [arp(hwsrc="02:01:00:00:00:11")]),
    "arp_op 2": ("arp,arp_op=2", [arp(op=2)], [arp()]),
    "rarp": ("rarp", [eth(type=0x8035) / ARP(op=3)], [arp()]),
    "vlan_vid": ("vlan_vid=0x100a", [tagged(), tagged(prio=3)], [tagged(11), udp()]),
    "vlan_vid any": ("vlan_vid=0x1000/0x1000", [tagged(), tagged(0)], [udp()]),
    "vlan_tci priority": ("vlan_tci=0x6000/0xe000", [tagged(prio=3)], [tagged(), udp()]),
    "dl_vlan and pcp": ("dl_vlan=10,dl_vlan_pcp=3", [tagged(prio=3)], [tagged(), tagged(11, 3)]),
    "802.1ad": ("dl_vlan=10", [provider_tagged(10)], [provider_tagged(11)]),
    "eth_type by its other name": ("eth_type=0x0800,ip_proto=6", [tcp()], [udp(), tcp6()]),
    "names of OpenFlow 1.2": (
        "tcp,eth_src=02:00:00:00:00:11,ip_src=10.1.1.1,ip_dst=10.2.2.0/24,tcp_src=1000,tcp_dst=2000",
        [tcp()],
        [tcp(sport=1001), tcp(l3=ip4(dst="10.2.3.2"))],
    ),
    "port range as masks": ("tcp,tp_dst=0x07d0/0xfff0", [tcp(), tcp(dport=2015)], [tcp(dport=2016), tcp(dport=1999)]),
    "ip options": ("udp,tp_dst=2000", [udp(l3=ip4(options=NOPS))], [udp(l3=ip4(options=NOPS), dport=2001)]),
    "ipv6 extension headers": (
        "udp6,tp_dst=2000",
        [eth() / ip6() / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / UDP(sport=1000, dport=2000) / Raw(PAYLOAD)],
        [eth() / ip6() / IPv6ExtHdrHopByHop() / UDP(sport=1000, dport=2001) / Raw(PAYLOAD)],
    ),
    "mpls label": ("mpls,mpls_label=100", [mpls(100), mpls(100, 200)], [mpls(200), udp()]),
    "mpls bos and tc": ("mpls,mpls_bos=1,mpls_tc=5", [mpls(100, cos=5)], [mpls(100), mpls(100, 200, cos=5)]),
}


for name, (match, matching, others) in {**FIELDS, **MORE_FIELDS}.items():
    case(f"match {name}", [RULE.format(match, "output:2"), "priority=1,actions=output:4"], [*matching, *others])

case("match in_port", "in_port=1,actions=output:2\nin_port=3,actions=output:4", [tcp(), at(3, tcp()), at(2, tcp()), at(4, tcp())])
case("match all of a five-tuple", RULE.format("udp,nw_src=10.1.1.1,nw_dst=10.2.2.2,tp_src=1000,tp_dst=2000", "2"), PORTS)

# Priorities, masks, overlaps.

case(
    "priority: the highest wins",
    """priority=1,actions=2
    priority=30,tcp,actions=3
    priority=20,ip,actions=4
    priority=65535,tcp,tp_dst=7,actions=2
    priority=0,actions=3""",
    [*ALL, tcp(dport=7), udp(dport=7)],
)
case("priority: default is 32768", "tcp,actions=2\npriority=32767,ip,actions=3\npriority=32769,tcp,tp_dst=2000,actions=4", V4)
case(
    "priority: prefixes of every kind",
    [f"priority={10 + n},ip,nw_dst=10.2.2.2/{n},actions={2 + n % 3}" for n in range(8, 33, 3)],
    [tcp(l3=ip4(dst=d)) for d in ("10.2.2.2", "10.2.2.3", "10.2.3.2", "10.2.200.1", "10.3.1.1", "10.200.1.1", "11.1.1.1")],
)
PORT_PREFIXES = [(n, 0xFFFF << 16 - n & 0xFFFF) for n in range(1, 17)]
case(
    "priority: longest port masks",
    [f"priority={n},udp,tp_dst={2000 & mask:#x}/{mask:#x},actions={2 + n % 3}" for n, mask in PORT_PREFIXES],
    [udp(dport=2000 ^ 1 << b) for b in range(16)] + [udp()],
)
case(
    "priority: an access list",
    """priority=40,tcp,nw_src=10.1.0.0/16,tp_dst=80,actions=2
    priority=39,tcp,nw_src=10.1.1.0/24,actions=drop
    priority=38,udp,tp_src=53,actions=3
    priority=37,icmp,icmp_type=8,actions=4
    priority=36,arp,actions=FLOOD
    priority=0,actions=drop""",
    [tcp(dport=80), tcp(), udp(sport=53), udp(), icmp(), icmp(type=0), arp(), tcp6(dport=80)],
)
FAR = ip4(src="10.9.0.1")
case(
    "priority: masks that cross",
    """priority=3,ip,nw_src=10.1.0.0/16,actions=2
    priority=2,tcp,tp_dst=2000,actions=3
    priority=1,dl_src=02:00:00:00:00:11,actions=4""",
    [tcp(), tcp(l3=FAR), udp(l3=FAR), tcp6(), arp(), tcp(l2=eth(src=OTHER), l3=FAR, dport=1)],
)
case("priority: no rule drops", "tcp,actions=2", ALL)
case("priority: a rule that is replaced", "tcp,actions=2\ntcp,actions=3\npriority=5,tcp,actions=4", V4)

# Where packets go.

each(
    "out",
    {
        "one port": "actions=output:2",
        "bare numbers": "actions=2,3",
        "three ports": "actions=output:4,output:3,output:2",
        "the port it came from": "actions=output:1,output:2",
        "in_port": "actions=in_port",
        "in_port and others": "actions=2,in_port,3",
        "flood": "actions=flood",
        "all": "actions=all",
        "all and in_port": "actions=all,in_port",
        "twice": "actions=2,2",
        "flood between changes": "actions=mod_dl_src:02:aa:aa:aa:aa:aa,flood,mod_dl_dst:02:bb:bb:bb:bb:bb,2",
    },
    [*ALL, at(3, tcp())],
)
case("out: drop", "actions=drop", ALL, silent=True)
case(
    "out: NORMAL learns",
    "actions=NORMAL",
    conversation(7),
    times=1,
    settles=True,
)
case(
    "out: NORMAL floods what nobody is known for",
    "actions=NORMAL",
    [tcp(l2=eth(station(8, 1), to)) for to in ("ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", station(8, 99))],
)
case(
    "out: NORMAL after a change",
    "actions=mod_vlan_vid:30,NORMAL",
    [tcp(l2=eth(station(9, 1), station(9, 2))), arp(l2=eth(station(9, 1), "ff:ff:ff:ff:ff:ff"))],
)
case(
    "out: NORMAL keeps VLANs apart",
    "actions=NORMAL",
    [at(p, udp(l2=eth(station(11, p), station(11, 3 - p), vlan))) for p, vlan in ((1, 41), (2, 42), (1, 42), (2, 41))],
    settles=True,
)

# Changes of headers.

each(
    "VLAN",
    {
        "mod_vlan_vid": "actions=mod_vlan_vid:100,2",
        "mod_vlan_vid 0": "actions=mod_vlan_vid:0,2",
        "mod_vlan_pcp": "actions=mod_vlan_pcp:5,2",
        "vid and pcp": "actions=mod_vlan_vid:100,mod_vlan_pcp:5,2",
        "strip_vlan": "actions=strip_vlan,2",
        "pop_vlan": "vlan_tci=0x1000/0x1000,actions=pop_vlan,2",
        "load of a tci": "actions=load:0x1064->NXM_OF_VLAN_TCI[],2",
        "swap tags of two ports": "actions=mod_vlan_vid:11,2,mod_vlan_vid:12,3,strip_vlan,4",
    },
    [udp(), tcp6(), arp(), tagged(), tagged(10, 6), tcp(l2=eth(vlan=[10, 20]))],
)
# swd drops a packet that would get a third tag.
each(
    "VLAN push",
    {
        "alone": "actions=push_vlan:0x8100,2",
        "with a vid": "actions=push_vlan:0x8100,set_field:4106->vlan_vid,2",
        "802.1ad": "actions=push_vlan:0x88a8,set_field:4106->vlan_vid,2",
        "out, pop, out": "actions=push_vlan:0x8100,mod_vlan_vid:7,2,strip_vlan,3",
        "pcp and vid": "actions=push_vlan:0x8100,set_field:4106->vlan_vid,set_field:3->vlan_pcp,2",
    },
    [udp(), tcp6(), arp(), tagged(), tagged(10, 6)],
)
case(
    "VLAN push: twice",
    "actions=push_vlan:0x8100,set_field:4106->vlan_vid,push_vlan:0x8100,set_field:4107->vlan_vid,2",
    [udp(), tcp6(), arp()],
)
each(
    "Ethernet",
    {
        "mod_dl_src": f"actions=mod_dl_src:{OTHER},2",
        "mod_dl_dst": f"actions=mod_dl_dst:{OTHER},2",
        "set_field": f"actions=set_field:{OTHER}->eth_dst,set_field:{OTHER}->eth_src,2",
        "swap":
        "actions=push:NXM_OF_ETH_SRC[],push:NXM_OF_ETH_DST[],pop:NXM_OF_ETH_SRC[],pop:NXM_OF_ETH_DST[],2",
        "load of a part": "actions=load:0xab->NXM_OF_ETH_DST[8..15],2",
        "move": "actions=move:NXM_OF_ETH_SRC[0..15]->NXM_OF_ETH_DST[16..31],2",
    },
    ALL,
)
each(
    "IPv4",
    {
        "mod_nw_src": "ip,actions=mod_nw_src:192.0.2.1,2",
        "mod_nw_dst": "ip,actions=mod_nw_dst:192.0.2.2,2",
        "both, and ports": "udp,actions=mod_nw_src:192.0.2.1,mod_nw_dst:192.0.2.2,mod_tp_src:5,mod_tp_dst:6,2",
        "mod_nw_tos": "ip,actions=mod_nw_tos:184,2",
        "mod_nw_ecn": "ip,actions=mod_nw_ecn:2,2",
        "mod_nw_ttl": "ip,actions=mod_nw_ttl:3,2",
        "dec_ttl": "ip,actions=dec_ttl,2",
        "dec_ttl twice": "ip,actions=dec_ttl,2,dec_ttl,3",
        "set_field of an address": "ip,actions=set_field:192.0.2.9->ip_src,2",
        "set_field ip_dscp": "ip,actions=set_field:10->ip_dscp,2",
        "swap of addresses": "ip,actions=push:NXM_OF_IP_SRC[],push:NXM_OF_IP_DST[],pop:NXM_OF_IP_SRC[],pop:NXM_OF_IP_DST[],2",
        "move of bits": "ip,actions=move:NXM_OF_IP_SRC[0..7]->NXM_OF_IP_DST[8..15],2",
        "load": "ip,actions=load:0xc0000201->NXM_OF_IP_DST[],2",
    },
    [*V4, udp(chksum=0), udp(l3=ip4(ttl=64, tos=35)), tagged(), frag(flags="MF"), frag(frag=8), tcp6()],
)
case("IPv4: dec_ttl of one and none", "ip,actions=dec_ttl,2", [tcp(l3=ip4(ttl=t)) for t in (0, 1, 2, 3, 64, 255)])
case("IPv4: dec_ttl ends the rest, not what was before", "ip,actions=3,dec_ttl,2", [tcp(l3=ip4(ttl=t)) for t in (1, 2)])
case("IPv4: checksums", "ip,actions=mod_nw_src:1.2.3.4,2", [tcp(), udp(chksum=0), udp(), icmp()])
each(
    "IPv6",
    {
        "set addresses": "ipv6,actions=set_field:2001:db8::7->ipv6_src,set_field:2001:db8::8->ipv6_dst,2",
        "set label": "ipv6,actions=set_field:0x54321->ipv6_label,2",
        "tos, ecn, ttl": "ipv6,actions=mod_nw_tos:184,mod_nw_ecn:1,mod_nw_ttl:5,2",
        "dec_ttl": "ipv6,actions=dec_ttl,2",
        "move of a part": "ipv6,actions=move:NXM_NX_IPV6_SRC[0..31]->NXM_NX_IPV6_DST[0..31],2",
    },
    [*V6, ns(), tcp6(l3=ip6(hlim=1)), tcp6(l2=eth(vlan=5))],
)
for l4, packets in (("tcp", [tcp(), tcp(flags="S")]), ("udp", [udp(), udp(chksum=0)]), ("sctp", [sctp(), sctp(sport=9)])):
    case(f"ports: {l4}", f"{l4},actions=mod_tp_src:77,mod_tp_dst:88,2", packets)
    case(f"ports: {l4} set_field", f"{l4},actions=set_field:77->{l4}_src,set_field:88->{l4}_dst,2", packets)
    src, dst = (f"{'OXM' if l4 == 'sctp' else 'NXM'}_OF_{l4.upper()}_{end}[]" for end in ("SRC", "DST"))
    case(f"ports: {l4} swap", f"{l4},actions=push:{src},push:{dst},pop:{src},pop:{dst},2", packets)
for l4, packets in (("tcp6", [tcp6(), tcp6(flags="S")]), ("udp6", [udp6(), udp6(sport=9)])):
    case(f"ports: {l4}", f"{l4},actions=mod_tp_src:77,mod_tp_dst:88,2", packets)
case("ICMP: set_field of type and code", "icmp,actions=set_field:3->icmp_type,set_field:1->icmp_code,2", [icmp(), icmp(type=0)])
case("actions: a change is seen by later outputs only", "ip,actions=2,mod_nw_dst:9.9.9.9,3,mod_dl_dst:02:00:00:00:00:77,4", V4)

# MPLS.

each(
    "MPLS",
    {
        "push": "ip,actions=push_mpls:0x8847,set_field:100->mpls_label,2",
        "push, label, tc": "ip,actions=push_mpls:0x8847,set_field:100->mpls_label,set_field:3->mpls_tc,set_mpls_ttl(9),2",
        "push twice": "ip,actions=push_mpls:0x8847,set_field:100->mpls_label,push_mpls:0x8847,set_field:200->mpls_label,2",
        "push multicast": "ip,actions=push_mpls:0x8848,set_mpls_label(77),2",
        "push and pop": "ip,actions=push_mpls:0x8847,set_mpls_label(5),2,pop_mpls:0x0800,3",
    },
    [tcp(), udp(), tagged(), tcp(l3=ip4(ttl=3)), arp(), tcp6()],
)
# Open vSwitch 3.1 writes the whole entry under a mask that lacks most of it: the next packet gets the label of the first.
each(
    "MPLS label",
    {
        "set": "mpls,actions=set_mpls_label(500),2",
        "set tc": "mpls,actions=set_mpls_tc(6),2",
        "set ttl": "mpls,actions=set_mpls_ttl(3),2",
        "dec ttl": "mpls,actions=dec_mpls_ttl,2",
    },
    [mpls(100), mpls(100)],
)
each(
    "MPLS label",
    {
        "pop the last": "mpls,mpls_bos=1,actions=pop_mpls:0x0800,2",
        "pop of two": "mpls,mpls_bos=0,actions=pop_mpls:0x8847,2",
        "push above": "mpls,actions=push_mpls:0x8847,set_mpls_label(9),2",
        "pop and go on": (
            "mpls,mpls_bos=1,actions=pop_mpls:0x0800,resubmit(,1)\n"
            "table=1,ip,nw_dst=10.2.2.2,actions=mod_nw_dst:10.9.9.9,2"
        ),
    },
    [mpls(100), mpls(100, 200), mpls(100, ttl=2), mpls(7, cos=4)],
)

# Sets with a mask: OpenFlow 1.0's messages, which ovs-ofctl uses unless told otherwise, lose it.

each(
    "masked set",
    {
        "MAC": "actions=set_field:00:00:00:00:aa:bb/00:00:00:00:ff:ff->eth_src,2",
        "IPv4": "ip,actions=set_field:0.0.0.77/0.0.0.255->ip_dst,2",
    },
    [tcp(), udp()],
    version=13,
)

# ARP and neighbour discovery.

case(
    "ARP: a responder",
    """arp,arp_op=1,arp_tpa=10.2.2.2,actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],mod_dl_src:02:00:00:00:00:fe,
    load:2->NXM_OF_ARP_OP[],move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],load:0x0200000000fe->NXM_NX_ARP_SHA[],
    move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],load:0x0a020202->NXM_OF_ARP_SPA[],in_port
    priority=1,actions=2""",
    [arp(), arp(pdst="10.2.2.3"), arp(op=2), arp(l2=eth(dst="ff:ff:ff:ff:ff:ff", vlan=5))],
)
case(
    "ARP: set_field",
    "arp,actions=set_field:2->arp_op,set_field:1.2.3.4->arp_spa,set_field:02:00:00:00:00:a1->arp_sha,2",
    [arp(), arp(op=2), udp()],
)
case("ARP: masked change", "arp,actions=load:0x7->NXM_OF_ARP_TPA[0..7],2", [arp(), arp(pdst="9.9.9.9")])
each(
    "ND",
    {
        "target": "icmp6,icmpv6_type=135,actions=set_field:fe80::99->nd_target,2",
        "source address": "icmp6,icmpv6_type=135,actions=set_field:02:00:00:00:00:a1->nd_sll,2",
        "target address": "icmp6,icmpv6_type=136,actions=set_field:02:00:00:00:00:a2->nd_tll,2",
    },
    [ns(), ns("fe80::2"), na(), ping6()],
)
