"""What swctl shows: each reading command for people and, with --json, for programs.

    vm1 --- swd --- vm2      100 packets of one flow, 10 dropped ones, one learned MAC
"""

import json
import os
import re

import pytest
from frames import *

READING = ["list-ports", "show", "dump-flows", "dp show", "dp dump-flows", "stats", "drops", "pmd show", "pmd stats", "fdb show", "version"]
FRAME = raw(udp())


@pytest.fixture
def seen(net):
    """Traffic to show, and counters of before it."""
    net.before = {p["name"]: p for p in net.json("stats")["ports"]}
    net.drops_before = net.switch.drops().get(("vm1", "flow-drop"), 0)
    net.mac = fresh_macs(1)[0]
    net.set_flows(
        "priority=9,udp,in_port=vm1,cookie=0xabc,actions=mod_vlan_vid:10,output:vm2", "priority=5,tcp,actions=drop", "priority=0,actions=NORMAL"
    )
    for _ in range(100):
        net.vm1.send(FRAME)
        net.vm2.recv()
    net.vm1.send(*[raw(tcp())] * 10)
    net.vm3.send(broadcast(net.mac))
    net.vm4.recv()
    net.vm1.recv()
    net.vm2.recv()
    net.switch.wait_drop("vm1", "flow-drop", net.drops_before + 9)
    return net


@pytest.mark.parametrize("command", READING)
def test_every_reading_command_has_text_and_json(seen, command):
    words = command.split()
    text = seen.swctl(*words)
    assert text.strip() and "\t" not in text
    for arrangement in ([*words, "--json"], ["--json", *words]):
        assert json.loads(seen.swctl(*arrangement))


@pytest.mark.parametrize("command", ["add-flow actions=drop", "del-flows", "del-port vm1"])
def test_commands_that_change_things_take_no_json(net, command):
    net.switch.refused("--json", *command.split(), status=2)


def test_show_counts_what_is_there(seen):
    show = seen.json("show")
    assert (show["ports"], show["ports_up"], show["rules"]) == (4, 4, 3)
    assert show["swd"]["pid"] == seen.switch.swd.pid and show["swctld"]["pid"] == seen.switch.swctld.pid
    assert show["swd"]["connected"] is True
    assert show["megaflows"] >= 2 and show["macs"] >= 1 and show["masks"] >= 1
    text = seen.swctl("show")
    assert "4" in text and seen.switch.db in text


def test_list_ports_shows_number_kind_link_and_options(seen):
    ports = seen.json("list-ports")["ports"]
    assert [p["name"] for p in ports] == ["vm1", "vm2", "vm3", "vm4"]
    assert len({p["number"] for p in ports}) == 4
    port = ports[0]
    assert (port["kind"], port["link"], port["rx_queues"], port["tx_queues"]) == ("vhost-user", "up", 1, 1)
    assert port["options"]["path"] == seen.vm1.path and port["options"]["mode"] == "server"
    text = seen.swctl("list-ports")
    for word in ("vm1", "vm4", "up", "vhost-user", seen.vm1.path):
        assert word in text


def test_dump_flows_shows_counters_highest_priority_first(seen):
    seen.switch.wait(lambda: seen.switch.rule("udp")["n_packets"] == 100, "100 packets at the rule")
    rules = seen.json("dump-flows")["rules"]
    assert [r["priority"] for r in rules] == [9, 5, 0]
    rule = rules[0]
    assert rule["n_bytes"] == 100 * len(FRAME) and rule["cookie"] == "0xabc"
    assert rule["actions"] == "mod_vlan_vid:10,output:vm2"
    assert rule["duration_s"] < 60 and rule["idle_age_s"] < 60
    text = seen.swctl("dump-flows")
    assert text.index("priority=9") < text.index("priority=5") < text.index("priority=0")
    assert "n_packets=100" in text and "output:vm2" in text


def test_dump_flows_without_counters_can_be_added_again(seen):
    text = seen.swctl("dump-flows", "--no-stats")
    before = [r["flow"] for r in seen.json("dump-flows")["rules"]]
    seen.swctl("del-flows")
    seen.swctl("add-flows", "-", stdin=text)
    assert [r["flow"] for r in seen.json("dump-flows")["rules"]] == before


@pytest.mark.parametrize(
    "match, n",
    [("udp", 1), ("ip", 2), ("cookie=0xabc/-1", 1), ("in_port=vm1", 1), ("in_port=vm4", 0), ("", 3), ("out_port=vm2", 1)],
)
def test_dump_flows_takes_a_match(seen, match, n):
    assert len(seen.json("dump-flows", *([match] if match else []))["rules"]) == n


def test_dp_show_tells_memory_and_hits(seen):
    dp = seen.json("dp", "show")
    assert "huge" in dp["memory_kind"]
    assert 0 < dp["memory_used"] <= dp["memory_total"] <= seen.switch.mem << 20
    for key in ("cache_bytes", "megaflow_bytes", "counter_bytes", "pool_total", "pool_free", "max_flows", "hits", "misses"):
        assert dp[key] > 0, key
    assert dp["flows"] >= 2 and dp["masks"] >= 1
    assert dp["isa"] == os.environ.get("SWD_ISA", dp["isa"])
    text = seen.swctl("dp", "show")
    assert "huge" in text and "mask" in text.lower()


