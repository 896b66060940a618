"""The receive engines that `make bench-engines` compares: a table. docs/engines.md explains each row's copies."""

from dataclasses import dataclass
from typing import Callable

import engines_probe

VETH = ("link add gen0 type veth peer name swd0", "link set gen0 up", "link set swd0 up")
BRIDGE = (
    "link add br0 type bridge mcast_snooping 0",
    "link add gen0 type veth peer name br-in",
    "link set br-in master br0 up",
    "link set gen0 up",
    "link set br0 up",
)
SECOND_VETH = ("link add sink0 type veth peer name br-out", "link set br-out master br0 up", "link set sink0 up")
MACVLAN = (*VETH, "link add link swd0 name mac0 type macvlan mode passthru", "link set mac0 up")
MADE = ("gen0", "sink0", "mac0", "br0")  # what the rows above make and nobody else takes away

# The words for `swctl add-port NAME`, the one place that knows them. {dir} is a folder of the bench's own.
AF_PACKET = ("type=af-packet", "iface=swd0")
PCAP = ("type=pcap", "iface=swd0")
AF_XDP = ("type=af-xdp", "iface=swd0")
AF_XDP_QUIET = (*AF_XDP, "busy-budget=0")
AF_XDP_GENERIC = ("type=af-xdp", "iface=mac0")
PF_RING = ("type=pf-ring", "iface=swd0")
TAP = ("type=tap", "iface=tap0")
MEMIF_SERVER = ("type=memif", "role=server", "path={dir}/memif.sock")
MEMIF_CLIENT = ("type=memif", "path={dir}/memif.sock")


@dataclass(frozen=True)
class Engine:
    name: str
    what: str  # the way of a frame from the generator on
    copies: tuple  # of a payload, one text each, from the first sk_buff (or the sending guest) into the receiver's memory
    links: tuple = ()  # words for ip, before the ports
    ports: tuple = ()  # (name, words...) for swctl add-port
    late_links: tuple = ()  # words for ip, after the ports
    source: str = "packet:gen0"  # the generator's ports
    sink: str = "vhost:{vm1}"
    hops: tuple = (("e", "vm1"),)  # a rule for each: from port, to port
    back: bool = True  # the other way is a way of its own
    wakes_control: bool = False  # it takes core 0 from the generator: its own cost, no disturbance
    probe: Callable = lambda: None  # why this machine cannot run it, or None


GUEST = "mbuf -> guest"

ENGINES = (
    Engine(
        "bridge",
        "veth, kernel bridge, veth, packet socket: no swd",
        ("sk_buff -> receiver's buffer",),
        links=(*BRIDGE, *SECOND_VETH),
        sink="packet:sink0",
        hops=(),
        back=False,
    ),
    Engine(
        "pcap",
        "veth, libpcap (a packet ring), swd, guest",
        ("sk_buff -> packet ring", "packet ring -> mbuf", GUEST),
        links=VETH,
        ports=(("e", *PCAP),),
    ),
    Engine(
        "af-packet",
        "veth, packet ring (PACKET_MMAP), swd, guest",
        ("sk_buff -> packet ring", "packet ring -> mbuf", GUEST),
        links=VETH,
        ports=(("e", *AF_PACKET),),
    ),
    Engine(
        "af-xdp",
        "veth, XDP in its driver, UMEM (copy mode), swd, guest; busy polling, the driver's default",
        ("sk_buff -> XDP page", "XDP page -> UMEM (is the mbuf)", GUEST),
        links=VETH,
        ports=(("e", *AF_XDP),),
    ),
    Engine(
        "af-xdp-quiet",
        "the same without busy polling (busy-budget=0)",
        ("sk_buff -> XDP page", "XDP page -> UMEM (is the mbuf)", GUEST),
        links=VETH,
        ports=(("e", *AF_XDP_QUIET),),
    ),
    Engine(
        "af-xdp-generic",
        "veth, macvlan, generic XDP, UMEM (copy mode), swd, guest",
        ("sk_buff -> XDP page", "XDP page -> UMEM (is the mbuf)", GUEST),
        links=MACVLAN,
        ports=(("e", *AF_XDP_GENERIC),),
    ),
    Engine(
        "tap",
        "tap in the veth's place, swd, guest",
        ("sk_buff -> mbuf", GUEST),
        ports=(("e", *TAP),),
        source="packet:tap0",
        wakes_control=True,
    ),
    Engine(
        "tap-bridged",
        "veth, kernel bridge, tap, swd, guest",
        ("sk_buff -> mbuf", GUEST),
        links=BRIDGE,
        ports=(("e", *TAP),),
        late_links=("link set tap0 master br0",),
        wakes_control=True,
    ),
    Engine(
        "memif",
        "guest, swd, memif, the same swd, guest",
        ("guest -> memif region", "memif region -> mbuf", GUEST),
        ports=(("m1", *MEMIF_SERVER), ("m2", *MEMIF_CLIENT)),
        source="vhost:{vm2}",
        hops=(("vm2", "m1"), ("m2", "vm1")),
        back=False,
    ),
    Engine("vhost-user", "guest, swd, guest", ("guest -> guest",), source="vhost:{vm2}", hops=(("vm2", "vm1"),), back=False),
    Engine(
        "pf-ring",
        "veth, PF_RING's ring, swd, guest",
        ("sk_buff -> PF_RING", "PF_RING -> mbuf", GUEST),
        links=VETH,
        ports=(("e", *PF_RING),),
    ),
    Engine("nic", "NIC, DMA, swd, guest", (GUEST,), probe=engines_probe.nic),
)
