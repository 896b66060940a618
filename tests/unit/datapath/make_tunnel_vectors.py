#!/usr/bin/python3
"""Writes tunnel_vectors.h: frames as scapy makes them, the header to push and what a tunnel says of them.

Run after a change here:  /usr/bin/python3 tests/unit/datapath/make_tunnel_vectors.py > tests/unit/datapath/tunnel_vectors.h
UDP's source port is a hash of the inner flow that scapy does not know: it is given here, as swd chose it once.
"""
from scapy.all import ARP, GRE, ICMP, IP, TCP, UDP, VXLAN, Dot1Q, Ether, IPv6, Raw
from scapy.contrib.geneve import GENEVE

# Where the outer headers' fields are that a header to push leaves open.
IP4_LEN, IP4_CSUM = 16, 24
IP6_LEN = 18
DF, CSUM, KEY, OAM = 1, 2, 4, 8

ETH = {"src": "02:00:00:00:00:0a", "dst": "02:00:00:00:00:0b"}
OUTER4 = Ether(**ETH) / IP(src="192.0.2.1", dst="192.0.2.2", ttl=63, tos=0xB8, flags="DF", id=0)
OUTER6 = Ether(**ETH) / IPv6(src="2001:db8::1", dst="2001:db8::2", hlim=62, tc=0x28)
IN = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
UDP4 = IN / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1000, dport=2000) / Raw(b"to the other side" * 5)
TCP6 = IN / IPv6(src="fd00::1", dst="fd00::2") / TCP(sport=1001, dport=80, flags="PA") / Raw(b"odd")
TAGGED = IN / Dot1Q(vlan=7, prio=3) / IP(src="10.0.0.3", dst="10.0.0.2") / ICMP(type=8, id=9, seq=1) / Raw(b"ping?")
WHO = IN / ARP(psrc="10.0.0.1", pdst="10.0.0.2")
OPTS = bytes.fromhex("0102800212345678" "9abcdef0" "ffff0500")

rows = []


def zero(data, at, count=2):
    data[at : at + count] = bytes(count)


def template(frame, inner_len, v6, udp, csum, seq):
    """What the control side builds: without what depends on the packet."""
    head = bytearray(frame[: len(frame) - inner_len])
    l4 = 54 if v6 else 34
    zero(head, IP6_LEN if v6 else IP4_LEN)
    if not v6:
        zero(head, IP4_CSUM)
    if udp:
        zero(head, l4)
        zero(head, l4 + 4)
        head[l4 + 6 : l4 + 8] = b"\xff\xff" if csum else b"\0\0"
    else:
        if csum:
            zero(head, l4 + 4)
        if seq:
            zero(head, len(head) - 4, 4)
    return bytes(head)


def add(name, kind, outer, l4, tunnel, inner, flags=0, vni=0, gbp=(0, 0), opts=b"", seq=False):
    v6 = IPv6 in outer
    udp = isinstance(l4, UDP)
    csum = bool(flags & CSUM)
    frame = bytes(outer / l4 / tunnel / inner) if udp else bytes(outer / tunnel / inner)
    ip = outer[IPv6] if v6 else outer[IP]
    address = lambda text: bytes(IPv6(src=text))[8:24] if v6 else bytes(IP(src=text))[12:16]
    rows.append(
        {
            "name": f'"{name}"',
            "type": f"TUNNEL_{kind.upper()}",
            "options": "TUNNEL_VXLAN_GBP" if gbp != (0, 0) else "0",
            "header": template(frame, len(bytes(inner)), v6, udp, csum, seq),
            "inner": bytes(inner),
            "frame": frame,
            "v6": "true" if v6 else "false",
            "src": address(ip.src),
            "dst": address(ip.dst),
            "tos": ip.tc if v6 else ip.tos,
            "ttl": ip.hlim if v6 else ip.ttl,
            "tp_src": l4.sport if udp else 0,
            "tp_dst": l4.dport if udp else 0,
            "id": vni,
            "flags": flags,
            "gbp_id": gbp[0],
            "gbp_flags": gbp[1],
            "opts": opts,
        }
    )


