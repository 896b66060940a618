"""A flood of new flows from one port leaves another port its flow set-ups.

    victim --- swd --- sink          the victim's frames are all of new flows, few a second: within its budget
    attacker --- swd --- sink2       the attacker's are, too, but as many as go; or, to compare, all of one flow
"""

import json
import os
import subprocess
import time

import pytest

from scale import scaled
from switch import program

VICTIM_RATE = 3000  # new flows a second; the budget is 5000
SECONDS = scaled(1.5, 3)
ATTACK_LEAD = scaled(0.5, 1)  # seconds before the victim starts
TRIES = 3  # a machine that others use may hold the victim up in one of them
NEW_FLOWS = 1_000_000  # of which a generator sends the next one in each frame


def generator(switch, ports, rate, flows, seconds):
    """Of rate 0: as fast as the switch takes frames. One of a rate sleeps in between and has the core soon when it wakes."""
    relax = ["--relax", 100] if rate else []
    words = ["--core", 0, "--rate", rate, *relax, "--flows", flows, "--seconds", seconds, "--warmup", 0.5]
    words += [f"vhost:{os.path.join(switch.run_dir, p)}.sock" for p in ports]
    return subprocess.Popen([program("bench-gen"), *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def total(process):
    return json.loads(process.communicate(timeout=60)[0])["total"]


def rules(a, b):
    """The first one matches nothing, and its mask is no prefix: who looks at it looks at all that tells a flow from another."""
    return [
        f"priority=20,udp,in_port={a},nw_src=0.255.255.255/0.255.255.255,actions=drop",
        f"priority=10,in_port={a},actions=output:{b}",
    ]


def set_up_share(switch, attack_flows):
    """Of the victim's flows, the share whose packet came through."""
    attack = generator(switch, ("attacker", "sink2"), 0, attack_flows, SECONDS + ATTACK_LEAD + 1)
    try:
        time.sleep(ATTACK_LEAD)
        victim = total(generator(switch, ("victim", "sink"), VICTIM_RATE, NEW_FLOWS, SECONDS))
    finally:
        attack.kill()
        attack.communicate()
    return victim["received"] / max(1, victim["sent"])  # none: it had no turn


@pytest.fixture
def switch(switch_factory):
    switch = switch_factory(mem=512)
    for name in ("victim", "sink", "attacker", "sink2"):
        switch.swctl("add-port", name, "type=vhost-user", f"path={os.path.join(switch.run_dir, name)}.sock", "mode=server")
    switch.set_flows(*rules("victim", "sink"), *rules("attacker", "sink2"))
    return switch


def test_an_attack_takes_less_than_a_tenth_of_another_ports_flow_set_ups(switch):
    found = []
    while len(found) < TRIES:
        calm = set_up_share(switch, 1)
        attacked = set_up_share(switch, NEW_FLOWS)
        assert switch.drops().get(("attacker", "upcall-ring-full"), 0) > 10_000, "the attack was none"
        found.append(f"{attacked:.3f}, {calm:.3f} without")
        if attacked > 0.9 * calm:
            return
    raise AssertionError(f"shares of the victim's flows that were set up under attack: {'; '.join(found)}")
