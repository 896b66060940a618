#!/usr/bin/python3
"""Writes vectors.h: frames made by scapy, with the keys that scapy's own dissection of them says.

Run after a change here:  /usr/bin/python3 tests/unit/flowtable/make_vectors.py > tests/unit/flowtable/vectors.h
`add(..., drop=...)` names the parts that a malformed frame must not give.
"""
import sys

from scapy.all import (ARP, GRE, ICMP, IP, LLC, SCTP, SNAP, STP, TCP, UDP, Dot1AD, Dot1Q, Dot3, Ether, ICMPv6EchoRequest,
                       ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6NDOptDstLLAddr, ICMPv6NDOptMTU, ICMPv6NDOptPrefixInfo,
                       ICMPv6NDOptSrcLLAddr, IPOption, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                       IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, Raw, RouterAlert, bind_bottom_up, bind_layers)
from scapy.contrib.mpls import MPLS
from scapy.layers.ipsec import AH
from scapy.utils import inet_aton
from scapy.utils6 import inet_pton
import socket

bind_layers(Ether, ARP, type=0x8035)
bind_layers(Ether, MPLS, type=0x8848)
bind_layers(Dot1Q, MPLS, type=0x8847)
bind_layers(SNAP, MPLS, code=0x8847)
bind_layers(AH, UDP, nh=17)
bind_layers(AH, IPv6ExtHdrDestOpt, nh=60)
bind_bottom_up(Ether, Dot1Q, type=0x9100)
bind_bottom_up(Dot1Q, Dot1Q, type=0x9100)

EXT_HEADERS = (IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, AH)
FIXED_LEN = {TCP: 20, UDP: 8, SCTP: 12, ICMP: 8}
vectors = []


def header_len(layer):
    return len(layer) - len(layer.payload)


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


