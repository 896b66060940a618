"""Each daemon survives the other's death.

    a (guest) --- swd --- b (guest)
                   |
                swctld (killed and started again)
"""

import sqlite3
import time

import pytest
from conftest import attach
from frames import *

FLOWS = ["priority=7,udp,in_port=a,cookie=0x77,actions=mod_nw_dst:10.7.7.7,output:b", "priority=0,actions=NORMAL"]


@pytest.fixture
def two(switch_factory):
    switch = switch_factory()
    guests = [attach(switch, "a"), attach(switch, "b", mode="client")]
    for guest in guests:
        switch.wait_link(guest.name)
    yield switch, *guests
    for guest in guests:
        guest.close()


def rules_of(switch):
    return sorted(r["flow"] for r in switch.json("dump-flows")["rules"])


def guests_return(switch, a, b):
    """The guests connect to a swd that has started anew, with fresh rings."""
    for guest in (a, b):
        guest.start(20)
    for guest in (a, b):
        switch.wait_link(guest.name)


def paced(a, b, seconds, numbers, burst=8, least=64):
    """Sends numbered frames at a modest rate for a while, and `least` of them; returns what was sent and got."""
    sent, got = [], []
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(sent) < least:
        frames = [next(numbers) for _ in range(burst)]
        a.send(*[numbered(UDP_FRAME, n) for n in frames])
        sent += frames
        while len(got) < len(sent) and (frame := b.wait_frame(5)) is not None:
            got.append(int.from_bytes(frame[-8:], "big"))
        if len(got) < len(sent):
            break  # lost
        a.expect_none(0.005)
    return sent, got


def count():
    n = 0
    while True:
        yield n
        n += 1


def test_established_flows_lose_nothing_while_swctld_is_killed_and_restarted(two):
    switch, a, b = two
    switch.set_flows(*FLOWS)
    a.send(raw(udp()))
    b.recv()
    before = rules_of(switch)
    numbers = count()
    switch.swctld.kill()
    sent, got = paced(a, b, 0.5, numbers)
    assert got == sent
    switch.start_swctld(ready=False)
    sent, got = paced(a, b, 2.0, numbers)
    assert got == sent, f"{len(sent) - len(got)} of {len(sent)} lost"
    switch.swctld.wait_line("swctld: ready$")
    assert rules_of(switch) == before
    sent, got = paced(a, b, 0.5, numbers)
    assert got == sent


def test_megaflows_are_adopted_not_flushed(two):
    """The megaflow keeps its count over the restart, and its packets still reach the rule's counters."""
    switch, a, b = two
    switch.set_flows(*FLOWS)
    for _ in range(10):
        a.send(raw(udp()))
        b.recv()
    switch.swctld.kill()
    for _ in range(10):
        a.send(raw(udp()))
        b.recv()
    switch.start_swctld()
    switch.wait(lambda: switch.json("show")["swd"]["connected"], "connection")
    switch.wait(lambda: [f for f in switch.megaflows("in_port(a)") if f["packets"] >= 19], "the old megaflow with its count")
    a.send(raw(udp()))
    got = Ether(b.recv())
    assert got[IP].dst == "10.7.7.7"


def counted(switch, priority=7):
    return next(r["n_packets"] for r in switch.json("dump-flows")["rules"] if r["priority"] == priority)


def pass_packets(a, b, n):
    for _ in range(n):
        a.send(raw(udp()))
        b.recv()


def restart_swctld(switch):
    switch.start_swctld()
    switch.wait(lambda: switch.json("show")["swd"]["connected"], "connection")


