"""A guest that breaks its rings, its memory or the protocol hurts itself; the others do not notice.

    evil (guest) --- swd --- a, b (guests that talk to each other all the time)
"""

import os
import signal
import socket
import struct
import time

import pytest
from conftest import SharedNet, attach
from frames import *
from vhost_frontend import HDR_LEN
from vhost_memory import GPA_BASE, UVA_BASE
from vhost_protocol import (
    GET_QUEUE_NUM,
    POSTCOPY_ADVISE,
    POSTCOPY_LISTEN,
    SET_MEM_TABLE,
    SET_VRING_ADDR,
    SET_VRING_BASE,
    SET_VRING_CALL,
    SET_VRING_KICK,
    SET_VRING_NUM,
    Disconnected,
    Refused,
)

DESC = struct.Struct("=QIHH")
NEXT, WRITE, INDIRECT = 1, 2, 4


@pytest.fixture(scope="module")
def bystanders():
    shared = SharedNet(["a", "b"])
    yield shared
    shared.close()


@pytest.fixture
def scene(bystanders):
    if not bystanders.healthy():
        bystanders.make()
    switch, (a, b) = bystanders.switch, bystanders.guests
    evil = attach(switch, "evil", indirect=True)
    for name in ("a", "b", "evil"):
        switch.wait_link(name)
    switch.set_flows("in_port=a,actions=output:b", "in_port=b,actions=output:a", "in_port=evil,actions=output:b")
    yield switch, a, b, evil
    evil.close()
    if switch.swd.alive():
        switch.swctl("del-port", "evil")


def others_are_well(switch, a, b):
    for sender, receiver in ((a, b), (b, a)):
        frames = [numbered(UDP_FRAME, i) for i in range(40)]
        sender.send(*frames)
        got = [f for f in receiver.recv_n(40) if len(f) == len(frames[0])]
        while len(got) < 40:  # something of the evil one's may have been forwarded
            got.append(receiver.recv())
        assert sorted(got) == sorted(frames)
    assert switch.swd.alive()


def offer(evil, heads, descs, table=None):
    """Writes descriptors (index: fields) as they are, and offers these heads."""
    ring = evil.tx[0].ring
    for i, fields in descs.items():
        DESC.pack_into(evil.mem.map, ring.desc + 16 * i, *fields)
    for n, head in enumerate(heads):
        evil.mem.u16[(ring.avail + 4 >> 1) + (ring.avail_idx + n) % ring.size] = head
    ring.avail_idx = ring.avail_idx + len(heads) & 0xFFFF
    evil.mem.u16[ring.avail + 2 >> 1] = ring.avail_idx
    os.eventfd_write(evil.tx[0].kick, 1)


def inside(evil, at=0):
    return evil.mem.gpa(evil.tx[0].buffers + at)


RINGS = {
    "address outside": lambda e: offer(e, [0], {0: (0xDEAD_0000_0000, 100, 0, 0)}),
    "address zero": lambda e: offer(e, [0], {0: (0, 100, 0, 0)}),
    "address that wraps": lambda e: offer(e, [0], {0: (2**64 - 16, 100, 0, 0)}),
    "length over the end": lambda e: offer(e, [0], {0: (GPA_BASE + e.mem.size - 64, 4096, 0, 0)}),
    "length of 4 GiB": lambda e: offer(e, [0], {0: (inside(e), 2**32 - 1, 0, 0)}),
    "length zero": lambda e: offer(e, [0], {0: (inside(e), 0, 0, 0)}),
    "header alone": lambda e: offer(e, [0], {0: (inside(e), HDR_LEN, 0, 0)}),
    "half a header": lambda e: offer(e, [0], {0: (inside(e), 5, 0, 0)}),
    "chain that is a circle": lambda e: offer(e, [0], {0: (inside(e), 64, NEXT, 1), 1: (inside(e), 64, NEXT, 0)}),
    "chain that leaves the ring": lambda e: offer(e, [0], {0: (inside(e), 64, NEXT, 60000)}),
    "head that leaves the ring": lambda e: offer(e, [60000], {}),
    "chain of the whole ring": lambda e: offer(
        e, [0], {i: (inside(e, 64 * i), 64, NEXT if i < 255 else 0, i + 1) for i in range(256)}
    ),
    "device-writable buffer to send": lambda e: offer(e, [0], {0: (inside(e), 100, WRITE, 0)}),
    "indirect table outside": lambda e: offer(e, [0], {0: (0xDEAD_0000_0000, 64, INDIRECT, 0)}),
    "indirect table of odd length": lambda e: offer(e, [0], {0: (inside(e), 7, INDIRECT, 0)}),
    "indirect table of zero": lambda e: offer(e, [0], {0: (inside(e), 0, INDIRECT, 0)}),
    "indirect in indirect": lambda e: (
        DESC.pack_into(e.mem.map, e.tx[0].buffers, inside(e), 16, INDIRECT, 0),
        offer(e, [0], {0: (inside(e), 16, INDIRECT, 0)}),
    ),
    "many heads at once": lambda e: offer(e, list(range(256)) * 2, {i: (inside(e), 0, 0, 0) for i in range(256)}),
    "receive buffers outside": lambda e: [
        DESC.pack_into(e.mem.map, e.rx[0].ring.desc + 16 * i, 0xDEAD_0000_0000, 2048, WRITE, 0) for i in range(256)
    ],
}


