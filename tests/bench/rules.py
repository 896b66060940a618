"""Rules in ovs-ofctl's syntax, which both switches take; {a} and {b} stand for the two ports.

Frames (tests/bench/gen.c): flow f of port p, class c, goes from (32+p).x.x.x, some port, to 10.(c+1).0.(q+1) port 1000+c, with
the MAC of port q, the other one. No rule looks at what tells flows of a class apart, so that a million flows need few megaflows.
"""

WAYS = ((0, "{a}", "{b}"), (1, "{b}", "{a}"))  # sending port, its name, the other one's name


def in_port():
    """One rule a port, nothing but the port: OVS's shortest path, which does not parse the packet."""
    return [f"in_port={a},actions=output:{b}" for _, a, b in WAYS]


def five_tuple(proto="udp"):
    """One rule a port that looks at protocol, addresses and the destination's port."""
    return [
        f"priority=10,{proto},in_port={a},nw_src={32 + p}.0.0.0/8,nw_dst=10.1.0.{2 - p},tp_dst=1000,actions=output:{b}"
        for p, a, b in WAYS
    ]


def tracked():
    """Connection tracking as a firewall does it: new connections are committed, known ones pass."""
    rules = ["priority=1,table=1,actions=drop"]
    for _, a, b in WAYS:
        rules += [
            f"priority=10,udp,in_port={a},actions=ct(table=1)",
            f"priority=10,table=1,udp,in_port={a},ct_state=+trk+new,actions=ct(commit),output:{b}",
            f"priority=10,table=1,udp,in_port={a},ct_state=+trk+est,actions=output:{b}",
        ]
    return rules


def masks(n):
    """n rules a port that make n masks: one for each class of flows, each looks at one bit more than the one above it.

    A packet of class c meets the rules 0 to c in order of priority, so that its megaflow's mask is the union of theirs, which
    is c's own. The address mask is no prefix, or OVS's tries would merge some.
    """
    return [
        f"priority={1000 - c},udp,in_port={a},{bits(p, c)},actions=output:{b}" for p, a, b in WAYS for c in range(n)
    ]


def bits(p, c):
    low, mac = (1 << min(c + 1, 16)) - 1, (1 << max(c - 15, 0)) - 1
    address = f"nw_dst=0.{c + 1}.0.{(2 - p) & low}/0.255.{low >> 8}.{low & 255}"
    if mac == 0:
        return address
    to = 0x0267656E0000 | (1 - p)
    return f"{address},dl_dst={hex_mac(to & mac)}/{hex_mac(mac)}"


def hex_mac(n):
    return ":".join(f"{n >> s & 255:02x}" for s in range(40, -1, -8))
