"""The deeds of tests/hostile/deeds.h, done by a front end of our own to a real switch.

    evil (build/hostile) --- swd --- a, b (guests that talk to each other all the time)
"""

import json
import os
import select
import statistics
import subprocess

import pytest
from conftest import SharedNet, attach
from frames import *
from scale import note, scaled
from switch import program
from test_hostile_guest import others_are_well

FORMATS = ["", "indirect", "packed,indirect", "packed,indirect,mrg,event,inorder"]
ALL_FORMATS = FORMATS + ["mrg", "indirect,mrg,event", "inorder", "packed", "packed,mrg", "packed,event", "packed,inorder"]
GENERATOR_CORE = 0
RUNS = scaled(5, 15)
SECONDS = scaled(0.4, 2.0)
KEPT = scaled(0.85, 0.95)  # of the rate; the short form measures too shortly for the whole promise


class Hostile:
    """A front end that ends with its standard input."""

    def __init__(self, *words):
        argv = [program("hostile"), *map(str, words)]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def done(self, timeout=10):
        assert select.select([self.process.stdout], [], [], timeout)[0], "the deed is not done"
        assert self.process.stdout.readline() == "done\n"

    def end(self):
        said, _ = self.process.communicate(timeout=20)
        assert self.process.returncode == 0
        return said

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            pipe.close()


def deeds(features, *options):
    words = [program("hostile"), "--list", *options, "--features", features]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    return [(name, None if reason == "-" else reason) for name, reason in (line.split(" ", 1) for line in lines)]


@pytest.fixture(scope="module")
def scene():
    net = SharedNet(["a", "b"])
    net.make()
    switch = net.switch
    path = os.path.join(switch.run_dir, "evil.sock")
    switch.swctl("add-port", "evil", "type=vhost-user", f"path={path}", "mode=server")
    yield switch, *net.guests, path
    net.close()


def expect(switch, reason, what, poke=lambda: None):
    def seen():
        poke()
        return reason in switch.port("evil")["reason"]

    switch.wait(seen, f"reason {reason!r} after {what}")
    assert reason in switch.swctl("list-ports")


@pytest.mark.parametrize("features", scaled(FORMATS, ALL_FORMATS))
def test_each_deed_has_its_reason_and_hurts_nobody_else(scene, features):
    switch, a, b, path = scene
    switch.set_flows("in_port=a,actions=output:b", "in_port=b,actions=output:a")
    for name, reason in deeds(features):
        with Hostile(path, "--deed", name, "--features", features) as evil:
            evil.done()
            if reason:
                expect(switch, reason, name)
            evil.end()
        switch.wait_link("evil", "down")
    others_are_well(switch, a, b)


@pytest.mark.parametrize("features", scaled(FORMATS[-2:], ALL_FORMATS))
def test_each_deed_to_buffers_for_others_frames_has_its_reason(scene, features):
    switch, a, b, path = scene
    switch.set_flows("in_port=a,actions=output:b,output:evil", "in_port=b,actions=output:a")
    for name, reason in deeds(features, "--rx"):
        with Hostile(path, "--rx", "--deed", name, "--features", features) as evil:
            evil.done()
            a.send(UDP_FRAME)
            if reason:  # the switch may have dropped the first one, before evil's link was up
                expect(switch, reason, name, lambda: a.send(UDP_FRAME))
            evil.end()
        switch.wait_link("evil", "down")
    b.drain()
    others_are_well(switch, a, b)


def rate(ports):
    """Frames a second of both directions at full speed; none of them may be lost.

    Frames of three descriptors: a guest has a third of a ring of them under way, which always finds room in the other's whole ring of
    buffers, even when the kernel stops generator or switch for a while. So what is lost, the switch has lost."""
    words = [program("bench-gen"), "--core", GENERATOR_CORE, "--size", 300, "--flows", 8, "--bidir"]
    words += ["--seconds", SECONDS, "--warmup", 0.1, "--features", "mrg", "--ring", 1024, "--tx-layout", 128, *ports]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    total = json.loads(done.stdout)["total"]
    assert total["received"] > 0 and total["lost"] == total["bad_length"] == total["bad_content"] == 0
    return total["pps"]


def rate_beside(path, words, ports):
    """The rate while such a third guest is there, and what that guest says at its end."""
    with Hostile(path, *words) as third:
        if "--deed" in words:
            third.done()
        measured = rate(ports)
        return measured, third.end()


def test_a_pair_keeps_its_rate_and_loses_nothing_beside_a_hostile_guest(switch_factory):
    """The same pair of guests on the same PMD, beside a third guest that is idle, and beside one that is hostile: by turns."""
    switch = switch_factory()
    for name in ("a", "b", "evil"):
        path = os.path.join(switch.run_dir, f"{name}.sock")
        switch.swctl("add-port", name, "type=vhost-user", f"path={path}", "mode=server")
    switch.set_flows("in_port=a,actions=output:b", "in_port=b,actions=output:a", "in_port=evil,actions=drop")
    ports = [f"vhost:{switch.run_dir}/{name}.sock" for name in ("a", "b")]
    ratios, n_deeds, n_connections = [], 0, 0
    thirds = ["idle", "hostile"]
    # Others on the machine make any one ratio what they like: as many again, when it looks bad.
    while len(ratios) < RUNS or (len(ratios) < 3 * RUNS and statistics.median(ratios) < KEPT):
        words = {"idle": ["--deed", "used-ring"], "hostile": ["--random", "--seed", len(ratios) + 1, "--share", 0.01]}
        beside = {third: rate_beside(path, words[third], ports) for third in thirds}
        said = beside["hostile"][1].split()
        n_deeds, n_connections = n_deeds + int(said[0]), n_connections + int(said[2])
        ratios.append(beside["hostile"][0] / beside["idle"][0])
        thirds.reverse()
    median = statistics.median(ratios)
    note(
        "a pair beside a hostile guest",
        rate_ratio=f"{median:.3f} (median of {len(ratios)}, {min(ratios):.3f} to {max(ratios):.3f})",
        lost=0,
        deeds=n_deeds,
        connections=n_connections,
    )
    assert n_connections > len(ratios)
    assert median >= KEPT
    assert switch.swd.alive()
