"""A day's soak in minutes: random events under checked traffic, and every packet accounted for.

    vm1   vm2   vm3   vm4   vm10  vm11   many9        mem5       far6 ~ near6     tap7
      \\    |     |     |     |     /      /             |             |            |
       ------------- vhost-user ----------            memif       af-packet        tap        null8     cable-a === cable-b
                  \\                                                                                        (ring)
                   ------------------------------ swd, in a network namespace -----------------------------

Frames for the end E go to it or nowhere (ruleset.py); those of many9 go to vm1 and vm2. While a thread sends and receives (traffic.py), events
are drawn from a table (events.py). Every few seconds the traffic stops for a moment and the books are closed (audit.py): what the switch
took = what the ends received + what `swctl drops` counts, exactly; then a probe goes from each end to each and must arrive, or not, as the
rules say. `--seed N` draws the same events again; the moments at which frames meet them differ.
"""

import argparse
import collections
import contextlib
import json
import os
import random
import shutil
import sys
import tempfile
import time

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system")]

# pylint: disable=wrong-import-position
from audit import Books  # noqa: E402
from ends import MemifEnd, NullEnd, TapEnd, VethEnd, VhostEnd  # noqa: E402
from events import EVENTS  # noqa: E402
from ledger import Fault, Ledger  # noqa: E402
from netns import Netns  # noqa: E402
from ruleset import HIGH_BYTES, Rules  # noqa: E402
from switch import Switch  # noqa: E402
from traffic import Traffic  # noqa: E402

AUDIT_S = 4.0
EVENTS_TOLD = 25  # in a report of a fault


