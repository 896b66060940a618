"""make bench-engines: the ways in which packets reach a host, compared under one generator in one run.

    bench-gen (core 0) -> veth -> engine -> swd's poll-mode thread (core 1) -> vhost-user -> bench-gen

What the generator sends comes back to it through a guest's ring, the same for all engines; it reads each frame there. Needs what
bench.py needs. docs/engines.md explains the ways and the copies.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time

import bench
import engines_report
import machine
import report
from engines import ENGINES
from engines_measure import LATENCY_PPS, LOSS_PPS, Rounds
from peer import GENERATOR_CORE, BenchError
from peer_engines import EngineSwitch


def arguments():
    p = argparse.ArgumentParser(prog="bench_engines.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--short", action="store_true", help="one round of 0.4 s: a minute")
    p.add_argument("--engine", action="append", metavar="NAME", help="only this one (may be repeated); see --list")
    p.add_argument("--rounds", type=bench.positive(int), metavar="N", help="how often each is measured (default 3, --short: 1)")
    p.add_argument("--seconds", type=bench.positive(float), metavar="S", help="measured phase (default 0.7, --short: 0.4)")
    p.add_argument("--list", action="store_true", help="names the engines, and ends")
    p.add_argument("--json", metavar="FILE", help="writes all figures there")
    p.add_argument("--plot", metavar="DIR", help="writes the plot (PNG) there")
    p.add_argument("--from", dest="source", metavar="FILE", help="reports the figures of an earlier --json, measures nothing")
    p.add_argument("--docs", metavar="FILE", help="puts machine and table of this run into the page FILE")
    args = p.parse_args()
    args.rounds = args.rounds or (1 if args.short else 3)
    args.seconds = args.seconds or (0.4 if args.short else 0.7)
    return args


def chosen(args):
    known = {e.name: e for e in ENGINES}
    for name in args.engine or ():
        if name not in known:
            raise BenchError(f"no engine {name}: it is one of {', '.join(known)}")
    return [e for e in ENGINES if not args.engine or e.name in args.engine]


def measured(args):
    bench.check_ground()
    missing = EngineSwitch.missing()
    if missing:
        raise BenchError(missing)
    engines = chosen(args)
    os.sched_setaffinity(0, {GENERATOR_CORE})
    began = time.monotonic()
    folder = tempfile.mkdtemp(prefix="swb-")  # short: Unix sockets allow 107 bytes
    switch = EngineSwitch(folder)
    try:
        switch.start()
        found = Rounds(switch, engines, args.rounds, args.seconds, lambda line: print(line, flush=True)).do()
    finally:
        switch.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return {
        "machine": machine.describe(),
        "rounds": args.rounds,
        "seconds": args.seconds,
        "latency_pps": LATENCY_PPS,
        "loss_pps": LOSS_PPS,
        "took_s": round(time.monotonic() - began),
        "engines": found,
    }


def draw(run, folder):
    try:
        import plots_engines  # only here: matplotlib takes a second, and not everybody has it
    except ImportError:
        print("bench-engines: no plot: apt-get install --no-install-recommends python3-matplotlib", file=sys.stderr)
        return
    plots_engines.write(run, folder)


def main():
    args = arguments()
    if args.list:
        for e in ENGINES:
            print(f"{e.name:15} {len(e.copies)} copies: {e.what}")
        return 0
    bench.check_outputs(argparse.Namespace(json=args.json, docs=None))
    if args.docs:
        report.check_page(args.docs, engines_report.MARKS)
    run = bench.load(args.source, "engines") if args.source else measured(args)
    print("", report.aligned(engines_report.rows(run), 1), "", *engines_report.notes(run), sep="\n")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(run, f, indent=1)
    if args.plot:
        draw(run, args.plot)
    if args.docs:
        engines_report.into_page(run, args.docs)
    return 0


if __name__ == "__main__":
    bench.run_as("bench-engines", main)
