"""Ports on interfaces of the host: af-xdp, af-packet, pcap, and tap, which makes one.

    vm1 (guest) --- swd --- near ===veth=== far          near: in swd's own network namespace
                                                         far: in another one
"""

import glob
import re
import signal
import socket
import threading

import pytest
from conftest import attach
from frames import *
from netns import Netns
from scapy.utils import rdpcap, wrpcap

ATTACHED = ["af-packet", "af-xdp", "pcap"]  # kinds that take an interface which is there
FRAMES = [numbered(UDP_FRAME, i) for i in range(40)] + [raw(udp(payload=bytes(range(256)) * 5)), raw(tcp(l2=eth(vlan=7)))]


class World:
    def __init__(self, switch, vm1):
        self.switch = switch
        self.vm1 = vm1
        self.near = Netns(switch.swd.pid)
        self.far = Netns()

    def clean(self):
        for port in self.switch.json("list-ports")["ports"]:
            if port["name"] != "vm1":
                self.switch.swctl("del-port", port["name"])
        self.near.ip("link", "del", "near", check=False)
        self.switch.set_flows()
        self.vm1.drain()

    def add(self, kind, *options, name="wire"):
        self.switch.swctl("add-port", name, f"type={kind}", *options)
        return self.switch.port(name)

    def wire(self, kind, *options, **veth):
        """A port on `near`, cross-connected with the guest."""
        self.near.veth("near", self.far, "far", **veth)
        self.add(kind, "iface=near", *options)
        self.switch.wait_link("wire")  # Linux tells of a carrier a little later
        port = self.switch.port("wire")
        self.switch.set_flows("in_port=vm1,actions=output:wire", "in_port=wire,actions=output:vm1")
        return port

    def refused(self, kind, *options):
        """The line of a refusal; nothing must have changed."""
        before = self.switch.json("list-ports"), self.near.ip("-o", "link")
        line = self.switch.refused("add-port", "other", f"type={kind}", *options)
        assert (self.switch.json("list-ports"), self.near.ip("-o", "link")) == before
        return line


@pytest.fixture(scope="module")
def module_world(module_switch_factory):
    switch = module_switch_factory(start=False)
    switch.swd_prefix = ["unshare", "-nm", "sh", "-c", 'mount -t sysfs none /sys && exec "$@"', "sh"]
    switch.start()
    vm1 = attach(switch, "vm1")
    switch.wait_link("vm1")
    world = World(switch, vm1)
    yield world
    world.far.close()
    vm1.close()


@pytest.fixture
def world(module_world):
    yield module_world
    module_world.clean()


def pass_both_ways(world, sock, frames=FRAMES):
    for frame in frames:
        world.vm1.send(frame)
        assert sock.frame() == frame
    for frame in frames:
        sock.send(frame)
        assert world.vm1.recv() == frame


@pytest.mark.parametrize("kind", ATTACHED)
def test_frames_pass_both_ways_byte_for_byte(world, kind):
    port = world.wire(kind)
    assert (port["kind"], port["link"]) == (kind, "up")
    with world.far.packet_socket("far") as sock:
        pass_both_ways(world, sock)
    world.switch.swctl("del-port", "wire")
    assert "PROMISC" not in world.near.ip("-o", "link", "show", "near")


@pytest.mark.parametrize("kind", ATTACHED)
def test_the_link_is_the_interface_s(world, kind):
    world.wire(kind)
    world.far.ip("link", "set", "far", "down")
    world.switch.wait_link("wire", "down", 2)
    assert "near has no carrier" in world.switch.port("wire")["reason"]
    world.far.ip("link", "set", "far", "up")
    world.switch.wait_link("wire", "up", 2)


