"""What is measured, each with its bars: a table, in the order of the run (a change of layout starts the peers anew)."""

from dataclasses import dataclass, field

import rules

ONLY_OVS = ("swd", "swd-ovs", "ovs", "ovs-best")
DPDK = (*ONLY_OVS, "testpmd")
ALL = (*DPDK, "bridge")  # the bridge knows no flows: it takes part where frames and directions differ
LAYOUTS = {
    "vm-vm": "two vhost-user ports",
    "tso": "two vhost-user ports with segmentation offload",
    "vm-tap": "a vhost-user port and a tap",
    "pairs": "four vhost-user ports, two and two (bench_flows.py)",
}


@dataclass(frozen=True)
class Scenario:
    name: str
    what: str
    size: str = "64"
    flows: int = 1
    classes: int = 1
    rules: tuple = tuple(rules.five_tuple())
    both: bool = True
    packed: bool = False
    ring: int = 256  # entries: QEMU's default
    layout: str = "vm-vm"
    peers: tuple = DPDK
    prewarm: float = 0  # seconds of a run before, so that caches of many flows are warm when counting begins
    fresh: bool = False  # each frame is the first of a connection: they are forgotten before a run, which ends before a flow comes again
    latency: bool = False  # at half of OVS's maximum rate instead of at full rate
    bars: dict = field(default_factory=dict)  # peer: the least ratio swd/peer (latency: the largest)
    short: bool = False

    @property
    def unit(self):
        return "p99" if self.latency else "Gb/s" if self.size == "tso" else "Mpps"


SCENARIOS = [
    # Megaflows narrower than a scenario needs stay right, and would be what it measures: so those with the widest come first.
    Scenario("in-port", "64 B, 1 flow each way, rule on in_port alone: OVS does not parse", rules=tuple(rules.in_port())),
    Scenario("normal", "64 B, 1,000 flows each way, MAC learning: actions=normal", flows=1000, rules=("actions=normal",), peers=ONLY_OVS),
    Scenario("flows-1", "64 B, 1 flow each way, rule on the 5-tuple", peers=ALL, bars={"ovs": 2.5, "testpmd": 1.5}, short=True),
    Scenario("flows-1k", "64 B, 1,000 flows each way", flows=1000, bars={"ovs-best": 2.5}, short=True),
    Scenario("flows-100k", "64 B, 100,000 flows each way", flows=100_000, bars={"ovs-best": 2.5}, short=True),
    Scenario("flows-1m", "64 B, 1,000,000 flows each way", flows=1_000_000, prewarm=1.0, bars={"ovs-best": 2.5}),
    Scenario(
        "masks-16",
        "64 B, 100,000 flows, evenly on 16 masks",
        flows=100_000,
        classes=16,
        rules=tuple(rules.masks(16)),
        peers=ONLY_OVS,
        bars={"ovs-best": 2.5},
    ),
    Scenario(
        "masks-64",
        "64 B, 100,000 flows, evenly on 64 masks",
        flows=100_000,
        classes=64,
        rules=tuple(rules.masks(64)),
        peers=ONLY_OVS,
        bars={"ovs-best": 3.0},
        short=True,
    ),
    Scenario("imix", "7 x 64, 4 x 570, 1 x 1514 B, 1,000 flows each way", size="imix", flows=1000, peers=ALL),
    Scenario("1500", "1500 B, 1 flow each way", size="1500", peers=ALL, bars={"ovs-best": 1.8}, short=True),
    Scenario("1500-ring-1024", "1500 B, 1 flow each way, rings of 1,024: buffers beyond the L2 cache", size="1500", ring=1024),
    Scenario("one-way", "64 B, 1 flow, one direction", both=False, peers=ALL),
    Scenario("1500-one-way", "1500 B, 1 flow, one direction", size="1500", both=False, peers=ALL),
    Scenario("packed", "64 B, 1 flow each way, packed rings", packed=True),
    Scenario("packed-1500", "1500 B, 1 flow each way, packed rings", size="1500", packed=True),
    Scenario(
        "latency",
        "64 B, 1 flow each way, at half of OVS's maximum rate",
        latency=True,
        peers=("swd", "ovs", "testpmd"),
        bars={"ovs": 0.7},
        short=True,
    ),
    Scenario(
        "tso",
        "TCP frames of 64 KiB with segmentation offload, 1 flow each way",
        size="tso",
        ring=1024,
        rules=tuple(rules.five_tuple("tcp")),
        layout="tso",
        peers=ALL,
        bars={"ovs-best": 1.8},
    ),
    Scenario(
        "ct-new",
        "64 B, each frame commits a connection",
        flows=1_000_000,
        rules=tuple(rules.tracked()),
        both=False,
        fresh=True,
        prewarm=0.05,
        peers=ONLY_OVS,
        bars={"ovs-best": 1.5},
    ),
    Scenario(
        "ct-known",
        "64 B, 1,000 connections that are committed",
        flows=1000,
        rules=tuple(rules.tracked()),
        both=False,
        prewarm=0.2,
        peers=ONLY_OVS,
        bars={"ovs-best": 1.5},
    ),
    Scenario("vm-tap", "64 B, 1 flow, from a guest to a tap", both=False, layout="vm-tap", peers=ONLY_OVS),
    Scenario("vm-tap-1500", "1500 B, 1 flow, from a guest to a tap", size="1500", both=False, layout="vm-tap", peers=ONLY_OVS),
]

# Cycles per packet of the same switch: scenario, the one with a thousand times fewer flows, the most it may cost.
GROWTH = [("flows-1k", "flows-1", 2.0), ("flows-1m", "flows-1k", 2.0)]

# The same switch under ovs-vswitchd and under swctld, in every scenario: the least ratio.
UNDER_OVS = 0.95