class Soak:
    def __init__(self, seed, run_dir):
        self.seed = seed
        self.rng = random.Random(seed)
        self.ns, self.far = Netns(), Netns()
        self.switch = Switch(run_dir, mem=512)
        self.switch.swd_prefix = ["nsenter", "-t", str(self.ns.pid), "-n", "--"]
        self.ledger, self.rules = Ledger(), Rules(self.rng)
        self.ends, self.beside = [], []
        self.log = collections.deque(maxlen=EVENTS_TOLD)
        self.counts = collections.Counter()  # of events
        self.drops = collections.Counter()  # by reason, of lives of swd that are over
        self.audits = self.lives = self.without_account = self.probes = 0
        self.traffic = self.books = None

    # Life.

    def start(self):
        switch = self.switch.start()
        make = (
            lambda: VhostEnd(switch, 1, "vm1", fixed=True),
            lambda: VhostEnd(switch, 2, "vm2", mode="client", packed=True, fixed=True),
            lambda: VhostEnd(switch, 3, "vm3", queues=2, indirect=True, event_idx=True),
            lambda: VhostEnd(switch, 4, "vm4", mode="client", queues=2, packed=True, mergeable=False, tx_layout="two"),
            lambda: MemifEnd(switch, 5, "mem5"),
            lambda: VethEnd(switch, 6, "veth6", ns=self.ns, far=self.far),
            lambda: TapEnd(switch, 7, "tap7", ns=self.ns),
            lambda: NullEnd(switch, 8, "null8"),
            lambda: VhostEnd(switch, 9, "many9", copies=2, fixed=True),
            lambda: VhostEnd(switch, 10, "vm10", in_order=True),
            lambda: VhostEnd(switch, 11, "vm11", mode="client", tx_layout="two"),
        )
        switch.swctl("del-flows")
        for cable in ("cable-a", "cable-b"):
            switch.swctl("add-port", cable, "type=ring", "name=cable")
        for m in make:
            self.ends.append(m())
            self.add(self.ends[-1])
        self.rules.pair = ("vm1", "vm2")
        for to in (4, 10):
            self.rules.groups[to], self.rules.base[to] = "select", "group"
            switch.swctl("add-group", self.rules.group_text(to))
        switch.swctl("replace-flows", "-", stdin=self.rules.text())
        self.books = Books(switch, self.ends, self.ledger)
        self.traffic = Traffic(self.ends, self.ledger, random.Random(self.seed + 1))
        self.traffic.start()

    def close(self):
        if self.traffic is not None and self.traffic.is_alive():
            self.traffic.stop()
        for process in self.beside:
            process.kill()
            process.wait()
        self.switch.kill()
        for end in self.ends:
            end.close()
        for ns in (self.ns, self.far):
            ns.close()

    def start_swctld(self):
        self.switch.start_swctld()
        self.connected()

    def connected(self):
        self.switch.wait(lambda: self.switch.json("show")["swd"]["connected"], "swctld's connection to swd", 20)

    # What events do.

    def add(self, end):
        end.port_begins()
        end.add_port()
        end.attach()
        if end.copies == 1:
            lines = self.rules.add_end(end.index, end.name)
            self.switch.swctl("add-flows", "-", stdin="\n".join(lines) + "\n")

    def leave(self, end):
        """An end's peer hangs up. Its last frames are received."""
        with end.lock:
            end.up = False
        self.ledger.arrived(end, end.detach())

    def forget_end(self, end):
        """Rules that name its port go before another port has its number."""
        self.rules.del_end(end.index)
        match = f"udp,nw_dst=10.0.0.{end.index}"
        self.switch.swctl("del-groups", f"group_id={end.index}")
        self.switch.swctl("del-flows", match)
        self.switch.settle()

    def without(self, uses):
        """Rules have gone with a group or a meter: ends have a way all the same."""
        for to in self.rules.forget(uses):
            self.rules.base[to] = "output"
            self.switch.swctl("add-flow", self.rules.line(to))

    @contextlib.contextmanager
    def quiet(self):
        """No frame is under way, and the books are closed."""
        with self.traffic.paused():
            self.close_books()
            yield

    def new_life(self, under_way=0):
        """swd has gone, and starts again. Of the frames that were under way, those that did not arrive: nobody says why not."""
        before = sum(end.life_got for end in self.ends if not isinstance(end, NullEnd))
        were_up = [end for end in self.ends if end.up]
        for end in were_up:
            with end.lock:
                end.hang_up()
            self.ledger.arrived(end, end.take_stock())
        arrived = sum(end.life_got for end in self.ends if not isinstance(end, NullEnd)) - before
        for (_, reason), n in self.books.drops.items():
            self.drops[reason] += n
        self.lives += 1
        self.ledger.close()
        self.ledger.life_begins()
        for end in self.ends:
            end.life_begins()
        self.switch.start_swd()
        self.connected()
        for end in self.ends:
            # On with rings that are empty, or from their start.
            again = end in were_up and under_way == 0 and self.rng.random() < 0.5
            if end.present:
                (end.attach_again if again else end.attach)()
        if arrived > under_way:
            raise Fault(f"{arrived} frames arrived when swd went, {under_way} were under way")
        self.without_account += under_way - arrived
        return under_way - arrived

    # The books.

    def close_books(self):
        self.books.settle()
        self.audits += 1
        self.ledger.close()

    def audit(self):
        with self.traffic.paused():
            self.close_books()
            self.check_rules()
            self.probe()
            self.close_books()

    def check_rules(self):
        done = self.switch.run("diff-flows", "-", stdin=self.rules.text())
        if done.returncode != 0:
            raise Fault(f"the rules are not those that were given:\n{done.stdout}{done.stderr}")

    def probe(self):
        """A frame from each end to each: the rules say what becomes of it."""
        sent = []
        for end in self.ends:
            for to in self.ends if end.up and end.copies == 1 else ():
                if to is end or to.copies > 1 or to.index not in self.rules.ports:
                    continue
                sport = self.rng.randrange(HIGH_BYTES << 8)
                number = self.ledger.next_number[end.index]
                if end.offer([self.ledger.make(end, to.index, sport, 62)]) == 0:
                    raise Fault(f"{end.name} has no room for a frame, though nothing is under way")
                self.ledger.offered(end, [to.index])
                sent.append((end, to, sport, number))
        self.books.settle()
        for end, to, sport, number in sent:
            way = self.rules.way(to.index, sport)
            arrived = self.ledger.has(end, to, number)
            if isinstance(to, NullEnd) or way.startswith("meter"):
                continue
            if arrived != (way != "drop" and to.up):
                became = "arrived" if arrived else "did not arrive"
                raise Fault(f"a frame from {end.name} to {to.name}, source port {sport}, way {way}, {became}")
        self.probes += len(sent)

    # The course.

    def event(self):
        weights = [weight for weight, _ in EVENTS]
        while True:
            (_, run), = self.rng.choices(EVENTS, weights)
            start = time.monotonic()
            self.log.append(f"{start - self.started:8.2f} s  {run.__name__}: begun")
            what = run(self)
            self.log.pop()
            if what is not None:
                self.log.append(f"{start - self.started:8.2f} s  {run.__name__}: {what} ({time.monotonic() - start:.2f} s)")
                self.counts[run.__name__] += 1
                return

    def run(self, seconds, progress=lambda soak: None):
        self.started = time.monotonic()
        audited = self.started
        while time.monotonic() - self.started < seconds:
            self.event()
            if self.traffic.fault is not None:
                raise self.traffic.fault
            self.beside = [p for p in self.beside if p.poll() is None]
            if time.monotonic() - audited > AUDIT_S:
                self.audit()
                audited = time.monotonic()
                progress(self)
            time.sleep(self.rng.random() * 0.1)
        self.audit()
        self.seconds = time.monotonic() - self.started

    def summary(self):
        drops = collections.Counter(self.drops)
        for (_, reason), n in self.books.drops.items():
            drops[reason] += n
        return {
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "sent": self.ledger.total_sent,
            "received": self.ledger.total_got,
            "dropped": dict(sorted(drops.items())),
            "audits": self.audits,
            "probes": self.probes,
            "events": dict(sorted(self.counts.items())),
            "n_events": sum(self.counts.values()),
            "swd_lives": self.lives + 1,
            "without_account_at_kills": self.without_account,
        }