@pytest.mark.parametrize("kind", ATTACHED)
def test_a_port_outlives_its_interface(world, kind):
    """Deleted under traffic it goes down and says why; made anew, the port is back with number, name and rules."""
    number = world.wire(kind)["number"]
    world.vm1.send(*FRAMES)
    world.near.ip("link", "del", "near")
    world.vm1.send(*FRAMES)
    world.switch.wait_link("wire", "down", 2)
    world.switch.wait(lambda: "near is gone" in world.switch.port("wire")["reason"], "reason of it", 2)
    drops = world.switch.drops().get(("wire", "port-down"), 0)
    world.vm1.send(*FRAMES)
    world.switch.wait_drop("wire", "port-down", above=drops)
    world.near.veth("near", world.far, "far")
    world.switch.wait_link("wire", "up", 3)
    assert world.switch.port("wire")["number"] == number
    with world.far.packet_socket("far") as sock:
        pass_both_ways(world, sock)


@pytest.mark.parametrize("kind", ["af-packet", "pcap", "af-xdp", "af-xdp xdp=generic"])
def test_a_port_that_was_removed_can_be_added_again(world, kind):
    kind, *options = kind.split()
    world.wire(kind, *options)
    for _ in range(2):
        world.switch.swctl("del-port", "wire")
        world.switch.refused("add-port", "wire", f"type={kind}", "iface=near", *options, "mtu=65000" if kind != "pcap" else "mtu=1")
        world.switch.swctl("add-port", "wire", f"type={kind}", "iface=near", *options)
    world.switch.wait_link("wire")
    with world.far.packet_socket("far") as sock:
        pass_both_ways(world, sock)


def xdp_attached(world, iface):
    """The mode, in the kernel's word, of the XDP program on an interface: "xdp" is native; None: there is none."""
    flags = world.near.ip("link", "show", iface).split()
    return next((w for w in flags if w in ("xdp", "xdpgeneric", "xdpoffload", "xdpmulti")), None)


@pytest.fixture
def macvlan(world):
    """`mac0`, whose driver knows no XDP, on `near`."""
    world.near.veth("near", world.far, "far")
    world.near.ip("link", "add", "link", "near", "name", "mac0", "type", "macvlan", "mode", "passthru")
    world.near.ip("link", "set", "mac0", "up")
    return world


def cross(world):
    world.switch.set_flows("in_port=vm1,actions=output:wire", "in_port=wire,actions=output:vm1")


def test_an_interface_without_xdp_has_it_in_generic_mode(macvlan):
    port = macvlan.add("af-xdp", "iface=mac0")
    assert port["link"] == "up" and port["detail"].startswith("generic XDP")
    assert "the driver of mac0 knows no XDP" in port["reason"]
    assert "wire is up: XDP in generic mode" in macvlan.switch.swctl("list-ports")
    assert xdp_attached(macvlan, "mac0") == "xdpgeneric"
    cross(macvlan)
    with macvlan.far.packet_socket("far") as sock:
        pass_both_ways(macvlan, sock, FRAMES[:-1])  # Linux takes a tag off before a macvlan has the frame: docs/ports.md
    macvlan.switch.swctl("del-port", "wire")
    assert xdp_attached(macvlan, "mac0") is None


@pytest.mark.parametrize("mode, kernel", [("auto", "xdp"), ("native", "xdp"), ("generic", "xdpgeneric")])
def test_the_xdp_mode_can_be_chosen(world, mode, kernel):
    port = world.wire("af-xdp", f"xdp={mode}")
    assert port["detail"].startswith({"xdp": "native", "xdpgeneric": "generic"}[kernel] + " XDP: ")
    assert (port["link"], port["reason"]) == ("up", "")
    assert xdp_attached(world, "near") == kernel
    with world.far.packet_socket("far") as sock:
        pass_both_ways(world, sock)
    world.switch.swctl("del-port", "wire")
    assert xdp_attached(world, "near") is None


def test_a_driver_that_refuses_leaves_generic_mode(world):
    port = world.wire("af-xdp", mtu=9000)
    assert port["detail"].startswith("generic XDP") and "near has no XDP for an MTU of this size" in port["reason"]
    with world.far.packet_socket("far") as sock:
        pass_both_ways(world, sock)
        sock.send(raw(udp(payload=bytes(5000))))
    world.switch.wait_drop("wire", "device-missed")


