"""make bench-flows: rules and megaflows of swd beside Debian's Open vSwitch, in one run on one machine.

load: 100,000 rules from a file, and the memory of each. setup: megaflows a second for flows that nobody has seen, with established
traffic beside them. attack: a tuple-space explosion on one pair of ports, and the throughput of another. Needs what bench.py needs.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile

import bench
import flows_attack
import flows_load
import flows_setup
import machine
import report
from measure import CONTENDERS, DISTURBED, Lab, spread
from peer import GENERATOR_CORE, BenchError

MARKS = ("<!-- bench-flows: begin -->", "<!-- bench-flows: end -->")
PARTS = ("load", "setup", "attack")
HEAD = ("measure", "unit", "swd", "ovs", "swd is", "spread", "bar", "reached")


def arguments():
    p = argparse.ArgumentParser(prog="bench_flows.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--part", action="append", choices=PARTS, help="only this one (may be repeated)")
    p.add_argument("--rounds", type=bench.positive(int), default=3, metavar="N", help="of each part (default 3)")
    p.add_argument("--rules", type=bench.positive(int), default=flows_load.N_RULES, metavar="N", help="to load (default 100000)")
    p.add_argument("--established", type=bench.positive(float), default=2.0, metavar="MPPS", help="beside the set-up (default 2)")
    p.add_argument("--attack", type=bench.positive(float), default=12.0, metavar="S", help="seconds of it (default 12)")
    p.add_argument("--json", metavar="FILE", help="writes all figures there, after each part")
    p.add_argument("--resume", action="store_true", help="takes the parts that --json FILE has already")
    p.add_argument("--from", dest="source", metavar="FILE", help="reports the figures of an earlier --json, measures nothing")
    p.add_argument("--docs", metavar="FILE", help="puts machine and table of this run into the page FILE")
    args = p.parse_args()
    if args.resume and not args.json:
        p.error("--resume goes with --json FILE")
    return args


def check_ground():
    bench.check_ground()
    for name in ("swd", "ovs"):
        missing = CONTENDERS[name][0].missing()
        if missing:
            raise BenchError(f"{CONTENDERS[name][1]}: {missing}")


def earlier(path):
    """The run that is to go on: it must be of this tree."""
    if not os.path.exists(path):
        return {}
    run, here = bench.load(path, "parts"), machine.describe()
    if any(run["machine"].get(k) != here[k] for k in ("cpu", "swd", "ovs")):
        raise BenchError(f"{path} is of another machine or another state of the tree: leave --resume out")
    return run["parts"]


def run_parts(args, say):
    done = earlier(args.json) if args.resume else {}
    folder = tempfile.mkdtemp(prefix="swb-")  # short: Unix sockets allow 107 bytes
    lab = Lab(os.path.join(folder, "lab"))
    work = {
        "load": lambda: flows_load.measure(folder, args.rounds, say, args.rules),
        "setup": lambda: flows_setup.measure(lab, args.rounds, args.established * 1e6, say),
        "attack": lambda: flows_attack.measure(lab, args.rounds, args.attack, say),
    }
    run = {"machine": machine.describe(), "rounds": args.rounds, "parts": done}
    try:
        for part in args.part or PARTS:
            if part not in done:
                done[part] = work[part]()
                keep(run, args.json)
            else:
                say(f"{part:8} is there already")
    finally:
        lab.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return run


def keep(run, path):
    if path:
        with open(f"{path}.new", "w", encoding="utf-8") as f:
            json.dump(run, f, indent=1)
        os.replace(f"{path}.new", path)


# The table.


def row(measure, unit, mine, theirs, digits, ratio=None, bar=None, reached=None):
    """Figures of all rounds; ratio: of a pair of rounds."""
    found = [f"{statistics.median(v):.{digits}f}" if v else "" for v in (mine, theirs)]
    each = spread([ratio(m, t) for m, t in zip(mine, theirs)]) if ratio else None
    ok = None if reached is None else reached(each["median"] if each else statistics.median(mine))
    words = ["", ""] if each is None else [f"{each['median']:.2f} x", f"{each['min']:.2f}-{each['max']:.2f}"]
    return [measure, unit, *found, *words, bar or "", "" if ok is None else "yes" if ok else "NO"]


def load_rows(found):
    def of(name, key):
        return [f[key] for f in found[name]]

    faster = {"ratio": lambda m, t: t / m}
    yield row("add-flows", "s", of("swd", "add-flows"), of("ovs", "add-flows"), 3, **faster, bar=">= 3", reached=lambda r: r >= 3)
    yield row("add-flows, OVS with --bundle", "s", of("swd", "add-flows"), of("ovs", "bundle"), 3, **faster)
    mine, theirs = of("swd", "bytes"), of("ovs", "bytes")
    yield row("memory of a rule", "bytes", mine, theirs, 0, lambda m, t: m / t, "<= 0.5", lambda r: r <= 0.5)


def setup_rows(found):
    def of(name, which, key):
        return [f[which][key] for f in found[name] if f[which]]

    def kept(name, which):
        return [100 * f[which]["during"] / f[which]["before"] for f in found[name] if f[which]]

    def per_s(name, which):  # nothing, where nothing is set up without harm
        return [f[which]["per_s"] if f[which] else 0.0 for f in found[name]]

    pair = ("swd", "ovs")
    for which, title, bar in (("kept", "set up, established kept", ">= 3"), ("most", "set up, whatever it costs", "")):
        figures = [per_s(name, which) for name in pair]
        reached = (lambda r: r >= 3) if bar else None
        yield row(title, "1/s", *figures, 0, lambda m, t: m / t if t else 0.0, bar, reached)
        for when in ("before", "during", "after"):
            yield row(f"  established {when}", "Mpps", *(of(name, which, when) for name in pair), 3)
        # Of the most that swd sets up: more than it can do must not cost others anything.
        bars = {"bar": "> 95", "reached": lambda p: p > 95} if which == "most" else {}
        yield row("  established, kept", "%", *(kept(name, which) for name in pair), 1, **bars)


def attack_rows(found):
    def of(name, key):
        return [f[key] for f in found[name]]

    def kept(name):
        return [100 * f["during"] / f["before"] for f in found[name]]

    yield row("attack: masks", "", of("swd", "masks"), of("ovs", "masks"), 0, bar="<= 128", reached=lambda n: n <= 128)
    yield row("  megaflows", "", of("swd", "flows"), of("ovs", "flows"), 0)
    for when in ("before", "during", "after"):
        yield row(f"  other pair {when}", "Mpps", of("swd", when), of("ovs", when), 3)
    mine, theirs = ([-1 if s is None else s for s in of(name, "recovered_s")] for name in ("swd", "ovs"))
    yield row("  90 % again after", "s", mine, theirs, 1)
    yield row("  other pair, kept", "%", kept("swd"), kept("ovs"), 1, bar=">= 90", reached=lambda p: p >= 90)


ROWS = {"load": load_rows, "setup": setup_rows, "attack": attack_rows}


def all_rows(run):
    return [list(HEAD)] + [r for part in PARTS if part in run["parts"] for r in ROWS[part](run["parts"][part])]


def disturbed(run):
    """Measurements in which others had the poll-mode thread's core: (what, share)."""
    parts = run["parts"]
    for name in ("swd", "ovs"):
        rounds = parts.get("setup", {}).get(name, [])
        figures = [(f"setup, {name}", f[which]["disturbed"]) for f in rounds for which in ("kept", "most") if f[which]]
        if "attack" in parts:
            figures += [(f"attack, {name}", f["disturbed"]) for f in parts["attack"][name]]
        yield from (f for f in figures if f[1] > DISTURBED)


