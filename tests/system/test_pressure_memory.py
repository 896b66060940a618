"""Memory that runs out: packet buffers, hugepages, room for misses. Two guests go on and lose nothing.

    a === swd --- b      a stream of frames, beside what takes the memory
"""

import subprocess
import time

import pytest

from conftest import attach
from frames import *
from pressure import Holdings, ports_beside_a_pair
from scale import note, scaled
from stream import Stream
from switch import program
from vhost_frontend import wait_path

MEM_MB = 64
POOL_SHARE = 8  # misses leave an eighth of the pool


@pytest.fixture
def scene(switch_factory):
    with ports_beside_a_pair(switch_factory, queues=2, mem=MEM_MB) as made:
        yield made


PAIR = ("priority=50,in_port=a,actions=output:b", "priority=50,in_port=b,actions=output:a")


def test_packet_buffers_that_are_all_taken_stop_only_what_needs_them(scene):
    """Cables in a ring, on which each frame becomes two until their queues hold all buffers of the switch."""
    switch, ports, a, b = scene
    pool = switch.json("dp", "show")["pool_total"]
    for name in ("x", "y"):
        for end in ("1", "2"):
            ports.add(name + end, "ring", name=name, size=16384)
    with attach(switch, "c") as c:
        switch.wait_link("c")
        # What arrives at x2 goes twice to y1, comes out of y2, and goes twice to x1.
        switch.set_flows(*PAIR, "in_port=x2,actions=output:y1,output:y1", "in_port=y2,actions=output:x1,output:x1", "in_port=c,actions=output:x1")
        stream = Stream(a, b, (0, 1))
        lowest = pool

        def exhaust():
            c.send(*[UDP_FRAME] * 32)
            switch.wait(taken, "pressure")
            end = time.monotonic() + scaled(1, 10)
            while time.monotonic() < end:
                taken()

        def taken():
            nonlocal lowest
            lowest = min(lowest, ports.call("dp.show")["pool_free"])
            c.send(*[UDP_FRAME] * 8)
            return lowest < pool // POOL_SHARE and any(reason == "no-memory" for _, reason in switch.drops())

        stream.during(exhaust)
        drops = switch.drops()
        assert any(reason == "no-memory" and n > 0 for (_, reason), n in drops.items()), drops
        assert lowest < pool // POOL_SHARE, f"{lowest} of {pool} buffers were left: no pressure"
        switch.set_flows(*PAIR)
        # Misses are served again, and each buffer comes back: those of the ring ports with them.
        ports.delete("x1", "x2", "y1", "y2")
        stream.assert_whole(in_order=(0, 1), least=64)
        switch.set_flows("in_port=c,actions=output:b")
        wait_path(c, b, UDP_FRAME)
        switch.wait(lambda: ports.call("dp.show")["pool_free"] == pool, "return of all packet buffers")
        switch.swctl("del-port", "c")
    lost = sum(n for (_, reason), n in drops.items() if reason == "no-memory")
    note("packet buffers all taken", buffers=pool, lowest_free=lowest, no_memory_drops=lost, frames_of_others_lost=0)


def test_a_port_without_hugepages_is_refused_with_its_mend(scene):
    """No more pages than swd has: a limit on the file that they are in stands for a machine that has no more."""
    switch, ports, a, b = scene
    switch.set_flows(*PAIR)
    stream = Stream(a, b, (0, 1))
    pid = switch.swd.pid
    subprocess.run(["prlimit", f"--pid={pid}", f"--fsize={MEM_MB << 20}:"], check=True)
    before = Holdings(pid)
    refused, added = set(), []

    def add_until_refused():
        for kind, options in (("ring", ["name=r{}", "size=16384"]), ("null", ["queues=16"]), ("vhost-user", ["mode=client", "queues=8", f"path={switch.run_dir}/v{{}}.sock"])):
            for i in range(600):
                done = switch.run("add-port", f"{kind}{i}", f"type={kind}", *(o.format(i) for o in options))
                if done.returncode:
                    assert done.stderr.count("\n") == 1, done.stderr
                    refused.add((kind, done.stderr.strip()))
                    break
                added.append(f"{kind}{i}")

    stream.during(add_until_refused)
    print(refused, len(added))
    stream.assert_whole(in_order=(0, 1))
    assert all("--mem" in text for kind, text in refused if kind != "null") and {"ring", "vhost-user"} <= {kind for kind, _ in refused}, refused
    assert Holdings(pid).huge_kb <= before.huge_kb
    # The port that was refused is nowhere, and one that goes makes room.
    assert len(switch.json("list-ports")["ports"]) == len(added) + 2
    ports.delete(*added)
    ports.add("again", "ring", name="again", size=16384)
    note("ports without hugepages", added=len(added), refused=len(refused), frames_lost=0)


def test_a_flood_of_misses_leaves_others_and_the_operator_alone(scene):
    """A million flows as fast as they go, of a port for which each frame is a miss."""
    switch, ports, a, b = scene
    for name in ("attacker", "sink"):
        ports.add(name, "vhost-user", path=ports.path(f"{name}.sock"))
    switch.set_flows(*PAIR, "priority=20,udp,in_port=attacker,nw_src=0.255.255.255/0.255.255.255,actions=drop", "priority=10,in_port=attacker,actions=output:sink")
    stream = Stream(a, b, (0, 1))
    before = {daemon.pid: Holdings(daemon.pid) for daemon in (switch.swd, switch.swctld)}
    seconds = scaled(2, 30)
    words = ["--core", 0, "--flows", 1_000_000, "--seconds", seconds, "--warmup", 0.2]
    argv = [program("bench-gen"), *map(str, words), *(f"vhost:{ports.path(n)}.sock" for n in ("attacker", "sink"))]
    answers_s = []

    def flood():
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as attack:
            while attack.poll() is None:
                start = time.monotonic()
                ports.call("port.list")
                answers_s.append(time.monotonic() - start)
                time.sleep(0.05)

    stream.during(flood)
    stream.assert_whole(in_order=(0, 1), least=64)
    assert switch.drops().get(("attacker", "upcall-ring-full"), 0) > 1000, "the flood was none"
    *others, slowest = sorted(answers_s)
    assert len(others) > 1 and others[-1] < 1, answers_s  # one may have met a machine that stood still
    more = {}
    for daemon in (switch.swd, switch.swctld):
        holdings, old = Holdings(daemon.pid), before[daemon.pid]
        more["swctld_kB_more" if daemon is switch.swctld else "swd_kB_more"] = holdings.private_kb - old.private_kb
        assert holdings.private_kb - old.private_kb < 64 * 1024 and holdings.huge_kb <= old.huge_kb
    note("a flood of misses", s=seconds, slowest_answer_ms=round(slowest * 1000), frames_of_others_lost=0, **more)
