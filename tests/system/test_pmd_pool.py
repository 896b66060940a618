"""The pool of poll-mode threads, changed while it runs.

    vm1 (2 queue pairs) --- swd, cores 1, then 0 and 1 --- vm2

Runs with a thread on core 0, where everything else is, are short.
"""

import pytest

from conftest import attach
from frames import *
from stream import Stream

N = 400


@pytest.fixture(scope="module")
def pool(module_switch_factory):
    switch = module_switch_factory()
    switch.vm1 = attach(switch, "vm1", queues=2)
    switch.vm2 = attach(switch, "vm2", queues=2)
    for name in ("vm1", "vm2"):
        switch.wait_link(name)
    switch.set_flows("in_port=vm1,actions=output:vm2", "in_port=vm2,actions=output:vm1")
    yield switch
    switch.vm1.close()
    switch.vm2.close()


def owners(switch):
    """{(port, queue): core}"""
    return {(q["port"], q["queue"]): pmd["core"] for pmd in switch.json("pmd", "show")["pmds"] for q in pmd["rxqs"]}


def cores(switch):
    return [pmd["core"] for pmd in switch.json("pmd", "show")["pmds"]]


def change(switch, *steps):
    """Sets these words one after the other; where vm1's two queues were after each."""
    places = []
    for words in steps:
        switch.swctl("pmd", "set", *words.split())
        place = owners(switch)
        places.append((place[("vm1", 0)], place[("vm1", 1)]))
    return places


def test_no_frame_is_lost_while_cores_change_and_those_of_a_queue_that_stays_keep_their_order(pool):
    steps = ["--cores 0,1", "--port vm1 --queue 1 --core 0", "--port vm1 --queue 1 --core any", "--cores default"]
    stream = Stream(pool.vm1, pool.vm2, (0, 1))
    try:
        places = stream.during(lambda: change(pool, *steps * 3))
    finally:
        pool.swctl("pmd", "set", "--cores", "default")
    assert {first for first, _ in places} == {1} and {second for _, second in places} == {0, 1}
    stream.assert_whole(in_order=(0,))
    assert cores(pool) == [1]


def test_threads_are_listed_by_core_whichever_came_first(pool):
    pool.swctl("pmd", "set", "--cores", "0-1")
    try:
        assert cores(pool) == [0, 1]
        assert [pmd["core"] for pmd in pool.json("pmd", "stats")["pmds"]] == [0, 1]
    finally:
        pool.swctl("pmd", "set", "--cores", "default")


def test_no_frame_is_lost_while_all_queues_move(pool):
    stream = Stream(pool.vm1, pool.vm2, (0, 1))
    try:
        places = stream.during(lambda: change(pool, *["--cores 0", "--cores default"] * 3))
    finally:
        pool.swctl("pmd", "set", "--cores", "default")
    assert places == [(0, 0), (1, 1)] * 3
    stream.assert_whole(in_order=())
    assert cores(pool) == [1]


@pytest.mark.parametrize(
    "words, says",
    [
        (("--cores", "999"), "core 999 does not exist"),
        (("--cores", "1,x"), "core list"),
        (("--cores", ""), "core list"),
        (("--isolated", "1"), "--isolated none"),
        (("--isolated", "0"), "core 0 cannot be isolated"),
        (("--port", "vm1", "--queue", "0", "--core", "0"), "queue 0 of port vm1 is pinned to core 0"),
        (("--port", "nobody", "--queue", "0", "--core", "1"), "no such port"),
        (("--port", "vm1", "--queue", "7", "--core", "1"), "no queue 7"),
        (("--port", "vm1"), "go together"),
        (("--idle-us", "99999999999"), "--idle-us takes 0 to"),
        (("--sleep-us", "0"), "--sleep-us takes 1 to"),
        ((), "nothing to set"),
    ],
)
def test_what_does_not_do_is_refused_and_changes_nothing(pool, words, says):
    before = pool.json("pmd", "show")
    assert says in pool.refused("pmd", "set", *words)
    after = pool.json("pmd", "show")
    assert after["settings"] == before["settings"]
    assert owners(pool) == {(vm, q): 1 for vm in ("vm1", "vm2") for q in (0, 1)}


def test_a_number_that_is_none_is_wrong_usage(pool):
    assert "takes a whole number" in pool.refused("pmd", "set", "--idle-us", "x", status=2)


def test_settings_outlive_both_daemons(switch_factory):
    switch = switch_factory()
    vm1 = attach(switch, "vm1", queues=2, mode="client")
    try:
        switch.swctl("pmd", "set", "--cores", "0,1", "--isolated", "0", "--rebalance-s", "60")
        switch.swctl("pmd", "set", "--port", "vm1", "--queue", "1", "--core", "0")
        wanted = {("vm1", 0): 1, ("vm1", 1): 0}
        assert owners(switch) == wanted
        settings = switch.json("pmd", "show")["settings"]
        switch.swctld.kill()
        switch.swd.kill()
        switch.start()
        assert switch.json("pmd", "show")["settings"] == settings
        assert owners(switch) == wanted
        text = switch.swctl("pmd", "show")
        assert "core 0 is isolated" in text and "pinned" in text and "every 60 s" in text
        switch.swctl("del-port", "vm1")
        assert switch.json("pmd", "show")["settings"]["pins"] == []
    finally:
        switch.kill()
        vm1.close()