def footnotes(run, rows):
    bars = [r[-1] for r in rows if r[-1] in ("yes", "NO")]
    yield f"bars reached: {bars.count('yes')} of {len(bars)}; medians of {run['rounds']} rounds"
    for what, share in disturbed(run):
        yield f"disturbed: others had {100 * share:.0f} % of the poll-mode thread's core in {what}: measure again on a quiet machine"


def measured(args):
    check_ground()
    os.sched_setaffinity(0, {GENERATOR_CORE})
    return run_parts(args, lambda line: print(line, flush=True))


def main():
    args = arguments()
    bench.check_outputs(argparse.Namespace(json=args.json, docs=None))
    if args.docs:
        report.check_page(args.docs, MARKS)
    run = bench.load(args.source, "parts") if args.source else measured(args)
    rows = all_rows(run)
    missed = [r[0].strip() for r in rows if r[-1] == "NO"]
    notes = list(footnotes(run, rows))
    print("", report.aligned(rows, 2), "", *notes, sep="\n")
    if args.docs:
        report.put(args.docs, [report.machine_list(run["machine"]), report.aligned(rows, 2), "\n".join(f"- {n}" for n in notes)], MARKS)
    if missed:
        print(f"bench-flows: missed: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    bench.run_as("bench-flows", main)