def test_a_port_in_generic_mode_outlives_its_interface(macvlan):
    macvlan.add("af-xdp", "iface=mac0")
    cross(macvlan)
    macvlan.near.ip("link", "del", "mac0")
    macvlan.switch.wait_link("wire", "down", 2)
    macvlan.near.ip("link", "add", "link", "near", "name", "mac0", "type", "macvlan", "mode", "passthru")
    macvlan.near.ip("link", "set", "mac0", "up")
    macvlan.switch.wait_link("wire", "up", 3)
    assert xdp_attached(macvlan, "mac0") == "xdpgeneric"
    with macvlan.far.packet_socket("far") as sock:
        pass_both_ways(macvlan, sock, FRAMES[:-1])


def test_pcap_files_are_read_and_written_byte_for_byte(world, run_dir):
    wrpcap(f"{run_dir}/in.pcap", FRAMES, linktype=1)
    # The rules cannot name the port before it is there, and the frames come as soon as it is.
    world.switch.set_flows("in_port=vm1,actions=drop", "priority=1,actions=output:vm1")
    world.add("pcap", f"rx-file={run_dir}/in.pcap", f"tx-file={run_dir}/out.pcap")
    # Those that have no megaflow yet go by way of swctld, and may be overtaken.
    assert sorted(world.vm1.recv_n(len(FRAMES))) == sorted(FRAMES)
    world.vm1.expect_none()
    world.switch.set_flows("in_port=vm1,actions=output:wire")
    written = 0
    for frames in (FRAMES[:1], FRAMES[1:]):
        world.vm1.send(*frames)
        written += len(frames)
        world.switch.wait(lambda: world.switch.json("stats", "wire")["ports"][0]["tx_packets"] == written, "frames written")
    world.switch.swctl("del-port", "wire")
    assert [bytes(p) for p in rdpcap(f"{run_dir}/out.pcap")] == FRAMES


def test_a_pcap_file_in_a_loop_does_not_end(world, run_dir):
    wrpcap(f"{run_dir}/in.pcap", FRAMES[:3], linktype=1)
    world.add("pcap", f"rx-file={run_dir}/in.pcap", "loop=on")
    world.switch.set_flows("in_port=wire,actions=output:vm1")
    assert set(world.vm1.recv_n(30)) == set(FRAMES[:3])