def test_rules_go_on_counting_where_swctld_was_killed(two):
    """What passed while it was away, what a megaflow that has expired counted, what a modified rule had: each packet once."""
    switch, a, b = two
    switch.set_flows(*FLOWS)
    pass_packets(a, b, 10)
    switch.swctld.kill()
    pass_packets(a, b, 5)
    restart_swctld(switch)
    switch.wait(lambda: counted(switch) == 15, "count of what passed meanwhile")
    switch.swctl("mod-flows", "udp,in_port=a,actions=mod_nw_dst:10.8.8.8,output:b")
    pass_packets(a, b, 5)
    switch.swctld.kill()  # with what it had not read yet
    restart_swctld(switch)
    switch.wait(lambda: counted(switch) == 20, "count of the modified rule")
    # A narrower rule deletes the megaflow; the old one keeps what it counted.
    switch.swctl("add-flow", "priority=8,udp,in_port=a,tp_dst=9,actions=drop")
    switch.wait(lambda: not switch.megaflows("in_port(a)"), "end of the megaflow")
    switch.swctld.kill()
    restart_swctld(switch)
    assert counted(switch) == 20
    pass_packets(a, b, 3)
    switch.wait(lambda: counted(switch) == 23, "count of the new megaflow")
    switch.swctl("add-flow", FLOWS[0])  # replaces it
    switch.swctld.kill()
    restart_swctld(switch)
    assert counted(switch) == 0


def test_rules_keep_what_was_read_when_both_are_killed(two):
    switch, a, b = two
    switch.set_flows(*FLOWS)
    pass_packets(a, b, 10)
    switch.wait(lambda: counted(switch) == 10, "count")
    switch.kill()
    switch.start_swctld()
    assert counted(switch) == 10
    switch.start_swd()
    guests_return(switch, a, b)
    pass_packets(a, b, 5)
    switch.wait(lambda: counted(switch) == 15, "count under the new swd")


def test_a_rule_changed_after_a_restart_corrects_adopted_megaflows(two):
    switch, a, b = two
    switch.set_flows(*FLOWS)
    a.send(raw(udp()))
    b.recv()
    switch.swctld.kill()
    switch.start_swctld()
    switch.swctl("add-flow", "priority=7,udp,in_port=a,actions=drop")

    def dropped():
        a.send(raw(udp()))
        return ("a", "flow-drop") in switch.drops()

    switch.wait(dropped, "drop by the new rule", 1.5)
    a.wait_sent()
    b.drain()
    before = switch.drops()["a", "flow-drop"]
    a.send(raw(udp()))
    switch.wait_drop("a", "flow-drop", before)
    b.expect_none(0.01)


def test_misses_without_swctld_are_counted_and_served_after_its_return(two):
    switch, a, b = two
    switch.set_flows(*FLOWS)
    switch.swctld.kill()
    for _ in range(3):
        a.send(raw(udp()))
    b.expect_none(0.1)
    switch.start_swctld()
    switch.wait(lambda: switch.json("show")["swd"]["connected"], "connection")
    switch.wait_drop("a", "no-controller")
    a.send(raw(udp()))
    b.recv()


def test_swctl_without_swctld_says_so(two):
    switch, _, _ = two
    switch.swctld.kill()
    line = switch.refused("show")
    assert "control.sock" in line and "swctld" in line


def test_ports_and_flows_come_back_after_swd_is_killed(two):
    switch, a, b = two
    switch.set_flows(*FLOWS)
    a.send(raw(udp()))
    b.recv()
    rules = rules_of(switch)
    numbers_before = {p["name"]: p["number"] for p in switch.json("list-ports")["ports"]}
    switch.swd.kill()
    a.wait_hang_up()
    b.wait_hang_up()
    switch.wait(lambda: switch.json("show")["swd"]["connected"] is False, "end of the connection")
    assert {p["link"] for p in switch.json("list-ports")["ports"]} == {"unknown"}
    assert rules_of(switch) == rules
    killed = time.monotonic()
    switch.start_swd()
    guests_return(switch, a, b)
    a.send(raw(udp()))
    assert Ether(b.recv())[IP].dst == "10.7.7.7"
    print(f"first packet {time.monotonic() - killed:.2f} s after swd was started again")
    assert {p["name"]: p["number"] for p in switch.json("list-ports")["ports"]} == numbers_before
    assert rules_of(switch) == rules


