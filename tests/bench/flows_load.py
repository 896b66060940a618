"""How long a file of rules takes to load, and what a rule costs in memory."""

import os
import random
import re
import time

from measure import Lab
from peer import BenchError, command

N_RULES = 100_000
SETTLE_S = 1.0  # what is freed behind a load is freed by then


def acl(n, seed=1):
    """Rules as an access list has them: five-tuples under several masks in one table, the same text for both switches."""
    rng = random.Random(seed)
    shapes = (  # bits of source, bits of destination, destination's port or its mask
        (32, 24, 0xFFFF),
        (24, 32, 0xFFFF),
        (32, 32, 0xFFFF),
        (24, 24, 0xFFF0),
        (16, 24, 0xFFFF),
        (32, 32, None),
        (24, 16, 0xFF00),
        (0, 32, 0xFFFF),
    )
    seen, lines = set(), []
    while len(lines) < n:
        src_bits, dst_bits, ports = rng.choice(shapes)
        match = rng.choice(("tcp", "udp"))
        for name, bits in (("nw_src", src_bits), ("nw_dst", dst_bits)):
            if bits:
                match += f",{name}={address(rng, bits)}"
        if ports is not None:
            port = rng.randrange(65536) & ports
            match += f",tp_dst={port}" if ports == 0xFFFF else f",tp_dst={port:#x}/{ports:#x}"
        if match not in seen:
            seen.add(match)
            action = rng.choice(("drop", "output:1", "output:2"))
            lines.append(f"priority={rng.randrange(1, 65535)},{match},actions={action}\n")
    return lines


def address(rng, bits):
    n = (10 << 24 | rng.getrandbits(24)) & ~((1 << 32 - bits) - 1)
    text = ".".join(str(n >> s & 255) for s in (24, 16, 8, 0))
    return text if bits == 32 else f"{text}/{bits}"


def private_bytes(pid):
    """What a process has for itself: dirty pages, hugepages not counted."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return int(re.search(r"^Private_Dirty:\s+(\d+)", f.read(), re.M)[1]) << 10


def timed(*words, env=None):
    began = time.monotonic()
    command(*words, env=env, timeout=300)
    return time.monotonic() - began


def grown(pid, work, n):
    """Seconds that the work took and bytes a rule by which a process grew."""
    before = private_bytes(pid)
    seconds = work()
    time.sleep(SETTLE_S)
    return seconds, (private_bytes(pid) - before) / n


def load_swd(peer, file, n):
    swctl = peer.switch.swctl
    swctl("del-flows")
    seconds, each = grown(peer.switch.swctld.pid, lambda: timed(*peer.swctl_words("add-flows", file)), n)
    return {"add-flows": seconds, "bytes": each, "rules": peer.n_rules()}


def load_ovs(peer, file, n):
    """Plain first, into a process that had no rules, then again with --bundle."""
    target = f"unix:{peer.folder}/br0.mgmt"

    def ofctl(*words):
        return timed("ovs-ofctl", *words, env=peer.env)

    seconds, each = grown(peer.home.pid, lambda: ofctl("add-flows", target, file), n)
    found = {"add-flows": seconds, "bytes": each, "rules": peer.n_rules()}
    ofctl("del-flows", target)
    time.sleep(SETTLE_S)
    return {**found, "bundle": ofctl("--bundle", "add-flows", target, file)}


def measure(folder, rounds, say, n=N_RULES):
    """Both switches in turn, each time as new processes with nothing to remember."""
    file = os.path.join(folder, "rules")
    with open(file, "w", encoding="ascii") as f:
        f.writelines(acl(n))
    found = {"swd": [], "ovs": []}
    loaders = {"swd": load_swd, "ovs": load_ovs}
    for turn in range(rounds):
        lab = Lab(os.path.join(folder, f"load{turn}"))
        try:
            for name in list(found)[:: 1 if turn % 2 == 0 else -1]:
                found[name].append(loaders[name](lab.wake(name, "pairs"), file, n))
                tell(say, name, turn, found[name][-1], n)
        finally:
            lab.stop()
    return found


def tell(say, name, turn, figures, n):
    if figures["rules"] != n:
        raise BenchError(f"{name} has {figures['rules']} rules of {n}")
    bundle = f", with --bundle {figures['bundle']:.2f} s" if "bundle" in figures else ""
    say(f"load     {name:4} round {turn + 1}: {figures['add-flows']:.2f} s{bundle}, {figures['bytes']:.0f} bytes a rule")
