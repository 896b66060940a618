"""memif: both ends in one switch, and strangers at its socket while others talk.

    vm1 --- a ~~~ memif ~~~ b --- vm2          evil ~~~ memif ~~~ victim
            (all of one swd, all on one socket)
"""

import contextlib
import os
import signal
import socket
import struct
import time
import types

import pytest
from conftest import attach
from frames import *
from memif_peer import N, RING_M2S, RING_S2M, SIZE, MemifPeer, message


@pytest.fixture(scope="module")
def scene(module_switch_factory):
    switch = module_switch_factory()
    vm1, vm2 = (attach(switch, name) for name in ("vm1", "vm2"))
    path = f"{switch.run_dir}/memif.sock"
    for name, *words in (("a", "role=server", "id=1"), ("b", "id=1"), ("victim", "role=server", "id=2")):
        switch.swctl("add-port", name, "type=memif", f"path={path}", *words)
    for name in ("vm1", "vm2", "a", "b"):
        switch.wait_link(name)
    flows = ("in_port=vm1,actions=output:a", "in_port=b,actions=output:vm2", "in_port=vm2,actions=output:b", "in_port=a,actions=output:vm1")
    switch.set_flows(*flows, "in_port=victim,actions=drop")
    scene = types.SimpleNamespace(switch=switch, vm1=vm1, vm2=vm2, path=path)
    for name in ("vm1", "vm2", "a", "b"):  # what is new goes up first, and is passed by what comes next
        talk(scene, [UDP_FRAME])
        switch.wait(lambda: switch.megaflows(f"in_port({name})"), f"megaflow of {name}")
    yield scene
    for guest in (vm1, vm2):
        guest.close()


def talk(scene, frames):
    for sender, receiver in ((scene.vm1, scene.vm2), (scene.vm2, scene.vm1)):
        sender.send(*frames)
        assert receiver.recv_n(len(frames)) == frames


def test_two_ports_of_one_switch_carry_frames_of_any_length(scene):
    talk(scene, [numbered(UDP_FRAME, i) for i in range(64)])
    talk(scene, [raw(tcp(payload=bytes([n % 251]) * n)) for n in (0, 1, 64, 1460, 1994, 1995, 4000, 8900)])
    assert not [drop for drop in scene.switch.drops() if drop[0] in ("a", "b")]


def connect_and_close(scene):
    MemifPeer(scene.path).close()


def greet_and_close(scene):
    with MemifPeer(scene.path) as peer:
        peer.hear()
        peer.init(2)


def connect_whole_and_close(scene):
    with MemifPeer(scene.path) as peer:
        peer.connect(2).send(UDP_FRAME)


@pytest.mark.parametrize("act", [connect_and_close, greet_and_close, connect_whole_and_close], ids=lambda act: act.__name__)
def test_who_comes_and_goes_costs_others_no_frame(scene, act):
    files = len(os.listdir(f"/proc/{scene.switch.swd.pid}/fd"))
    frames = [numbered(UDP_FRAME, i) for i in range(32)]
    for _ in range(25):
        for _ in range(8):
            act(scene)
        talk(scene, frames)
    scene.switch.wait_link("victim", "down")
    scene.switch.wait(lambda: len(os.listdir(f"/proc/{scene.switch.swd.pid}/fd")) == files, "descriptors closed")
    assert scene.switch.swd.alive()


def lingering():
    """A TCP socket whose end takes a minute, for there is data that its other end does not take; and that one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        end = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
    end.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            end.send(bytes(65536))
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 60))
    return end, other


def test_a_descriptor_whose_end_takes_long_does_not_stop_the_switch(scene):
    """Nor when it goes with the connection, in a message that comes behind the one that ends it."""
    ends, others = zip(*(lingering() for _ in range(2)))
    with MemifPeer(scene.path) as peer:
        os.kill(scene.switch.swd.pid, signal.SIGSTOP)  # both are there when it reads
        for end in ends:
            socket.send_fds(peer.sock, [message(99)], [end.fileno()])
            end.close()
        os.kill(scene.switch.swd.pid, signal.SIGCONT)
        start = time.monotonic()
        assert scene.switch.port("victim")["link"] == "down"
        talk(scene, [numbered(UDP_FRAME, i) for i in range(32)])
        assert time.monotonic() - start < 15  # and not a minute
    for other in others:
        other.close()


def run_ahead(peer):
    peer.set_head(RING_S2M, N + 1)


def leave_the_region(peer):
    peer.desc(RING_S2M, 0, 60, offset=SIZE - 59)
    peer.set_head(RING_S2M, 1)


def name_no_region(peer):
    peer.desc(RING_S2M, 0, 60, region=9)
    peer.set_head(RING_S2M, 1)


def cut_the_file_off(peer):
    peer.u16.release()
    peer.map.close()
    peer.map = None
    os.ftruncate(peer.file, 0)


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (run_ahead, "an index further ahead"),
        (leave_the_region, "beyond its region"),
        (name_no_region, "a region that there is none of"),
        (cut_the_file_off, "cut off"),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_a_hostile_ring_closes_its_link_and_no_other(scene, act, reason):
    switch = scene.switch
    with MemifPeer(scene.path) as peer:
        peer.connect(2)
        assert switch.port("victim")["link"] == "up"
        act(peer)
        switch.wait_link("victim", "down")
        assert reason in switch.port("victim")["reason"]
        talk(scene, [numbered(UDP_FRAME, i) for i in range(32)])
    with MemifPeer(scene.path) as peer:  # the next one is served
        before = switch.json("stats", "victim")["ports"][0]["rx_packets"]
        peer.connect(2).send(UDP_FRAME)
        switch.wait(lambda: switch.json("stats", "victim")["ports"][0]["rx_packets"] == before + 1, "frame of a good peer")
    switch.wait_link("victim", "down")
