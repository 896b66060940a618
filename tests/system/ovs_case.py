"""What the cases of test_against_ovs.py are made of: they stand in ovs_cases_headers.py and ovs_cases_pipeline.py.

Rules are texts that ovs-ofctl and swctl both take. Ports have the numbers 1 to 4. A packet is a frame that comes in at port 1, or
at(PORT, frame).
"""

import re
from dataclasses import dataclass

from frames import *
from scapy.contrib.mpls import MPLS

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
    if isinstance(rules, str):  # one a line; one that ends with a comma goes on in the next
        rules = [r.strip() for r in re.sub(r",\n\s+", ",", rules).split("\n")]
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


def provider_tagged(vid):
    return eth() / Dot1AD(vlan=vid) / ip4() / UDP(sport=1000, dport=2000) / Raw(PAYLOAD)


def mpls(*labels, ttl=64, cos=0):
    packet = eth()
    for i, label in enumerate(labels):
        packet /= MPLS(label=label, ttl=ttl, cos=cos, s=i == len(labels) - 1)
    return packet / ip4() / UDP(sport=1000, dport=2000) / Raw(PAYLOAD)


def frag(**kw):
    return eth() / ip4(proto=17, **kw) / Raw(bytes(64))


def station(net, n):
    """A MAC address that only the cases of one number use: NORMAL does not know it from others."""
    return f"02:{net:02x}:00:00:00:{n:02x}"


def conversation(net):
    """1 to 2, who is not known yet; back; again; then somebody at port 3."""
    ways = [(1, 1, 2), (2, 2, 1), (1, 1, 2), (3, 3, 1)]
    return [at(port, udp(l2=eth(station(net, a), station(net, b)))) for port, a, b in ways]


V4 = [tcp(), udp(), sctp(), icmp()]
V6 = [tcp6(), udp6(), sctp6(), ping6()]
ALL = [*V4, *V6, arp(), tagged(), tcp(l2=eth(vlan=[10, 20])), eth(type=0x88B5) / Raw(PAYLOAD)]
PORTS = [tcp(), udp(), tcp6(), udp6(), tcp(sport=1, dport=65535), udp(sport=1001, dport=2001)]