class Expected:
    """A key and, per part, the bytes of the frame that it takes; from a dissected frame."""

    def __init__(self, raw):
        self.key, self.need, self.l3_ofs, self.l4_ofs = {}, {}, None, None
        frame = Ether(raw)
        self.l2(frame)

    def l2(self, frame):
        self.key["eth_dst"], self.key["eth_src"] = mac(frame.dst), mac(frame.src)
        eth_type = frame.len if isinstance(frame, Dot3) else frame.type
        ofs, layer, vlans = 14, frame.payload, []
        while isinstance(layer, (Dot1Q, Dot1AD)) and len(vlans) < 2:
            dei = layer.dei if "dei" in layer.fields else layer.id
            assert dei in (0, 1)
            vlans.append((eth_type, layer.prio << 13 | 0x1000 | layer.vlan))
            eth_type, ofs, layer = layer.type, ofs + 4, layer.payload
        if eth_type < 0x600:
            eth_type = 0x5FF
            snap = layer.getlayer(SNAP)
            if snap is not None and snap.OUI == 0 and snap.code >= 0x600:
                eth_type, ofs, layer = snap.code, ofs + 8, snap.payload
        self.key["vlan"], self.key["eth_type"] = vlans, eth_type
        self.need["type"] = ofs
        self.l3(layer, ofs)

    def l3(self, layer, ofs):
        if isinstance(layer, ARP):
            self.key.update(nw_proto=layer.op if layer.op < 256 else 0, ip_src=inet_aton(layer.psrc),
                            ip_dst=inet_aton(layer.pdst), arp_sha=mac(layer.hwsrc), arp_tha=mac(layer.hwdst))
            self.l3_ofs, self.need["l3"], self.need["proto"] = ofs, ofs + 28, ofs + 28
        elif isinstance(layer, IP):
            later = layer.frag != 0
            self.key.update(nw_proto=layer.proto, nw_tos=layer.tos, nw_ttl=layer.ttl, ip_src=inet_aton(layer.src),
                            ip_dst=inet_aton(layer.dst), nw_frag=3 if later else 1 if layer.flags.MF else 0)
            self.l3_ofs, self.need["l3"], self.need["proto"] = ofs, ofs + 20, ofs + 20
            if not later:
                self.l4(layer.payload, ofs + header_len(layer))
        elif isinstance(layer, IPv6):
            self.ipv6(layer, ofs)
        elif isinstance(layer, MPLS):
            self.mpls(layer)

    def mpls(self, layer):
        entries = []
        while isinstance(layer, MPLS) and len(entries) < 2:
            entries.append(layer.label << 12 | layer.cos << 9 | layer.s << 8 | layer.ttl)
            layer = layer.payload
        self.key["mpls_lse"] = entries

    def ipv6(self, layer, ofs):
        self.key.update(nw_tos=layer.tc, nw_ttl=layer.hlim, ipv6_label=layer.fl, nw_proto=layer.nh,
                        ipv6_src=inet_pton(socket.AF_INET6, layer.src), ipv6_dst=inet_pton(socket.AF_INET6, layer.dst))
        self.l3_ofs, self.need["l3"] = ofs, ofs + 40
        ofs, layer = ofs + 40, layer.payload
        self.need["proto"] = ofs
        while isinstance(layer, EXT_HEADERS):
            fragment = isinstance(layer, IPv6ExtHdrFragment)
            ofs += header_len(layer)
            self.need["proto"] = ofs
            if fragment and (layer.offset or layer.m):
                self.key["nw_frag"] = 3 if layer.offset else 1
                self.need["frag"] = ofs
                if layer.offset:
                    self.key["nw_proto"] = socket.IPPROTO_FRAGMENT
                    return
            self.key["nw_proto"] = layer.nh
            layer = layer.payload
        self.l4(layer, ofs)

    def l4(self, layer, ofs):
        is_icmp6 = self.key.get("ipv6_src") is not None and self.key["nw_proto"] == socket.IPPROTO_ICMPV6
        if type(layer) not in FIXED_LEN and not is_icmp6:
            return
        self.l4_ofs, self.need["l4"] = ofs, ofs + FIXED_LEN.get(type(layer), 8)
        if isinstance(layer, ICMP) or is_icmp6:
            self.key.update(tp_src=layer.type, tp_dst=layer.code)
        else:
            self.key.update(tp_src=layer.sport, tp_dst=layer.dport)
        if isinstance(layer, TCP):
            self.key["tcp_flags"] = layer.reserved << 9 | int(layer.flags)
        if isinstance(layer, (ICMPv6ND_NS, ICMPv6ND_NA)):
            self.key["nd_target"] = inet_pton(socket.AF_INET6, layer.tgt)
            self.need["nd"] = ofs + 24
            for option, field in ((ICMPv6NDOptSrcLLAddr, "arp_sha"), (ICMPv6NDOptDstLLAddr, "arp_tha")):
                if layer.haslayer(option):
                    self.key[field] = mac(layer.getlayer(option).lladdr)

    PARTS = {"l3": ("nw_tos", "nw_ttl", "ip_src", "ip_dst", "ipv6_src", "ipv6_dst", "ipv6_label"),
             "proto": ("nw_proto",), "frag": ("nw_frag",), "l4": ("tp_src", "tp_dst", "tcp_flags"),
             "nd": ("nd_target",), "lladdr": ("arp_sha", "arp_tha"), "vlan": ("vlan",)}

    def drop(self, part):
        for field in self.PARTS[part]:
            self.key.pop(field, None)
        self.need.pop(part, None)
        if part == "l3":
            self.l3_ofs = None
        if part == "l4":
            self.l4_ofs = None


def add(name, frame, drop=()):
    raw = bytes(frame)
    expected = Expected(raw)
    for part in drop:
        expected.drop(part)
    vectors.append((name, raw, expected))


E = Ether(dst="02:00:00:00:00:0b", src="02:00:00:00:00:0a")
V4 = IP(src="10.1.2.3", dst="192.168.77.5", tos=0xB9, ttl=17, id=1)
V6 = IPv6(src="2001:db8::1:2", dst="fd00:aa::77", tc=0x5A, fl=0xBEEF5, hlim=33)
TCP_ = TCP(sport=43210, dport=443, flags="SAEC", seq=1)
UDP_ = UDP(sport=5353, dport=53)
DATA = Raw(bytes(range(16)))
ALL_BUT_L2 = ("l3", "proto", "frag", "l4", "nd", "lladdr")
L4_AND_UP = ("l4", "nd", "lladdr")


