"""Port kinds whose other end is a process, a cable or several interfaces: virtio-user, memif, bond, null, ring.

    vm1, vm2 (guests) --- swd in a network namespace of its own --- testpmd (echoes), veth pairs, cables
"""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest
from conftest import attach
from frames import *
from scale import long_only
from switch import Daemon
from vhost_frontend import wait_path

TESTPMD = "/usr/bin/dpdk-testpmd"


def in_ns(switch, *argv):
    subprocess.run(["nsenter", "-t", str(switch.swd.pid), "-n", *argv], check=True, capture_output=True)


@pytest.fixture(scope="module")
def bench(module_switch_factory):
    switch = module_switch_factory(start=False)
    switch.swd_prefix = ["unshare", "-n"]
    switch.start()
    for family in ("all", "default"):  # no chatter of the kernel's own
        in_ns(switch, "sh", "-c", f"echo 1 > /proc/sys/net/ipv6/conf/{family}/disable_ipv6")
    guests = [attach(switch, name) for name in ("vm1", "vm2")]
    for guest in guests:
        switch.wait_link(guest.name)
    yield switch, *guests
    for guest in guests:
        guest.close()


@contextlib.contextmanager
def added(switch, name, *options):
    switch.swctl("add-port", name, *options)
    try:
        yield switch.port(name)
    finally:
        switch.swctl("del-port", name)


@contextlib.contextmanager
def echo(vdev):
    """Another DPDK process whose one port sends back what it receives."""
    # Core 1 is the switch's.
    eal = ["--lcores", "0@0,1@0", "--no-pci", "--in-memory", "--single-file-segments", "-m", "64", "--no-telemetry"]
    testpmd = ["--auto-start", "--forward-mode=io", "--total-num-mbufs=2048", "--stats-period=600"]
    process = Daemon([TESTPMD, *eal, "--vdev", vdev, "--", *testpmd], {0})
    try:
        yield process
    finally:
        process.kill()


def seen(guest, frame, timeout=0.05):
    """Whether the guest receives the frame in time, whatever comes before it."""
    try:
        while guest.recv(timeout) != frame:
            pass
        return True
    except AssertionError:
        return False


def wait_passes(switch, vm1, vm2):
    """Frames of vm1 reach vm2, and from then on all of them, in order and once."""
    sent = iter(range(100000))

    def one():
        frame = numbered(UDP_FRAME, next(sent))
        vm1.send(frame)
        return seen(vm2, frame)

    switch.wait(one, "frame that passes")
    frames = [numbered(UDP_FRAME, 200000 + i) for i in range(50)]
    vm1.send(*frames)
    came = []
    while len(came) < len(frames):
        frame = vm2.recv()
        if int.from_bytes(frame[-8:], "big") >= 200000:  # a first one, which was a miss, may be late
            came.append(frame)
    assert came == frames


def echoes(switch, vm1, vm2, port):
    """Frames of vm1 go out of `port`, come back, and reach vm2 as they were."""
    switch.wait_link(port, timeout=30)  # the other process has to start
    switch.set_flows(f"in_port=vm1,actions=output:{port}", f"in_port={port},actions=output:vm2")
    wait_passes(switch, vm1, vm2)


def test_virtio_user_carries_frames_and_finds_its_peer_again(bench):
    switch, vm1, vm2 = bench
    path = f"{switch.run_dir}/pod.sock"
    with added(switch, "pod", "type=virtio-user", f"path={path}") as port:
        assert port["link"] == "down" and "nobody listens" in port["reason"]
        with echo(f"net_vhost0,iface={path}"):
            echoes(switch, vm1, vm2, "pod")
        switch.wait_link("pod", "down")
        vm1.send(UDP_FRAME)
        switch.wait_drop("pod", "port-down")
        os.unlink(path)  # a killed server leaves its socket, and testpmd does not take it
        with echo(f"net_vhost0,iface={path}"):
            echoes(switch, vm1, vm2, "pod")


def test_virtio_user_with_packed_queues(bench):
    switch, vm1, vm2 = bench
    path = f"{switch.run_dir}/packed.sock"
    with echo(f"net_vhost0,iface={path},queues=2") as peer:
        peer.wait_line("packet forwarding")
        with added(switch, "pod", "type=virtio-user", f"path={path}", "packed=on", "queues=2", "mac=02:00:00:00:00:77") as port:
            switch.wait_link("pod")
            assert switch.port("pod")["mac"] == "02:00:00:00:00:77"
            echoes(switch, vm1, vm2, "pod")


def test_a_listener_that_says_nothing_does_not_stop_the_switch(bench):
    switch, vm1, vm2 = bench
    path = f"{switch.run_dir}/mute.sock"
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(path)
        mute.listen()
        with added(switch, "pod", "type=virtio-user", f"path={path}") as port:
            assert port["link"] == "down" and "does not answer" in port["reason"]
            with added(switch, "patch", "type=null"):
                passes_through_cable(switch, vm1, vm2)


