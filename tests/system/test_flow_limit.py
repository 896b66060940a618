"""A port that floods new flows has at most half of the megaflows; another one still gets its own.

    attacker --- swd --- sink       bench-gen: each frame is of a new flow, which needs a megaflow of its own
    victim   --- swd --- sink2      a few new flows
"""

import os
import subprocess
import time

import pytest
from switch import program

LIMIT = 4000
FLOOD_PPS = 20_000
OWN = 400  # flows of the victim: together with half of the limit under three quarters of it, where idle ones go early


def rules(a, b):
    """The first one matches nothing; who looks at it looks at all of a source address but its first byte."""
    return [
        f"priority=20,udp,in_port={a},nw_src=0.255.255.255/0.255.255.255,actions=drop",
        f"priority=10,in_port={a},actions=output:{b}",
    ]


def generator(switch, ports, flows, *words):
    words = ["--core", 0, "--relax", 100, "--flows", flows, "--warmup", 0, *words]
    words += [f"vhost:{os.path.join(switch.run_dir, p)}.sock" for p in ports]
    return subprocess.Popen([program("bench-gen"), *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def switch(switch_factory):
    switch = switch_factory(mem=512, swctld_args=["--max-flows", str(LIMIT)])
    for name in ("attacker", "sink", "victim", "sink2"):
        switch.swctl("add-port", name, "type=vhost-user", f"path={os.path.join(switch.run_dir, name)}.sock", "mode=server")
    switch.set_flows(*rules("attacker", "sink"), *rules("victim", "sink2"))
    return switch


@pytest.fixture
def flood(switch):
    process = generator(switch, ("attacker", "sink"), 1_000_000, "--rate", FLOOD_PPS, "--seconds", 60)
    yield process
    process.kill()
    process.wait()


def megaflows_of(switch, port):
    return len(switch.megaflows(f"in_port({port})"))


def test_a_flood_from_one_port_has_half_of_the_megaflows_and_another_port_its_own(switch, flood):
    switch.wait(lambda: megaflows_of(switch, "attacker") > 0.45 * LIMIT, "flood that fills its half")
    most, end = 0, time.monotonic() + 1  # of what the flood may have tried in the meantime
    while time.monotonic() < end:
        most = max(most, megaflows_of(switch, "attacker"))
    assert most <= LIMIT // 2, f"{most} of {LIMIT} megaflows are the flood's"
    own = generator(switch, ("victim", "sink2"), OWN, "--prime", 2000, "--seconds", 0)
    try:
        switch.wait(lambda: megaflows_of(switch, "victim") >= OWN, f"{OWN} megaflows of the other port")
        assert flood.poll() is None, "the flood is over"
        assert megaflows_of(switch, "attacker") <= LIMIT // 2
    finally:
        own.kill()
        own.wait()