def l2_frames():
    add("unknown EtherType", Ether(dst=E.dst, src=E.src, type=0x88CC) / DATA)
    add("802.3 with LLC", Dot3(dst="01:80:c2:00:00:00", src=E.src) / LLC(dsap=0x42, ssap=0x42, ctrl=3) / STP())
    add("802.3 with SNAP: IPv4", Dot3(dst=E.dst, src=E.src) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=0x800)
        / V4 / UDP_ / DATA)
    add("802.3 with SNAP of another organization", Dot3(dst=E.dst, src=E.src) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3)
        / SNAP(OUI=0x00000C, code=0x2000) / DATA)
    add("802.3 with SNAP that holds a length", Dot3(dst=E.dst, src=E.src) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3)
        / SNAP(OUI=0, code=0x100) / DATA)
    add("VLAN 0x8100", E / Dot1Q(vlan=100, prio=5) / V4 / TCP_ / DATA)
    add("VLAN 0x8100 with DEI set on the wire", E / Dot1Q(vlan=4095, prio=7, id=1) / V4 / UDP_ / DATA)
    add("VLAN 0x88a8", E / Dot1AD(vlan=7, prio=1) / V4 / UDP_ / DATA)
    add("VLAN 0x9100", Ether(dst=E.dst, src=E.src, type=0x9100) / Dot1Q(vlan=9) / V4 / UDP_ / DATA)
    add("two VLANs 0x88a8, 0x8100", E / Dot1AD(vlan=1000, prio=3) / Dot1Q(vlan=2) / V6 / TCP_ / DATA)
    add("two VLANs 0x9100, 0x9100", Ether(dst=E.dst, src=E.src, type=0x9100) / Dot1Q(vlan=1, type=0x9100)
        / Dot1Q(vlan=2) / V4 / UDP_)
    add("three VLANs: the third stays in the payload", E / Dot1Q(vlan=1) / Dot1Q(vlan=2) / Dot1Q(vlan=3) / V4 / UDP_)
    add("priority tag, VLAN 0", E / Dot1Q(vlan=0, prio=6) / V4 / ICMP())
    add("VLAN over 802.3 with SNAP", E / Dot1Q(vlan=5, type=60) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=0x800)
        / V4 / UDP_ / DATA)
    add("VLAN over 802.3 with LLC", E / Dot1Q(vlan=5, type=40) / LLC(dsap=0x42, ssap=0x42, ctrl=3) / STP())


def mpls_frames():
    mpls = E.copy()
    mpls.type = 0x8847
    multicast = Ether(dst=E.dst, src=E.src, type=0x8848)
    outer, inner = MPLS(label=0xABCDE, cos=5, s=0, ttl=64), MPLS(label=16, cos=2, s=1, ttl=7)
    add("MPLS, one label over IPv4", mpls / inner / V4 / TCP_ / DATA)
    add("MPLS, two labels over IPv6", mpls / outer / inner / V6 / UDP_)
    add("MPLS, three labels: the third is no part of the key", mpls / outer / outer / inner / V4 / UDP_)
    add("MPLS multicast", multicast / inner / V4 / UDP_)
    add("MPLS with VLAN", E / Dot1Q(vlan=3, type=0x8847) / outer / inner / V4 / UDP_)
    add("MPLS with two VLANs", E / Dot1AD(vlan=1, type=0x8100) / Dot1Q(vlan=3, type=0x8847) / inner / V4 / UDP_)
    add("MPLS whose second label is all zero", mpls / outer / MPLS(label=0, cos=0, s=0, ttl=0) / inner / DATA)
    add("MPLS in 802.3 with SNAP", Dot3(dst=E.dst, src=E.src) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3)
        / SNAP(OUI=0, code=0x8847) / inner / V4 / UDP_)


