"""Measurements: peers in turn, several rounds, each round all of them, so that drift of the machine meets all alike."""

import shutil
import statistics
import time
from dataclasses import dataclass

import generator
from peer import BenchError
from peer_bridge import Bridge
from peer_ovs import SETTINGS, Ovs
from peer_swd import Swd
from peer_swd_ovs import SwdOvs
from peer_testpmd import Testpmd
from quiet import Watch
from scenarios import UNDER_OVS

# name: (class, what the report calls it). ovs and ovs-best are one process with other settings.
CONTENDERS = {
    "swd": (Swd, "swd"),
    "swd-ovs": (SwdOvs, "swd under ovs-vswitchd"),
    "ovs": (Ovs, "OVS-DPDK as it ships"),
    "ovs-best": (Ovs, "OVS-DPDK, best settings"),
    "testpmd": (Testpmd, "testpmd io"),
    "bridge": (Bridge, "Linux bridge"),
}
TRY_SECONDS = 0.4  # for each of OVS's settings
FRESH_SECONDS = 0.15  # at 4 Mpps fewer connections than fill the table of swd, 629,145
DISTURBED = 0.03  # share of the time without its core that makes a round no measurement


@dataclass(frozen=True)
class Plan:
    rounds: int
    seconds: float  # measured phase of a round
    tries: int  # of a round that was disturbed
    latencies: bool  # of each scenario, at half of the rate that OVS reached in it


class Lab:
    """The peers that are up, all frozen but one."""

    def __init__(self, folder):
        self.folder = folder
        self.layout = None
        self.up = {}  # class: peer
        self.awake = None

    def wake(self, name, layout):
        """The peer that a contender is of, running, all others frozen."""
        if layout != self.layout:
            self.stop()
            self.layout = layout
        kind = CONTENDERS[name][0]
        if self.awake is not None and not isinstance(self.awake, kind):
            self.awake.freeze()
        if kind not in self.up:
            self.awake = self.up[kind] = kind(f"{self.folder}/{kind.name}-{layout}", layout)
            self.awake.start()
        self.awake = self.up[kind]
        self.awake.thaw()
        return self.awake

    def stop(self):
        for peer in self.up.values():
            peer.stop()
            shutil.rmtree(peer.folder, ignore_errors=True)  # the next of its kind begins anew
        self.up, self.awake = {}, None


def undisturbed(peer, scenario, plan, rate):
    """The figures of a round, repeated while somebody else had the cores or nothing came through."""
    found, problem = [], None
    for _ in range(plan.tries):
        try:
            found.append(once(peer, scenario, plan.seconds, rate))
        except BenchError as e:
            problem = e
        if found and found[-1]["disturbed"] <= DISTURBED:
            break
    if not found:
        raise problem
    return min(found, key=lambda f: f["disturbed"])


def once(peer, scenario, seconds, rate=0):
    """One run of the generator and what it gave. Counters of the peer are read before and after, so as not to disturb it."""
    if scenario.prewarm:
        generator.run(peer, scenario, scenario.prewarm, rate, warmup=0)
    warmup = generator.WARMUP
    if scenario.fresh:
        peer.forget_connections()
        seconds, warmup = FRESH_SECONDS, 0
    work, watch = peer.work(), Watch(peer.home.pid) if peer.home else None
    said, lost = generator.run(peer, scenario, seconds, rate, warmup)
    if watch is not None:
        lost = max(lost, watch.lost_share())
    time.sleep(0.05)  # the peer sees that its guests are gone
    total, load = said["total"], said["generator"]
    return {
        "mpps": total["pps"] / 1e6,
        "gbps": total["gbps"],
        "lost": total["lost"] / max(1, total["sent"]),
        "cycles": per_packet(work, peer.work()),
        "latency_ns": total["latency_ns"],
        "waited_for_generator": load["tx_starved"] / max(1, load["tx_refills"]),
        "disturbed": lost,
    }


def per_packet(before, after):
    if before is None or after[0] <= before[0] or after[1] <= before[1]:
        return None
    return (after[0] - before[0]) / (after[1] - before[1])


def best_settings(peer, scenario):
    """Which of OVS's settings is the fastest here."""
    found = {}
    for name, settings in SETTINGS.items():
        peer.apply(settings)
        found[name] = once(peer, scenario, TRY_SECONDS)["mpps"]
    return max(found, key=found.get), found


