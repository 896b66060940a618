"""Meters that an operator sets are swd's, whatever happens to either daemon, and act on packets.

    vm1 --vhost-user--> swd (meter) --vhost-user--> vm2
                         ^
    operator (swctl) --> swctld ---> database
"""

import time

import pytest
from frames import *


@pytest.fixture
def metered(net):
    yield net
    net.swctl("del-meters")


def stats(net, meter):
    found = [m for m in net.json("meter-stats")["meters"] if m["meter_id"] == meter]
    return found[0] if found else None


def test_a_meter_drops_what_is_above_its_rate_and_counts_it(metered):
    net = metered
    net.swctl("add-meter", "meter=1,pktps,burst,band=type=drop,rate=1,burst_size=5")
    net.set_flows("priority=5,udp,in_port=vm1,actions=meter:1,output:vm2")
    began = time.monotonic()
    for _ in range(20):
        net.vm1.send(raw(udp()))
    net.switch.wait(lambda: stats(net, 1)["packets"] == 20, "20 packets at the meter")
    took = time.monotonic() - began
    found = stats(net, 1)
    assert found["flow_count"] == 1
    dropped = found["bands"][0]["packets"]
    assert 14 - took <= dropped <= 15  # 5 at once, and 1 a second
    net.vm2.recv_n(20 - dropped)
    net.vm2.expect_none(0.01)


def test_a_changed_meter_is_swds_at_once_and_a_deleted_one_takes_its_rules(metered):
    net = metered
    net.swctl("add-meter", "meter=2,pktps,burst,band=type=drop,rate=1,burst_size=1")
    net.set_flows("priority=1,actions=drop")
    net.swctl("add-flow", "priority=5,udp,in_port=vm1,actions=meter:2,output:vm2")
    net.swctl("mod-meter", "meter=2,pktps,burst,band=type=drop,rate=1000,burst_size=1000")
    for _ in range(20):
        net.vm1.send(raw(udp()))
    net.switch.wait(lambda: stats(net, 2)["packets"] == 20, "20 packets at the meter")
    assert stats(net, 2)["bands"][0]["packets"] == 0
    assert net.swctl("del-meters", "meter=2") == "1 meter deleted, 1 rule deleted\n"
    assert stats(net, 2) is None
    assert [r["priority"] for r in net.json("dump-flows")["rules"]] == [1]


def test_meters_come_back_when_either_daemon_does(switch_factory):
    switch = switch_factory()
    switch.swctl("add-meters", "-", stdin="meter=1,kbps,band=type=drop,rate=1000\nmeter=2,kbps,band=type=drop,rate=5\n")

    def ids():
        return [m["meter_id"] for m in switch.json("meter-stats")["meters"]]

    assert ids() == [1, 2]
    switch.swd.kill()
    switch.start_swd()
    switch.wait(lambda: switch.run("meter-stats").returncode == 0, "swd's return")
    assert ids() == [1, 2]
    switch.swctld.kill()
    switch.start_swctld()
    switch.wait(lambda: switch.run("meter-stats").returncode == 0, "swctld's return")
    assert ids() == [1, 2]
