"""Rules and packets for test_against_ovs.py: a table, by group. Rules are texts that ovs-ofctl and swctl both take.

Ports have the numbers 1 to 4. A packet is a frame that comes in at port 1, or at(PORT, frame).
"""

from dataclasses import dataclass

from frames import *
from scapy.contrib.mpls import MPLS
from test_match_fields import CASES as FIELDS

OTHER = "02:00:00:00:00:33"
RULE = "priority=10,{},actions={}"


@dataclass(frozen=True)
class Case:
    rules: list
    packets: list  # (port, of scapy or bytes)
    groups: tuple = ()
    meters: tuple = ()
    choice: frozenset = frozenset()  # ports of the buckets, of which a hash takes one
    times: int = 2  # how often all packets are sent
    settles: bool = False  # packets change the rules: wait for it
    version: int = None  # of OpenFlow (10 x), where ovs-ofctl's default does not do
    silent: bool = False  # nothing comes out, and that is what is tested

    def frames(self):
        """(port, bytes). Made when they are wanted: scapy takes a millisecond each, and pytest collects what it does not run."""
        return [(port, padded(packet)) for port, packet in self.packets]


CASES = {}
NEWER = ("push_vlan", "write_metadata")  # what ovs-ofctl does not take under OpenFlow 1.0


def padded(packet):
    """As a device pads it."""
    frame = raw(packet)
    return frame + bytes(max(0, 60 - len(frame)))


def at(port, packet):
    return port, packet


def case(name, rules, packets, **kw):
    assert name not in CASES, name
    rules = rules.split("\n") if isinstance(rules, str) else rules
    rules = [r.strip() for r in rules if r.strip()]
    if any(word in r for r in rules for word in NEWER):
        kw.setdefault("version", 15)
    packets = [p if isinstance(p, tuple) else at(1, p) for p in packets]
    CASES[name] = Case(rules, packets, **kw)


def each(group, rows, packets, **kw):
    """One rule each: what stands in the rows, for the same packets."""
    for name, rule in rows.items():
        case(f"{group}: {name}", rule, packets, **kw)


# Packets of every kind.


def arp(**kw):
    l2 = kw.pop("l2", None) or eth(dst="ff:ff:ff:ff:ff:ff")
    return l2 / ARP(**{"hwsrc": SRC, "psrc": IP_SRC, "pdst": IP_DST, **kw})


def ns(target="fe80::1", l2=None, **kw):
    return (l2 or eth()) / ip6(hlim=255) / ICMPv6ND_NS(tgt=target, **kw) / ICMPv6NDOptSrcLLAddr(lladdr=SRC)


def na(target="fe80::1", **kw):
    return eth() / ip6(hlim=255) / ICMPv6ND_NA(tgt=target, **kw) / ICMPv6NDOptDstLLAddr(lladdr=SRC)


def ping6():
    return eth() / ip6() / ICMPv6EchoRequest(id=1, seq=2, data=PAYLOAD)


def tagged(vid=10, prio=0, inner=None):
    return eth() / Dot1Q(vlan=vid, prio=prio) / (inner or ip4() / UDP(sport=1000, dport=2000) / Raw(PAYLOAD))


def mpls(*labels, ttl=64, cos=0):
    packet = eth()
    for i, label in enumerate(labels):
        packet /= MPLS(label=label, ttl=ttl, cos=cos, s=i == len(labels) - 1)
    return packet / ip4() / UDP(sport=1000, dport=2000) / Raw(PAYLOAD)


def frag(**kw):
    return eth() / ip4(proto=17, **kw) / Raw(bytes(64))


V4 = [tcp(), udp(), sctp(), icmp()]
V6 = [tcp6(), udp6(), sctp6(), ping6()]
ALL = [*V4, *V6, arp(), tagged(), tcp(l2=eth(vlan=[10, 20])), eth(type=0x88B5) / Raw(PAYLOAD)]
PORTS = [tcp(), udp(), tcp6(), udp6(), tcp(sport=1, dport=65535), udp(sport=1001, dport=2001)]