def test_an_idle_thread_sleeps_and_traffic_wakes_it(pool):
    def slept():
        (pmd,) = pool.json("pmd", "stats")["pmds"]
        return pmd["sleeps"]

    pool.swctl("pmd", "set", "--idle-us", "100", "--sleep-us", "200")
    try:
        before = slept()
        pool.wait(lambda: slept() > before + 100, "sleeps")
        frames = [numbered(raw(udp()), i) for i in range(N)]
        for frame in frames[:100]:  # one by one: each finds the thread asleep, or nearly so
            pool.vm1.send(frame)
            assert pool.vm2.recv_n(1) == [frame]
        assert "idle threads sleep 200 us" in pool.swctl("pmd", "show")
    finally:
        pool.swctl("pmd", "set", "--idle-us", "0")
    after = slept()
    assert pool.swctl("pmd", "show") and slept() <= after + 1


def test_a_dry_run_moves_nothing(pool):
    before = owners(pool)
    assert "no move gains anything" in pool.swctl("pmd", "rebalance", "--dry-run")
    assert owners(pool) == before


def test_each_thread_has_its_transmit_queue(pool):
    pool.swctl("pmd", "set", "--cores", "0,1")
    try:
        pmds = pool.json("pmd", "show")["pmds"]
    finally:
        pool.swctl("pmd", "set", "--cores", "default")
    taken = [(q["port"], q["queue"], q["shared"]) for pmd in pmds for q in pmd["txqs"]]
    assert sorted(taken) == [(vm, q, False) for vm in ("vm1", "vm2") for q in (0, 1)]


def test_load_is_measured_and_a_rebalance_moves_it(switch_factory):
    """Two busy queues that share a thread, and a thread that has none."""
    switch = switch_factory()
    switch.swctl("pmd", "set", "--cores", "0,1")
    for i in (1, 2):
        switch.swctl("add-port", f"idle{i}", "type=dpdk", f"devargs=net_null{i},no-rx=1")
        switch.swctl("add-port", f"busy{i}", "type=dpdk", f"devargs=net_null{i + 4},copy=1,size=64")
    place = owners(switch)
    (core,) = {place[("busy1", 0)], place[("busy2", 0)]}
    switch.set_flows("in_port=busy1,actions=drop", "in_port=busy2,actions=drop")
    switch.wait(lambda: "would move" in switch.swctl("pmd", "rebalance", "--dry-run"), "plan")
    assert owners(switch) == place

    def busy():
        loads = {q["port"]: q["load_percent"] for pmd in switch.json("pmd", "show")["pmds"] for q in pmd["rxqs"]}
        assert loads["idle1"] < 10, loads
        return loads["busy1"] > 10 and loads["busy2"] > 10

    switch.wait(busy, "load of both")
    assert "1 queue moved" in switch.swctl("pmd", "rebalance")
    switch.swctl("pmd", "set", "--idle-us", "0")  # no change moves them back
    place = owners(switch)
    assert {place[("busy1", 0)], place[("busy2", 0)]} == {0, 1}, core
    switch.kill()


def test_queues_move_by_themselves_when_that_is_on_and_no_frame_of_another_is_lost(switch_factory):
    """Two busy queues and vm1's two on core 1, which is more than it has; core 0 has none that is busy."""
    switch = switch_factory()
    with attach(switch, "vm1", queues=2) as vm1, attach(switch, "vm2", queues=2) as vm2:
        for name in ("vm1", "vm2"):
            switch.wait_link(name)
        switch.swctl("pmd", "set", "--cores", "0,1")
        for queue in (0, 1):
            switch.swctl("pmd", "set", "--port", "vm1", "--queue", queue, "--core", 1)
            switch.swctl("pmd", "set", "--port", "vm2", "--queue", queue, "--core", 0)
        for i in (1, 2):
            switch.swctl("add-port", f"busy{i}", "type=null", "rx=on")
            switch.swctl("add-port", f"idle{i}", "type=null")
        switch.set_flows("in_port=vm1,actions=output:vm2", "in_port=busy1,actions=drop", "in_port=busy2,actions=drop")
        place = owners(switch)
        assert place[("busy1", 0)] == place[("busy2", 0)] == 1
        switch.wait(lambda: "would move" in switch.swctl("pmd", "rebalance", "--dry-run"), "plan")
        assert owners(switch) == place and "rebalanced" not in switch.swd.output()

        def wait_move():
            switch.swctl("pmd", "set", "--rebalance-s", "1")
            return switch.swd.wait_line("rebalanced: 1 queue moved; the busiest core goes from")

        stream = Stream(vm1, vm2, (0, 1))
        stream.during(wait_move)
        after = owners(switch)
        assert {after[("busy1", 0)], after[("busy2", 0)]} == {0, 1}
        assert (after[("vm1", 0)], after[("vm1", 1)]) == (1, 1)
        stream.assert_whole(in_order=(0, 1))
        switch.kill()