@pytest.mark.parametrize("evil_deed", RINGS)
def test_a_broken_ring_hurts_nobody_else(scene, evil_deed):
    switch, a, b, evil = scene
    evil.mem.map[evil.tx[0].buffers : evil.tx[0].buffers + HDR_LEN] = bytes(HDR_LEN)
    RINGS[evil_deed](evil)
    if evil_deed == "receive buffers outside":
        switch.set_flows("in_port=a,actions=output:b,output:evil", "in_port=b,actions=output:a")
    others_are_well(switch, a, b)
    # With a fresh device it works again.
    evil.start()
    switch.wait_link("evil")
    switch.set_flows("in_port=evil,actions=output:b", "in_port=a,actions=output:b", "in_port=b,actions=output:a")
    b.drain()
    evil.send(raw(tcp()))
    while b.recv() != raw(tcp()):
        pass
    others_are_well(switch, a, b)


def test_offload_fields_that_lie_are_dropped_or_forwarded(scene):
    """csum_start and gso_size of a guest that was promised no offloads, and of values that point anywhere."""
    switch, a, b, evil = scene
    for flags, gso, hdr_len, size, start, offset in (
        (1, 0, 0, 0, 65535, 65535),
        (1, 0, 0, 0, 34, 60000),
        (0, 1, 65535, 65535, 0, 0),
        (1, 1, 54, 0, 34, 16),
        (1, 4, 0, 1, 0, 0),
        (0xFF, 0xFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF),
    ):
        evil.send(raw(tcp()), hdr=struct.pack("=BBHHHHH", flags, gso, hdr_len, size, start, offset, 0))
    others_are_well(switch, a, b)


MESSAGES = {
    "memory table of 1000 regions": (SET_MEM_TABLE, struct.pack("=II", 1000, 0) + bytes(32)),
    "memory table without file": (SET_MEM_TABLE, struct.pack("=IIQQQQ", 1, 0, GPA_BASE, 1 << 20, 0, 0)),
    "ring of 65535": (SET_VRING_NUM, struct.pack("=II", 0, 65535)),
    "ring of 0": (SET_VRING_NUM, struct.pack("=II", 0, 0)),
    "ring number 200": (SET_VRING_NUM, struct.pack("=II", 200, 256)),
    "ring outside memory": (SET_VRING_ADDR, struct.pack("=IIQQQQ", 1, 0, 1, 2, 3, 0)),
    "base of 2^31": (SET_VRING_BASE, struct.pack("=II", 1, 1 << 31)),
    "message 77": (77, b""),
    "payload of 4 GiB": (None, struct.pack("=III", SET_VRING_NUM, 1, 2**32 - 1)),
}


@pytest.mark.parametrize("message", MESSAGES)
def test_a_broken_message_hurts_nobody_else(scene, message):
    switch, a, b, evil = scene
    request, payload = MESSAGES[message]
    try:
        if request is None:
            evil.conn.raw(payload)
        else:
            evil.conn.call(request, payload)
    except (Disconnected, Refused, TimeoutError):
        pass
    others_are_well(switch, a, b)
    evil.start()
    switch.wait_link("evil")
    others_are_well(switch, a, b)


# (guest's address, size, front end's address, offset) of each region, and what the log says of them.
TABLES = {
    "nothing": (lambda m: [], "0 regions instead of 1 to 8"),
    "an empty region": (lambda m: [(GPA_BASE, 0, UVA_BASE, 0)], "region 0 is empty"),
    "2^60 bytes": (lambda m: [(GPA_BASE, 1 << 60, UVA_BASE, 0)], "region 0 ends at 0x1000000000000000 of a file of"),
    "more than the file": (lambda m: [(GPA_BASE, m.size, UVA_BASE, 4096)], "region 0 ends at"),
    "an offset that wraps": (lambda m: [(GPA_BASE, m.size, UVA_BASE, 2**64 - 4096)], "goes past 2\\^64"),
    "overlapping regions": (lambda m: [(GPA_BASE, 8192, UVA_BASE, 0), (GPA_BASE + 4096, 8192, UVA_BASE + 8192, 0)], "regions 0 and 1 overlap"),
    "nine regions": (lambda m: [(GPA_BASE + n * 4096, 4096, UVA_BASE + n * 4096, 0) for n in range(9)], "9 regions instead of 1 to 8"),
}


