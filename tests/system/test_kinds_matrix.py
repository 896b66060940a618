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
    end.add_port(end.name, "type=dpdk", f"devargs=net_pcap_{end.name},iface={end.veth()}")


def open_tap(end):
    end.iface = f"tap-{end.side}"
    end.add_port(end.name, "type=dpdk", f"devargs=net_tap_{end.name},iface={end.iface}")
    end.switch.ns.ip("link", "set", end.iface, "netns", end.ns.pid)


def open_virtio_user(end):
    path = f"{end.switch.run_dir}/{end.name}.sock"
    end.add_port(f"{end.name}-back", "type=vhost-user", f"path={path}")
    end.add_port(end.name, "type=dpdk", f"devargs=virtio_user_{end.name},path={path}")
    end.wire_to_veth(f"{end.name}-back")


def open_vhost_user(end):
    path = f"{end.switch.run_dir}/{end.name}.sock"
    end.add_port(end.name, "type=vhost-user", f"path={path}")
    end.add_port(f"{end.name}-front", "type=dpdk", f"devargs=virtio_user_{end.name},path={path}")
    end.wire_to_veth(f"{end.name}-front")


KINDS = {
    "af-packet": open_af_packet,
    "af-xdp": open_af_xdp,
    "pcap": open_pcap,
    "tap": open_tap,
    "vhost-user": open_vhost_user,
    "virtio-user": open_virtio_user,
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
        listener.settimeout(3)
        client.settimeout(3)
        client.connect((addresses[sink.side], listener.getsockname()[1]))
        taken, _ = listener.accept()
        with taken:
            taken.settimeout(3)
            sent, got = 0, bytearray()
            client.setblocking(False)
            deadline = time.monotonic() + 4
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
    began = time.monotonic()
    assert transfer(a, b, IPV4, data) == data
    assert transfer(a, b, IPV6, data) == data
    print(kind_a, kind_b, "seconds", time.monotonic() - began, matrix.switch.drops())
