"""Checksums and segmentation that a guest leaves to others.

    a (guest) --- swd --- b (guest)

What b takes passes as it is; what it does not take, the switch does.
"""

import os
import struct

import pytest
from conftest import attach
from frames import *
from vhost_frontend import HDR
from vhost_protocol import (
    GUEST_OFFLOADS,
    HOST_OFFLOADS,
    VIRTIO_NET_F_CSUM,
    VIRTIO_NET_F_GUEST_CSUM,
    VIRTIO_NET_F_HOST_TSO4,
    Refused,
)

NEEDS_CSUM = 1
GSO_TCP4, GSO_TCP6, GSO_ECN = 1, 4, 0x80
ALL = HOST_OFFLOADS | GUEST_OFFLOADS
RINGS = pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
VERSIONS = pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])


@pytest.fixture(scope="module")
def offloads_switch(module_switch_factory):
    return module_switch_factory()


@pytest.fixture
def path(offloads_switch):
    """path(a options, b options) -> a, b"""
    switch, guests = offloads_switch, []

    def make(a, b, **kw):
        for name, options in (("a", a), ("b", b)):
            guests.append(attach(switch, name, **{**kw, **options}))
            switch.wait_link(name)
        switch.set_flows("in_port=a,actions=output:b", "in_port=b,actions=output:a")
        # The first ones go by way of swctld; those behind them find a flow.
        for frame in (raw(tcp()), raw(tcp6())):
            guests[0].send(frame)
            guests[1].recv()
        return guests

    yield make
    for guest in guests:
        guest.close()
    for port in switch.json("list-ports")["ports"]:
        switch.swctl("del-port", port["name"])


def partial(version, payload, flags="A", more=0):
    """A TCP frame whose checksum is only begun, as a driver hands it over; where its TCP header starts; the whole frame. `more`
    bytes follow."""
    whole = raw(tcp(payload=payload, flags=flags) if version == 4 else tcp6(payload=payload, flags=flags))
    l4 = 34 if version == 4 else 54
    addresses = whole[26:34] if version == 4 else whole[22:54]
    pseudo = addresses + struct.pack(">II", len(whole) - l4 + more, 6)
    total = sum(struct.unpack(f">{len(pseudo) // 2}H", pseudo))
    total = (total & 0xFFFF) + (total >> 16)
    begun = struct.pack(">H", (total & 0xFFFF) + (total >> 16))
    return whole[: l4 + 16] + begun + whole[l4 + 18 :], l4, whole


def header(l4, gso_type=0, gso_size=0):
    return HDR.pack(NEEDS_CSUM, gso_type, l4 + 20 if gso_type else 0, gso_size, l4, 16, 0)


def super_frame(version, length, flags="A"):
    """A TCP frame of this many payload bytes, to be segmented; header for it; its payload."""
    payload = os.urandom(length)
    frame, l4, _ = partial(version, b"", flags, length)
    # Lengths as a driver writes them: of the whole, which scapy would take long to build.
    head = bytearray(frame)
    if version == 4:
        head[16:18] = struct.pack(">H", len(frame) - 14 + length)
    else:
        head[18:20] = struct.pack(">H", len(frame) - 54 + length)
    return bytes(head) + payload, l4, payload


@RINGS
@VERSIONS
def test_a_partial_checksum_passes_to_a_guest_that_takes_it(path, packed, version):
    a, b = path({"features": VIRTIO_NET_F_CSUM}, {"features": VIRTIO_NET_F_GUEST_CSUM}, packed=packed)
    frame, l4, _ = partial(version, os.urandom(500))
    a.send(frame, hdr=header(l4))
    assert b.recv() == frame
    flags, gso_type, _, gso_size, start, offset, _ = b.last_hdr
    assert (flags & NEEDS_CSUM, gso_type, gso_size, start, offset) == (1, 0, 0, l4, 16)


@RINGS
@VERSIONS
@pytest.mark.parametrize("length", [0, 1, 77, 1400], ids=lambda n: f"{n} bytes")
def test_a_guest_that_takes_none_gets_whole_checksums(path, packed, version, length):
    a, b = path({"features": VIRTIO_NET_F_CSUM}, {}, packed=packed)
    frame, l4, whole = partial(version, os.urandom(length))
    a.send(frame, hdr=header(l4))
    assert b.recv() == whole
    assert b.last_hdr[0] & NEEDS_CSUM == 0