def test_guests_go_on_with_their_split_rings_after_swd_is_killed(two):
    """As a guest does that knows nothing of it: QEMU hands the same rings to the new swd."""
    switch, a, b = two
    switch.set_flows(*FLOWS)
    for _ in range(50):
        a.send(raw(udp()))
        b.recv()
    switch.swd.kill()
    a.wait_hang_up()
    b.wait_hang_up()
    switch.start_swd()
    a.restart(20)
    b.restart(20)
    switch.wait_link("a")
    switch.wait_link("b")
    sent, got = paced(a, b, 0.3, count())
    assert got == sent


def test_rules_changed_while_swd_is_away_hold_when_it_is_back(two):
    switch, a, b = two
    switch.set_flows(*FLOWS)
    switch.swd.kill()
    a.wait_hang_up()
    b.wait_hang_up()
    switch.swctl("add-flow", "priority=7,udp,in_port=a,actions=mod_nw_dst:10.8.8.8,output:b")
    switch.start_swd()
    guests_return(switch, a, b)
    a.send(raw(udp()))
    assert Ether(b.recv())[IP].dst == "10.8.8.8"


def test_everything_is_on_disk_when_swctl_returns(two):
    switch, _, _ = two
    switch.swctl("del-flows")
    switch.swctl("add-flows", "-", stdin="\n".join(f"priority={i},actions=drop" for i in range(1, 501)))
    switch.swctl("add-flow", FLOWS[0])
    switch.swctld.kill()  # at once
    switch.start_swctld()
    rules = switch.json("dump-flows")["rules"]
    assert len(rules) == 501
    assert any(r["cookie"] == "0x77" and r["priority"] == 7 for r in rules)
    assert [p["name"] for p in switch.json("list-ports")["ports"]] == ["a", "b"]


def test_both_killed_and_started_in_either_order(two):
    switch, a, b = two
    switch.set_flows(*FLOWS)
    for swctld_first in (True, False):
        switch.kill()
        for start in (switch.start_swctld, switch.start_swd) if swctld_first else (switch.start_swd, switch.start_swctld):
            start()
        guests_return(switch, a, b)
        a.send(raw(udp()))
        assert Ether(b.recv())[IP].dst == "10.7.7.7"


def test_the_new_bridge_s_rule_comes_once_only(two):
    """A bridge starts with priority 0, NORMAL; deleting it is remembered."""
    switch, _, _ = two
    assert [r["flow"] for r in switch.json("dump-flows")["rules"]] == ["priority=0 actions=NORMAL"]
    switch.swctl("del-flows")
    switch.swctld.stop()
    switch.start_swctld()
    assert switch.json("dump-flows")["rules"] == []


def test_a_port_of_another_version_is_down_with_its_reason_and_all_else_goes_on(switch_factory):
    switch = switch_factory()
    switch.swctl("add-port", "sink", "type=null")
    switch.swctld.kill()
    with sqlite3.connect(switch.db) as db:
        db.execute("INSERT INTO ports (number, name, kind, options) VALUES (9, 'warp0', 'warp-drive', '{\"factor\":\"9\"}')")
        db.execute("INSERT INTO ports (number, name, kind, options) VALUES (8, 'vm8', 'vhost-user', '{\"path\":\"/x\",\"queues\":\"99\"}')")
    db.close()
    switch.start_swctld()
    for name, reason in (("warp0", 'unknown kind "warp-drive"'), ("vm8", "queues=99 does not do: use a number from 1 to 8")):
        switch.wait(lambda: f"refused by swd: {reason}" in switch.port(name)["reason"], f"reason of {name}")
        assert switch.port(name)["link"] == "down"
    switch.wait_link("sink")
    for name in ("warp0", "vm8"):
        switch.swctl("del-port", name)
