"""What a front end changes while frames pass: nothing is lost that need not be, nothing comes twice, no stale memory is touched.

    a (guest) --- swd --- b (guest)       a thread sends, the test changes the rings of one of both and receives
"""

import os
import struct
import threading
import time

import pytest
from conftest import attach
from frames import *
from vhost_memory import GPA_BASE
from vhost_protocol import SEND_RARP, VHOST_F_LOG_ALL

RINGS = pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
IN_FLIGHT = 150  # frames at a time: fewer than a ring holds
PAGE = 4096


@pytest.fixture(scope="module")
def changes_switch(module_switch_factory):
    return module_switch_factory()


@pytest.fixture
def path(changes_switch):
    """path(**options of both guests) -> a, b"""
    switch, guests = changes_switch, []

    def make(a=None, b=None, **kw):
        for name, options in (("a", a), ("b", b)):
            guests.append(attach(switch, name, **{**kw, **(options or {})}))
            switch.wait_link(name)
        switch.set_flows("in_port=a,actions=output:b", "in_port=b,actions=output:a")
        # The first frame goes by way of swctld; those behind it find a flow.
        for sender, receiver in (guests, guests[::-1]):
            sender.send(UDP_FRAME)
            receiver.recv()
        return guests

    yield make
    for guest in guests:
        guest.close()
    for port in switch.json("list-ports")["ports"]:
        switch.swctl("del-port", port["name"])


class Stream:
    """Numbered frames from a to b, sent by a thread that never has more on the way than b's ring holds."""

    def __init__(self, a, b, n):
        self.a, self.b, self.n = a, b, n
        self.got = []
        self.error = None
        self.lost = 0
        self.thread = threading.Thread(target=self._send, daemon=True)
        self.thread.start()

    def _send(self):
        try:
            sent = 0
            while sent < self.n:
                room = IN_FLIGHT - (sent - len(self.got) - self.lost)
                if room <= 0:
                    time.sleep(0.0002)
                    continue
                burst = range(sent, min(sent + room, sent + 16, self.n))
                self.a.send(*[numbered(UDP_FRAME, i) for i in burst], timeout=5)
                sent += len(burst)
        except Exception as e:  # pylint: disable=broad-exception-caught
            self.error = e

    def receive(self, change, lost=lambda: 0, timeout=20.0):
        """Receives all while change() is called again and again; frames that lost() counts do not come."""
        deadline = time.monotonic() + timeout
        changes = 0
        while len(self.got) + self.lost < self.n:
            assert self.error is None, self.error
            assert time.monotonic() < deadline, f"{len(self.got)} of {self.n} frames, {self.lost} lost, {changes} changes"
            change()
            changes += 1
            until, most = time.monotonic() + 0.002, len(self.got) + IN_FLIGHT
            while len(self.got) < most and ((frame := self.b.poll_frame()) is not None or time.monotonic() < until):
                if frame is not None:
                    self.got.append(int.from_bytes(frame[-8:], "big"))
            self.lost = lost()
        self.thread.join()
        assert self.got == sorted(set(self.got)), "frames came twice or in another order"
        assert changes > 10


@RINGS
def test_another_file_for_calls_loses_neither_frames_nor_calls(path, packed):
    a, b = path(packed=packed)
    stream = Stream(a, b, 1500)
    while len(stream.got) < stream.n:
        assert stream.error is None, stream.error
        b.new_call(b.rx[0])
        for _ in range(7):
            if len(stream.got) < stream.n:
                # Waits for the call, and fails when a frame is there without one.
                stream.got.append(int.from_bytes(b.recv(timeout=5)[-8:], "big"))
    assert stream.got == list(range(stream.n))


@RINGS
def test_a_queue_pair_that_comes_and_goes_disturbs_no_other(path, packed):
    a, b = path(packed=packed, b={"queues": 2, "enable": 1})
    on = False

    def change():
        nonlocal on
        on = not on
        b.set_enabled(1, on)

    stream = Stream(a, b, 5000)
    # What went to the second queue stays there while that is off.
    stream.receive(change)
    assert stream.got == list(range(stream.n))


def change_memory(guest):
    """Maps the guest's memory anew, at other addresses of the switch's."""
    guest.mem.cuts = [] if guest.mem.cuts else [guest.tx[0].buffers]
    guest.conn.mem_table(guest.mem)


@RINGS
def test_a_sender_may_change_its_memory_table_and_loses_nothing(path, packed):
    a, b = path(packed=packed)
    stream = Stream(a, b, 5000)
    stream.receive(lambda: change_memory(a))
    assert stream.got == list(range(stream.n))


@RINGS
def test_a_receiver_may_change_its_memory_table_and_what_it_misses_is_counted(path, packed, changes_switch):
    a, b = path(packed=packed)
    down = changes_switch.drops().get(("b", "port-down"), 0)
    stream = Stream(a, b, 5000)
    stream.receive(lambda: change_memory(b), lambda: changes_switch.drops().get(("b", "port-down"), 0) - down, timeout=60)


