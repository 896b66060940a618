"""Traffic of a pair of ports that goes on while something else happens on another pair: bench-gen, asked in intervals."""

import bisect
import os
import time

import generator
from peer import GENERATOR_CORE, BenchError
from switch import Daemon, program

INTERVAL_S = 0.05
# In front of the generator of a fixed rate: it sleeps most of the time, and must have the core at once when it wakes.
SOON = ["chrt", "-f", "20"]


class Established:
    """One flow each way between the first two ports, at a fixed rate or as fast as the switch takes it.

    A generator of a fixed rate sleeps between its bursts, so that the control daemons have their core. One at full rate shares it
    with them, and what they take shows in its rate.
    """

    def __init__(self, peer, rate, size=64):
        words = [program("bench-gen"), "--core", GENERATOR_CORE, "--size", size, "--bidir", "--features", "mrg", "--touch"]
        words += ["--warmup", 0.2, "--seconds", 3600, "--interval", INTERVAL_S]
        if rate:
            words = [*SOON, *words, "--relax", 400, "--rate", int(rate / 2)]
        self.generator = Daemon([*words, *peer.ports()[:2]], {GENERATOR_CORE})
        try:
            self.generator.wait_line("^interval")
        except AssertionError as e:
            raise BenchError(f"{peer.title}: generator: {str(e).splitlines()[-1]}") from e

    def rows(self):
        """(clock, frames received by then)"""
        found = []
        for line in list(self.generator.lines):
            if line and line.startswith("interval"):
                clock, _, *counts = map(float, line.split()[1:])
                found.append((clock, sum(counts[1::2])))
        return found

    def mpps(self, begin, end):
        """Received between two times of time.monotonic()."""
        rows = self.rows()
        at = [r[0] for r in rows]
        first, last = bisect.bisect_left(at, begin), bisect.bisect_right(at, end) - 1
        if last <= first:
            raise BenchError("the generator of the established traffic had no core")
        return rate_of(rows[first], rows[last])

    def series(self, begin, step):
        """Mpps of each step from a time on."""
        found, end = [], self.rows()[-1][0]
        while begin + step <= end:
            found.append(self.mpps(begin, begin + step))
            begin += step
        return found

    def stop(self):
        self.generator.kill()


def rate_of(first, last):
    clock, frames = (b - a for a, b in zip(first, last))
    return frames / clock / 1e6


def new_flows(peer, rate_pps, flows):
    """Sends the first frame of so many flows from the third port to the fourth: (clock at the beginning, at the end, sent)."""
    words = ["chrt", "-f", "10", program("bench-gen"), "--core", GENERATOR_CORE, "--relax", 100, "--interval", 1]
    words += ["--flows", flows, "--prime", int(rate_pps), "--warmup", 0, "--seconds", 0, "--timeout", 10, *peer.ports()[2:]]
    sender = Daemon(words, {GENERATOR_CORE})
    try:
        generator.wait_end(sender, 90)
    finally:
        sender.kill()
    line = next((x for x in sender.lines if x and x.startswith("primed")), None)
    if line is None:
        last = [x for x in sender.lines if x]
        raise BenchError(f"{peer.title}: generator: {last[-1] if last else 'no output'}")
    begin, end = map(float, line.split()[1:])
    return begin, end


def wait_until(clock):
    time.sleep(max(0.0, clock - time.monotonic()))


class AtOnce:
    """With: this process gets its core when it wants it. For what sleeps nearly always."""

    def __enter__(self):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))

    def __exit__(self, *_):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
