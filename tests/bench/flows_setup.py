"""How many megaflows a second a switch sets up, and what that takes from established traffic.

    vm1 <-> vm2   one flow each way, at a fixed rate, before, during and after
    vm3 --> vm4   each frame of a flow of its own
"""

import time

import rules
from beside import Established, new_flows
from peer import BenchError

ESTABLISHED_PPS = 1_000_000  # both directions
START_PPS, GROWTH, STEPS = 20_000, 1.6, 8
SECONDS = 1.0  # of new flows at each rate
ASIDE_S = 0.7  # of established traffic alone, before and after

# The second rule never matches (no flow has that address), and its mask is no prefix: who looks at it looks at all of an address
# but its first byte, which each flow has another of. So each flow needs a megaflow of its own, in either switch.
RULES = (
    *(r.replace("priority=10", "priority=100") for r in rules.five_tuple()),
    "priority=20,udp,nw_src=0.255.255.255/0.255.255.255,actions=drop",
    "priority=10,udp,in_port={c},tp_dst=1000,actions=output:{d}",
)


def attempt(peer, rate_pps):
    """Offers new flows at a rate: what came of it."""
    peer.forget("vm3")
    peer.set_rules(RULES)
    flows = int(rate_pps * SECONDS)
    established = Established(peer, ESTABLISHED_PPS)
    try:
        alone = time.monotonic()
        time.sleep(ASIDE_S)
        before, began = peer.megaflows(), time.monotonic()
        begin, end = new_flows(peer, rate_pps, flows)
        installed, after = peer.megaflows() - before, time.monotonic()
        time.sleep(ASIDE_S)
        return {
            "offered": rate_pps,
            "sent_s": end - begin,
            "installed": installed,
            "per_s": installed / (end - begin),
            "before": established.mpps(alone, began),
            "during": established.mpps(begin, end),
            "after": established.mpps(after, time.monotonic()),
        }
    finally:
        established.stop()


def climb(peer, say):
    """Higher rates until more offered brings no more: all attempts."""
    found, rate = [], START_PPS
    for _ in range(STEPS):
        got = attempt(peer, rate)
        found.append(got)
        say(f"set-up   {peer.name:4} {rate:7.0f} offered: {got['per_s']:7.0f} a second, established {shares(got)}")
        if got["installed"] < 0.95 * rate * SECONDS and rate == START_PPS:
            raise BenchError(f"{peer.title}: {got['installed']} megaflows of {rate * SECONDS:.0f} flows: each was to have its own")
        if got["per_s"] < 0.8 * rate:
            break
        rate *= GROWTH
    return found


def shares(got):
    return f"{got['before']:.3f} {got['during']:.3f} {got['after']:.3f} Mpps"


def measure(lab, rounds, say):
    """Of each switch and round, the attempt that set up the most."""
    found = {"swd": [], "ovs": []}
    for turn in range(rounds):
        for name in list(found)[:: 1 if turn % 2 == 0 else -1]:
            attempts = climb(lab.wake(name, "pairs"), say)
            found[name].append({**max(attempts, key=lambda a: a["per_s"]), "attempts": attempts})
    return found