REFUSALS = [
    (["af-packet", "iface=nothing"], "no interface is named nothing"),
    (["af-xdp", "iface=nothing"], "no interface is named nothing"),
    (["pcap", "iface=nothing"], "no interface is named nothing"),
    (["af-packet"], "needs iface="),
    (["af-packet", "iface=low", "ring=1000"], "power of two"),
    (["af-packet", "iface=big"], "mtu of 9000, an af-packet port takes 1964"),
    (["af-xdp", "iface=low"], "interface low is down: `ip link set low up`"),
    (["pcap", "iface=low"], "interface low is down: `ip link set low up`"),
    (["af-xdp", "iface=big", "queues=2"], "big has 1 queue: start-queue=0 with queues=2"),
    (["af-xdp", "iface=big", "start-queue=1"], "big has 1 queue: start-queue=1 with queues=1"),
    (["af-xdp", "iface=way"], "interface way carries the host's default route"),
    (["af-xdp", "iface=below"], "interface below carries the host's default route"),
    (["af-packet", "iface=taken"], 'belongs to port "owner"'),
    (["af-xdp", "iface=mac", "xdp=native"], "mac has no native XDP: its driver knows no XDP: give xdp=generic, or auto"),
    (["af-xdp", "iface=big", "xdp=native"], "its driver has no XDP for an MTU of this size: give xdp=generic"),
    (["af-xdp", "iface=other"], "has an XDP program already: `ip link show dev other` shows it, `ip link set dev other xdpgeneric off`"),
    (["af-xdp", "iface=taken"], 'belongs to port "owner"'),
    (["pcap", "iface=taken"], 'belongs to port "owner"'),
    (["dpdk", "devargs=net_tap9,iface=taken"], "belongs to a port already"),
    (["pcap"], "needs iface=, or rx-file= or tx-file="),
    (["pcap", "iface=taken", "rx-file=/a"], "not both"),
    (["pcap", "loop=on", "tx-file=/tmp/x"], "loop=on needs rx-file="),
    (["pcap", "rx-file=/nothing/in.pcap"], "rx-file=/nothing/in.pcap: No such file"),
    (["pcap", "tx-file=/nothing/out.pcap"], "its folder does not exist"),
    (["pcap", "tx-file=/tmp/a,b.pcap"], "comma"),
    (["pcap", "rx-file=/proc/version"], "is no capture file"),
    (["pf-ring", "iface=low"], "PF_RING is missing: its kernel module (`modprobe pf_ring`) and its libpcap (no /usr"),
    (["pf-ring", "iface=low", f"library={__file__}"], "its libpcap in this swd (start that with LD_PRELOAD="),
    (["tap", "iface=taken"], 'belongs to port "owner"'),
    (["tap", "iface=big"], "big is there already"),
    (["tap", "queues=5"], "queues=5 does not do: use a number from 1 to 4"),
    (["dpdk", "devargs=net_tap9,iface=t", "mtu=9000"], 'mtu=9000 asked, device "net_tap9,iface=t" allows 1504'),
    (["dpdk", "devargs=net_tap9,iface=t", "queues=5"], 'queues=5 is too many: device "net_tap9,iface=t" has 4'),
    (["dpdk", "devargs=net_tun9,iface=t", "queues=5"], 'queues=5 is too many: device "net_tun9,iface=t" has 4'),
    (["tap", "iface=t", "address=10.0.0.1"], "ADDRESS/LENGTH"),
    (["tap", "iface=t", "address=fd00::1/64"], "does not take address=fd00::1/64"),
]


@pytest.fixture(scope="module")
def occupied(module_world):
    """Interfaces of every state that refuses a port."""
    world = module_world
    world.near.veth("taken", world.far, "far-taken")
    world.add("af-packet", "iface=taken", name="owner")
    world.near.veth("low", world.far, "far-low", up=False)
    world.near.veth("big", world.far, "far-big", mtu=9000)
    world.near.veth("way", world.far, "far-way")
    world.near.ip("address", "add", "10.9.0.1/24", "dev", "way")
    world.near.ip("route", "add", "default", "via", "10.9.0.2")
    world.near.veth("below", world.far, "far-below")
    world.near.ip("link", "add", "name", "bridge0", "type", "bridge")
    world.near.ip("link", "set", "below", "master", "bridge0")
    world.near.ip("link", "set", "bridge0", "up")
    world.near.ip("address", "add", "10.9.1.1/24", "dev", "bridge0")
    world.near.ip("route", "add", "default", "via", "10.9.1.2", "metric", "7")
    world.near.veth("other", world.far, "far-other")
    world.near.ip("link", "add", "link", "other", "name", "mac", "type", "macvlan")
    world.near.ip("link", "set", "mac", "up")
    world.near.ip("link", "set", "dev", "other", "xdpgeneric", "obj", glob.glob("/usr/lib/*/bpf/xsk_def_xdp_prog.o")[0], "sec", "xdp")
    for name in ("taken", "big", "way", "below", "bridge0", "other", "mac"):  # Linux tells of it up to a second later
        world.switch.wait(lambda: " state UP " in world.near.ip("-o", "link", "show", name), f"state of {name}")
    world.switch.wait_link("owner")
    yield world
    for name in ("taken", "low", "big", "way", "below", "bridge0", "other"):
        world.near.ip("link", "del", name)
    world.clean()


