"""swd killed and started again under many flows: it has them again before their packets could ask for them.

    a --> swd --> b       bench-gen plays both guests, as one that starts after a reboot: it listens, the new swd connects
           |
        swctld            goes on; each flow has a megaflow of its own
"""

import os
import time

import pytest

from scale import note, scaled
from switch import Daemon, program

FLOWS = scaled(20_000, 100_000)
RATE = 1_000_000
INTERVAL_S = 0.05
SOON = ["chrt", "-f", "20"]  # the generator sleeps most of the time, and must have the core at once when it wakes

# The first rule never matches, and its mask is no prefix: who looks at it looks at all that tells a flow from another.
RULES = ["priority=20,udp,in_port=a,nw_src=0.255.255.255/0.255.255.255,actions=drop", "priority=10,in_port=a,actions=output:b"]


class Generator:
    """Sends FLOWS flows in random order at a fixed rate, and tells every INTERVAL_S what came out."""

    def __init__(self, switch):
        words = [*SOON, program("bench-gen"), "--core", 0, "--relax", 200, "--rate", RATE, "--flows", FLOWS, "--order", "random"]
        words += ["--warmup", 0, "--seconds", 3600, "--interval", INTERVAL_S, "--timeout", 30]
        self.daemon = Daemon([*words, *(f"vhost-listen:{os.path.join(switch.run_dir, p)}.sock" for p in "ab")], {0})

    def rows(self):
        """(time.monotonic(), frames sent, received) of each interval."""
        found = []
        for line in list(self.daemon.lines):
            if line and line.startswith("interval"):
                clock, _, sent, _, _, received = map(float, line.split()[1:])
                found.append((clock, sent, received))
        return found


@pytest.fixture
def switch(switch_factory):
    switch = switch_factory(mem=768, swd_args=["--max-flows", "400000"])
    for name in "ab":
        switch.swctl("add-port", name, "type=vhost-user", f"path={os.path.join(switch.run_dir, name)}.sock", "mode=client")
    switch.set_flows(*RULES)
    return switch


def misses(switch):
    return switch.json("dp", "show")["misses"]


def test_measure(switch):
    gen = Generator(switch)
    t0 = time.monotonic()
    switch.wait(lambda: switch.json("dp", "show")["flows"] >= FLOWS, "all flows", 60)
    print(f"all flows after {time.monotonic() - t0:.2f}", switch.json("dp", "show"))
    time.sleep(1)
    for r in gen.rows()[-3:]:
        print(r)
    t0 = time.monotonic()
    switch.swd.kill()
    gen.daemon.wait_line("hung up")
    gen.daemon.kill()
    gen = Generator(switch)
    time.sleep(1)  # makes its frames
    t1 = time.monotonic()
    switch.start_swd(ready=False)
    gen.daemon.wait_line("^interval")
    print(f"down {t1-t0:.2f}")
    for i in range(15):
        d = switch.json("dp", "show")
        print(f"{time.monotonic()-t1:.3f} flows {d['flows']} hits {d['hits']} missed {d['misses']} lost {d['lost']}")
        time.sleep(0.1)
    time.sleep(1)
    prev = None
    for r in gen.rows():
        if prev:
            print(f"{r[0]-t1:.3f} sent {(r[1]-prev[1])/(r[0]-prev[0]):.0f} recv {(r[2]-prev[2])/(r[0]-prev[0]):.0f}")
        prev = r
    print(switch.drops())
    print(switch.swd.output())
    print(switch.swctld.output())
    gen.daemon.kill()
