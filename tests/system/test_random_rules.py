"""Random rules against a model: whatever the tables, masks and caches do, each packet goes where the best rule says.

    vm1 --- swd --- vm2, vm3, vm4      each frame carries a number; where it arrives is compared with the model
"""

import functools
import ipaddress
import random

import pytest
from frames import *

MACS = ["02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:01:01"]
VLANS = [None, 10, 20]
ADDRESSES = ["10.0.0.1", "10.0.0.2", "10.0.1.1", "192.168.0.1"]
NETS = [f"{a}/{p}" for a in ("10.0.0.0", "10.0.1.0", "192.168.0.0") for p in (8, 16, 24, 31)] + [f"{a}/32" for a in ADDRESSES]
PORTS = [80, 81, 443]
PROTOS = {"tcp": 6, "udp": 17}
TARGETS = ["vm2", "vm3", "vm4", None]


def random_packet(rng):
    return (
        rng.choice(MACS),
        rng.choice(MACS),
        rng.choice(VLANS),
        rng.choice(ADDRESSES),
        rng.choice(ADDRESSES),
        rng.choice(list(PROTOS)),
        rng.choice(PORTS),
        rng.choice(PORTS),
    )


@functools.lru_cache(maxsize=None)
def frame_of(packet):
    src, dst, vlan, nw_src, nw_dst, proto, tp_src, tp_dst = packet
    make = {"tcp": tcp, "udp": udp}[proto]
    return raw(make(payload=b"", l2=eth(src=src, dst=dst, vlan=vlan), l3=ip4(src=nw_src, dst=nw_dst), sport=tp_src, dport=tp_dst))


def in_net(address, net):
    return ipaddress.ip_address(address) in ipaddress.ip_network(net, strict=False)


# How a field is written, what it may be, and whether a packet has it.
FIELDS = {
    "dl_src": (MACS, lambda p, v: p[0] == v),
    "dl_dst": (MACS, lambda p, v: p[1] == v),
    "dl_vlan": ([0xFFFF, 10, 20], lambda p, v: p[2] == (None if v == 0xFFFF else v)),
    "nw_src": (NETS, lambda p, v: in_net(p[3], v)),
    "nw_dst": (NETS, lambda p, v: in_net(p[4], v)),
    "tp_src": (PORTS, lambda p, v: p[6] == v),
    "tp_dst": (PORTS, lambda p, v: p[7] == v),
}


class Rule:
    def __init__(self, rng, priority):
        self.priority = priority
        self.proto = rng.choice([None, "ip", "tcp", "udp"])
        names = [n for n in FIELDS if rng.random() < 0.3]
        if self.proto is None:
            names = [n for n in names if n.startswith("dl_")]
        elif self.proto == "ip":
            names = [n for n in names if not n.startswith("tp_")]
        self.fields = {n: rng.choice(FIELDS[n][0]) for n in names}
        self.target = rng.choice(TARGETS)

    def match(self):
        return ",".join(([self.proto] if self.proto else []) + [f"{n}={v}" for n, v in self.fields.items()])

    def text(self):
        action = f"output:{self.target}" if self.target else "drop"
        return ",".join(filter(None, [f"priority={self.priority}", self.match(), f"actions={action}"]))

    def matches(self, packet):
        if self.proto in PROTOS and packet[5] != self.proto:
            return False
        return all(FIELDS[n][1](packet, v) for n, v in self.fields.items())


def expected(rules, packet):
    best = max((r for r in rules if r.matches(packet)), key=lambda r: r.priority, default=None)
    return best.target if best else None


def check(net, rules, packets):
    """Sends the packets in small bursts and looks at where each one comes out."""
    wrong = []
    for at in range(0, len(packets), 32):
        burst = packets[at : at + 32]
        wanted = {n: expected(rules, p) for n, p in enumerate(burst)}
        net.vm1.send(*[numbered(frame_of(p), n) for n, p in enumerate(burst)])
        came = {}
        for guest in net.guests[1:]:
            for frame in guest.recv_n(sum(t == guest.name for t in wanted.values())):
                came.setdefault(int.from_bytes(frame[-8:], "big"), []).append(guest.name)
        net.vm1.wait_sent()
        for guest in net.guests:
            if guest.drain():
                came.setdefault("stray", []).append(guest.name)
        wrong += [(burst[n], t, came.get(n)) for n, t in wanted.items() if came.get(n) != ([t] if t else None)]
        assert not wrong and "stray" not in came, f"{wrong or came}\nrules:\n" + "\n".join(r.text() for r in rules)


@pytest.mark.parametrize("seed", range(12))
def test_every_packet_goes_where_the_best_rule_says(net, seed):
    rng = random.Random(seed)
    # Some share match and differ in priority; no two share a priority, which would leave the winner open.
    rules = [Rule(rng, p) for p in rng.sample(range(1, 1000), 25)]
    packets = [random_packet(rng) for _ in range(256)]
    net.set_flows(*[r.text() for r in rules])
    check(net, rules, packets)
    check(net, rules, packets[::-1])  # now from megaflows and the exact-match cache
    for _ in range(6):
        if rng.random() < 0.5:
            victims = rng.sample(rules, 3)
            for rule in victims:
                rules.remove(rule)
            net.set_flows(*[r.text() for r in rules])
        else:
            taken = {r.priority for r in rules}
            new = [Rule(rng, p) for p in rng.sample([p for p in range(1, 1000) if p not in taken], 3)]
            # A copy of an old match above or below it.
            old = rng.choice(rules)
            twin = Rule(rng, rng.choice([p for p in range(1, 1000) if p not in taken | {r.priority for r in new}]))
            twin.proto, twin.fields = old.proto, dict(old.fields)
            rules += [*new, twin]
            net.swctl("add-flows", "-", stdin="\n".join(r.text() for r in [*new, twin]))
            net.switch.settle()
        check(net, rules, rng.sample(packets, 128))
