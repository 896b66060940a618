#!/usr/bin/python3
"""Makes the seeds that are not text: what good peers, guests and control daemons send, as each target reads it (its first lines say how)."""

import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))
import frames as f  # noqa: E402  pylint: disable=wrong-import-position

BE32 = struct.Struct(">I").pack
U16 = struct.Struct("<H").pack
U32 = struct.Struct("<I").pack
U64 = struct.Struct("<Q").pack


def save(target, **seeds):
    folder = HERE / "seeds" / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds.items():
        (folder / name).write_bytes(bytes(data))


def frames():
    v6 = f.eth() / f.ip6()
    return {
        "tcp": f.eth() / f.ip4() / f.TCP(dport=80, flags="S"),
        "udp_two_tags": f.eth(vlan=[5, 6]) / f.ip4() / f.UDP(dport=53) / b"payload",
        "sctp6_extensions": v6 / f.IPv6ExtHdrHopByHop() / f.IPv6ExtHdrDestOpt() / f.SCTP(dport=9) / f.SCTPChunkData(data=b"x"),
        "fragment6": v6 / f.IPv6ExtHdrFragment(offset=10, nh=17) / b"rest of it",
        "arp": f.eth() / f.ARP(psrc=f.IP_SRC, pdst=f.IP_DST),
        "nd": v6 / f.ICMPv6ND_NS(tgt=f.IP6_DST) / f.ICMPv6NDOptSrcLLAddr(lladdr=f.SRC),
        "mpls": f.eth(type=0x8847) / f.MPLS(label=7, s=0) / f.MPLS(label=8, s=1) / f.ip4() / f.UDP(),
        "snap": f.Ether(src=f.SRC, dst=f.DST, type=28 + 8) / f.LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / f.SNAP(code=0x800) / f.ip4() / f.UDP(),
    }


# Netlink.