def arp_frames():
    arp = ARP(hwsrc="02:00:00:00:00:0a", psrc="10.0.0.1", hwdst="02:00:00:00:00:0c", pdst="10.0.0.2")
    for op in (1, 2, 255, 256, 0x1234):
        arp.op = op
        add(f"ARP opcode {op}", E / arp / Raw(bytes(18)))
    add("RARP", Ether(dst=E.dst, src=E.src, type=0x8035) / ARP(op=3, hwsrc="02:00:00:00:00:0a", psrc="10.0.0.1"))
    add("ARP with VLAN", E / Dot1Q(vlan=3) / arp)
    for field, value in (("hwtype", 6), ("ptype", 0x86DD), ("hwlen", 8), ("plen", 16)):
        bad = bytearray(bytes(E / arp))
        ofs, size = {"hwtype": (14, 2), "ptype": (16, 2), "hwlen": (18, 1), "plen": (19, 1)}[field]
        bad[ofs:ofs + size] = value.to_bytes(size, "big")
        malformed(f"ARP with {field} {value}", bytes(bad), E / arp)


def malformed(name, raw, good, drop=ALL_BUT_L2):
    """A frame that scapy may not dissect: the key of its well-formed model, less what must be missing."""
    expected = Expected(bytes(good))
    for part in drop:
        expected.drop(part)
    vectors.append((name, raw, expected))


def patched(frame, ofs, value):
    raw = bytearray(bytes(frame))
    raw[ofs:ofs + len(value)] = value
    return bytes(raw)


def ipv4_frames():
    add("IPv4 TCP", E / V4 / TCP_ / DATA)
    add("IPv4 TCP with options", E / V4 / TCP(sport=1, dport=65535, flags="S", options=[("MSS", 1460), ("WScale", 7)]))
    add("IPv4 TCP, all 12 flag bits", E / V4 / TCP(sport=1, dport=2, flags=0x1FF, reserved=7))
    add("IPv4 TCP, padded frame", E / V4 / TCP_ / Raw(b"") / Raw(b""))
    vectors[-1] = (vectors[-1][0], vectors[-1][1] + bytes(6), vectors[-1][2])
    add("IPv4 UDP", E / V4 / UDP_ / DATA)
    add("IPv4 SCTP", E / V4 / SCTP(sport=2905, dport=36412) / DATA)
    add("IPv4 ICMP echo", E / V4 / ICMP(type=8, code=0) / DATA)
    add("IPv4 ICMP port unreachable", E / V4 / ICMP(type=3, code=3) / V4 / UDP_)
    add("IPv4 GRE: no transport fields", E / V4 / GRE() / V4 / UDP_)
    add("IPv4 ICMPv6 number: no transport fields", E / V4.__class__(src=V4.src, dst=V4.dst, proto=58) / DATA)
    add("IPv4 with router alert", E / IP(src="10.1.2.3", dst="224.0.0.22", options=[IPOption(b"\x94\x04\0\0")]) / UDP_ / DATA)
    add("IPv4 with 40 bytes of options", E / IP(src="1.2.3.4", dst="5.6.7.8", options=[IPOption(b"\x01" * 40)]) / TCP_)
    add("IPv4 first fragment", E / IP(src="1.2.3.4", dst="5.6.7.8", flags="MF") / UDP_ / DATA)
    add("IPv4 later fragment", E / IP(src="1.2.3.4", dst="5.6.7.8", flags="MF", frag=185, proto=17) / DATA)
    add("IPv4 last fragment", E / IP(src="1.2.3.4", dst="5.6.7.8", frag=370, proto=6) / Raw(bytes(40)))
    add("IPv4 don't-fragment is no fragment", E / IP(src="1.2.3.4", dst="5.6.7.8", flags="DF") / UDP_)
    add("IPv4 reserved flag is no fragment", E / IP(src="1.2.3.4", dst="5.6.7.8", flags="evil") / UDP_)
    good = E / V4 / UDP_ / DATA
    malformed("IPv4 with version 5", patched(good, 14, b"\x55"), good)
    for ihl in (0, 4):
        malformed(f"IPv4 with ihl {ihl}", patched(good, 14, bytes([0x40 | ihl])), good)
    malformed("IPv4 with ihl 15 beyond the total length", patched(good, 14, b"\x4f"), good)
    malformed("IPv4 with total length 19", patched(good, 16, b"\0\x13"), good)
    malformed("IPv4 with total length 0", patched(good, 16, b"\0\0"), good)
    malformed("IPv4 with total length 27: UDP header cut", patched(good, 16, b"\0\x1b"), good, L4_AND_UP)
    malformed("IPv4 with total length 20: nothing behind", patched(good, 16, b"\0\x14"), good, L4_AND_UP)
    malformed("IPv4 with total length beyond the frame", patched(good, 16, b"\xff\xff"), good, ())