# Match fields: a packet that matches goes to port 2, any other to port 4.

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
    "802.1ad": ("dl_vlan=10", [eth() / Dot1AD(vlan=10) / ip4() / UDP() / Raw(PAYLOAD)], [eth() / Dot1AD(vlan=11) / ip4() / UDP() / Raw(PAYLOAD)]),
    "eth_type by its other name": ("eth_type=0x0800,ip_proto=6", [tcp()], [udp(), tcp6()]),
    "names of OpenFlow 1.2": (
        "tcp,eth_src=02:00:00:00:00:11,ip_src=10.1.1.1,ip_dst=10.2.2.0/24,tcp_src=1000,tcp_dst=2000",
        [tcp()],
        [tcp(sport=1001), tcp(l3=ip4(dst="10.2.3.2"))],
    ),
    "port range as masks": ("tcp,tp_dst=0x07d0/0xfff0", [tcp(), tcp(dport=2015)], [tcp(dport=2016), tcp(dport=1999)]),
    "ip options": ("udp,tp_dst=2000", [udp(l3=ip4(options=[IPOption_NOP()] * 4))], [udp(l3=ip4(options=[IPOption_NOP()] * 4), dport=2001)]),
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
    "priority=1,actions=2\npriority=30,tcp,actions=3\npriority=20,ip,actions=4\npriority=65535,tcp,tp_dst=7,actions=2\npriority=0,actions=3",
    [*ALL, tcp(dport=7), udp(dport=7)],
)
case("priority: default is 32768", "tcp,actions=2\npriority=32767,ip,actions=3\npriority=32769,tcp,tp_dst=2000,actions=4", V4)
case(
    "priority: prefixes of every kind",
    [f"priority={10 + n},ip,nw_dst=10.2.2.2/{n},actions={2 + n % 3}" for n in range(8, 33, 3)],
    [tcp(l3=ip4(dst=d)) for d in ("10.2.2.2", "10.2.2.3", "10.2.3.2", "10.2.200.1", "10.3.1.1", "10.200.1.1", "11.1.1.1")],
)
case(
    "priority: longest port masks",
    [f"priority={n},udp,tp_dst={2000 >> 16 - n << 16 - n:#x}/{0xFFFF << 16 - n & 0xFFFF:#x},actions={2 + n % 3}" for n in range(1, 17)],
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
case(
    "priority: masks that cross",
    "priority=3,ip,nw_src=10.1.0.0/16,actions=2\npriority=2,tcp,tp_dst=2000,actions=3\npriority=1,dl_src=02:00:00:00:00:11,actions=4",
    [tcp(), tcp(l3=ip4(src="10.9.0.1")), udp(l3=ip4(src="10.9.0.1")), tcp6(), arp(), tcp(l2=eth(src=OTHER), l3=ip4(src="10.9.0.1"), dport=1)],
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
    [at(1, tcp(l2=eth("02:07:00:00:00:01", "02:07:00:00:00:02"))), at(2, tcp(l2=eth("02:07:00:00:00:02", "02:07:00:00:00:01")))]
    + [at(1, udp(l2=eth("02:07:00:00:00:01", "02:07:00:00:00:02"))), at(3, udp(l2=eth("02:07:00:00:00:03", "02:07:00:00:00:01")))],
    times=1,
    settles=True,
)
case("out: NORMAL floods what nobody is known for", "actions=NORMAL", [tcp(l2=eth("02:08:00:00:00:01", d)) for d in ("ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "02:08:00:00:00:99")])
case("out: NORMAL after a change", "actions=mod_vlan_vid:30,NORMAL", [tcp(l2=eth("02:09:00:00:00:01", "02:09:00:00:00:02")), arp(l2=eth("02:09:00:00:00:01", "ff:ff:ff:ff:ff:ff"))])
case("out: NORMAL keeps VLANs apart", "actions=NORMAL", [at(p, tagged(v, inner=None) / b"") for p, v in ((1, 41), (2, 42), (1, 42), (2, 41))], settles=True)

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
case("IPv4: mod_nw_src of TCP and of UDP without checksum", "ip,actions=mod_nw_src:1.2.3.4,2", [tcp(), udp(chksum=0), udp(), icmp()])
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
    case(f"ports: {l4} swap", f"{l4},actions=push:NXM_OF_{l4.upper()}_SRC[],push:NXM_OF_{l4.upper()}_DST[],pop:NXM_OF_{l4.upper()}_SRC[],pop:NXM_OF_{l4.upper()}_DST[],2" if l4 != "sctp" else "sctp,actions=push:OXM_OF_SCTP_SRC[],push:OXM_OF_SCTP_DST[],pop:OXM_OF_SCTP_SRC[],pop:OXM_OF_SCTP_DST[],2", packets)
for l4, packets in (("tcp6", [tcp6(), tcp6(flags="S")]), ("udp6", [udp6(), udp6(sport=9)])):
    case(f"ports: {l4}", f"{l4},actions=mod_tp_src:77,mod_tp_dst:88,2", packets)
case("ICMP: set_field of type and code", "icmp,actions=set_field:3->icmp_type,set_field:1->icmp_code,2", [icmp(), icmp(type=0)])
case("actions: a change is seen by later outputs only", "ip,actions=2,mod_nw_dst:9.9.9.9,3,mod_dl_dst:02:00:00:00:00:77,4", V4)

# Tables.

case(
    "tables: resubmit",
    "actions=resubmit(,1)\ntable=1,tcp,actions=2\ntable=1,priority=1,actions=3",
    ALL,
)
case("tables: resubmit goes on behind", "actions=resubmit(,1),resubmit(,2),4\ntable=1,ip,actions=2\ntable=2,tcp,actions=3", ALL)
case("tables: resubmit to the same table with another port", "in_port=1,actions=resubmit:3\nin_port=3,actions=2,1", V4)
case("tables: resubmit(port,table)", "actions=resubmit(2,5)\ntable=5,in_port=2,actions=1,3\ntable=5,in_port=1,actions=4", V4)
case("tables: resubmit of a changed packet", "ip,actions=mod_nw_dst:10.9.9.9,resubmit(,1)\ntable=1,ip,nw_dst=10.9.9.9,actions=2\ntable=1,ip,nw_dst=10.2.2.2,actions=3", V4)
case("tables: changes of a called table stay", "ip,actions=resubmit(,1),2\ntable=1,ip,actions=mod_nw_dst:10.9.9.9,3", V4)
case("tables: resubmit that finds nothing", "actions=resubmit(,1),2\ntable=1,udp,tp_dst=7,actions=3", V4)
case("tables: goto_table", "actions=goto_table:1\ntable=1,tcp,actions=goto_table:20\ntable=1,priority=1,actions=3\ntable=20,actions=2", ALL)
case("tables: goto_table after actions", "ip,actions=mod_nw_dst:10.9.9.9,2,goto_table:3\ntable=3,ip,nw_dst=10.9.9.9,actions=4", V4)
case("tables: goto_table to an empty one drops the rest", "actions=2,goto_table:7", V4)
case("tables: a table-miss rule", "actions=goto_table:1\ntable=1,priority=0,actions=4\ntable=1,tcp,actions=2", ALL)
case("tables: ten in a row", [f"table={n},actions={2 + n % 3},resubmit(,{n + 1})" for n in range(10)] + ["table=10,actions=1"], V4)
case("tables: a deep recursion ends", "ip,actions=resubmit(,0),2", V4, silent=True)
case(
    "tables: an access list behind a MAC table",
    """dl_src=02:00:00:00:00:11,actions=resubmit(,10)
    table=10,priority=5,tcp,tp_dst=22,actions=drop
    table=10,priority=4,ip,actions=resubmit(,20)
    table=20,priority=9,ip,nw_dst=10.2.0.0/16,actions=2
    table=20,ip,nw_dst=0.0.0.0/1,actions=3""",
    [tcp(dport=22), tcp(), tcp(l3=ip4(dst="10.3.0.1")), tcp(l2=eth(src=OTHER)), tcp(l3=ip4(dst="200.0.0.1")), arp()],
)

# Action sets.

ACTION_SETS = {
    "write": "actions=write_actions(output:2)",
    "the last output counts": "actions=write_actions(output:2),goto_table:1\ntable=1,actions=write_actions(output:3)",
    "apply before write": "ip,actions=4,write_actions(mod_nw_dst:10.9.9.9,output:2)",
    "changes come before the output": "ip,actions=write_actions(output:2,mod_dl_dst:02:00:00:00:00:77,mod_nw_dst:10.9.9.9)",
    "clear": "actions=write_actions(output:2),goto_table:1\ntable=1,tcp,actions=clear_actions\ntable=1,priority=1,udp,actions=drop",
    "clear and write": "actions=write_actions(output:2),goto_table:1\ntable=1,actions=clear_actions,write_actions(output:3)",
    "merged over tables": "ip,actions=write_actions(mod_nw_dst:10.9.9.9),goto_table:1\ntable=1,ip,actions=write_actions(output:2,mod_nw_src:10.8.8.8)",
    "push and set in their order": "actions=write_actions(output:2,push_vlan:0x8100,set_field:4106->vlan_vid)",
    "dec_ttl": "ip,actions=write_actions(dec_ttl,output:2)",
    "no output, nothing": "ip,actions=3,write_actions(mod_nw_dst:10.9.9.9)",
    "a table without a match keeps the set": "actions=write_actions(output:2),goto_table:9",
    "with a group and an output": "actions=write_actions(group:1,output:2)",
}
for name, rules in ACTION_SETS.items():
    case(f"action set: {name}", rules, V4 + [tcp6(), arp()], version=15, groups=("group_id=1,type=all,bucket=actions=3,bucket=actions=4",) if "group" in name else ())

# Metadata and registers.

REGISTERS = {
    "write_metadata": "tcp,actions=write_metadata:0x5,goto_table:1\npriority=1,actions=goto_table:1\ntable=1,metadata=5,actions=2\ntable=1,priority=1,actions=3",
    "write_metadata masked": "actions=write_metadata:0xff,goto_table:1\ntable=1,actions=write_metadata:0x10/0xf0,goto_table:2\ntable=2,metadata=0x1f,actions=2\ntable=2,priority=1,actions=3",
    "load": "tcp,actions=load:7->NXM_NX_REG0[],resubmit(,1)\npriority=1,actions=resubmit(,1)\ntable=1,reg0=7,actions=2\ntable=1,priority=1,reg0=0,actions=3",
    "load of a part": "actions=load:0xffffffff->NXM_NX_REG1[],load:0->NXM_NX_REG1[8..15],resubmit(,1)\ntable=1,reg1=0xffff00ff,actions=2\ntable=1,priority=1,actions=3",
    "set_field": "actions=set_field:0x1234->reg2,resubmit(,1)\ntable=1,reg2=0x1234,actions=2\ntable=1,priority=1,actions=3",
    "set_field masked": "actions=set_field:0xff->reg3,set_field:0x10/0xf0->reg3,resubmit(,1)\ntable=1,reg3=0x1f,actions=2\ntable=1,priority=1,actions=3",
    "match under a mask": "tcp,actions=load:0x1234->NXM_NX_REG4[],resubmit(,1)\npriority=1,actions=resubmit(,1)\ntable=1,reg4=0x1200/0xff00,actions=2\ntable=1,priority=1,actions=3",
    "move of a field to a register": "ip,actions=move:NXM_OF_IP_SRC[]->NXM_NX_REG5[],resubmit(,1)\ntable=1,reg5=0x0a010101,actions=2\ntable=1,priority=1,actions=3",
    "move of a register to a field": "ip,actions=load:0x01020304->NXM_NX_REG6[],move:NXM_NX_REG6[]->NXM_OF_IP_DST[],2",
    "the last register": "actions=load:1->NXM_NX_REG15[],resubmit(,1)\ntable=1,reg15=1,actions=2\ntable=1,priority=1,actions=3",
    "output to a register": "tcp,actions=load:2->NXM_NX_REG0[],output:NXM_NX_REG0[]\npriority=1,actions=load:3->NXM_NX_REG0[0..15],output:NXM_NX_REG0[0..15]",
    "output to a register with the input port": "actions=load:1->NXM_NX_REG0[],output:NXM_NX_REG0[],3",
    "output to a register with a reserved port": "actions=load:0xfff8->NXM_NX_REG0[0..15],output:NXM_NX_REG0[0..15]",
    "in_port moved to a register": "actions=move:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15],resubmit(,1)\ntable=1,reg0=1,actions=2\ntable=1,priority=1,actions=3",
    "xreg": "actions=set_field:0x0000000500000006->xreg0,resubmit(,1)\ntable=1,reg0=5,reg1=6,actions=2\ntable=1,priority=1,actions=3",
    "registers of a called table stay": "actions=resubmit(,1),resubmit(,2)\ntable=1,tcp,actions=load:1->NXM_NX_REG0[]\ntable=2,reg0=1,actions=2\ntable=2,priority=1,actions=3",
    "a decision kept": "tcp,actions=load:2->NXM_NX_REG9[],goto_table:1\nudp,actions=load:3->NXM_NX_REG9[],goto_table:1\ntable=1,ip,actions=mod_dl_src:02:00:00:00:00:99,output:NXM_NX_REG9[]",
    "metadata moved": "actions=write_metadata:0x77,goto_table:1\ntable=1,actions=move:OXM_OF_METADATA[0..31]->NXM_NX_REG0[],resubmit(,2)\ntable=2,reg0=0x77,actions=2\ntable=2,priority=1,actions=3",
    "stack": "actions=load:5->NXM_NX_REG0[],push:NXM_NX_REG0[],load:6->NXM_NX_REG0[],pop:NXM_NX_REG1[],resubmit(,1)\ntable=1,reg0=6,reg1=5,actions=2\ntable=1,priority=1,actions=3",
    "stack over tables": "actions=load:5->NXM_NX_REG0[],push:NXM_NX_REG0[0..7],resubmit(,1)\ntable=1,actions=pop:NXM_NX_REG2[0..7],resubmit(,2)\ntable=2,reg2=5,actions=2\ntable=2,priority=1,actions=3",
    "pop of an empty stack": "actions=load:5->NXM_NX_REG0[],pop:NXM_NX_REG0[],2",
}
for name, rules in REGISTERS.items():
    case(f"registers: {name}", rules, V4 + [tcp6(), arp()])

# in_port.

case("in_port: an output to where it came from does nothing", "actions=1,2\npriority=40000,in_port=2,actions=1,2", [tcp(), at(2, tcp())])
case("in_port: load of another, then output", "in_port=1,actions=load:0->NXM_OF_IN_PORT[],1,2", V4)
case("in_port: set, then all", "actions=load:3->NXM_OF_IN_PORT[],all", V4)
case("in_port: pushed and popped", "actions=push:NXM_OF_IN_PORT[],load:0->NXM_OF_IN_PORT[],1,pop:NXM_OF_IN_PORT[],1,2", V4)
case("in_port: in_port after resubmit with another", "in_port=1,actions=resubmit(3,1)\ntable=1,in_port=3,actions=in_port", V4)

# Groups.

GROUPS = {
    "all": ("group_id=1,type=all,bucket=actions=2,bucket=actions=3", "actions=group:1"),
    "all with changes of each bucket": (
        "group_id=1,type=all,bucket=actions=mod_dl_src:02:00:00:00:00:a1,2,bucket=actions=3,bucket=actions=mod_dl_dst:02:00:00:00:00:a2,4",
        "actions=group:1",
    ),
    "what a bucket changes does not stay": ("group_id=1,type=all,bucket=actions=mod_nw_dst:10.9.9.9,2", "ip,actions=group:1,3"),
    "all with an empty bucket": ("group_id=1,type=all,bucket=actions=drop,bucket=actions=4", "actions=group:1"),
    "indirect": ("group_id=2,type=indirect,bucket=actions=mod_dl_src:02:00:00:00:00:a1,3", "actions=group:2,2"),
    "fast failover takes the first that is up": ("group_id=3,type=ff,bucket=watch_port:2,actions=2,bucket=watch_port:3,actions=3", "actions=group:3"),
    "select of one bucket": ("group_id=4,type=select,bucket=actions=2", "actions=group:4"),
    "select with a weight of none": ("group_id=4,type=select,bucket=weight:0,actions=2,bucket=weight:5,actions=3", "actions=group:4"),
    "bucket that goes on in a table": ("group_id=5,type=all,bucket=actions=resubmit(,1),bucket=actions=4", "actions=group:5\ntable=1,tcp,actions=2\ntable=1,priority=1,actions=3"),
    "bucket with a register": ("group_id=6,type=all,bucket=actions=load:2->NXM_NX_REG0[],output:NXM_NX_REG0[],bucket=actions=3", "actions=group:6"),
}
for name, (group, rules) in GROUPS.items():
    case(f"group: {name}", rules, V4 + [tcp6(), arp()], groups=(group,))
case(
    "group: that uses a group",
    "actions=group:8",
    V4,
    groups=("group_id=7,type=all,bucket=actions=2,bucket=actions=3", "group_id=8,type=all,bucket=actions=mod_dl_src:02:00:00:00:00:a1,group:7,bucket=actions=4"),
)
SELECT = "group_id=9,type=select,bucket=weight:1,actions=2,bucket=weight:1,actions=3,bucket=weight:2,actions=4"
case("group: select takes a bucket, for the same packet the same", "actions=group:9", [udp(sport=n) for n in range(1, 20)], groups=(SELECT,), choice=frozenset({2, 3, 4}))
case("group: select in an action set", "actions=write_actions(group:9)", [udp(sport=n) for n in range(1, 8)], groups=(SELECT,), choice=frozenset({2, 3, 4}), version=15)
case(
    "group: select by fields",
    "actions=group:10",
    [udp(sport=n) for n in range(1, 8)],
    groups=("group_id=10,type=select,selection_method=hash,fields=ip_src,bucket=actions=2,bucket=actions=3",),
    choice=frozenset({2, 3}),
)

# learn. The packets come once, in this order, and each may add a rule.

MAC_LEARNING = """table=0,priority=1,actions=learn(table=1,hard_timeout=300,NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),resubmit(,1)
    table=1,priority=0,actions=flood"""
case(
    "learn: MAC learning",
    MAC_LEARNING,
    [at(1, udp(l2=eth("02:0a:00:00:00:01", "02:0a:00:00:00:02"))), at(2, udp(l2=eth("02:0a:00:00:00:02", "02:0a:00:00:00:01")))]
    + [at(1, udp(l2=eth("02:0a:00:00:00:01", "02:0a:00:00:00:02"))), at(3, udp(l2=eth("02:0a:00:00:00:03", "02:0a:00:00:00:01")))],
    times=1,
    settles=True,
)
case(
    "learn: a pinhole for the way back",
    """in_port=1,tcp,actions=learn(table=5,priority=9,eth_type=0x0800,nw_proto=6,NXM_OF_IP_SRC[]=NXM_OF_IP_DST[],NXM_OF_IP_DST[]=NXM_OF_IP_SRC[],NXM_OF_TCP_SRC[]=NXM_OF_TCP_DST[],output:NXM_OF_IN_PORT[]),2
    in_port=2,actions=resubmit(,5)
    table=5,priority=1,actions=4""",
    [at(2, tcp(l3=ip4(src=IP_DST, dst=IP_SRC), sport=2000, dport=1000)), at(1, tcp()), at(2, tcp(l3=ip4(src=IP_DST, dst=IP_SRC), sport=2000, dport=1000))]
    + [at(2, tcp(l3=ip4(src=IP_DST, dst=IP_SRC), sport=2001, dport=1000))],
    times=1,
    settles=True,
)
case(
    "learn: load of a register",
    """table=0,udp,actions=learn(table=6,eth_type=0x800,nw_proto=17,NXM_OF_UDP_SRC[],load:0x9->NXM_NX_REG3[0..7]),resubmit(,6),resubmit(,7)
    table=7,reg3=9,actions=2
    table=7,priority=1,actions=3""",
    [udp(), udp(sport=1001), udp()],
    times=1,
    settles=True,
)

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
        "pop and go on": "mpls,mpls_bos=1,actions=pop_mpls:0x0800,resubmit(,1)\ntable=1,ip,nw_dst=10.2.2.2,actions=mod_nw_dst:10.9.9.9,2",
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

ARP_RESPONDER = (
    "arp,arp_op=1,arp_tpa=10.2.2.2,actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],mod_dl_src:02:00:00:00:00:fe,load:2->NXM_OF_ARP_OP[],"
    "move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],load:0x0200000000fe->NXM_NX_ARP_SHA[],move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],"
    "load:0x0a020202->NXM_OF_ARP_SPA[],in_port"
)
case("ARP: a responder", [ARP_RESPONDER, "priority=1,actions=2"], [arp(), arp(pdst="10.2.2.3"), arp(op=2), arp(l2=eth(dst="ff:ff:ff:ff:ff:ff", vlan=5))])
case("ARP: set_field", "arp,actions=set_field:2->arp_op,set_field:1.2.3.4->arp_spa,set_field:02:00:00:00:00:a1->arp_sha,2", [arp(), arp(op=2), udp()])
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

# The rest.

OTHERS = {
    "clone": "ip,actions=clone(mod_nw_dst:10.9.9.9,2),3",
    "clone of a table's walk": "ip,actions=clone(load:1->NXM_NX_REG0[],resubmit(,1)),resubmit(,1)\ntable=1,reg0=1,actions=2\ntable=1,priority=1,actions=3",
    "clone in a clone": "ip,actions=clone(mod_dl_src:02:00:00:00:00:a1,clone(mod_dl_dst:02:00:00:00:00:a2,2),3),4",
    "exit ends all": "actions=resubmit(,1),4\ntable=1,tcp,actions=2,exit,3\ntable=1,priority=1,actions=3",
    "exit before outputs": "tcp,actions=exit,2\npriority=1,actions=3",
    "note does nothing": "actions=note:01.02.03.04,2",
    "multipath with one link": "actions=multipath(symmetric_l4,1024,modulo_n,1,0,NXM_NX_REG0[]),resubmit(,1)\ntable=1,reg0=0,actions=2\ntable=1,priority=1,actions=3",
    "bundle of one": "actions=bundle(symmetric_l4,0,hrw,ofport,slaves:3)",
    "bundle active_backup": "actions=bundle(eth_src,0,active_backup,ofport,slaves:2,3)",
    "bundle_load": "actions=bundle_load(eth_src,0,active_backup,ofport,NXM_NX_REG0[],slaves:3,2),output:NXM_NX_REG0[]",
    "cookies and timeouts do not matter": "cookie=0x12,idle_timeout=100,hard_timeout=200,tcp,actions=2\ncookie=0x13,priority=1,actions=3",
    "a meter below its rate": "actions=meter:1,2",
}
for name, rules in OTHERS.items():
    meters = ("meter=1,pktps,burst,band=type=drop,rate=100000,burst_size=1000",) if "meter" in name else ()
    case(f"more: {name}", rules, V4 + [tcp6(), arp()], meters=meters, version=15 if meters else None)
case("more: multipath takes one of the links", "actions=multipath(symmetric_l4,1024,modulo_n,3,0,NXM_NX_REG0[0..15]),resubmit(,1)\n" + "\n".join(f"table=1,reg0={n},actions={n + 2}" for n in range(3)), [udp(sport=n) for n in range(1, 12)], choice=frozenset({2, 3, 4}))
case("more: bundle takes one of the ports", "actions=bundle(symmetric_l4,0,hrw,ofport,slaves:2,3,4)", [udp(sport=n) for n in range(1, 12)], choice=frozenset({2, 3, 4}))
