"""Packets that are malformed, truncated, oversized or too many are forwarded or counted, and never read out of bounds.

    vm1 --- swd --- vm2       vm3 floods misses
"""

import random
import struct

import pytest
from conftest import attach
from frames import *


def test_truncated_packets_are_forwarded_or_counted(net):
    """Every length of every kind of packet, under rules that read every header and change what they can."""
    net.set_flows(
        "priority=1,actions=output:vm2",
        "priority=5,tcp,tp_dst=2000,actions=mod_tp_dst:1,mod_nw_dst:1.1.1.1,output:vm2",
        "priority=5,udp,tp_dst=2000,actions=mod_tp_dst:1,mod_nw_dst:1.1.1.1,output:vm2",
        "priority=5,sctp,tp_dst=2000,actions=mod_tp_dst:1,output:vm2",
        "priority=5,tcp6,tp_dst=2000,actions=mod_tp_dst:1,output:vm2",
        "priority=5,dl_vlan=10,actions=strip_vlan,output:vm2",
        "priority=6,icmp6,icmp_type=135,icmp_code=0,nd_target=fe80::1,actions=output:vm2",
        "priority=5,arp,arp_tpa=10.0.0.1,actions=output:vm2",
    )
    kinds = [
        tcp(payload=b""),
        udp(payload=b""),
        sctp(payload=b""),
        tcp6(l3=ip6() / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt(), payload=b""),
        tcp(l2=eth(vlan=[10, 20]), payload=b""),
        eth() / ip6(hlim=255) / ICMPv6ND_NS(tgt="fe80::1") / ICMPv6NDOptSrcLLAddr(lladdr=SRC),
        eth() / ARP(pdst="10.0.0.1"),
        eth() / ip4(options=[IPOption_NOP()] * 20) / TCP(),
    ]
    for packet in kinds:
        whole = raw(packet)
        before = sum(net.switch.drops("vm1").values())
        frames = [whole[:n] for n in range(1, len(whole) + 1)]
        got = 0

        def forwarded_or_counted():
            nonlocal got
            got += net.vm2.drain()
            return got + sum(net.switch.drops("vm1").values()) - before

        for i in range(0, len(frames), 16):
            net.vm1.send(*frames[i : i + 16])
            sent = min(i + 16, len(frames))
            net.switch.wait(lambda n=sent: forwarded_or_counted() == n, f"{sent} frames, forwarded or counted")
        # Shorter than an Ethernet header: not forwarded. SCTP's checksum cannot be mended when its end is missing.
        assert got >= len(frames) - (13 + 16)
    assert net.switch.swd.alive()


def test_frames_with_lying_lengths_pass_untouched(net):
    """Lengths in headers that point past the end: nothing is read there, and the frame goes on as it came."""
    net.set_flows("actions=output:vm2")
    frames = [
        raw(eth() / ip4(ihl=15, len=60000) / Raw(bytes(20))),
        raw(eth() / ip4(ihl=2) / TCP()),
        raw(eth() / ip4(version=9) / TCP()),
        raw(eth() / ip6(plen=60000) / TCP()),
        raw(eth() / ip6(nh=0) / Raw(b"\x00\xff" * 4)),
        raw(eth() / ip6(nh=43) / Raw(b"\x2b\xff" + bytes(6) + (b"\x2b\x00" + bytes(6)) * 40)),
        raw(eth() / ip4() / TCP(dataofs=15)),
        raw(eth() / ip4() / UDP(len=60000)),
        raw(eth(type=0x8100) / Raw(b"\x00")),
        raw(eth(type=0x0800)),
        raw(eth(type=0x86DD) / Raw(b"\x60")),
    ]
    for frame in frames:
        net.vm1.send(frame)
        assert net.vm2.recv() == frame


@pytest.mark.parametrize("length", [9000, 9728, 12000, 20000, 65000])
def test_oversized_frames_are_forwarded_or_counted(net, length):
    net.set_flows("actions=output:vm2")
    net.vm1.send(raw(udp()))
    net.vm2.recv()
    before = sum(net.switch.drops().values())
    frame = raw(udp(payload=bytes(length - 42)))
    net.vm1.send(frame)

    def settled():
        got = net.vm2.poll_frame()
        if got is not None:
            assert got == frame
            return True
        return sum(net.switch.drops().values()) > before

    net.switch.wait(settled, "forwarding or a counted drop")
    net.vm1.send(raw(udp()))
    assert net.vm2.recv() == raw(udp())


def test_a_burst_of_noise_is_forwarded_or_counted(net):
    rng = random.Random(7)
    net.set_flows("actions=output:vm2")
    sent = 0
    before = sum(net.switch.drops().values())
    for _ in range(20):
        frames = [rng.randbytes(rng.randint(14, 300)) for _ in range(16)]
        net.vm1.send(*frames)
        sent += len(frames)
        got = net.vm2.recv_n(len(frames))
        assert sorted(got) == sorted(frames)
    assert sum(net.switch.drops().values()) == before


def test_a_flood_of_new_flows_does_not_hold_up_an_established_one(net):
    """vm3 makes misses only; vm1's flow goes on, and what did not fit is counted at vm3."""
    net.set_flows("priority=9,in_port=vm1,actions=output:vm2", "priority=1,udp,tp_src=1,actions=drop", "priority=0,actions=output:vm4")
    net.vm1.send(raw(udp()))
    net.vm2.recv()
    before = net.switch.drops()
    for i in range(20):
        net.vm3.send(*many_flows(250, 1 + 250 * i))
        frames = [numbered(UDP_FRAME, k) for k in range(16)]
        net.vm1.send(*frames)
        assert net.vm2.recv_n(16) == frames
        net.vm4.drain()
    dropped = {(port, reason): n for (port, reason), n in net.switch.drops().items() if n > before.get((port, reason), 0)}
    assert not any(port == "vm1" and reason.startswith("upcall") for port, reason in dropped), dropped


def test_a_guest_that_sends_garbage_on_its_vhost_socket_hurts_only_itself(switch_factory):
    switch = switch_factory()
    a, b, c = [attach(switch, n) for n in "abc"]
    try:
        for guest in (a, b, c):
            switch.wait_link(guest.name)
        switch.set_flows("in_port=a,actions=output:b", "in_port=b,actions=output:a")
        for garbage in (b"\xff" * 12, struct.pack("=III", 200, 1, 0), struct.pack("=III", 5, 1, 1 << 30), b"x", b"\0" * 4096):
            c.conn.raw(garbage)
            c.hang_up()
            c.start()
            a.send(raw(tcp()))
            b.recv()
            b.send(raw(tcp()))
            a.recv()
        switch.wait_link("c")
    finally:
        for guest in (a, b, c):
            guest.close()