@RINGS
@VERSIONS
@pytest.mark.parametrize("length", [1449, 30000, 65535 - 60], ids=lambda n: f"{n} bytes")
@pytest.mark.parametrize("buffers", ["mergeable", "one large"])
def test_a_frame_to_be_segmented_passes_whole_to_a_guest_that_takes_it(path, packed, version, length, buffers):
    shape = {"mergeable": True} if buffers == "mergeable" else {"mergeable": False, "rx_slot": 68 * 1024, "ring_size": 32}
    a, b = path({"features": HOST_OFFLOADS | GUEST_OFFLOADS}, {"features": ALL, **shape}, packed=packed)
    frame, l4, _ = super_frame(version, length)
    gso_type = GSO_TCP4 if version == 4 else GSO_TCP6
    for _ in range(3):
        a.send(frame, hdr=header(l4, gso_type, 1448))
        assert b.recv() == frame
        flags, got_type, hdr_len, gso_size, start, offset, n_buffers = b.last_hdr
        assert (flags & NEEDS_CSUM, got_type, hdr_len, gso_size, start, offset) == (1, gso_type, l4 + 20, 1448, l4, 16)
        if buffers == "mergeable":
            assert n_buffers == -(-(len(frame) + 12) // 2048)


@RINGS
@VERSIONS
@pytest.mark.parametrize("takes", ["nothing", "checksums"])
def test_a_guest_that_takes_none_gets_segments(path, packed, version, takes):
    a, b = path({"features": HOST_OFFLOADS}, {"features": VIRTIO_NET_F_GUEST_CSUM if takes == "checksums" else 0}, packed=packed)
    frame, l4, payload = super_frame(version, 20 * 1448 + 5)
    a.send(frame, hdr=header(l4, GSO_TCP4 if version == 4 else GSO_TCP6, 1448))
    got = []
    for i in range(21):
        segment = b.recv()
        got.append(segment[l4 + 20 :])
        assert len(got[-1]) == (1448 if i < 20 else 5)
        assert b.last_hdr[1] == 0
        if b.last_hdr[0] & NEEDS_CSUM:
            assert takes == "checksums"
        else:
            assert check_checksums(segment)["TCP"].seq == i * 1448
    assert b"".join(got) == payload


def test_congestion_flags_pass_only_to_who_takes_them(path):
    a, b = path({"features": HOST_OFFLOADS}, {"features": GUEST_OFFLOADS})
    frame, l4, _ = super_frame(4, 5000, flags="AC")
    a.send(frame, hdr=header(l4, GSO_TCP4 | GSO_ECN, 1448))
    assert b.recv() == frame
    assert b.last_hdr[1] == GSO_TCP4 | GSO_ECN


def test_a_port_without_offloads_offers_none(offloads_switch, guests):
    switch = offloads_switch
    sock = os.path.join(switch.run_dir, "plain.sock")
    switch.swctl("add-port", "plain", "type=vhost-user", f"path={sock}", "offloads=off")
    guest = guests(sock)
    assert guest.backend_features & ALL == 0
    guest.hang_up()
    guest.extra_features = VIRTIO_NET_F_CSUM
    with pytest.raises(Refused):
        guest.start()
    switch.swctl("del-port", "plain")


@pytest.mark.parametrize(
    "hdr",
    [
        HDR.pack(NEEDS_CSUM, 0, 0, 0, 65535, 65535, 0),
        HDR.pack(NEEDS_CSUM, 0, 0, 0, 34, 60000, 0),
        HDR.pack(NEEDS_CSUM, GSO_TCP4, 54, 0, 34, 16, 0),
        HDR.pack(NEEDS_CSUM, GSO_TCP6, 54, 1448, 34, 16, 0),
        HDR.pack(NEEDS_CSUM, GSO_TCP4, 54, 1448, 50, 16, 0),
        HDR.pack(0, GSO_TCP4, 54, 1448, 34, 16, 0),
        HDR.pack(255, 255, 65535, 65535, 65535, 65535, 65535),
    ],
    ids=["start", "offset", "no size", "IPv6 that is IPv4", "not where TCP is", "no checksum", "all bits"],
)
def test_fields_that_lie_are_counted_as_malformed(path, offloads_switch, hdr):
    a, b = path({"features": ALL}, {"features": ALL})
    before = offloads_switch.drops().get(("a", "malformed"), 0)
    frame, _, whole = partial(4, bytes(3000))
    a.send(frame, hdr=hdr)
    a.send(whole)
    assert b.recv() == whole
    offloads_switch.wait_drop("a", "malformed", before)


def test_work_that_was_not_agreed_on_is_malformed(path, offloads_switch):
    a, b = path({"features": VIRTIO_NET_F_CSUM}, {"features": ALL})
    frame, l4, _ = super_frame(4, 3000)
    before = offloads_switch.drops().get(("a", "malformed"), 0)
    a.send(frame, hdr=header(l4, GSO_TCP4, 1448))
    offloads_switch.wait_drop("a", "malformed", before)
    assert not a.features & VIRTIO_NET_F_HOST_TSO4
    b.expect_none(0.02)