def files_of(swd):
    return len(os.listdir(f"/proc/{swd.pid}/fd"))


def refused_table(switch, evil, regions, fds, why):
    """The guest hears that its new memory is refused, and goes on with the old."""
    payload = struct.pack("=II", len(regions), 0) + b"".join(struct.pack("=QQQQ", *r) for r in regions)
    before = files_of(switch.swd)
    with pytest.raises(Refused):
        evil.conn.call(SET_MEM_TABLE, payload, fds=fds)
    switch.swd.wait_line(rf"port evil.*guest memory refused: .*{why}")
    switch.wait(lambda: files_of(switch.swd) == before, "end of the files")


@pytest.mark.parametrize("table", TABLES)
def test_memory_that_cannot_be_mapped_is_refused(scene, table):
    switch, a, b, evil = scene
    regions, why = TABLES[table]
    regions = regions(evil.mem)
    refused_table(switch, evil, regions, [evil.mem.fd] * min(len(regions), 8), why)
    b.drain()
    evil.send(raw(tcp()))
    assert b.recv() == raw(tcp())
    others_are_well(switch, a, b)


def test_memory_with_more_files_than_regions_is_refused(scene):
    switch, a, b, evil = scene
    refused_table(switch, evil, [(GPA_BASE, 4096, UVA_BASE, 0)], [evil.mem.fd] * 2, "1 regions with 2 files")
    others_are_well(switch, a, b)


TABLE = struct.pack("=IIIIIQQQQ", SET_MEM_TABLE, 1, 40, 1, 0, GPA_BASE, 4096, UVA_BASE, 0)
WRONG_FILES = {
    "a pipe for memory": (TABLE, "guest memory refused: it is no memfd"),
    "a pipe for calls": (struct.pack("=IIIQ", SET_VRING_CALL, 1, 8, 1), "call file refused: it is no eventfd"),
    "a pipe for nothing": (struct.pack("=IIIII", SET_VRING_NUM, 1, 8, 0, 256), "message 8 refused: it comes with a file"),
}


@pytest.mark.parametrize("what", WRONG_FILES)
def test_a_file_that_does_not_belong_ends_its_connection(scene, what):
    """Who uses it might wait for its owner: pages of a user's own file system come when its process likes."""
    switch, a, b, evil = scene
    before = files_of(switch.swd)
    message, why = WRONG_FILES[what]
    r, w = os.pipe()
    evil.conn.raw(message, [r])
    switch.swd.wait_line(f"port evil: {why}")
    evil.wait_hang_up()
    os.close(r)
    os.close(w)
    evil.start()
    switch.wait_link("evil")
    switch.wait(lambda: files_of(switch.swd) == before, "end of the files")
    others_are_well(switch, a, b)


def test_a_guest_that_asks_for_no_answer_is_hung_up_on_for_its_memory(scene):
    switch, a, b, evil = scene
    evil.conn.call(SET_MEM_TABLE, struct.pack("=IIQQQQ", 1, 0, GPA_BASE, 1 << 60, UVA_BASE, 0), fds=[evil.mem.fd], ack=False)
    evil.wait_hang_up()
    others_are_well(switch, a, b)
    evil.start()
    switch.wait_link("evil")


def test_postcopy_is_refused(scene):
    switch, a, b, evil = scene
    for request in (POSTCOPY_ADVISE, POSTCOPY_LISTEN):
        with pytest.raises(Refused):
            evil.conn.call(request)
    others_are_well(switch, a, b)


def test_files_with_a_question_are_closed(scene):
    switch, a, b, evil = scene
    before = files_of(switch.swd)
    for _ in range(20):
        assert evil.conn.call_u64(GET_QUEUE_NUM, fds=[evil.mem.fd] * 8) == 1
    switch.wait(lambda: files_of(switch.swd) == before, "end of the files")


# What librte_vhost's one thread for all sockets must not wait for.