def ipv6_frames():
    hop, dest = IPv6ExtHdrHopByHop(options=[RouterAlert()]), IPv6ExtHdrDestOpt()
    route = IPv6ExtHdrRouting(addresses=["2001:db8::9"])
    
    def auth(nh):
        return AH(nh=nh, payloadlen=4, spi=1, seq=1, icv=bytes(range(12)))

    add("IPv6 TCP", E / V6 / TCP_ / DATA)
    add("IPv6 UDP", E / V6 / UDP_ / DATA)
    add("IPv6 SCTP", E / V6 / SCTP(sport=1, dport=2) / DATA)
    add("IPv6 echo request", E / V6 / ICMPv6EchoRequest(id=1, seq=2) / DATA)
    add("IPv6 ICMPv4 number: no transport fields", E / IPv6(src=V6.src, dst=V6.dst, nh=1) / DATA)
    add("IPv6 no next header", E / IPv6(src=V6.src, dst=V6.dst, nh=59))
    add("IPv6 ESP", E / IPv6(src=V6.src, dst=V6.dst, nh=50) / DATA)
    add("IPv6 hop-by-hop, UDP", E / V6 / hop / UDP_ / DATA)
    add("IPv6 routing, TCP", E / V6 / route / TCP_)
    add("IPv6 hop-by-hop, dest, routing, AH, dest, TCP", E / V6 / hop / dest / route / auth(60) / dest / TCP_)
    add("IPv6 AH, UDP", E / V6 / auth(17) / UDP_)
    add("IPv6 eight extension headers", E / V6 / hop / dest / dest / dest / dest / dest / dest / dest / UDP_)
    add("IPv6 nine extension headers: too many", E / V6 / hop / dest / dest / dest / dest / dest / dest / dest / dest / UDP_,
        ("proto",) + L4_AND_UP)
    add("IPv6 first fragment", E / V6 / IPv6ExtHdrFragment(m=1, id=7) / UDP_ / DATA)
    add("IPv6 first fragment, dest, TCP", E / V6 / hop / IPv6ExtHdrFragment(m=1, id=7) / dest / TCP_)
    add("IPv6 later fragment", E / V6 / IPv6ExtHdrFragment(m=1, offset=100, nh=17) / DATA)
    add("IPv6 last fragment", E / V6 / hop / IPv6ExtHdrFragment(m=0, offset=100, nh=6) / Raw(bytes(40)))
    add("IPv6 atomic fragment", E / V6 / IPv6ExtHdrFragment(id=9) / TCP_)
    good = E / V6 / UDP_ / DATA
    malformed("IPv6 with version 4", patched(good, 14, b"\x45"), good)
    malformed("IPv6 with payload length 7: UDP header cut", patched(good, 18, b"\0\x07"), good, L4_AND_UP)
    malformed("IPv6 with payload length 0", patched(good, 18, b"\0\0"), good, L4_AND_UP)
    malformed("IPv6 with payload length beyond the frame", patched(good, 18, b"\xff\xff"), good, ())
    ext = E / V6 / dest / UDP_ / DATA
    malformed("IPv6 extension header beyond the frame", patched(ext, 55, b"\xff"), ext, ("proto",) + L4_AND_UP)
    malformed("IPv6 extension header beyond the payload", patched(ext, 18, b"\0\x07"), ext, ("proto",) + L4_AND_UP)