@pytest.mark.parametrize("words, why", REFUSALS, ids=[" ".join(words) for words, _ in REFUSALS])
def test_what_cannot_be_is_refused_in_one_line(occupied, words, why):
    assert why in occupied.refused(*words)


def test_the_default_route_can_be_taken_by_force(occupied):
    assert occupied.add("af-xdp", "iface=way", "force=on", name="forced")["link"] == "up"
    occupied.switch.swctl("del-port", "forced")


@pytest.fixture
def peer(world):
    """The far end of a veth pair whose near end is af-packet port `wire`, with addresses; `host0` is the tap's."""
    world.near.veth("near", world.far, "far")
    world.far.checksums_in_software("far")
    world.far.ip("address", "add", "10.8.0.2/24", "dev", "far")
    world.add("af-packet", "iface=near")
    return world.far


def test_the_host_talks_through_a_tap(world, peer):
    """Ping and a TCP transfer between the host's own sockets and another's, through the switch."""
    mac = "02:00:00:00:aa:01"
    port = world.add("tap", "iface=host0", "address=10.8.0.1/24", f"mac={mac}", "mtu=1400", name="host")
    assert (port["mac"], port["mtu"], port["link"]) == (mac, 1400, "up")
    shown = world.near.ip("-o", "address", "show", "host0") + world.near.ip("-o", "link", "show", "host0")
    assert "10.8.0.1/24" in shown and "mtu 1400" in shown and mac in shown
    world.switch.set_flows("in_port=host,actions=output:wire", "in_port=wire,actions=output:host")
    assert " 0% packet loss" in world.near.run("busybox", "ping", "-c", "1", "-W", "10", "10.8.0.2").stdout
    data = bytes(range(256)) * 4000
    with peer.socket(socket.AF_INET, socket.SOCK_STREAM) as listener, world.near.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        listener.bind(("10.8.0.2", 5000))
        listener.listen()
        client.settimeout(15)
        client.connect(("10.8.0.2", 5000))
        server, _ = listener.accept()
        sender = threading.Thread(target=lambda: (client.sendall(data), client.shutdown(socket.SHUT_WR)))
        sender.start()
        with server, server.makefile("rb") as got:
            assert got.read() == data
        sender.join()
    world.switch.swctl("del-port", "host")
    assert "host0" not in world.near.ip("-o", "link")


def test_a_tap_has_four_queues(world):
    world.switch.swctl("add-port", "wire", "type=tap", "iface=host0", "queues=4")
    cross(world)
    with world.near.packet_socket("host0") as sock:
        pass_both_ways(world, sock)


@pytest.fixture
def container():
    netns = Netns()
    yield netns
    netns.close()


