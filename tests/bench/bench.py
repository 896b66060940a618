"""make bench: swd and its peers under the same generator on the same cores, scenario by scenario.

Needs root, two cores that nobody else uses, and 2 MB hugepages. Core 0 has the generator and all that is not a poll-mode
thread, core 1 the poll-mode thread of the peer that is being measured.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import replace

import generator
import machine
import report
from measure import CONTENDERS, DISTURBED, Lab, Plan, Run, spread
from peer import GENERATOR_CORE, BenchError
from scenarios import GROWTH, SCENARIOS
from switch import ALL_CORES, PMD_CORE

HUGEPAGES = {"swd": 384, "swd-ovs": 384, "ovs": 512, "testpmd": 256}  # of 2 MB
GUESTS_HUGEPAGES = 256  # those of the generator
MOST_HUGEPAGES = GUESTS_HUGEPAGES + sum(HUGEPAGES[n] for n in ("swd", "ovs", "testpmd"))


def positive(kind):
    def read(text):
        value = kind(text)
        if value <= 0:
            raise argparse.ArgumentTypeError(f"{text} does not do: it must be above 0")
        return value

    read.__name__ = "number"  # argparse's word for what is not one
    return read


def arguments():
    p = argparse.ArgumentParser(prog="bench.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--short", action="store_true", help="few scenarios, one round, swd, ovs and testpmd: under 60 s")
    p.add_argument("--scenario", action="append", metavar="NAME", help="only this one (may be repeated); see --list")
    p.add_argument("--rounds", type=positive(int), metavar="N", help="how often each is measured (default 5, --short: 1)")
    p.add_argument("--seconds", type=positive(float), metavar="S", help="measured phase of a round (default 1)")
    p.add_argument("--peers", metavar="A,B", help=f"of {','.join(CONTENDERS)} (default all)")
    p.add_argument("--list", action="store_true", help="names what can be measured, and ends")
    p.add_argument("--json", metavar="FILE", help="writes all figures there")
    p.add_argument("--plot", metavar="DIR", help="writes the plots (PNG) there")
    p.add_argument("--from", dest="source", metavar="FILE", help="reports the figures of an earlier --json, measures nothing")
    p.add_argument("--docs", metavar="FILE", help="puts machine, tables and plots of this run into the page FILE")
    args = p.parse_args()
    args.rounds = args.rounds or (1 if args.short else 5)
    args.seconds = args.seconds or 1.0
    return args


def chosen_scenarios(args):
    if not args.scenario:
        return [s for s in SCENARIOS if s.short or not args.short]
    known = {s.name: s for s in SCENARIOS}
    for name in args.scenario:
        if name not in known:
            raise BenchError(f"no scenario {name}: it is one of {', '.join(known)}")
    return [s for s in SCENARIOS if s.name in args.scenario]


def chosen_peers(args):
    """Names of contenders that are asked for and can be had; names of missing ones are said."""
    names = args.peers.split(",") if args.peers else ["swd", "ovs", "testpmd"] if args.short else list(CONTENDERS)
    for name in names:
        if name not in CONTENDERS:
            raise BenchError(f"no peer {name}: it is one of {', '.join(CONTENDERS)}")
    here = []
    for name in names:
        missing = CONTENDERS[name][0].missing()
        if missing:
            print(f"bench: without {name}: {missing}", file=sys.stderr)
        else:
            here.append(name)
    return here


def load(path, key="scenarios"):
    """The run that an earlier --json wrote."""
    try:
        with open(path, encoding="utf-8") as f:
            run = json.load(f)
    except ValueError:
        run = None
    if not isinstance(run, dict) or key not in run:
        raise BenchError(f"{path} is not what --json wrote")
    return run


def check_outputs(args):
    """Before anything is measured: a run of twenty minutes must find its place."""
    if args.json and not os.path.isdir(os.path.dirname(args.json) or "."):
        raise BenchError(f"--json {args.json}: there is no such folder")
    if args.docs:
        report.check_page(args.docs)


def check_ground(hugepages=MOST_HUGEPAGES):
    if os.geteuid() != 0:
        raise BenchError("needs root: hugepages, namespaces and taps")
    if not {GENERATOR_CORE, PMD_CORE} <= ALL_CORES:
        raise BenchError(f"needs cores {GENERATOR_CORE} and {PMD_CORE}")
    if machine.free_hugepages() < hugepages:
        raise BenchError(f"needs {hugepages} free hugepages of 2 MB: SWD_HUGEPAGES={hugepages} make hugepages")
    missing = generator.missing()
    if missing:
        raise BenchError(missing)


def half_of_ovs(lab, done, plan, say):
    """Half of the best that OVS reached with 1 flow, in this run if it was measured, else measured now."""
    missing = CONTENDERS["ovs"][0].missing()
    if missing:
        raise BenchError(f"its rate is half of OVS's, which is not here: {missing}")
    first = next(s for s in SCENARIOS if s.name == "flows-1")
    result = done.get("flows-1") or Run(lab, first, replace(plan, rounds=1, latencies=False), say, ["ovs"]).do()
    rates = [result["peers"][n]["mpps"] for n in ("ovs", "ovs-best") if result["peers"].get(n, {}).get("mpps")]
    if not rates:
        raise BenchError("OVS's maximum rate is not known")
    return max(rates) * 1e6 / 2


def run_all(args, scenarios, peers, say):
    folder = tempfile.mkdtemp(prefix="swb-")  # short: Unix sockets allow 107 bytes
    lab = Lab(folder)
    plan = Plan(args.rounds, args.seconds, 1 if args.short else 3, latencies=not args.short)
    done = {}
    try:
        for s in scenarios:
            names = [n for n in s.peers if n in peers]
            try:
                rate = half_of_ovs(lab, done, plan, say) if s.latency else 0
                done[s.name] = Run(lab, s, plan, say, names).do(rate)
            except BenchError as e:
                say(f"{s.name:14} left out: {e}")
    finally:
        lab.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return list(done.values())


def growth(results):
    """What a flow set a thousand times larger costs swd, in cycles per packet."""
    by_name = {r["name"]: r["peers"].get("swd", {}) for r in results}
    found = []
    for large, small, most in GROWTH:
        both = [by_name.get(n, {}) for n in (large, small)]
        pair = [[f["cycles"] for f in swd.get("rounds", [])] for swd in both]
        if all(p and all(p) for p in pair):
            ratio = spread([a / b for a, b in zip(*pair)])
            bar = {"most": most, "reached": ratio["median"] < most, "sure": all(swd["disturbed"] <= DISTURBED for swd in both)}
            found.append({"large": large, "small": small, "ratio": ratio, **bar})
    return found


def measured(args):
    scenarios, peers = chosen_scenarios(args), chosen_peers(args)
    processes = {CONTENDERS[p][0].name for p in peers} | ({"ovs"} if any(s.latency for s in scenarios) else set())
    check_ground(GUESTS_HUGEPAGES + sum(HUGEPAGES.get(p, 0) for p in processes))
    if not any(set(s.peers) & set(peers) for s in scenarios):
        raise BenchError("nothing to measure: none of these peers takes part in these scenarios")
    os.sched_setaffinity(0, {GENERATOR_CORE})
    began = time.monotonic()
    results = run_all(args, scenarios, peers, lambda line: print(line, flush=True))
    return {
        "machine": machine.describe(),
        "rounds": args.rounds,
        "seconds": args.seconds,
        "took_s": round(time.monotonic() - began),
        "scenarios": results,
        "growth": growth(results),
    }


def draw(run, folder):
    try:
        import plots  # only here: matplotlib takes a second, and not everybody has it
    except ImportError:
        print("bench: no plots: apt-get install --no-install-recommends python3-matplotlib", file=sys.stderr)
        return
    plots.write(run, folder)


def main():
    args = arguments()
    if args.list:
        report.list_scenarios(SCENARIOS, CONTENDERS)
        return 0
    check_outputs(args)
    run = load(args.source) if args.source else measured(args)
    print()
    print(report.table(run))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(run, f, indent=1)
    if args.plot:
        draw(run, args.plot)
    if args.docs:
        report.into_page(run, args.docs)
    return 0


def ended(signum, _frame):
    sys.exit(128 + signum)  # through the finally clauses


def run_as(prog, work):
    """Ends the process with what work() returns, or with one line that says why there is nothing."""
    for s in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, ended)
    try:
        sys.exit(work())
    except (BenchError, AssertionError) as e:
        print(f"{prog}: {str(e).splitlines()[0]}", file=sys.stderr)
    except OSError as e:
        print(f"{prog}: {e.filename}: {e.strerror}" if e.filename else f"{prog}: {e}", file=sys.stderr)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(1)


if __name__ == "__main__":
    run_as("bench", main)
