"""Measures each engine: rounds in turn, so that drift of the machine meets all alike."""

import os
import re
import statistics
import time
from dataclasses import dataclass

import generator
from measure import DISTURBED, per_packet, spread
from peer import BenchError
from quiet import Watch
from scenarios import Scenario

LATENCY_PPS = 100_000  # all engines can do that
LOSS_PPS = 300_000
RING = 4096  # of the sink: pcap hands over a block of its ring at once, and the sink must not be what loses it
WARMUP_S = 0.2
TRIES = 3
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Step:
    name: str
    size: str = "64"
    rate: int = 0  # 0: as fast as the generator can
    back: bool = False  # from the guest out through the engine


STEPS = (
    Step("in"),
    Step("in-1500", size="1500"),
    Step("latency", rate=LATENCY_PPS),
    Step("loss", rate=LOSS_PPS),
    Step("back", back=True),
)


class PmdTime:
    """User and kernel time of the poll-mode thread from here on, by the kernel's ticks."""

    def __init__(self, pid):
        self.path = None
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/comm", encoding="ascii") as f:
                if f.read().startswith("pmd-"):
                    self.path = f"/proc/{pid}/task/{tid}/stat"
        if self.path is None:
            raise BenchError("swd has no thread pmd-...")
        self.before = self.read()

    def read(self):
        with open(self.path, encoding="ascii") as f:
            words = f.read().rpartition(")")[2].split()
        return int(words[11]), int(words[12])

    def kernel_share(self):
        user, kernel = (b - a for a, b in zip(self.before, self.read()))
        return kernel / (user + kernel) if user + kernel else 0.0


def once(switch, step, seconds):
    """One run of the generator and what it gave."""
    scenario = Scenario(step.name, step.name, size=step.size, both=False, ring=RING)
    work, drops, pmd, watch = switch.work(), switch.drop_counts(), PmdTime(switch.home.pid), Watch(switch.home.pid)
    said, lost_core = generator.run(switch, scenario, seconds, step.rate, WARMUP_S)
    total, load, hz = said["total"], said["generator"], said["params"]["tsc_hz"]
    found = {
        "mpps": total["pps"] / 1e6,
        "sent_mpps": total["sent"] / total["seconds"] / 1e6,
        "lost": total["lost"] / max(1, total["sent"]),
        "pmd_kernel": pmd.kernel_share(),
        "pmd_cycles": None,
        "kernel_cycles": load["system_s"] * hz / max(1, total["sent"]),
        "latency_ns": total["latency_ns"],
        "disturbed": watch.lost_share() if switch.engine.wakes_control else max(lost_core, watch.lost_share()),
    }
    time.sleep(0.05)  # swd sees that its guest is gone
    cycles = per_packet(work, switch.work())
    if cycles is not None:  # swd counts a frame anew on each hop
        found["pmd_cycles"] = cycles * len(switch.engine.hops)
    found["drops"] = {k: n - drops[k] for k, n in switch.drop_counts().items()}
    return found


def undisturbed(switch, step, seconds):
    """Repeated while somebody else had a core."""
    found = []
    while len(found) < TRIES:
        found.append(once(switch, step, seconds))
        if found[-1]["disturbed"] <= DISTURBED:
            break
    return min(found, key=lambda f: f["disturbed"])


class Rounds:
    """All rounds of all engines."""

    def __init__(self, switch, engines, rounds, seconds, say):
        self.switch, self.engines, self.seconds, self.say = switch, engines, seconds, say
        self.n = rounds
        self.found = {e.name: [] for e in engines}
        self.missing = {}
        self.xdp = {}

    def do(self):
        for e in self.engines:
            reason = e.probe()
            if reason:
                self.leave_out(e, reason)
        for turn in range(self.n):
            first = turn % max(1, len(self.engines))
            for e in self.engines[first:] + self.engines[:first]:
                if e.name not in self.missing:
                    self.attempt(e, turn)
        self.switch.clear()
        return [self.result(e) for e in self.engines]

    def leave_out(self, e, reason):
        self.missing[e.name] = reason
        self.say(f"{e.name:15} not run: {reason}")

    def attempt(self, e, turn):
        try:
            self.switch.equip(e)
            self.xdp[e.name] = self.switch.xdp_mode()
            self.found[e.name].append(self.steps(e, turn))
        except BenchError as problem:
            if not self.switch.home.alive():
                raise BenchError(f"{e.name}: swd has ended: {last_line(self.switch.home)}") from problem
            self.leave_out(e, str(problem))

    def steps(self, e, turn):
        found = {}
        for step in STEPS:
            if step.back and not e.back:
                continue
            if step.back != self.switch.back:
                self.switch.turn(step.back)
            found[step.name] = undisturbed(self.switch, step, self.seconds)
            self.say(progress(e, turn, step, found[step.name]))
        return found

    def result(self, e):
        result = {"name": e.name, "what": e.what, "copies": list(e.copies)}
        if e.name in self.missing:
            return {**result, "missing": self.missing[e.name]}
        rounds = self.found[e.name]
        mode = self.xdp[e.name] if e.name.startswith("af-xdp") else None  # other ports' programs cut super-frames
        return {**result, "xdp": mode, "steps": {s: merged([r[s] for r in rounds]) for s in rounds[0]}, "rounds": rounds}


def last_line(daemon):
    """Before a stack trace, if there is one."""
    said = [line for line in daemon.lines if line and line.strip() and not re.match(r"\d+: ", line)]
    return said[-1] if said else "it said nothing"


def merged(rounds):
    """Medians of a step's rounds, and the spread of its rate."""
    keys = ("sent_mpps", "lost", "pmd_kernel", "pmd_cycles", "kernel_cycles", "disturbed")
    found = {k: statistics.median(r[k] for r in rounds) if all(r[k] is not None for r in rounds) else None for k in keys}
    found["mpps"] = spread([r["mpps"] for r in rounds])
    found["drops"] = {k: statistics.median(r["drops"][k] for r in rounds) for k in rounds[0]["drops"]}
    if all(r["latency_ns"] for r in rounds):
        found["latency_ns"] = {k: statistics.median(r["latency_ns"][k] for r in rounds) for k in ("p50", "p99", "p999", "max")}
    return found


def progress(e, turn, step, f):
    line = f"{e.name:15} round {turn + 1} {step.name:8}: {f['mpps']:7.3f} Mpps, lost {100 * f['lost']:5.2f} %"
    if f["pmd_cycles"]:
        line += f", {f['pmd_cycles']:5.0f} PMD cycles"
    line += f", {f['kernel_cycles']:5.0f} kernel cycles"
    if f["latency_ns"]:
        line += f", p50 {f['latency_ns']['p50'] / 1000:.1f} us, p99 {f['latency_ns']['p99'] / 1000:.1f} us"
    if f["disturbed"] > DISTURBED:
        line += f"  (others had {100 * f['disturbed']:.0f} % of a core)"
    return line
