"""Rules that end by themselves, and megaflows that age out.

    vm1 --- swd --- vm2
"""

import time

from frames import *
from scale import long_only


def rules_with(net, text):
    return [r for r in net.json("dump-flows")["rules"] if text in r["flow"]]


def wait_gone(net, text, since):
    """Seconds from then until no rule has `text` any more."""
    net.switch.wait(lambda: not rules_with(net, text), f"end of the rule {text}")
    return time.monotonic() - since


def test_idle_timeout_removes_a_rule_without_traffic(net):
    start = time.monotonic()
    net.set_flows("priority=1,actions=drop", "udp,idle_timeout=1,actions=output:vm2")
    assert wait_gone(net, "udp", start) > 0.9
    assert len(rules_with(net, "")) == 1


def test_idle_timeout_spares_a_rule_with_traffic_then_ends_it(net):
    # A machine that stands still for two seconds makes no rule idle.
    net.set_flows("udp,idle_timeout=3,actions=output:vm2")
    end = time.monotonic() + 4.5
    while (last := time.monotonic()) < end:
        net.vm1.send(raw(udp()))
        net.vm2.recv()
        net.vm2.expect_none(0.1)  # paces the traffic
    assert rules_with(net, "udp")
    assert wait_gone(net, "udp", last) > 0.2


def test_hard_timeout_removes_a_rule_in_spite_of_traffic(net):
    start = time.monotonic()
    net.set_flows("priority=1,actions=output:vm3", "udp,hard_timeout=1,actions=output:vm2")

    def takes_the_other_rule():
        net.vm1.send(raw(udp()))
        return net.switch.wait(lambda: [g for g in (net.vm2, net.vm3) if g.drain()], "frame at either") == [net.vm3]

    net.switch.wait(takes_the_other_rule, "end of the rule that packets take")
    assert time.monotonic() - start > 0.9
    assert not rules_with(net, "udp")


def test_timeouts_are_shown_and_kept(net):
    net.set_flows("udp,idle_timeout=60,hard_timeout=600,actions=output:vm2")
    rule = net.switch.rule("udp")
    assert (rule["idle_timeout"], rule["hard_timeout"]) == (60, 600)
    assert "idle_timeout=60" in rule["flow"] and "hard_timeout=600" in rule["flow"]


@long_only
def test_a_megaflow_ages_out_after_ten_idle_seconds_and_a_used_one_stays(net):
    net.set_flows("in_port=vm1,actions=output:vm2", "in_port=vm3,actions=output:vm2")
    net.vm1.send(raw(udp()))
    net.vm2.recv()
    start = time.monotonic()
    assert net.switch.megaflows("in_port(vm1)")
    ended = None
    while time.monotonic() - start < 10.5 or ended is None:
        assert time.monotonic() - start < 16, "the idle megaflow is still there"
        net.vm3.send(raw(udp()))
        net.vm2.recv()
        net.vm2.expect_none(0.25)
        if ended is None and not net.switch.megaflows("in_port(vm1)"):
            ended = time.monotonic() - start
    assert 9 < ended < 13
    (used,) = net.switch.megaflows("in_port(vm3)")
    assert used["packets"] >= 15
    # The idle one's packet still counts at its rule, and the next packet makes it anew.
    assert net.switch.rule("in_port=vm1")["n_packets"] == 1
    net.vm1.send(raw(udp()))
    net.vm2.recv()
