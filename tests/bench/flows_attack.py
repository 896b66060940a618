"""The tuple-space-explosion attack on one pair of ports, and the throughput of another meanwhile.

    vm1 <-> vm2   one flow each way, as fast as the switch takes it
    vm3 -->       2,000 frames a second, each with other bits (tests/system/explosion.py)
"""

import time

import explosion
import rules
from beside import AtOnce, Established, wait_until
from quiet import Watch
from vhost_frontend import VhostFrontend

BEFORE_S, AFTER_S = 4.0, 4.0
STEP_S = 0.5


def rule_set():
    return [*(r.replace("priority=10", "priority=100") for r in rules.five_tuple()), *explosion.rules("{d}")]


def attack(guest, seconds, seed):
    """Frames sent. Those that a switch does not take in time are not made up for."""
    sent, began = 0, time.monotonic()
    for n, burst in enumerate(explosion.bursts(seed)):
        at = began + n * explosion.BURST_S
        if at > began + seconds:
            return sent
        wait_until(at)
        sent += offer(guest, burst)
    return sent


def offer(guest, burst):
    try:
        guest.send(*burst, timeout=0.0)
    except AssertionError:
        return 0  # the ring is full: the switch does not look
    return len(burst)


def one(peer, seconds, say):
    peer.set_rules(rule_set())
    established, watch = Established(peer, 0), Watch(peer.home.pid)
    guest = VhostFrontend(peer.socket("vm3"), name="vm3")
    try:
        guest.start()
        began = time.monotonic()
        time.sleep(BEFORE_S)
        first = time.monotonic()
        with AtOnce():
            sent = attack(guest, seconds, seed=1)
        last = time.monotonic()
        masks, flows = peer.all_masks(), peer.megaflows()
        time.sleep(AFTER_S)
        figures = {
            "seconds": seconds,
            "sent": sent,
            "masks": masks,
            "flows": flows,
            "before": established.mpps(began, first),
            "during": established.mpps(first, last),
            "after": established.mpps(last, time.monotonic()),
            "recovered_s": recovered(established, began, first, last),
            "disturbed": watch.lost_share(),
            "series": established.series(began, STEP_S),
        }
    finally:
        guest.close()
        established.stop()
    say(
        f"attack   {peer.name:4} {sent} frames: {masks} masks, {flows} megaflows, the other pair "
        f"{figures['before']:.3f} {figures['during']:.3f} {figures['after']:.3f} Mpps"
    )
    return figures


def recovered(established, began, first, last):
    """Seconds from the end of the attack until the other pair had 90 % of its throughput again; None: not in this time."""
    enough = 0.9 * established.mpps(began, first)
    for n, mpps in enumerate(established.series(last, STEP_S)):
        if mpps >= enough:
            return n * STEP_S
    return None


def measure(lab, rounds, seconds, say):
    """Of each switch and round. Each begins with a new process, which has no megaflow of an earlier attack."""
    found = {"swd": [], "ovs": []}
    for turn in range(rounds):
        for name in list(found)[:: 1 if turn % 2 == 0 else -1]:
            lab.stop()
            found[name].append(one(lab.wake(name, "pairs"), seconds, say))
    return found