@RINGS
@pytest.mark.parametrize("hang_up", [False, True], ids=["same connection", "new connection"])
def test_a_paused_guest_goes_on_where_it_stood(path, packed, hang_up, changes_switch):
    """GET_VRING_BASE and SET_VRING_BASE: each frame arrives once, whether it was sent before, during or after the pause."""
    a, b = path(packed=packed)
    for i in range(20):
        frames = [numbered(UDP_FRAME, 100 * i + n) for n in range(60)]
        a.send(*frames[:40])
        bases = a.stop() if hang_up else a.pause()
        a.send(*frames[40:])
        a.restart(bases=bases)
        assert b.recv_n(60) == frames
        bases = b.stop() if hang_up else b.pause()
        b.restart(bases=bases)
        changes_switch.wait_link("b")
        b.send(*frames)
        assert a.recv_n(60) == frames
        a.send(*frames)
        assert b.recv_n(60) == frames


@RINGS
def test_a_reset_guest_starts_at_the_beginning(path, packed, changes_switch):
    a, b = path(packed=packed)
    for _ in range(3):
        a.send(*[UDP_FRAME] * 50)
        assert b.recv_n(50) == [UDP_FRAME] * 50
        a.reset()
        changes_switch.wait_link("a")


@RINGS
def test_the_position_of_a_paused_ring_is_where_the_switch_stood(path, packed):
    a, _ = path(packed=packed)
    a.wait_sent()
    base = a.pause()[1]
    ring = a.tx[0].ring
    assert base == (ring.next_avail | ring.avail_wrap << 15 if packed else ring.avail_idx)


def dirty_pages(log):
    bits = log.read()
    log.seek(0)
    return {8 * i + n - GPA_BASE // PAGE for i, byte in enumerate(bits) if byte for n in range(8) if byte >> n & 1}


def pages(start, length):
    return set(range(start // PAGE, (start + length - 1) // PAGE + 1))


@RINGS
@pytest.mark.parametrize("mergeable", [False, True], ids=["one buffer", "mergeable"])
def test_what_the_switch_writes_is_in_the_dirty_log(path, packed, mergeable):
    a, b = path(packed=packed, mergeable=mergeable)
    size = (GPA_BASE + b.mem.size) // PAGE // 8 + PAGE & ~(PAGE - 1)
    fd = os.memfd_create("log")
    os.ftruncate(fd, size)
    with os.fdopen(fd, "r+b", buffering=0) as log:
        used = [q.ring.addresses()[2] for q in sorted(b.rx + b.tx, key=lambda q: q.index)]
        b.log_to(fd, size, lambda q: b.mem.gpa(used[q.index]))
        buffers = b.rx[0].buffers, b.rx[0].slot * b.rx[0].ring.size
        before = bytes(b.mem.map)
        a.send(*[raw(udp(payload=os.urandom(1400)))] * 40)
        b.recv_n(40)
        b.send(UDP_FRAME)
        a.recv()
        b.wait_sent()  # what the switch writes last: that it has done with the frame
        dirty = dirty_pages(log)
    written = {p for p in pages(*buffers) if before[p * PAGE : (p + 1) * PAGE] != b.mem.map[p * PAGE : (p + 1) * PAGE]}
    assert written and written <= dirty
    assert len(dirty & pages(*buffers)) <= len(written) + 2
    assert not dirty & pages(b.tx[0].buffers, b.tx[0].slot * b.tx[0].ring.size)
    for q in (b.rx[0], b.tx[0]):
        desc, _, device = q.ring.addresses()
        assert pages(desc if packed else device, 64) & dirty
    assert b.features & VHOST_F_LOG_ALL


def test_a_guest_that_moved_here_is_announced(path):
    """SEND_RARP, for guests that cannot do it themselves."""
    a, b = path()
    mac = bytes.fromhex("020000000077")
    a.conn.call_u64(SEND_RARP, struct.unpack("=Q", mac + bytes(2))[0])
    frame = b.recv()
    assert frame[:14] == b"\xff" * 6 + mac + b"\x80\x35"


def test_a_ring_that_ends_outside_memory_is_left_out(path, changes_switch):
    a, b = path()
    desc, used, avail = a._vring_addresses(a.tx[0])
    a.conn.vring_addr(1, desc, a.mem.uva(a.mem.size - 64), avail)
    changes_switch.swd.wait_line("port a: queue 1 of the guest is left out: its ring is not in its memory")
    changes_switch.wait_link("a", "down")
    a.conn.vring_addr(1, desc, used, avail)
    changes_switch.wait_link("a", "up")
    a.send(UDP_FRAME)
    assert b.recv() == UDP_FRAME


def test_a_stopped_queue_tells_why(path, changes_switch):
    a, _ = path()
    ring = a.tx[0].ring
    ring.add([(0xDEAD0000, 100, False)], None)
    a._publish(a.tx[0])
    changes_switch.wait_link("a", "down")
    why = "queue 1 of the guest stopped: a buffer is outside the guest's memory"
    assert why in changes_switch.port("a")["reason"]
    changes_switch.swd.wait_line(why)
    for _ in range(3):
        changes_switch.port("a")
    assert changes_switch.swd.output().count(why) == 1