def nd_frames():
    src, dst = ICMPv6NDOptSrcLLAddr(lladdr="02:11:22:33:44:55"), ICMPv6NDOptDstLLAddr(lladdr="02:66:77:88:99:aa")
    ns, na = ICMPv6ND_NS(tgt="fe80::1234"), ICMPv6ND_NA(tgt="fe80::1234", R=0)
    prefix = ICMPv6NDOptPrefixInfo(prefix="2001:db8::")
    add("ND solicitation", E / V6 / ns)
    add("ND solicitation with source address", E / V6 / ns / src)
    add("ND advertisement with target address", E / V6 / na / dst)
    add("ND advertisement with both", E / V6 / na / dst / src)
    add("ND solicitation, other options on the way", E / V6 / ns / ICMPv6NDOptMTU() / prefix / src)
    add("ND advertisement with VLAN and hop-by-hop", E / Dot1Q(vlan=4) / V6 / IPv6ExtHdrHopByHop() / na / dst)
    add("router advertisement has no ND fields", E / V6 / ICMPv6ND_RA() / src)
    add("ND with code 1 has no ND fields", E / V6 / ICMPv6ND_NS(tgt="fe80::1", code=1) / src, ("nd", "lladdr"))
    add("ND with an address twice", E / V6 / ns / src / src, ("lladdr",))
    both = E / V6 / ns / src / dst
    malformed("ND with option length 0", patched(both, 87, b"\0"), both, ("lladdr",))
    malformed("ND with option beyond the packet", patched(both, 87, b"\2"), both, ("lladdr",))
    malformed("ND with option far beyond the packet", patched(both, 79, b"\xff"), both, ("lladdr",))
    add("ND with 17 options: too many", E / V6 / ns / src / Raw(b"\x0e\x01\0\0\0\0\0\0" * 16), ("lladdr",))
    long_src = E / V6 / ns / Raw(b"\x01\x02" + bytes(range(14)))
    add("ND with a longer source address is passed over", long_src, ("lladdr",))


def c_bytes(data):
    return ", ".join(f"0x{b:02x}" for b in data)


def c_key(key):
    out = []
    for field in ("eth_dst", "eth_src", "ipv6_src", "ipv6_dst", "nd_target", "arp_sha", "arp_tha"):
        if field in key:
            out.append(f".{field} = {{{{{c_bytes(key[field])}}}}}")
    if key.get("vlan"):
        out.append(".vlan = {" + ", ".join(f"{{BE16(0x{t:04x}), BE16(0x{tci:04x})}}" for t, tci in key["vlan"]) + "}")
    if "mpls_lse" in key:
        out.append(".mpls_lse_be = {" + ", ".join(f"BE32(0x{lse:08x})" for lse in key["mpls_lse"]) + "}")
    for field in ("ip_src", "ip_dst"):
        if field in key:
            out.append(f".{field}_be = BE32(0x{key[field].hex()})")
    for field in ("eth_type", "tp_src", "tp_dst", "tcp_flags"):
        if field in key:
            out.append(f".{field}_be = BE16(0x{key[field]:04x})")
    if "ipv6_label" in key:
        out.append(f".ipv6_label_be = BE32(0x{key['ipv6_label']:08x})")
    for field in ("nw_proto", "nw_tos", "nw_ttl", "nw_frag"):
        if field in key:
            out.append(f".{field} = {key[field]}")
    return out


def c_vector(name, raw, expected):
    lines = [f'\t{{.name = "{name}",', f"\t .len = {len(raw)},", "\t .bytes = (const uint8_t[]){"]
    for i in range(0, len(raw), 16):
        lines.append(f"\t\t{c_bytes(raw[i:i + 16])},")
    lines.append("\t },")
    need = {"frag": expected.need.get("l3", 0), **expected.need}
    lines.append("\t .need = {" + ", ".join(f".{k} = {v}" for k, v in sorted(need.items()) if v) + "},")
    ofs = ["LAYOUT_NONE" if o is None else str(o) for o in (expected.l3_ofs, expected.l4_ofs)]
    lines.append(f"\t .layout = {{{ofs[0]}, {ofs[1]}}},")
    lines.append("\t .key = {")
    lines += [f"\t\t{item}," for item in c_key(expected.key)]
    lines.append("\t }},")
    return "\n".join(lines)


def main():
    l2_frames()
    mpls_frames()
    arp_frames()
    ipv4_frames()
    ipv6_frames()
    nd_frames()
    print("// Made by make_vectors.py: do not edit.\n// clang-format off\n")
    print("static const struct vector vectors[] = {")
    for vector in vectors:
        print(c_vector(*vector))
    print("};")


if __name__ == "__main__":
    sys.exit(main())
