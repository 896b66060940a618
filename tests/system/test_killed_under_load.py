"""swctld is killed with -9 again and again under load, and nothing of it shows in the traffic, nor in what rules count.

    bench-gen, port a --- swd --- bench-gen, port b       both ways, 500 established flows each, every one with a megaflow of its own
                           |
                        swctld (killed, started again)
"""

import json
import signal
import subprocess
import time

import pytest
from scale import note, scaled
from switch import program

KILLS = scaled(8, 100)
LOAD_MAX_S = 600  # it ends behind the last of them
FLOWS = 500  # of each direction
RATE = 20_000  # frames a second, each direction
RULES = [
    "cookie=0x1,priority=20,udp,nw_src=0.255.255.255/0.255.255.255,actions=drop",  # matches nothing, but who looks at it looks at every address
    "cookie=0x2,priority=10,udp,in_port=a,actions=output:b",
    "cookie=0x3,priority=10,udp,in_port=b,actions=output:a",
    "cookie=0x4,priority=0,actions=drop",  # so that each frame counts for a rule
]


def generator(switch, *words):
    """All flows once, at a rate at which swctld keeps up with the misses, then what `words` say."""
    options = ["--core", 0, "--relax", 100, "--bidir", "--flows", FLOWS, "--prime", 5000, "--warmup", 0, *words]
    command = ["chrt", "-f", "20", program("bench-gen"), *options, *(f"vhost:{switch.run_dir}/{name}.sock" for name in "ab")]
    return subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


@pytest.fixture
def loaded(switch_factory):
    """A switch under load, and the generator; its first frames have made all megaflows."""
    switch = switch_factory()
    for name in "ab":
        switch.swctl("add-port", name, "type=vhost-user", f"path={switch.run_dir}/{name}.sock")
    switch.set_flows(*RULES)
    load = generator(switch, "--rate", RATE, "--seconds", LOAD_MAX_S)
    try:
        switch.wait(lambda: len(counts(switch)) == 2 * FLOWS, "a megaflow of each flow", 20)
        switch.wait(lambda: established(switch), "end of misses")
        yield switch, load
    finally:
        load.kill()
        load.wait()


def established(switch):
    """Nothing is asked any more, and nothing that was asked is under way: what a kill meets of that may count or not."""
    before = switch.json("dp", "show")["misses"]
    time.sleep(0.3)
    return switch.json("dp", "show")["misses"] == before


def counts(switch):
    """{megaflow: packets}"""
    return {f["match"]: f["packets"] for f in switch.megaflows("proto=17")}


def rules(switch):
    return sorted((r["cookie"], r["priority"], r["flow"]) for r in switch.json("dump-flows")["rules"])


def counted_by_rules(switch):
    return sum(r["n_packets"] for r in switch.json("dump-flows")["rules"])


def test_swctld_killed_under_load_costs_no_packet_no_megaflow_no_rule_and_no_count(loaded):
    switch, load = loaded
    before, stored, away = counts(switch), rules(switch), []
    counted = counted_by_rules(switch)
    misses = switch.json("dp", "show")["misses"]
    for _ in range(KILLS):
        switch.swctld.kill()
        began = time.monotonic()
        switch.start_swctld()
        switch.wait(lambda: switch.json("show")["swd"]["connected"], "connection")
        away.append(time.monotonic() - began)
        assert rules(switch) == stored
        now = counts(switch)
        assert now.keys() == before.keys(), "megaflows came or went"
        assert all(now[f] >= before[f] for f in now), "a megaflow lost its count"
        before = now
        last, counted = counted, counted_by_rules(switch)
        assert counted >= last, "rules lost their counts"
    assert switch.json("dp", "show")["misses"] == misses, "established flows had to ask again"
    assert load.poll() is None, "the load was over before the last kill"
    load.send_signal(signal.SIGINT)
    total = json.loads(load.communicate(timeout=20)[0])["total"]
    assert total["lost"] == 0, f"{total['lost']} of {total['sent']} lost"
    received = received_by_ports(switch)
    switch.wait(lambda: counted_by_rules(switch) >= received, "rules to count all frames")
    assert at_rest(switch)[0] == received, "rules count other than the frames that came"
    note(
        "swctld killed with -9 under load",
        kills=KILLS,
        frames=total["sent"],
        lost=total["lost"],
        counted_by_rules=counted_by_rules(switch),
        received_by_ports=received,
        back_after_ms=round(1000 * max(away)),
    )


def received_by_ports(switch):
    """Without misses that swd could not ask about: the generator's start may have more of them than the ring holds."""
    unasked = sum(n for (_, reason), n in switch.drops().items() if reason in ("upcall-ring-full", "no-controller"))
    return sum(p["rx_packets"] for p in switch.json("stats")["ports"]) - unasked


def at_rest(switch):
    """What rules and megaflows have counted, once swctld's look at swd's counters, two a second, brings nothing new."""
    seen = []

    def rests():
        seen.append(counted_by_rules(switch))
        time.sleep(0.6)
        return seen[-1] == counted_by_rules(switch)

    switch.wait(rests, "end of counting")
    return seen[-1], sum(counts(switch).values())