def lingering():
    """A TCP socket whose close() waits half a minute, for its other end, which is returned too, does not read."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 30))
    ours.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            ours.send(bytes(65536))
    return ours, theirs


@pytest.fixture
def fresh(scene):
    """A port for a guest that comes later. Its own coming would end a wait, for it wakes the thread that waits (vhost/wake.h)."""
    switch = scene[0]
    guest = attach(switch, "fresh")
    switch.wait_link("fresh")
    guest.hang_up()
    yield guest
    guest.close()
    switch.swctl("del-port", "fresh")


def others_may_come_and_go(switch, fresh, limit=10.0):
    """In a part of the half minute that a close() would wait."""
    begun = time.monotonic()
    fresh.start()
    switch.wait_link("fresh", timeout=limit)
    fresh.hang_up()
    switch.wait_link("fresh", "down", timeout=limit)
    assert time.monotonic() - begun < limit


WAITING = {
    "a call file that lingers": lambda c, f: c.raw(struct.pack("=IIIQ", SET_VRING_CALL, 1, 8, 1), [f]),
    "a kick file that lingers": lambda c, f: c.raw(struct.pack("=IIIQ", SET_VRING_KICK, 1, 8, 1), [f]),
    "memory that lingers": lambda c, f: c.raw(struct.pack("=IIIIIQQQQ", SET_MEM_TABLE, 1, 40, 1, 0, GPA_BASE, 4096, UVA_BASE, 0), [f]),
    "files where none belong": lambda c, f: c.raw(struct.pack("=IIIII", SET_VRING_NUM, 1, 8, 0, 256), [f] * 8),
    "files behind a message that ends it all": lambda c, f: [
        c.raw(struct.pack("=IIIII", SET_VRING_NUM, 1, 8, 0, 65535) + struct.pack("=III", 77, 1, 0), [f]) for _ in range(3)
    ],
    "half a header": lambda c, f: c.raw(b"12345", [f]),
    "half a message": lambda c, f: c.raw(struct.pack("=III", SET_VRING_NUM, 1, 8), [f]),
    "more than there is room for": lambda c, f: c.raw(struct.pack("=III", SET_VRING_NUM, 1, 1 << 30), [f]),
}


@pytest.mark.parametrize("what", WAITING)
def test_nobody_waits_for_a_guest_that_lets_the_switch_wait(scene, fresh, what):
    switch, a, b, evil = scene
    ours, theirs = lingering()
    with theirs:
        # What is under way to swd is all that is left of it, so swd's close() is the one that waits.
        switch.swd.process.send_signal(signal.SIGSTOP)
        WAITING[what](evil.conn, ours.fileno())
        ours.close()
        switch.swd.process.send_signal(signal.SIGCONT)
        others_may_come_and_go(switch, fresh)
        evil.hang_up()
        others_may_come_and_go(switch, fresh)
        others_are_well(switch, a, b)
    evil.start()
    switch.wait_link("evil")


CUT = "the guest has taken away memory that it had shared"


def cut_off(guest):
    """From here on whoever touches this memory gets SIGBUS: this process, too."""
    os.ftruncate(guest.mem.fd, 0)


@pytest.mark.parametrize("who_touches", ["who polls its transmit ring", "who sends to it"])
@pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
def test_memory_that_is_cut_off_takes_its_port_down_and_no_other(scene, packed, who_touches):
    switch, a, b, evil = scene
    evil.packed = packed
    evil.start()
    switch.wait_link("evil")
    if who_touches == "who sends to it":
        switch.set_flows("in_port=a,actions=output:b,output:evil", "in_port=b,actions=output:a")
    cut_off(evil)
    others_are_well(switch, a, b)
    switch.wait(lambda: CUT in switch.port("evil")["reason"], "reason for evil's end")
    others_are_well(switch, a, b)
    evil.start()
    switch.wait_link("evil")
    evil.send(raw(tcp()))
    evil.wait_sent()
    others_are_well(switch, a, b)


def test_memory_that_is_cut_off_hurts_no_thread_that_sets_rings_up(scene):
    switch, a, b, evil = scene
    evil.set_enabled(0, False)
    switch.wait_link("evil", "down")
    cut_off(evil)
    evil.set_enabled(0, True)
    switch.wait(lambda: CUT in switch.port("evil")["reason"], "reason for evil's end")
    others_are_well(switch, a, b)
    evil.start()
    switch.wait_link("evil")


def test_a_dirty_log_that_is_cut_off_takes_its_port_down_and_no_other(scene):
    switch, a, b, evil = scene
    log = os.memfd_create("log", os.MFD_CLOEXEC)
    os.ftruncate(log, 1 << 20)
    evil.log_to(log, 1 << 20, lambda q: GPA_BASE)
    switch.wait_link("evil")
    os.ftruncate(log, 0)
    evil.send(raw(tcp()))
    switch.wait(lambda: CUT in switch.port("evil")["reason"], "reason for evil's end")
    others_are_well(switch, a, b)
    evil.start()
    switch.wait_link("evil")
    os.close(log)
