"""swctl pmd stats: what a poll-mode thread counts agrees with what it did.

    vm1 --- swd --- vm2          net_null (as many packets as are polled) --- swd --- net_null
"""

import json
import os

from frames import *
from test_ethdev_ports import dpdk_port

ANSWERS = ("repeats", "emc_hits", "signature_hits", "megaflow_hits", "misses")
# Frames of one flow: without copy=1 they hold what their buffers held before.
SOURCE = "net_null6,copy=1"
STAGES = ("rx_cycles", "extract_cycles", "lookup_cycles", "actions_cycles", "tx_cycles")


def stats(switch):
    (pmd,) = switch.json("pmd", "stats")["pmds"]
    return pmd


def difference(before, after):
    return {key: after[key] - before[key] for key in after}


def over_a_second(switch):
    (pmd,) = json.loads(switch.swctl("pmd", "stats", "--interval", 1, "--count", 1, "--json"))["pmds"]
    return pmd


def test_each_lookup_is_answered_once(net, newcomer):
    """Three flows in turn, then one in a row."""
    net.set_flows("in_port=new,udp,actions=output:vm2")
    before = stats(net.switch)
    frames = [raw(udp(sport=1000 + i % 3)) for i in range(60)] + [raw(udp(sport=7))] * 60
    newcomer.send(*frames)
    assert len(net.vm2.recv_n(len(frames))) == len(frames)

    def counted():
        done = difference(before, stats(net.switch))
        return done if sum(done[key] for key in ANSWERS) >= len(frames) + done["recirculations"] else None

    done = net.switch.wait(counted, "count")
    assert done["rx_packets"] == len(frames)
    assert sum(done[key] for key in ANSWERS) == len(frames) + done["recirculations"]
    assert done["misses"] >= 1
    assert done["masks_tried"] <= (done["megaflow_hits"] + done["misses"]) * net.json("dp", "show")["masks"]


def test_stages_add_up_to_the_busy_cycles(net):
    with dpdk_port(net.switch, "source", SOURCE), dpdk_port(net.switch, "sink", "net_null7,no-rx=1"):
        net.set_flows("in_port=source,actions=output:sink")
        net.switch.wait(lambda: net.switch.megaflows("in_port(source)"), "megaflow")

        def adds_up():
            pmd = over_a_second(net.switch)
            assert pmd["rx_packets"] / pmd["rx_bursts"] == 32
            assert pmd["busy_cycles"] > 10 * pmd["idle_cycles"]
            assert pmd["copies"] == 0
            assert all(pmd[key] > 0 for key in STAGES)
            busy = pmd["busy_cycles"] / pmd["rx_packets"]
            stages = sum(pmd[key] for key in STAGES) / pmd["stage_packets"]
            assert 0.6 * busy < stages < 1.2 * busy, f"{stages:.0f} cycles a packet in stages, {busy:.0f} in all"
            return True

        # Another process on the thread's core may fall into a burst that is measured: one second of several is quiet.
        net.switch.wait(adds_up, "second in which they do", 10)


def test_one_flow_in_a_row_needs_no_walk(net):
    with dpdk_port(net.switch, "source", SOURCE), dpdk_port(net.switch, "sink", "net_null7,no-rx=1"):
        net.set_flows("in_port=source,actions=output:sink")
        net.switch.wait(lambda: net.switch.megaflows("in_port(source)"), "megaflow")
        pmd = over_a_second(net.switch)
    assert pmd["repeats"] > 0.9 * pmd["rx_packets"]
    assert pmd["misses"] == 0


def test_an_idle_thread_says_so(net):
    net.set_flows()
    pmd = over_a_second(net.switch)
    assert pmd["idle_cycles"] > 100 * pmd["busy_cycles"]
    assert pmd["iterations"] > pmd["busy_iterations"]


def test_tables_name_the_instruction_set(net):
    known = ("plain", "avx2", "avx512")
    result = net.json("pmd", "stats")
    assert result["isa"] in known and result["isa"] == os.environ.get("SWD_ISA", result["isa"])
    assert 0 < result["seconds"] < 100_000
    text = net.swctl("pmd", "stats")
    assert f"instruction set {result['isa']}, " in text
    for title in ("load", "cycles per packet, and by stage", "lookups, and what answered them"):
        assert f"\n{title}\nCORE" in text