def attr(kind, payload=b""):
    return (U16(4 + len(payload)) + U16(kind) + payload).ljust((len(payload) + 7) // 4 * 4, b"\0")


ETH = attr(4, bytes.fromhex("020000000011020000000022"))  # OVS_KEY_ATTR_ETHERNET
IPV4 = bytes.fromhex("0a0101010a020202") + bytes([6, 0, 64, 0])  # struct ovs_key_ipv4
TCP_KEY = attr(3, U32(1)) + ETH + attr(6, b"\x08\x00") + attr(7, IPV4) + attr(9, bytes.fromhex("04d20050")) + attr(18, b"\x00\x02")
TCP_MASK = attr(3, b"\xff" * 4) + attr(6, b"\xff\xff") + attr(7, b"\xff\xff\xff\x00" + bytes(4) + b"\xff\0\0\xff")
VLAN_KEY = ETH + attr(6, b"\x81\x00") + attr(5, b"\x10\x05") + attr(1, attr(6, b"\x08\x06"))
OUTPUT = attr(1, U32(2))
ACTIONS = {
    "edits": attr(4, b"\x81\x00\x10\x05") + OUTPUT + attr(5) + attr(13, U32(64)) + OUTPUT,
    "sets": attr(11, attr(7, IPV4[:4] + bytes(8) + b"\xff" * 4 + bytes(8))) + attr(3, attr(9, bytes.fromhex("00160017"))) + OUTPUT,
    "mpls": attr(9, BE32(7 << 12 | 0x1FF) + b"\x88\x47" + bytes(2)) + attr(23, attr(1) + attr(0x100)) + OUTPUT + attr(10, b"\x08\x00") + OUTPUT,
    "nested": attr(13, U32(60))
    + attr(20, attr(11, attr(4, bytes(12) + b"\xff" * 12)) + OUTPUT + attr(20, attr(4, b"\x81\x00\x10\x05") + OUTPUT))
    + attr(6, attr(1, U32(0x80000000)) + attr(2, attr(2, attr(1, U32(9)) + attr(3, U32(7)) + attr(4))))
    + attr(21, attr(1, U16(100)) + attr(2, attr(7, U32(3))) + attr(3, OUTPUT + attr(25, U32(2))))
    + attr(8, U32(1) + U32(5))
    + attr(3, attr(15, U32(7)))
    + attr(16)
    + OUTPUT,
    "no_ethernet": attr(22, BE32(7 << 12 | 0x1FF) + b"\x88\x47" + bytes(2))
    + attr(14, bytes(range(12)))
    + OUTPUT
    + attr(15)
    + attr(10, b"\x65\x58")
    + OUTPUT,
    "connection": attr(12, attr(1) + attr(2, U16(5)) + attr(3, U32(1) + U32(255)) + attr(5, b"ftp\0") + attr(6, attr(1) + attr(3, bytes([10, 0, 0, 1])))),
    "control": attr(23, attr(1)) + attr(19, U32(1)) + attr(2, attr(1, U32(9)) + attr(2, b"cookie")) + attr(7, U32(3)),
}


def message(family, cmd, attrs):
    body = struct.pack("<BBHI", cmd, 1, 0, 1) + attrs
    return struct.pack("<IHHII", 16 + len(body), family, 5, 1, 0) + body


def netlink_seeds():
    flow = attr(1, TCP_KEY) + attr(7, TCP_MASK) + attr(2, b"".join(ACTIONS.values()))
    band = attr(1, attr(1, U32(1)) + attr(2, U32(1000)) + attr(3, U32(100)))
    meter = attr(1, U32(1)) + attr(2) + attr(4, band)
    step = attr(8, attr(1, TCP_KEY) + attr(2, TCP_KEY) + attr(3, TCP_MASK) + attr(4, OUTPUT))
    event = attr(9, attr(1, b"\x02") + attr(2, U32(2)) + attr(3, U32(1)) + attr(4, b"flow-drop\0"))
    trace = attr(1, U32(1)) + attr(4, U32(0)) + attr(5, U32(60)) + attr(6, bytes(60)) + step + event
    save("dp_msg", flow=message(0x22, 1, flow), meter_and_trace=message(0x24, 2, meter) + message(0x26, 4, trace))
    save(
        "dp_key",
        tcp=bytes([len(TCP_KEY)]) + TCP_KEY + TCP_MASK,
        vlan=bytes([len(VLAN_KEY)]) + VLAN_KEY + VLAN_KEY,
        actions=bytes([0]) + b"".join(ACTIONS.values()),
    )


def packet_actions(frame, actions, how=0xE, first=255, cut=255, header=bytes(10)):
    frame = bytes(frame)[:255]
    return bytes([how, first, cut]) + header + bytes([len(frame)]) + frame + actions


def action_seeds():
    known = frames()
    tso = struct.pack("<BBHHHH", 1, 1, 54, 100, 34, 16)
    nd_set = attr(3, attr(14, bytes(range(16)) + bytes(12)))
    arp_set = attr(3, attr(13, bytes(8) + b"\0\2" + bytes(14)))
    save(
        "dp_actions",
        edits=packet_actions(known["udp_two_tags"], ACTIONS["edits"]),
        sets_in_pieces=packet_actions(known["tcp"], ACTIONS["sets"], first=20),
        sets_lent_tso=packet_actions(known["tcp"] / bytes(150), ACTIONS["sets"], how=0xF, header=tso),
        mpls=packet_actions(known["tcp"], ACTIONS["mpls"]),
        nested=packet_actions(known["tcp"], ACTIONS["nested"]),
        nested_lent=packet_actions(known["tcp"] / bytes(150), ACTIONS["nested"], how=0xF, header=tso),
        no_ethernet=packet_actions(known["tcp"], ACTIONS["no_ethernet"]),
        no_ethernet_lent=packet_actions(known["tcp"], ACTIONS["no_ethernet"], how=0xF),
        connection=packet_actions(known["tcp"], ACTIONS["connection"]),
        control=packet_actions(known["tcp"], ACTIONS["control"], how=0xF),
        cookie_too_long=packet_actions(known["tcp"], attr(2, attr(1, U32(9)) + attr(2, bytes(65)))),
        nd=packet_actions(known["nd"], nd_set + OUTPUT),
        arp=packet_actions(known["arp"], arp_set + OUTPUT),
        arp_cut_off=packet_actions(known["arp"], arp_set + OUTPUT, cut=41),
        sets_cut_off=packet_actions(known["tcp"], ACTIONS["sets"], cut=40),
    )


# Rings.


def write(step, ofs, data):
    return b"".join(bytes([step]) + U16(ofs + i) + bytes([len(data[i : i + 255])]) + data[i : i + 255] for i in range(0, len(data), 255))


GPA = 0x100000
BOUNDARY = GPA + 0x10000
DESCS, AVAIL, USED, LOW, NEAR, BURST = range(6)


def split(descs, heads):
    table = b"".join(U64(addr) + U32(n) + U16(flags) + U16(following) for addr, n, flags, following in descs)
    avail = U16(0) + U16(len(heads)) + b"".join(map(U16, heads))
    return write(DESCS, 0, table) + write(AVAIL, 0, avail)


def packed(descs):
    return write(DESCS, 0, b"".join(U64(addr) + U32(n) + U16(i) + U16(flags | 0x80) for i, (addr, n, flags) in enumerate(descs)))


def vring_seeds():
    frame = bytes(f.eth() / f.ip4() / f.TCP() / bytes(100))
    tso = struct.pack("<BBHHHHH", 1, 1, 54, 50, 34, 16, 0)
    sent = write(LOW, 0, bytes(12) + frame) + write(LOW, 512, tso + frame)
    table = write(NEAR, 4096 - 32, U64(GPA) + U32(12) + U16(1) + U16(1) + U64(GPA + 12) + U32(100) + U16(0) + U16(0))
    burst = bytes([BURST, 31])
    save(
        "vring",
        split_from_guest=bytes([0, 0]) + U16(0) + sent + split([(GPA, 112, 0, 0), (GPA + 512, 12, 1, 2), (GPA + 524, 154, 0, 0)], [0, 1]) + burst,
        split_indirect=bytes([8, 4]) + U16(0) + sent + table + split([(BOUNDARY - 32, 32, 4, 0)], [0]) + burst + burst,
        split_to_guest=bytes([2, 1]) + U16(0) + split([(BOUNDARY - 600, 1200, 2, 0), (GPA, 0x10000, 2, 0)], [0, 1, 0, 1]) + burst + b"\x09",
        packed_from_guest=bytes([17, 0]) + U16(0x8000) + sent + packed([(GPA, 112, 0), (GPA + 512, 12, 1), (GPA + 524, 154, 0)]) + burst,
        packed_indirect=bytes([1, 2]) + U16(0x8000) + sent + table + packed([(BOUNDARY - 32, 32, 4)]) + burst + burst,
        split_loop=bytes([4, 0]) + U16(9) + split([(GPA, 64, 1, 1), (GPA, 64, 1, 0)], [0] * 9) + write(AVAIL, 2, U16(10)) + burst,
        packed_loop=bytes([5, 0]) + U16(0x8003) + packed([(GPA, 64, 1)] * 4) + burst,
        packed_to_guest=bytes([3, 1]) + U16(0x8000) + packed([(BOUNDARY - 600, 1200, 2), (GPA, 0x10000, 2)]) + burst + b"\xa9",
    )


def memif_ring_seeds():
    def desc(flags, region, length, offset):
        return U16(flags) + U16(region) + U32(length) + U32(offset) + U32(0)

    def indexes(head, tail):
        return bytes([0]) + U16(head) + U16(tail)

    ring_bytes = 128 + 16 * 16
    chain = write(1, 0, desc(1, 0, 640, ring_bytes) + desc(0, 0, 100, ring_bytes + 640) + desc(0, 1, 300, 0))
    burst = bytes([3, 31])
    save(
        "memif_ring",
        server_receives=bytes([0]) + U16(0) + chain + indexes(3, 0) + burst,
        client_receives=bytes([1]) + U16(0) + chain + indexes(16, 3) + burst,
        server_sends=bytes([2]) + U16(0) + chain + indexes(3, 0) + burst,
        client_sends=bytes([3]) + U16(0) + indexes(0, 0) + burst + indexes(0, 9) + burst,
    )


def memif_conn_seeds():
    nothing, memory, eventfd = range(3)

    def say(passed, data):
        return bytes([0, passed, len(data)]) + data

    def ring(flags, index, offset):
        return say(eventfd, U16(5) + U16(flags) + U16(index) + U16(0) + U32(offset) + b"\4" + U16(0))

    cookie = U32(0x3E31F20)
    burst = bytes([2])
    init = U16(3) + U16(0x200) + U32(1) + b"\0" + b"s".ljust(24, b"\0") + b"peer"
    server = say(nothing, init) + say(memory, U16(4) + U16(0) + U64(16384)) + ring(1, 0, 0) + ring(0, 0, 384) + write(1, 0, cookie)
    frame = write(1, 128, U16(0) + U16(0) + U32(60) + U32(4096)) + write(1, 6, U16(1))
    room = write(1, 384 + 128, U16(0) + U16(0) + U32(2048) + U32(8192)) + write(1, 384 + 6, U16(1))
    hello = U16(2) + b"peer".ljust(32, b"\0") + U16(0x200) * 2 + U16(0) + U16(7) * 2 + b"\x0e"
    client = say(nothing, hello) + say(nothing, U16(1)) * 6 + say(nothing, U16(7) + b"peer")
    filled = write(1, 768 + 128, U16(0) + U16(0) + U32(60)) + write(1, 768 + 64, U16(1))
    save(
        "memif_conn",
        server=b"\0" + server + write(1, 384, cookie) + say(nothing, U16(6) + b"peer") + frame + room + burst + b"\3",
        client=b"\1" + client + filled + burst + b"\3" + say(nothing, U16(8) + U32(0) + b"bye"),
    )


def tunnel_seeds():
    sys.path.insert(0, str(HERE.parent / "unit" / "datapath"))
    import make_tunnel_vectors as vectors  # pylint: disable=import-outside-toplevel

    def push(header):
        return attr(23, U32(9) + U32(2) + U32(len(header)) + U32(4) + header.ljust(512, b"\0"))

    types = {"TUNNEL_VXLAN": 1, "TUNNEL_GENEVE": 2, "TUNNEL_GRE": 3}
    seeds = {}
    for i, row in enumerate(vectors.make()):
        how = types[row["type"]] | (4 if row["options"] != "0" else 0) | (8 if i % 2 else 0)
        seeds[row["name"].strip('"')] = bytes([how, 128]) + bytes(4) + row["frame"]
    pushes = [push(row["header"]) for row in vectors.rows]
    wrapped = pushes[0] + OUTPUT + attr(4, b"\x81\x00\x10\x05") + pushes[-3] + OUTPUT + attr(24, U32(9))
    frame = frames()["tcp"]
    save("dp_actions", tunnels=packet_actions(frame, wrapped), tunnels_lent=packet_actions(frame / bytes(150), wrapped, how=0xF))
    head = len(vectors.rows[0]["header"])
    seeds["begun_inside"] = bytes([1 | 8 | 16, 128]) + U16(head + 34) + U16(6) + vectors.rows[0]["frame"]
    save("tunnel_pop", **seeds)


def ct_seeds():
    def packet(how, seq, ack, text, options=b""):
        return bytes([how, len(options) // 4]) + BE32(seq) + BE32(ack) + bytes([len(text)]) + options + text

    port = packet(0, 100, 1, b"PORT 10,1,1,1,20,1\r\n")
    sack = packet(1, 1, 118, b"200 ok\r\n", b"\1\1\5\12" + BE32(130) + BE32(140))
    save(
        "ct_alg",
        port=b"\4" + port + packet(4, 120, 1, b"LIST\r\n") + sack,
        eprt=b"\5" + packet(0, 100, 1, b"EPRT |2|a01:101::|5121|\r\n") + packet(0, 100, 1, b"EPRT |1|10.1.1.1|5121|\r\n"),
        pasv=b"\x08" + packet(5, 1, 1, b"227 Go (10,1,1,64,23,112)\r\n") + packet(1, 27, 1, b"229 Go (|||6000|)\r\n"),
        tftp=b"\2" + packet(0, 0, 0, b"\0\1file\0octet\0") + packet(6, 0, 0, b"\0\2f\0"),
    )

    def fragment(how, start, size, more=1):
        return bytes([how]) + U16(start | more if how & 1 else start // 8 | more << 13) + U16(size)

    save(
        "ct_frag",
        in_order=fragment(0x10, 0, 512) + fragment(0x12, 512, 512) + fragment(0x10, 1024, 100, 0),
        ipv6=fragment(1, 1024, 100, 0) + fragment(3, 512, 512) + fragment(1, 0, 512),
        overlap=fragment(0, 0, 512) + fragment(0, 504, 512) + fragment(0, 0, 512) + fragment(8, 512, 8, 0) * 40,
    )


def main():
    ct_seeds()
    save("extract", **frames())
    netlink_seeds()
    action_seeds()
    vring_seeds()
    memif_ring_seeds()
    memif_conn_seeds()
    tunnel_seeds()


main()