def sized(*lengths):
    """Frames of so many bytes behind the Ethernet header, which differ in every part."""
    return [raw(udp(payload=b"".join(i.to_bytes(2, "big") for i in range(n // 2))[: n - 28])) for n in lengths]


LONG = sized(1504, 1505, 2010, 2034, 2035, 4096, 8999, 9000) + [raw(udp(l2=eth(vlan=7), payload=bytes(range(256)) * 35))]


def mtu_shown(world, iface):
    return int(world.near.ip("-o", "link", "show", iface).split(" mtu ")[1].split()[0])


def wait_mtu(world, port, mtu):
    world.switch.wait(lambda: world.switch.port(port)["mtu"] == mtu, f"MTU of {mtu} of {port}", 2)


@pytest.mark.parametrize("queues", [1, 4])
def test_a_tap_passes_long_frames_byte_for_byte(world, queues):
    port = world.add("tap", "iface=host0", "mtu=9000", f"queues={queues}")
    assert port["mtu"] == mtu_shown(world, "host0") == 9000
    cross(world)
    with world.near.packet_socket("host0") as sock:
        pass_both_ways(world, sock, FRAMES + LONG)
    world.vm1.send(*sized(9001))
    world.switch.wait_drop("wire", "mtu")


def test_a_tap_that_was_moved_passes_long_frames_still(world, container):
    world.add("tap", "iface=host0", "mtu=9000")
    cross(world)
    world.near.ip("link", "set", "host0", "netns", container.pid)
    container.ip("link", "set", "host0", "up")
    world.switch.wait(lambda: world.switch.port("wire")["link"] == "up" and world.near.ip("-o", "link").count("host0") == 0, "the moved tap", 2)
    assert world.switch.port("wire")["mtu"] == 9000
    with container.packet_socket("host0") as sock:
        pass_both_ways(world, sock, LONG)


def test_a_tap_follows_the_mtu_of_its_interface(world):
    world.add("tap", "iface=host0")
    cross(world)
    for mtu in (9000, 1400, 4096):
        world.near.ip("link", "set", "host0", "mtu", mtu)
        wait_mtu(world, "wire", mtu)
        with world.near.packet_socket("host0") as sock:
            pass_both_ways(world, sock, sized(100, mtu))
        drops = world.switch.drops().get(("wire", "mtu"), 0)
        world.vm1.send(*sized(mtu + 1))
        world.switch.wait_drop("wire", "mtu", above=drops)
    assert "device max frame size" not in world.switch.swd.output()


MORE_THAN_TAKEN = {"af-packet": (9000, 1964), "af-xdp": (9000, 1500), "tap": (12000, 9600)}


@pytest.mark.parametrize("kind", MORE_THAN_TAKEN)
def test_an_mtu_that_a_device_does_not_take_is_told_once(world, kind):
    more, taken = MORE_THAN_TAKEN[kind]
    line = f"wire: its interface has an MTU of {more}, the device takes {taken}: longer frames are lost"

    def told():
        return world.switch.swd.output().count(line)

    before = told()
    world.near.veth("near", world.far, "far")
    world.add(kind, *{"tap": ["iface=host0"], "af-xdp": ["iface=near", "xdp=generic"]}.get(kind, ["iface=near"]))
    iface = "host0" if kind == "tap" else "near"
    world.near.ip("link", "set", iface, "mtu", more)
    world.switch.wait(lambda: told() == before + 1, "line of the log", 2)
    for _ in range(5):
        assert world.switch.port("wire")["mtu"] == taken
    world.near.ip("link", "set", iface, "mtu", 1500)
    wait_mtu(world, "wire", 1500)
    world.near.ip("link", "set", iface, "mtu", more)
    world.switch.wait(lambda: told() == before + 2, "line of the log", 2)
    assert "device max frame size" not in world.switch.swd.output()


def test_af_packet_passes_frames_as_long_as_it_says(world):
    assert world.wire("af-packet", "mtu=1964", mtu=2000)["mtu"] == mtu_shown(world, "near") == 1964
    with world.far.packet_socket("far") as sock:
        pass_both_ways(world, sock, sized(1500, 1501, 1964))


def test_a_tap_that_is_deleted_comes_back_with_its_address(world):
    world.add("tap", "address=10.8.0.1/24", "mtu=1300", name="host0")
    world.near.ip("link", "del", "host0")

    def back():
        shown = world.near.run("ip", "-o", "address", "show", "host0", check=False).stdout
        return "10.8.0.1/24" in shown and (p := world.switch.port("host0"))["link"] == "up" and p

    port = world.switch.wait(back, "the interface of the port", 3)
    assert port["mtu"] == 1300
    world.near.ip("link", "set", "host0", "down")
    world.switch.wait_link("host0", "down", 2)
    assert "ip link set host0 up" in world.switch.port("host0")["reason"]


@pytest.mark.parametrize("end", ["deleted", "with its namespace"])
def test_a_tap_goes_on_in_a_namespace_that_it_is_moved_to(world, container, end):
    """A container gets it under another name. When it ends there, it is made anew where swd is."""
    number = world.add("tap", "address=10.8.0.1/24", name="host0")["number"]
    world.switch.set_flows("in_port=vm1,actions=output:host0", "in_port=host0,actions=output:vm1")
    world.near.ip("link", "set", "host0", "netns", container.pid)
    world.switch.wait_link("host0", "down", 2)
    world.switch.wait(lambda: "moved" in world.switch.port("host0")["reason"], "reason of it", 2)
    container.ip("link", "set", "host0", "name", "eth7", "up")
    world.switch.wait_link("host0", "up", 2)
    with container.packet_socket("eth7") as sock:
        pass_both_ways(world, sock)
    if end == "deleted":
        container.ip("link", "del", "eth7")
    else:
        container.close()
    world.switch.wait(lambda: "10.8.0.1/24" in world.near.run("ip", "-o", "address", "show", "host0", check=False).stdout, "a new one")
    world.switch.wait_link("host0", "up", 2)
    assert world.switch.port("host0")["number"] == number
    with world.near.packet_socket("host0") as sock:
        pass_both_ways(world, sock)


@pytest.mark.parametrize(
    "name, moved, reason",
    [
        ("eth7", True, "host0 is down in the network namespace that it was moved to, as eth7: `ip link set eth7 up` there"),
        ("a`b", True, "host0 is down in the network namespace that it was moved to: set it up there"),
        ("eth7", False, "host0 is down, as eth7: `ip link set eth7 up`"),
    ],
)
def test_a_tap_that_was_renamed_is_called_by_its_name(world, container, name, moved, reason):
    world.add("tap", "iface=host0")
    place = container if moved else world.near
    if moved:
        world.near.ip("link", "set", "host0", "netns", container.pid)
    place.ip("link", "set", "host0", "down")
    place.ip("link", "set", "host0", "name", name)
    world.switch.wait(lambda: world.switch.port("wire")["reason"] == f"interface {reason}", "that reason", 2)


def test_a_tap_has_an_ipv6_address(world):
    world.near.run("sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6")
    try:
        world.add("tap", "iface=host0", "address=fd00:8::1/64", name="host")
        assert "fd00:8::1/64" in world.near.ip("-o", "-6", "address", "show", "host0")
    finally:
        world.near.run("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6")


@pytest.fixture
def outliving(switch_factory):
    """A switch whose interfaces outlive its swd: (switch, near, far)."""
    near, far = Netns(), Netns()
    switch = switch_factory(start=False)
    switch.swd_prefix = ["nsenter", "-t", str(near.pid), "-n"]
    yield switch.start(), near, far
    near.close()
    far.close()


def test_a_killed_swd_takes_its_interfaces_again(outliving):
    """What it left in the kernel, an XDP program above all, is not in the way of the next one."""
    switch, near, far = outliving
    for kind in ATTACHED:
        near.veth(kind, far, kind)
        switch.swctl("add-port", kind, f"type={kind}", f"iface={kind}")
    near.veth("generic", far, "generic")
    switch.swctl("add-port", "generic", "type=af-xdp", "iface=generic", "xdp=generic")
    switch.swctl("add-port", "host0", "type=tap", "address=10.8.0.1/24")
    switch.swd.kill()
    switch.wait(lambda: "prog/xdp" not in near.ip("link"), "end of the XDP programs")
    switch.start_swd()
    switch.wait(lambda: switch.json("show")["swd"]["connected"], "swctld's connection")
    for name in (*ATTACHED, "generic", "host0"):
        switch.wait_link(name)
    for name in ("af-xdp", "generic"):
        switch.set_flows(f"in_port={name},actions=output:af-packet", f"in_port=af-packet,actions=output:{name}")
        with far.packet_socket(name) as one, far.packet_socket("af-packet") as other:
            for sender, receiver in ((one, other), (other, one)):
                sender.send(FRAMES[0])
                assert receiver.frame() == FRAMES[0]


def test_a_tap_that_persists_is_taken_up_again_as_it_was_and_goes_when_it_is_deleted(outliving):
    switch, near, _ = outliving
    switch.swctl("add-port", "host0", "type=tap", "persist=on")
    near.ip("link", "set", "host0", "mtu", 1400)
    near.ip("address", "add", "10.8.0.1/24", "dev", "host0")
    near.ip("route", "add", "10.77.0.0/16", "via", "10.8.0.2")
    index, mac = re.match(r"(\d+):.*link/ether (\S+)", near.ip("-o", "link", "show", "host0"), re.S).groups()
    for how in (signal.SIGKILL, signal.SIGTERM):
        switch.swd.stop(how)
        assert "10.8.0.1/24" in near.ip("-o", "address", "show", "host0")
        switch.start_swd()
        switch.wait_link("host0")
        link = near.ip("-o", "link", "show", "host0")
        assert link.startswith(f"{index}:") and mac in link and "mtu 1400" in link
        assert "10.8.0.1/24" in near.ip("-o", "address", "show", "host0")
        assert "10.77.0.0/16" in near.ip("route")
    switch.set_flows("in_port=host0,actions=in_port")
    with near.packet_socket("host0") as sock:
        sock.send(FRAMES[0])
        assert sock.frame() == FRAMES[0]
    assert "host0 belongs to port" in switch.refused("add-port", "again", "type=tap", "iface=host0", "persist=on")
    switch.swctl("del-port", "host0")
    assert "host0" not in near.ip("-o", "link")


def test_an_interface_that_another_program_has_is_not_taken_for_a_tap_that_persists(outliving):
    switch, near, far = outliving
    near.veth("host0", far, "far")
    near.ip("tuntap", "add", "dev", "host1", "mode", "tap")
    near.ip("tuntap", "add", "dev", "host2", "mode", "tun", "multi_queue")
    for iface in ("host0", "host1", "host2"):
        assert f"{iface} is there already" in switch.refused("add-port", "port", "type=tap", f"iface={iface}", "persist=on")
    near.ip("tuntap", "add", "dev", "host3", "mode", "tap", "multi_queue")
    assert "host3 is there already" in switch.refused("add-port", "port", "type=tap", "iface=host3")
    switch.swctl("add-port", "port", "type=tap", "iface=host3", "persist=on")


def test_ports_come_when_their_interfaces_do_after_a_restart(outliving):
    """swd started without them refuses the ports; swctld says so, and offers them until they are there."""
    switch, near, far = outliving
    for kind in ATTACHED:
        near.veth(kind, far, kind)
        switch.swctl("add-port", kind, f"type={kind}", f"iface={kind}")
        near.ip("link", "del", kind)
    switch.swd.kill()
    switch.start_swd()
    for kind in ATTACHED:
        switch.wait(lambda: f"no interface is named {kind}" in switch.port(kind)["reason"], f"reason of {kind}")
        assert switch.port(kind)["link"] == "down"
    for kind in ATTACHED:
        near.veth(kind, far, kind, up=kind == "af-packet")
    switch.wait_link("af-packet", timeout=3)
    down = ("af-xdp", "pcap")
    for kind in down:
        switch.wait(lambda: f"interface {kind} is down" in switch.port(kind)["reason"], f"reason of {kind}", 3)
        far.ip("link", "set", kind, "up")
    for kind in down:
        near.ip("link", "set", kind, "up")
    for kind in down:
        switch.wait_link(kind, timeout=3)
    switch.set_flows("in_port=af-xdp,actions=output:af-packet")
    with far.packet_socket("af-xdp") as one, far.packet_socket("af-packet") as other:
        one.send(FRAMES[0])
        assert other.frame() == FRAMES[0]


def test_af_packet_hears_what_the_host_sends(world):
    world.wire("af-packet")
    with world.near.packet_socket("near") as sock:
        sock.send(FRAMES[0])
        assert world.vm1.recv() == FRAMES[0]
