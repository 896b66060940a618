"""TCP through every pair of port kinds that this machine can run, with the senders' offloads as they come.

    namespace a --- port of kind A --- swd --- port of kind B --- namespace b
     (sockets)                                                     (sockets)

The far end of a kernel-facing kind is a veth pair or a tap. That of a kind for other programs is the other end of its wire, which is
a port of the same switch, and goes on to a veth pair:

    virtio-user ~~~ vhost-user --- swd --- af-packet --- veth
"""

import os
import socket
import time

import pytest
from conftest import attach
from frames import *
from netns import Netns
from test_vhost_offloads import GSO_TCP4, GSO_TCP6, header, super_frame
from vhost_protocol import HOST_OFFLOADS

IPV4 = {"a": "10.9.0.1", "b": "10.9.0.2"}
IPV6 = {"a": "fd09::1", "b": "fd09::2"}
MAC = {"a": "02:00:00:09:00:01", "b": "02:00:00:09:00:02"}
OTHER = {"a": "b", "b": "a"}
AMOUNT = 1 << 20


class End:
    """One side's port of a kind, and the namespace that it leads to."""

    def __init__(self, switch, side, kind):
        self.switch, self.side, self.kind = switch, side, kind
        self.name = f"{kind}-{side}"
        self.ports = []
        self.flows = []  # of what is behind the port
        self.ns = Netns()
        self.ns.run("sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6")
        try:
            KINDS[kind](self)
            self.configure()
        except BaseException:
            self.close()
            raise

    def add_port(self, name, *words):
        self.switch.swctl("add-port", name, *words)
        self.ports.append(name)

    def veth(self):
        """A veth pair into the namespace, whose other end swd has. Its name there."""
        self.iface = "far0"
        near = f"v{len(self.switch.near)}"
        self.switch.near.append(near)
        self.switch.ns.veth(near, self.ns, "far0")
        return near

    def wire_to_veth(self, port):
        """What comes out of another port goes on to a veth pair."""
        onward = f"{self.name}-on"
        self.add_port(onward, "type=af-packet", f"iface={self.veth()}")
        self.flows = [f"in_port={port},actions=output:{onward}", f"in_port={onward},actions=output:{port}"]

    def configure(self):
        mine, other = self.side, OTHER[self.side]
        far = self.iface
        lines = (
            f"link set {far} address {MAC[mine]} up",
            f"addr add {IPV4[mine]}/24 dev {far}",
            f"addr add {IPV6[mine]}/64 dev {far} nodad",
            f"neigh replace {IPV4[other]} lladdr {MAC[other]} dev {far}",
            f"neigh replace {IPV6[other]} lladdr {MAC[other]} dev {far}",
        )
        for line in lines:
            self.ns.ip(*line.split())

    def close(self):
        for name in reversed(self.ports):
            self.switch.swctl("del-port", name)
        self.ns.close()


def open_af_packet(end):
    end.add_port(end.name, "type=af-packet", f"iface={end.veth()}")


def open_af_xdp(end):
    end.add_port(end.name, "type=af-xdp", f"iface={end.veth()}")


def open_pcap(end):
    end.add_port(end.name, "type=pcap", f"iface={end.veth()}")


def open_tap(end):
    # Not type=tap, which would make it anew when it leaves swd's namespace.
    end.iface = f"tap-{end.side}"
    end.add_port(end.name, "type=dpdk", f"devargs=net_tap_{end.name},iface={end.iface}")
    end.switch.ns.ip("link", "set", end.iface, "netns", end.ns.pid)


def open_virtio_user(end):
    path = f"{end.switch.run_dir}/{end.name}.sock"
    end.add_port(f"{end.name}-back", "type=vhost-user", f"path={path}")
    end.add_port(end.name, "type=virtio-user", f"path={path}")
    end.wire_to_veth(f"{end.name}-back")


def open_vhost_user(end):
    path = f"{end.switch.run_dir}/{end.name}.sock"
    end.add_port(end.name, "type=vhost-user", f"path={path}")
    end.add_port(f"{end.name}-front", "type=virtio-user", f"path={path}")
    end.wire_to_veth(f"{end.name}-front")


def open_memif(end):
    path = f"{end.switch.run_dir}/{end.name}.sock"
    end.add_port(end.name, "type=memif", "role=server", f"path={path}")
    end.add_port(f"{end.name}-peer", "type=memif", f"path={path}")
    end.wire_to_veth(f"{end.name}-peer")


def open_ring(end):
    end.add_port(end.name, "type=ring", f"name={end.name}")
    end.add_port(f"{end.name}-peer", "type=ring", f"name={end.name}")
    end.wire_to_veth(f"{end.name}-peer")


KINDS = {
    "af-packet": open_af_packet,
    "af-xdp": open_af_xdp,
    "pcap": open_pcap,
    "tap": open_tap,
    "vhost-user": open_vhost_user,
    "virtio-user": open_virtio_user,
    "memif": open_memif,
    "ring": open_ring,
}
PAIRS = [(a, b) for a in KINDS for b in KINDS]