def udp(sport, dport, csum):
    return UDP(sport=sport, dport=dport) if csum else UDP(sport=sport, dport=dport, chksum=0)


def vxlan():
    head = VXLAN(flags=8, vni=0x123456)
    add("vxlan", "vxlan", OUTER4, udp(PORT["udp4"], 4789, False), head, UDP4, KEY, 0x123456)
    add("vxlan_csum", "vxlan", OUTER4, udp(PORT["who"], 4789, True), VXLAN(flags=8, vni=1), WHO, KEY | CSUM, 1)
    add("vxlan_6", "vxlan", OUTER6, udp(PORT["tcp6"], 4789, True), head, TCP6, KEY | CSUM, 0x123456)
    raw = bytes.fromhex("8848123400000500")  # scapy knows no policy with flags
    add("vxlan_gbp", "vxlan", OUTER4, udp(PORT["tagged"], 4789, False), Raw(raw), TAGGED, KEY, 5, (0x1234, 0x48))


def geneve():
    add("geneve", "geneve", OUTER4, udp(PORT["udp4"], 6081, True), GENEVE(vni=0xABCDEF, proto=0x6558), UDP4, KEY | CSUM, 0xABCDEF)
    head = GENEVE(vni=7, proto=0x6558, optionlen=len(OPTS) // 4, critical=1)
    add("geneve_opts", "geneve", OUTER4, udp(PORT["udp4"], 6081, False), Raw(bytes(head) + OPTS), UDP4, KEY, 7, opts=OPTS)
    head = GENEVE(vni=8, proto=0x6558, optionlen=len(OPTS) // 4, oam=1)
    add("geneve_6_oam", "geneve", OUTER6, udp(PORT["tagged"], 6081, True), Raw(bytes(head) + OPTS), TAGGED, KEY | CSUM | OAM, 8, opts=OPTS)
    most = bytes.fromhex("0001001e") + bytes(range(120))
    head = GENEVE(vni=9, proto=0x6558, optionlen=31)
    add("geneve_6_long", "geneve", OUTER6, udp(PORT["tcp6"], 6081, True), Raw(bytes(head) + most), TCP6, KEY | CSUM, 9, opts=most)


def gre():
    outer = {4: OUTER4.copy(), 6: OUTER6.copy()}
    outer[4][IP].proto = 47
    outer[6][IPv6].nh = 47
    add("gre", "gre", outer[4], None, GRE(proto=0x6558), UDP4)
    full = {"key_present": 1, "key": 0xDEADBEEF, "chksum_present": 1, "seqnum_present": 1, "sequence_number": 0}
    add("gre_full", "gre", outer[4], None, GRE(proto=0x6558, **full), TCP6, KEY | CSUM, 0xDEADBEEF, seq=True)
    add("gre_6_key", "gre", outer[6], None, GRE(proto=0x6558, key_present=1, key=42), TAGGED, KEY, 42)
    add("gre_6_csum", "gre", outer[6], None, GRE(proto=0x6558, chksum_present=1), WHO, CSUM)


PORT = {"udp4": 64496, "tcp6": 64771, "tagged": 60807, "who": 56098}


def text(value):
    return f'"{value.hex()}"' if isinstance(value, bytes) else str(value)


def make():
    vxlan()
    geneve()
    gre()
    return rows


def main():
    make()
    print("// Made by make_tunnel_vectors.py from scapy's frames: do not edit.")
    print("#ifndef TESTS_UNIT_DATAPATH_TUNNEL_VECTORS_H\n#define TESTS_UNIT_DATAPATH_TUNNEL_VECTORS_H\n")
    print("// clang-format off\nstatic const struct tunnel_vector tunnel_vectors[] = {")
    for row in rows:
        print("\t{" + ",\n\t ".join(f".{k} = {text(v)}" for k, v in row.items()) + "},")
    print("};\n\n#endif")


if __name__ == "__main__":
    main()