def soak(seed, seconds, progress=lambda soak: None):
    """Runs one; its summary. Fault or another AssertionError with seed, events and logs."""
    run_dir = tempfile.mkdtemp(prefix="swd-")
    it = None
    try:
        it = Soak(seed, run_dir)
        it.start()
        it.run(seconds, progress)
        return it.summary()
    except BaseException as e:
        if it is not None:
            print(f"\nsoak: seed {seed}: {type(e).__name__}: {e}\nlast events:", *it.log, sep="\n", file=sys.stderr)
            for name, text in it.switch.logs()[-4:]:
                print(f"--- {name}, last lines", *text.splitlines()[-25:], sep="\n", file=sys.stderr)
        raise
    finally:
        if it is not None:
            it.close()
        shutil.rmtree(run_dir, ignore_errors=True)


def tell(it):
    now = time.monotonic() - it.started
    line = f"{now:6.0f} s  {it.ledger.total_sent} sent, {it.ledger.total_got} received, {sum(it.counts.values())} events, {it.audits} audits"
    print(line, end="\n" if not sys.stdout.isatty() else "\r", flush=True)


def table(summary):
    print()
    for key, value in summary.items():
        if isinstance(value, dict):
            value = ", ".join(f"{name} {n}" for name, n in value.items())
        print(f"{key.replace('_', ' '):22} {value}")


def main():
    parser = argparse.ArgumentParser(description="random events under checked traffic; every packet is accounted for")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=None, help="of an earlier run")
    parser.add_argument("--json", metavar="FILE", help="write the summary there")
    args = parser.parse_args()
    if os.geteuid() != 0:
        print("soak: needs root: hugepages, network namespaces", file=sys.stderr)
        return 1
    os.sched_setaffinity(0, {0})
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"soak: seed {seed}, {args.minutes:g} minutes", flush=True)
    try:
        summary = soak(seed, args.minutes * 60, tell)
    except AssertionError:
        return 1
    table(summary)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(summary, f, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
