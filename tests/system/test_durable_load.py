"""A load of rules that swctld's death interrupts leaves all of it or nothing, and one that was acknowledged is there.

    swctl add-flows FILE ----> swctld (killed with -9 at a random time, started again) ----> database

No swd, so no poll-mode thread. `make check` kills a few times; SWD_DURABLE_RUNS=200 kills as often as that says. A failure names its
seed: SWD_DURABLE_SEED=N repeats what was loaded from there on (when the kill fell is in the message, and cannot be repeated).
"""

import os
import random
import re
import signal
import subprocess
import time

from switch import program

RUNS = int(os.environ.get("SWD_DURABLE_RUNS", "20"))
SEED = int(os.environ.get("SWD_DURABLE_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
RULES = 2000  # most of a load


class Loader:
    """Rules as {priority: cookie}: each has a priority of its own, and its cookie tells which load put it there."""

    def __init__(self, switch):
        self.switch = switch
        self.file = os.path.join(switch.run_dir, "flows")
        self.stored = {}  # what must be there
        self.load_s = 0.2  # about how long a load takes
        self.counts = {"nothing": 0, "all": 0, "acknowledged": 0}
        self.commands = [c for c in ("add-flows", "replace-flows") if self.known(c)]

    def known(self, command):
        return self.switch.run("help", command).returncode == 0

    def change(self, rng, cookie):
        """A command and what it makes of the rules."""
        rules = {p: cookie for p in rng.sample(range(1, 3 * RULES), rng.randrange(RULES // 2, RULES))}
        command = rng.choice(self.commands)
        with open(self.file, "w", encoding="ascii") as f:
            f.writelines(rule_text(p, c) for p, c in rules.items())
        return command, rules if command == "replace-flows" else {**self.stored, **rules}

    def interrupt(self, seed):
        """One load, one kill, one look."""
        rng = random.Random(seed)
        command, after = self.change(rng, seed)
        delay = rng.uniform(0, 1.3 * self.load_s)
        acknowledged = self.load_and_kill(command, delay)
        self.switch.start_swctld()
        found = self.read()
        what = f"seed {seed}: {command}, killed {delay * 1000:.1f} ms after it began"
        if found != after:
            assert not acknowledged, f"{what}: acknowledged, but {describe(found, after)}"
            assert found == self.stored, f"{what}: neither all nor nothing: {describe(found, after)}"
        self.counts["acknowledged" if acknowledged else "all" if found == after else "nothing"] += 1
        self.stored = found

    def load_and_kill(self, command, delay):
        """Whether swctl said that it is done before swctld was killed."""
        began = time.monotonic()
        words = [program("swctl"), "--run-dir", self.switch.run_dir, command, self.file]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as swctl:
            try:
                swctl.wait(delay)
                self.load_s = 0.7 * self.load_s + 0.3 * (time.monotonic() - began)
            except subprocess.TimeoutExpired:
                self.load_s *= 1.15  # so that about half of them end, however slow the machine is now
            self.switch.swctld.stop(signal.SIGKILL)
            return swctl.wait(10) == 0

    def load(self, seed):
        """One that nothing interrupts."""
        command, after = self.change(random.Random(seed), seed)
        began = time.monotonic()
        self.switch.swctl(command, self.file)
        self.load_s = time.monotonic() - began
        self.stored = after
        return command

    def read(self):
        rules = self.switch.swctl("dump-flows", "--no-stats").splitlines()
        return dict(priority_and_cookie(r) for r in rules if not r.startswith("#"))

    def empty(self):
        self.switch.swctl("del-flows")
        self.stored = {}


def rule_text(priority, cookie):
    address = f"10.{cookie & 255}.{priority >> 8}.{priority & 255}"
    # The match does not change from load to load, or a rule would not replace the one before.
    return f"cookie={cookie:#x},priority={priority},tcp,tp_dst={priority},actions=mod_nw_src:{address},normal\n"


def priority_and_cookie(text):
    cookie, priority = re.search(r"cookie=(0x[0-9a-f]+)", text), re.search(r"priority=(\d+)", text)
    assert cookie and priority, f"a rule without cookie or priority: {text}"
    address = re.search(r":10\.(\d+)\.", text)
    assert address and int(address[1]) == int(cookie[1], 16) & 255, f"a rule of one load with actions of another: {text}"
    return int(priority[1]), int(cookie[1], 16)


def describe(found, after):
    cookies = {}
    for cookie in found.values():
        cookies[cookie] = cookies.get(cookie, 0) + 1
    missing = sum(found.get(p) != c for p, c in after.items())
    return f"{missing} of {len(after)} rules are not as loaded; rules by cookie: {cookies}"


def test_a_load_killed_at_any_time_leaves_all_of_it_or_nothing(switch_factory):
    switch = switch_factory(start=False)
    switch.start_swctld()
    loader = Loader(switch)
    loader.empty()
    loader.load(SEED + RUNS)  # tells how long it takes
    for seed in range(SEED, SEED + RUNS):
        if seed % 7 == 0:
            loader.empty()  # a first load is another way through the code than one that replaces
        loader.interrupt(seed)
    print(f"seeds {SEED} to {SEED + RUNS - 1}: {loader.counts}")
    # Or the kills did not fall into the loads, and nothing was tested.
    assert loader.counts["nothing"] > 0, loader.counts
    assert loader.counts["all"] + loader.counts["acknowledged"] > 0, loader.counts


def test_a_load_that_was_acknowledged_survives_a_kill_at_once(switch_factory):
    """The kill comes with the very answer: what was said is on disk already."""
    switch = switch_factory(start=False)
    switch.start_swctld()
    loader = Loader(switch)
    loader.empty()
    for seed in range(SEED, SEED + max(3, RUNS // 10)):
        command = loader.load(seed)
        switch.swctld.stop(signal.SIGKILL)
        switch.start_swctld()
        found = loader.read()
        assert found == loader.stored, f"seed {seed}: {command}: {describe(found, loader.stored)}"
