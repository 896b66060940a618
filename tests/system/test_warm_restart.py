"""swd ends and starts again under many active flows: it has their megaflows before their packets could ask for them.

    a --> swd --> b       bench-gen plays both guests: it listens, and the new swd connects
           |
        swctld            goes on; each flow has a megaflow of its own
"""

import os
import signal
import time

import pytest

from scale import note, scaled
from switch import Daemon, program

FLOWS = scaled(10_000, 100_000)
RATE = scaled(100_000, 500_000)  # frames a second, each of any flow
INTERVAL_S = 0.05
WINDOW = 4  # intervals over which a rate is taken
SHARE_OF = round(WINDOW * INTERVAL_S * RATE)  # frames: few of them are on their way, however long the generator was held up
BACK_S = 2  # from the first frame until the rate is 90 % of what it was
STORM = FLOWS // 100  # misses
SOON = ["chrt", "-f", "20"]  # the generator sleeps most of the time, and must have the core at once when it wakes

# The first rule never matches, and its mask is no prefix: who looks at it looks at all that tells a flow from another.
RULES = ["priority=20,udp,in_port=a,nw_src=0.255.255.255/0.255.255.255,actions=drop", "priority=10,udp,in_port=a,actions=output:b"]
ODD = "priority=30,udp,in_port=a,nw_src=0.0.0.1/0.0.0.1,actions=drop"  # every second flow


class Generator:
    """Sends the flows in random order at a fixed rate, and tells every INTERVAL_S what came out."""

    def __init__(self, switch):
        words = [*SOON, program("bench-gen"), "--core", 0, "--relax", 200, "--rate", RATE, "--flows", FLOWS, "--order", "random"]
        words += ["--warmup", 0, "--seconds", 3600, "--interval", INTERVAL_S, "--timeout", 30]
        self.paths = [os.path.join(switch.run_dir, f"{p}.sock") for p in "ab"]
        self.daemon = Daemon([*words, *(f"vhost-listen:{p}" for p in self.paths)], {0})
        switch.wait(lambda: all(map(os.path.exists, self.paths)), "generator's sockets")

    def rows(self):
        """(time.monotonic(), frames sent, received) of each interval, after the first frame that came through."""
        lines = [line.split() for line in list(self.daemon.lines) if line and line.startswith("interval")]
        return [(float(words[1]), int(words[3]), int(words[6])) for words in lines]

    def wait_rows(self, switch, n):
        """Waits for n more intervals and returns these."""
        seen = len(self.rows())
        return switch.wait(lambda: self.rows()[seen:] if len(self.rows()) >= seen + n else None, "frames", 30)

    def wait_end(self):
        self.daemon.wait_line("the switch hung up")
        self.daemon.kill()


@pytest.fixture
def switch(switch_factory):
    switch = switch_factory(mem=scaled(256, 768), swd_args=["--max-flows", str(3 * FLOWS)])
    for name in "ab":
        switch.swctl("add-port", name, "type=vhost-user", f"path={os.path.join(switch.run_dir, name)}.sock", "mode=client")
    switch.set_flows(*RULES)
    return switch


def rate(rows):
    """Frames received a second."""
    return (rows[-1][2] - rows[0][2]) / (rows[-1][0] - rows[0][0])


def restart(switch, how, meanwhile=lambda: None):
    """The generator before and after, the rate before, and the time at which swd was started."""
    generator = Generator(switch)
    switch.wait(lambda: switch.json("dp", "show")["flows"] >= FLOWS, "megaflow of each flow", 60)
    before = rate(generator.wait_rows(switch, 12))
    switch.swd.stop(how)
    generator.wait_end()
    meanwhile()
    generator = Generator(switch)
    started = time.monotonic()
    switch.start_swd()
    return generator, before, started


def test_no_storm_of_misses_and_the_rate_is_back_at_once(switch):
    generator, before, started = restart(switch, signal.SIGKILL)
    try:
        generator.wait_rows(switch, round(BACK_S / INTERVAL_S))
        rows = generator.rows()
        missed = switch.json("dp", "show")["misses"]
        back = next((b[0] for a, b in zip(rows, rows[WINDOW:]) if rate((a, b)) >= 0.9 * before), None)
    finally:
        generator.daemon.kill()
    assert back, f"{before:.0f} frames a second before, then {[round(rate(r)) for r in zip(rows, rows[1:])]}"
    assert missed <= STORM, f"{missed} misses of {FLOWS} flows"
    first = rows[0][0]
    note("swd killed under active flows", flows=FLOWS, frames_a_second=round(before), first_frame_s=f"{first - started:.2f} after its start",
         back_s=f"{back - first:.2f} after the first frame", misses=missed)


def test_rules_that_changed_while_swd_was_away_hold_from_the_first_frame(switch):
    generator, _, _ = restart(switch, signal.SIGTERM, lambda: switch.swctl("add-flow", ODD))
    try:
        rows = switch.wait(lambda: (r := generator.rows()) and r[-1][1] - r[0][1] > 2.5 * SHARE_OF and r, "frames", 30)
        flows = switch.megaflows("in_port(a)", "eth_type(0x0800)")
        missed = switch.json("dp", "show")["misses"]
    finally:
        generator.daemon.kill()
    spans = [(a, next((b for b in rows if b[1] - a[1] >= SHARE_OF), None)) for a in rows]
    shares = [(b[2] - a[2]) / (b[1] - a[1]) for a, b in spans if b]
    assert max(shares) < 0.6 and min(shares) > 0.4, f"of the frames from each interval on, these shares came through: {shares}"
    assert len(flows) >= FLOWS and 0.45 < sum(f["actions"] == "drop" for f in flows) / len(flows) < 0.55
    assert missed <= STORM, f"{missed} misses of {FLOWS} flows"