@pytest.fixture(scope="module")
def matrix(module_switch_factory):
    """end(side, kind): opened when first asked for."""
    switch = module_switch_factory(start=False, mem=512)
    switch.swd_prefix = ["unshare", "-n"]
    switch.start()
    switch.near = []
    switch.ns = Netns(switch.swd.pid)
    ends = {}

    def end(side, kind):
        if (side, kind) not in ends:
            ends[side, kind] = End(switch, side, kind)
            for name in ends[side, kind].ports:
                if kind != "tap":  # its driver looks for it where it was
                    switch.wait_link(name)
        return ends[side, kind]

    end.switch = switch
    yield end
    for e in ends.values():
        e.close()


def connect(switch, *ends):
    a, b = (end.name for end in ends)
    switch.set_flows(f"in_port={a},actions=output:{b}", f"in_port={b},actions=output:{a}", *(flow for end in ends for flow in end.flows))


def transfer(source, sink, addresses, data):
    """data over a TCP connection from one namespace to another; what arrived."""
    family = socket.AF_INET6 if ":" in addresses["a"] else socket.AF_INET
    listener = sink.ns.enter(lambda: socket.create_server((addresses[sink.side], 0), family=family))
    client = source.ns.enter(lambda: socket.socket(family, socket.SOCK_STREAM))
    with listener, client:
        listener.settimeout(20)
        client.settimeout(20)
        client.connect((addresses[sink.side], listener.getsockname()[1]))
        taken, _ = listener.accept()
        with taken:
            taken.settimeout(3)
            sent, got = 0, bytearray()
            client.setblocking(False)
            deadline = time.monotonic() + 30
            while len(got) < len(data):
                assert time.monotonic() < deadline, f"{len(got)} of {len(data)} bytes arrived"
                try:
                    while sent < len(data):
                        sent += client.send(data[sent : sent + 262144])
                except BlockingIOError:
                    pass
                try:
                    got += taken.recv(1 << 20)
                except TimeoutError:
                    pass
            return bytes(got)


@pytest.mark.parametrize(("kind_a", "kind_b"), PAIRS, ids=[f"{a} to {b}" for a, b in PAIRS])
def test_tcp_passes(matrix, kind_a, kind_b):
    a, b = matrix("a", kind_a), matrix("b", kind_b)
    connect(matrix.switch, a, b)
    data = os.urandom(AMOUNT)
    assert transfer(a, b, IPV4, data) == data
    assert transfer(a, b, IPV6, data) == data


@pytest.fixture(scope="module")
def guest(matrix):
    guest = attach(matrix.switch, "guest", features=HOST_OFFLOADS)
    matrix.switch.wait_link("guest")
    yield guest
    guest.close()


def segments(sock, n, l4):
    """The next n TCP frames to this side's address."""
    got = []
    while len(got) < n:
        frame = sock.frame()
        if frame[:6] == raw(tcp())[:6] and len(frame) > l4 + 20:
            got.append(frame)
    return got


@pytest.mark.parametrize("tagged", [False, True], ids=["", "tagged"])
@pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("kind", KINDS)
def test_segments_of_a_guest_arrive_whole(matrix, guest, kind, version, tagged):
    end = matrix("b", kind)
    tag = "push_vlan:0x8100,set_field:4101->vlan_vid," if tagged else ""
    matrix.switch.set_flows(f"in_port=guest,actions={tag}output:{end.name}", *end.flows)
    frame, l4, payload = super_frame(version, 5 * 1428 + 7)
    # What comes from the control side first is not the matter here: a small one goes ahead.
    with end.ns.packet_socket(end.iface) as sock:
        guest.send(raw(tcp(payload=b"first") if version == 4 else tcp6(payload=b"first")))
        segments(sock, 1, l4)
        guest.send(frame, hdr=header(l4, GSO_TCP4 if version == 4 else GSO_TCP6, 1428))
        got = segments(sock, 6, l4)
    if tagged:
        assert all(g[12:16] == b"\x81\x00\x00\x05" for g in got)
        got = [g[:12] + g[16:] for g in got]
    for g in got:
        check_checksums(g)
    assert b"".join(g[l4 + 20 :] for g in got) == payload


def test_a_frame_beyond_the_interface_s_mtu_is_counted_there(matrix, guest):
    end = matrix("b", "af-packet")
    matrix.switch.set_flows(f"in_port=guest,actions=output:{end.name}")
    before = matrix.switch.drops().get((end.name, "mtu"), 0)
    guest.send(raw(tcp(payload=bytes(1500 - 39))))
    matrix.switch.wait_drop(end.name, "mtu", before)


def test_a_device_that_takes_super_frames_gets_them_uncut(matrix, guest):
    end = matrix("b", "virtio-user")
    matrix.switch.set_flows(f"in_port=guest,actions=output:{end.name}", *end.flows)

    def count():
        return matrix.switch.json("stats", end.name)["ports"][0]["tx_packets"]

    frame, l4, _ = super_frame(4, 5 * 1428 + 7)
    with end.ns.packet_socket(end.iface) as sock:
        guest.send(raw(tcp(payload=b"first")))
        segments(sock, 1, l4)
        before = count()
        guest.send(frame, hdr=header(l4, GSO_TCP4, 1428))
        segments(sock, 6, l4)
        assert count() == before + 1