def test_dp_show_counts_hits_and_misses(net, newcomer):
    net.set_flows("actions=output:vm2")
    before = net.json("dp", "show")
    for _ in range(50):
        newcomer.send(FRAME)
        net.vm2.recv()
    after = net.switch.wait(lambda: (d := net.json("dp", "show"))["hits"] - before["hits"] >= 49 and d, "49 hits")
    assert after["hits"] - before["hits"] == 49
    assert after["misses"] - before["misses"] == 1


def test_dp_dump_flows_shows_mask_hits_bytes_age_actions(net, newcomer):
    net.set_flows("udp,actions=mod_vlan_vid:10,output:vm2")
    for _ in range(100):
        newcomer.send(FRAME)
        net.vm2.recv()
    net.switch.wait(lambda: net.switch.megaflows("in_port(new)")[0]["packets"] == 99, "99 hits")
    (flow,) = net.switch.megaflows("in_port(new)", "proto=17")
    assert flow["bytes"] == 99 * len(FRAME)
    assert 0 <= flow["age_s"] < 10
    assert re.search(r"push_vlan\(.*vid=10", flow["actions"]) and "vm2" in flow["actions"]
    text = net.swctl("dp", "dump-flows")
    assert "in_port(new)" in text and "99" in text


def test_stats_count_packets_and_bytes_both_ways(seen):
    def delta():
        after = {p["name"]: p for p in seen.json("stats")["ports"]}
        return {n: {k: after[n][k] - seen.before[n][k] for k in seen.before[n] if k not in ("name", "number")} for n in after}

    # A packet that has arrived may not be counted yet.
    d = seen.switch.wait(lambda: (d := delta())["vm1"]["rx_packets"] == 110 and d["vm2"]["tx_packets"] == 101 and d, "110 packets from vm1")
    assert d["vm1"]["rx_bytes"] == 100 * len(FRAME) + 10 * len(raw(tcp()))
    assert d["vm2"]["tx_bytes"] == 100 * (len(FRAME) + 4) + len(broadcast(seen.mac))
    assert d["vm1"]["dropped"] == 10
    assert [p["name"] for p in seen.json("stats", "vm2")["ports"]] == ["vm2"]
    assert "vm1" in seen.swctl("stats") and "vm1" not in seen.swctl("stats", "vm2")


def test_drops_are_shown_by_reason_and_port(seen):
    assert seen.switch.drops("vm1")[("vm1", "flow-drop")] == seen.drops_before + 10
    assert all(port == "vm1" for port, _ in seen.switch.drops("vm1"))
    text = seen.swctl("drops")
    assert "flow-drop" in text and "vm1" in text
    assert all(d["text"] for d in seen.json("drops")["drops"])


def test_stats_and_drops_of_an_unknown_port_are_refused(net):
    for command in ("stats", "drops"):
        assert "nosuch" in net.switch.refused(command, "nosuch")


def test_pmd_show_lists_threads_with_their_queues(seen):
    (pmd,) = seen.json("pmd", "show")["pmds"]
    assert pmd["core"] == 1
    assert sorted(q["port"] for q in pmd["rxqs"]) == ["vm1", "vm2", "vm3", "vm4"]
    assert pmd["rx_packets"] >= 110
    assert 0 <= pmd["busy_percent"] <= 100
    text = seen.swctl("pmd", "show")
    assert "vm1" in text and "core" in text.lower()


def test_fdb_show_lists_learned_macs(seen):
    assert [(e["port"], e["vlan"]) for e in seen.json("fdb", "show")["entries"] if e["mac"] == seen.mac] == [("vm3", 0)]
    assert seen.mac in seen.swctl("fdb", "show")


def test_version_names_all_programs(net):
    version = net.json("version")
    assert version["swd"] == version["swctld"] and version["protocol"] == 2
    assert "22.11" in version["dpdk"] or version["dpdk"]


def test_help_lists_every_command(net):
    text = net.swctl("help")
    for command in [*READING, "add-port", "del-port", "add-flow", "add-flows", "del-flows"]:
        assert command in text
    for command in READING:
        assert command.split()[-1] in net.swctl(*command.split(), "--help")


def test_pmd_show_lists_more_queues_than_a_datagram_holds(switch_factory, tmp_path):
    sw = switch_factory()
    names = [f"port-{i:03}-{'x' * 50}" for i in range(100)]
    for i, name in enumerate(names):
        sw.swctl("add-port", name, "type=vhost-user", f"path={tmp_path}/{i}", "queues=8")
    (pmd,) = sw.json("pmd", "show")["pmds"]
    assert sorted((q["port"], q["queue"]) for q in pmd["rxqs"]) == [(n, q) for n in names for q in range(8)]
    assert pmd["iterations"] > 0
    assert sw.json("show")["swd"]["connected"]