class Run:
    """All rounds of a scenario."""

    def __init__(self, lab, scenario, plan, say, names):
        self.lab, self.scenario, self.plan, self.say = lab, scenario, plan, say
        self.names = names
        self.figures = {n: [] for n in names}
        self.failed = {}
        self.masks = {}
        self.latencies = {}
        self.settings = None
        self.tried = None

    def do(self, rate=0):
        for name in list(self.names):
            self.attempt(name, lambda n=name: self.prepare(n))
        for turn in range(self.plan.rounds):
            first = turn % max(1, len(self.names))
            for name in [n for n in self.names[first:] + self.names[:first] if n not in self.failed]:
                self.attempt(name, lambda n=name, t=turn: self.measure(n, t, rate))
        if self.plan.latencies and not rate:
            self.measure_latencies()
        return self.result()

    def measure_latencies(self):
        """Of all that reach half of the rate of OVS. One round: the scenario "latency" has as many as the others."""
        rounds = [] if "ovs" in self.failed else self.figures.get("ovs", [])
        rate = statistics.median(f["mpps"] for f in rounds) * 1e6 / 2 if rounds else 0
        for name in [n for n in self.names if rate and n not in self.failed]:
            if min(f["mpps"] for f in self.figures[name]) * 1e6 > rate:
                self.attempt(name, lambda n=name: self.measure_latency(n, rate))

    def measure_latency(self, name, rate):
        found = undisturbed(self.wake(name), self.scenario, self.plan, rate)["latency_ns"]
        if not found:
            raise BenchError("no frame came back with its time")
        self.latencies[name] = found
        self.say(f"{self.scenario.name:14} {name:9} latency: p99 {found['p99'] / 1000:.1f} us at {rate / 1e6:.3f} Mpps")

    def wake(self, name):
        peer = self.lab.wake(name, self.scenario.layout)
        if name in ("ovs", "ovs-best"):
            peer.apply(SETTINGS[self.settings] if name == "ovs-best" else {})
        return peer

    def attempt(self, name, work):
        try:
            work()
        except BenchError as e:
            self.failed[name] = str(e)
            self.say(f"{self.scenario.name:14} {name:9} failed: {e}")

    def prepare(self, name):
        peer = self.lab.wake(name, self.scenario.layout)
        peer.set_rules(self.scenario.rules)
        if name == "ovs-best":
            self.settings, self.tried = best_settings(peer, self.scenario)

    def measure(self, name, turn, rate):
        peer = self.wake(name)
        figures = undisturbed(peer, self.scenario, self.plan, rate)
        self.figures[name].append(figures)
        if turn == 0:
            self.masks[name] = peer.masks()
        self.say(progress(self.scenario, name, turn, figures))

    def result(self):
        peers = {}
        for name, rounds in self.figures.items():
            if name in self.failed:
                peers[name] = {"failed": self.failed[name]}
                continue
            peers[name] = {**median_figures(rounds), "masks": self.masks[name], "rounds": rounds}
            if name in self.latencies:
                peers[name]["latency_ns"] = self.latencies[name]
        result = {"name": self.scenario.name, "what": self.scenario.what, "unit": self.scenario.unit, "peers": peers}
        if self.settings is not None:
            result["ovs_settings"] = {"best": self.settings, "tried_mpps": self.tried}
        result["ratios"] = ratios(self.figures, self.scenario, self.failed)
        disturbed = {n for n, p in peers.items() if p.get("disturbed", 0) > DISTURBED}
        result["bars"] = bars(self.scenario, result["ratios"], disturbed)
        result["under_ovs"] = under_ovs(result["ratios"].get("swd-ovs"), disturbed)
        return result


def progress(scenario, name, turn, f):
    line = f"{scenario.name:14} {name:9} round {turn + 1}: {f['mpps']:7.3f} Mpps {f['gbps']:7.2f} Gb/s"
    if f["cycles"]:
        line += f" {f['cycles']:7.0f} cycles/packet"
    if f["latency_ns"]:
        line += f"  p99 {f['latency_ns']['p99'] / 1000:.1f} us"
    if f["disturbed"] > DISTURBED:
        line += f"  (others had {100 * f['disturbed']:.0f} % of a core)"
    return line


def value(scenario, figures):
    """What a scenario compares."""
    if scenario.latency:
        return figures["latency_ns"]["p99"]
    return figures["gbps"] if scenario.size == "tso" else figures["mpps"]


def median_figures(rounds):
    def middle(pick):
        values = [pick(r) for r in rounds if pick(r) is not None]
        return statistics.median(values) if values else None

    merged = {k: middle(lambda r, k=k: r[k]) for k in ("mpps", "gbps", "lost", "cycles", "waited_for_generator", "disturbed")}
    merged["latency_ns"] = None
    if all(r["latency_ns"] for r in rounds):
        merged["latency_ns"] = {k: middle(lambda r, k=k: r["latency_ns"][k]) for k in ("p50", "p99", "p999", "max")}
    return merged


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "rounds": values}


def ratios(figures, scenario, failed):
    """swd to each peer, round by round."""
    if "swd" in failed or "swd" not in figures:
        return {}
    mine = [value(scenario, f) for f in figures["swd"]]
    found = {}
    for name, rounds in figures.items():
        theirs = [value(scenario, f) for f in rounds]
        if name != "swd" and name not in failed and theirs and min(theirs) > 0:
            found[name] = spread([m / t for m, t in zip(mine, theirs)])
    return found


def bars(scenario, found, disturbed):
    """The issue's bars of a scenario, those whose peer was measured."""
    rows = []
    for peer, least in scenario.bars.items():
        if peer not in found:
            continue
        got = found[peer]["median"]
        reached = got <= least if scenario.latency else got >= least
        text = f"{'<=' if scenario.latency else '>='} {least}"
        rows.append({"peer": peer, "least": least, "text": text, "reached": reached, "sure": not {"swd", peer} & disturbed})
    return rows


def under_ovs(ratio, disturbed):
    """What swd does under ovs-vswitchd to what it does under swctld: ratio turned round, with its bar."""
    if ratio is None:
        return None
    found = spread([1 / x for x in ratio["rounds"]])
    reached = found["median"] >= UNDER_OVS
    return {"ratio": found, "text": f">= {UNDER_OVS}", "reached": reached, "sure": not {"swd", "swd-ovs"} & disturbed}
