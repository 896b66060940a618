"""Frames as bytes, made and taken apart with scapy."""

import itertools
import logging
import struct

logging.getLogger("scapy").setLevel(logging.ERROR)

# pylint: disable=wrong-import-position
from scapy.contrib.mpls import MPLS  # noqa: E402
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP  # noqa: E402
from scapy.layers.inet6 import (  # noqa: E402
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.l2 import ARP, LLC, SNAP, Dot1AD, Dot1Q, Ether  # noqa: E402
from scapy.layers.sctp import SCTP, SCTPChunkData  # noqa: E402
from scapy.packet import Packet, Raw  # noqa: E402

__all__ = (
    "ARP Dot1AD Dot1Q Ether ICMP ICMPv6EchoRequest ICMPv6ND_NA ICMPv6ND_NS ICMPv6NDOptDstLLAddr ICMPv6NDOptSrcLLAddr IP IPOption_NOP IPv6 "
    "IPv6ExtHdrDestOpt IPv6ExtHdrFragment IPv6ExtHdrHopByHop IPv6ExtHdrRouting LLC MPLS Raw SCTP SCTPChunkData SNAP TCP UDP "
    "DST SRC IP_DST IP_SRC IP6_DST IP6_SRC PAYLOAD UDP_FRAME broadcast check_checksums eth fresh_macs icmp ip4 ip6 many_flows numbered "
    "raw sctp sctp6 tcp tcp6 udp udp6"
).split()

SRC = "02:00:00:00:00:11"
DST = "02:00:00:00:00:22"
IP_SRC = "10.1.1.1"
IP_DST = "10.2.2.2"
IP6_SRC = "2001:db8:1::1"
IP6_DST = "2001:db8:2::2"
PAYLOAD = bytes(range(64))

_serial = itertools.count(1)


def fresh_macs(n=2):
    """Unicast MACs that no test has used: what NORMAL learned before does not know them."""
    return [f"02:01:{s[0]:02x}:{s[1]:02x}:{s[2]:02x}:{s[3]:02x}" for s in (struct.pack(">I", next(_serial)) for _ in range(n))]


def eth(src=SRC, dst=DST, vlan=None, **kw):
    """An Ethernet header, with `vlan` a VID or a list of VIDs, outermost first."""
    frame = Ether(src=src, dst=dst, **kw)
    for vid in [vlan] if isinstance(vlan, int) else vlan or []:
        frame /= Dot1Q(vlan=vid)
    return frame


def ip4(**kw):
    return IP(**{"src": IP_SRC, "dst": IP_DST, **kw})


def ip6(**kw):
    return IPv6(**{"src": IP6_SRC, "dst": IP6_DST, **kw})


def _l4(layer, defaults, kw):
    return layer(**{**defaults, **kw})


def tcp(payload=PAYLOAD, l2=None, l3=None, **kw):
    return (l2 or eth()) / (l3 or ip4()) / _l4(TCP, {"sport": 1000, "dport": 2000}, kw) / Raw(payload)


def udp(payload=PAYLOAD, l2=None, l3=None, **kw):
    return (l2 or eth()) / (l3 or ip4()) / _l4(UDP, {"sport": 1000, "dport": 2000}, kw) / Raw(payload)


def sctp(payload=PAYLOAD, l2=None, l3=None, **kw):
    l4 = _l4(SCTP, {"sport": 1000, "dport": 2000, "tag": 7}, kw)
    return (l2 or eth()) / (l3 or ip4()) / l4 / SCTPChunkData(data=payload)


def icmp(payload=PAYLOAD, l2=None, l3=None, **kw):
    return (l2 or eth()) / (l3 or ip4()) / ICMP(**kw) / Raw(payload)


def tcp6(**kw):
    return tcp(l3=kw.pop("l3", None) or ip6(), **kw)


def udp6(**kw):
    return udp(l3=kw.pop("l3", None) or ip6(), **kw)


def sctp6(**kw):
    return sctp(l3=kw.pop("l3", None) or ip6(nh=132), **kw)


def broadcast(src, vlan=None, payload=PAYLOAD):
    return eth(src=src, dst="ff:ff:ff:ff:ff:ff", vlan=vlan, **({} if vlan else {"type": 0x88B5})) / Raw(payload)


def numbered(packet, n):
    """The packet with a number of its own at its end, so that frames can be told apart. Bytes just get longer, which is fast."""
    tail = struct.pack(">Q", n)
    return packet + tail if isinstance(packet, bytes) else bytes(packet / Raw(tail))


def many_flows(n, first=1):
    """n frames of UDP without checksum whose source ports count from `first`: fast, where scapy takes a millisecond each."""
    whole = bytearray(raw(udp(chksum=0)))
    frames = []
    for port in range(first, first + n):
        struct.pack_into(">H", whole, 34, port)
        frames.append(bytes(whole))
    return frames


def raw(packet):
    return bytes(packet)


def check_checksums(frame):
    """Takes a frame apart, throws its checksums away and builds it again: the bytes must be the same."""
    packet = Ether(frame)
    layer = packet
    while isinstance(layer, Packet) and layer.name != "NoPayload":
        for field in ("chksum", "cksum"):
            if field in layer.fields:
                del layer.fields[field]
        layer.raw_packet_cache = None
        layer = layer.payload
    rebuilt = bytes(packet)
    assert rebuilt == bytes(frame), f"checksums are wrong:\n got {bytes(frame).hex()}\nwant {rebuilt.hex()}"
    return Ether(frame)


UDP_FRAME = raw(udp())