class HangingBackend:
    """A vhost-user backend that answers these requests with a number, and waits for ever at any other that wants an answer."""

    def __init__(self, path, *answers):  # those to the first connection, the second, and so on in turn
        self.answers, self.connections = answers, []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):  # close()
            while True:
                self.connections.append(self.listener.accept()[0])
                answers = self.answers[(len(self.connections) - 1) % len(self.answers)]
                threading.Thread(target=self.serve, args=(self.connections[-1], answers), daemon=True).start()

    def serve(self, connection, answers):
        with contextlib.suppress(OSError):
            while header := connection.recv(12, socket.MSG_WAITALL):
                request, _, size = struct.unpack("<3I", header)
                connection.recv(size, socket.MSG_WAITALL)
                if request in answers:
                    connection.sendall(struct.pack("<3IQ", request, 5, 8, answers[request]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            connection.close()


class LeavingBackend(HangingBackend):
    """Takes all that a driver says, and leaves instead of hearing its message number `last`. The switch asks first, and is answered."""

    def __init__(self, path, last, answers):
        self.last, self.heard_all = last, False
        super().__init__(path, answers, dict(answers))

    def serve(self, connection, answers):
        of_driver = answers is self.answers[1]
        left = self.last if of_driver else 1000
        with contextlib.suppress(OSError), connection:
            while left > 0 and (header := connection.recv(12, socket.MSG_WAITALL)):
                request, _, size = struct.unpack("<3I", header)
                connection.recv(size, socket.MSG_WAITALL)
                if request in answers:
                    connection.sendall(struct.pack("<3IQ", request, 5, 8, answers[request]))
                left -= 1
            self.heard_all |= of_driver and left > 0


GET_FEATURES, GET_PROTOCOL_FEATURES, GET_QUEUE_NUM = 1, 15, 17
FEATURES = 1 << 32 | 1 << 30 | 1 << 15  # virtio 1, protocol features, mergeable buffers
MULTIQUEUE = 1 << 22 | 1 << 17  # with the control queue that sets their number
HANGS = {
    "protocol-features": {GET_FEATURES: FEATURES},
    "status": {GET_FEATURES: FEATURES, GET_PROTOCOL_FEATURES: 1 << 16},
    "memory": {GET_FEATURES: FEATURES, GET_PROTOCOL_FEATURES: 1 << 3},
}


def open_files(switch):
    return len(os.listdir(f"/proc/{switch.swd.pid}/fd"))


def open_sockets(switch):
    folder = f"/proc/{switch.swd.pid}/fd"
    return sum(os.readlink(f"{folder}/{fd}").startswith("socket") for fd in os.listdir(folder))


@contextlib.contextmanager
def in_time(seconds=8):
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


@pytest.mark.parametrize("at", HANGS)
def test_a_backend_that_hangs_while_it_is_set_up_does_not_stop_the_switch(bench, at):
    switch, vm1, vm2 = bench
    path, files = f"{switch.run_dir}/hangs-{at}.sock", open_files(switch)
    with HangingBackend(path, HANGS[at]) as backend:
        adding = threading.Thread(target=switch.swctl, args=("add-port", "pod", "type=virtio-user", f"path={path}"))
        adding.start()
        switch.wait(lambda: len(backend.connections) > 1, "driver's connection")  # the switch itself has asked before
        with in_time():
            switch.swctl("list-ports")
        adding.join()
        port = switch.port("pod")
        assert port["link"] == "down" and "does not answer" in port["reason"]
    os.unlink(path)
    if at == "memory":
        with echo(f"net_vhost0,iface={path}"):
            echoes(switch, vm1, vm2, "pod")
    switch.swctl("del-port", "pod")
    switch.wait(lambda: open_files(switch) == files, "end of its files")


def test_a_backend_that_leaves_at_any_message_costs_only_its_port(bench):
    switch, vm1, vm2 = bench
    answers = {GET_FEATURES: FEATURES | MULTIQUEUE, GET_PROTOCOL_FEATURES: 1, GET_QUEUE_NUM: 2}
    for last in range(1, 100):
        path = f"{switch.run_dir}/leaves-{last}.sock"
        with LeavingBackend(path, last, answers) as backend:
            switch.run("add-port", "pod", "type=virtio-user", f"path={path}", "queues=2")  # made, down, or refused
            switch.run("del-port", "pod")
        if backend.heard_all:
            break
    assert last > 20, "it was heard at once"
    with added(switch, "other", "type=tap"):  # DPDK looks at all that it was given to wait on
        passes_through_cable(switch, vm1, vm2)


@pytest.mark.parametrize("says", [{GET_PROTOCOL_FEATURES: 1, GET_QUEUE_NUM: 2}, {GET_PROTOCOL_FEATURES: 0}], ids=["two", "nothing"])
def test_more_queues_than_the_backend_has_are_refused(bench, says):
    switch, *_ = bench
    path = f"{switch.run_dir}/queues-{len(says)}.sock"
    with HangingBackend(path, {GET_FEATURES: FEATURES, **says}):
        line = switch.refused("add-port", "pod", "type=virtio-user", f"path={path}", "queues=4")
    assert f"queues=4 is too many: the backend at path={path} has {says.get(GET_QUEUE_NUM, 1)}" in line


def test_a_backend_that_stands_still_does_not_keep_its_port(bench):
    switch, *_ = bench
    path = f"{switch.run_dir}/still.sock"
    with echo(f"net_vhost0,iface={path}") as peer:
        switch.swctl("add-port", "pod", "type=virtio-user", f"path={path}")
        switch.wait_link("pod", timeout=30)
        os.kill(peer.pid, signal.SIGSTOP)
        try:
            with in_time():
                switch.swctl("del-port", "pod")
        finally:
            os.kill(peer.pid, signal.SIGCONT)


def test_a_socket_has_one_virtio_user_port(bench):
    switch, *_ = bench
    path = f"{switch.run_dir}/one.sock"
    with added(switch, "pod", "type=virtio-user", f"path={path}"):
        assert "belongs to port pod already" in switch.refused("add-port", "twin", "type=virtio-user", f"path={path}")


@pytest.mark.parametrize("role", ["server", "client"])
def test_memif_carries_frames_and_survives_its_peer(bench, role):
    switch, vm1, vm2 = bench
    path = f"{switch.run_dir}/memif-{role}.sock"
    other = "client" if role == "server" else "server"
    vdev = f"net_memif0,role={other},id=7,socket={path},socket-abstract=no,secret=topsecret"
    with added(switch, "peer", "type=memif", f"role={role}", f"path={path}", "id=7", "secret=topsecret") as port:
        assert port["link"] == "down" and path in port["reason"]
        assert port["options"]["secret"] == "***"
        for words in (["list-ports"], ["--json", "list-ports"], ["--json", "show"]):
            assert "topsecret" not in switch.swctl(*words)
        for _ in range(2):  # killed, and back
            with echo(vdev):
                echoes(switch, vm1, vm2, "peer")
            switch.wait_link("peer", "down")
            assert path in switch.port("peer")["reason"]
            if os.path.exists(path) and other == "server":
                os.unlink(path)  # a killed server leaves its socket, and testpmd does not take it
    assert not os.path.exists(path)


def test_null_swallows_and_is_a_source_of_zeros(bench):
    switch, vm1, vm2 = bench
    with added(switch, "sink", "type=null"), added(switch, "source", "type=null", "rx=on", "size=100"):
        switch.set_flows("in_port=vm1,actions=output:sink", "in_port=source,actions=output:vm2")
        assert vm2.recv() == bytes(100)
        vm1.send(*[raw(tcp())] * 20)
        switch.wait(lambda: switch.json("stats", "sink")["ports"][0]["tx_packets"] == 20, "20 frames swallowed")
        assert switch.json("stats", "sink")["ports"][0]["rx_packets"] == 0
    switch.set_flows()
    vm2.drain()


def passes_through_cable(switch, vm1, vm2):
    with added(switch, "a", "type=ring", "name=cable") as port:
        assert port["link"] == "down" and "no other end" in port["reason"]
        with added(switch, "b", "type=ring", "name=cable"):
            assert switch.port("a")["link"] == switch.port("b")["link"] == "up"
            switch.set_flows(
                "in_port=vm1,actions=output:a", "in_port=b,actions=output:vm2", "in_port=vm2,actions=output:b", "in_port=a,actions=output:vm1"
            )
            for one, other in ((vm1, vm2), (vm2, vm1)):
                wait_path(one, other, UDP_FRAME)  # misses go another way
                frames = [numbered(UDP_FRAME, i) for i in range(64)]
                one.send(*frames)
                assert other.recv_n(64) == frames
            assert "two ends" in switch.refused("add-port", "c", "type=ring", "name=cable")
        vm1.send(UDP_FRAME)
        switch.wait_drop("a", "port-down")


def test_a_ring_is_a_cable_between_two_ports(bench):
    passes_through_cable(*bench)


@pytest.fixture
def veths(bench):
    """a0 -- b0 and a1 -- b1, in swd's namespace."""
    switch = bench[0]
    for i in range(2):
        in_ns(switch, "ip", "link", "add", f"a{i}", "type", "veth", "peer", "name", f"b{i}")
        for end in "ab":
            in_ns(switch, "ip", "link", "set", f"{end}{i}", "up")
    yield
    for i in range(2):
        in_ns(switch, "ip", "link", "del", f"a{i}")


def count(switch, text):
    return switch.swd.output().count(text)


def wait_count(switch, text, n):
    switch.wait(lambda: count(switch, text) >= n, f"log line {text!r}")


@pytest.mark.parametrize("mode", ["active-backup", "balance", pytest.param("802.3ad", marks=long_only)])
def test_a_bond_goes_on_when_a_member_is_pulled(bench, veths, mode):
    switch, vm1, vm2 = bench
    # What receives from an active-backup bond listens on all members, as a switch does.
    far = "balance" if mode == "active-backup" else mode
    with added(switch, "near", "type=bond", "members=a0,a1", f"mode={mode}"), added(switch, "far", "type=bond", "members=b0,b1", f"mode={far}"):
        switch.wait_link("near")
        switch.wait_link("far")
        switch.set_flows("in_port=vm1,actions=output:near", "in_port=far,actions=output:vm2")
        wait_passes(switch, vm1, vm2)
        for member in ("b0", "b1"):
            # Each bond looks for itself: frames get through when both have their member back.
            outs = [f"near: member taken out: interface a{member[1]}", f"far: member taken out: interface {member}"]
            backs = [f"near: member a{member[1]} is in", f"far: member {member} is in"]
            n_outs, n_backs = [count(switch, out) for out in outs], [count(switch, back) for back in backs]
            in_ns(switch, "ip", "link", "set", member, "down")
            wait_passes(switch, vm1, vm2)
            for out, n_out in zip(outs, n_outs):
                wait_count(switch, out, n_out + 1)
            in_ns(switch, "ip", "link", "set", member, "up")
            for back, n_back in zip(backs, n_backs):
                wait_count(switch, back, n_back + 1)
            wait_passes(switch, vm1, vm2)


def test_a_bond_that_has_lost_all_members_is_down(bench, veths):
    switch, vm1, _ = bench
    with added(switch, "bond", "type=bond", "members=a0,a1"):
        switch.wait_link("bond")
        switch.set_flows("in_port=vm1,actions=output:bond")
        in_ns(switch, "ip", "link", "set", "b0", "down")
        switch.wait(lambda: "without member a0: interface a0 has no carrier" in switch.port("bond")["reason"], "word of the member")
        assert switch.port("bond")["link"] == "up"
        in_ns(switch, "ip", "link", "set", "b1", "down")
        switch.wait_link("bond", "down")
        assert "no member of a0,a1 has a carrier" in switch.port("bond")["reason"]
        vm1.send(UDP_FRAME)
        switch.wait_drop("bond", "port-down")
        for member in ("b0", "b1"):
            in_ns(switch, "ip", "link", "set", member, "up")
        switch.wait_link("bond")


@pytest.mark.parametrize(
    "options, words",
    [
        (["type=virtio-user", f"path=/{'x' * 120}"], "121 bytes"),
        (["type=virtio-user", "path=/nonexistent/pod.sock"], "folder /nonexistent is not there"),
        (["type=virtio-user", "path=/tmp/pod.sock", "ring=100"], "power of two"),
        (["type=memif", "role=server", "path=/nonexistent/memif.sock"], "folder /nonexistent is not there"),
        (["type=memif", "path=/tmp/memif.sock", f"secret={'s' * 24}"], "23 bytes"),
        (["type=memif", "role=server", "path=/etc/passwd"], "no socket"),
        (["type=bond", "members=a0,nonexistent"], "nonexistent"),
        (["type=bond", "members=a0,a0"], "twice"),
        (["type=bond", "members=a0,a1,"], "members="),
        (["type=ring", "name=x", "size=100"], "power of two"),
        (["type=null", "queues=17"], "1 to 16"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(bench, veths, options, words):
    switch = bench[0]
    assert words in switch.refused("add-port", "bad", *options)
    assert [p["name"] for p in switch.json("list-ports")["ports"]] == ["vm1", "vm2"]


def test_a_link_or_an_interface_in_use_is_refused(bench, veths):
    switch = bench[0]
    path = f"{switch.run_dir}/m.sock"
    with added(switch, "m0", "type=memif", "role=server", f"path={path}", "id=1"):
        assert '"m0"' in switch.refused("add-port", "m1", "type=memif", "role=server", f"path={path}", "id=1")
        with added(switch, "m1", "type=memif", "role=server", f"path={path}", "id=2"):
            pass
    with added(switch, "bond", "type=bond", "members=a0,a1"):
        assert "a1" in switch.refused("add-port", "again", "type=bond", "members=a1")
        assert "a0" in switch.refused("add-port", "again", "type=af-packet", "iface=a0")
    with added(switch, "again", "type=af-packet", "iface=a0"):
        assert '"again"' in switch.refused("add-port", "bond", "type=bond", "members=a0,a1")
