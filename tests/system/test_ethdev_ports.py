"""Ports of kind dpdk: whatever DPDK has a virtual driver for.

    vm1 (guest) --- swd --- net_null, net_tap (in swd's own network namespace), net_pcap, virtio-user
"""

import contextlib

import pytest
from conftest import attach
from frames import *
from netns import Netns
from scapy.utils import rdpcap, wrpcap

@contextlib.contextmanager
def dpdk_port(switch, name, devargs, *options):
    switch.swctl("add-port", name, "type=dpdk", f"devargs={devargs}", *options)
    try:
        yield switch.port(name)
    finally:
        switch.swctl("del-port", name)


def test_net_null_swallows_and_counts(net):
    with dpdk_port(net.switch, "null", "net_null0,no-rx=1") as port:
        assert (port["kind"], port["link"]) == ("dpdk", "up")
        net.set_flows("actions=output:null")
        net.vm1.send(*[raw(tcp())] * 20)
        net.vm1.wait_sent()
        net.switch.wait(lambda: net.json("stats", "null")["ports"][0]["tx_packets"] == 20, "20 packets sent")


def test_net_null_as_a_source_does_not_stop_other_ports(net):
    """It delivers as fast as it is polled; the guests' traffic still passes."""
    net.set_flows("in_port=vm1,actions=output:vm2")
    with dpdk_port(net.switch, "source", "net_null1"):
        net.switch.wait(lambda: net.json("stats", "source")["ports"][0]["rx_packets"] > 1000, "packets from net_null")
        for i in range(50):
            net.vm1.send(numbered(UDP_FRAME, i))
            assert net.vm2.recv() == numbered(UDP_FRAME, i)


def test_a_port_comes_and_goes_without_loss_on_others(net):
    net.set_flows("in_port=vm1,actions=output:vm2")
    net.vm1.send(numbered(UDP_FRAME, 0))
    net.vm2.recv()
    for i in range(10):
        frames = [numbered(UDP_FRAME, 100 * i + k) for k in range(100)]
        net.vm1.send(*frames[:50])
        with dpdk_port(net.switch, "passing", "net_null2,no-rx=1"):
            net.vm1.send(*frames[50:])
            assert net.vm2.recv_n(100) == frames


def test_the_same_device_twice_is_refused(net):
    with dpdk_port(net.switch, "null", "net_null3,no-rx=1"):
        assert "net_null3" in net.switch.refused("add-port", "again", "type=dpdk", "devargs=net_null3,no-rx=1")


def test_more_queues_than_a_device_has_are_refused(net):
    line = net.switch.refused("add-port", "tap", "type=dpdk", "devargs=net_pcap9,iface=lo", "queues=16")
    assert "queues" in line


def test_the_limit_of_devices_is_told_and_a_port_removed_makes_room(net):
    names = [f"null{i}" for i in range(40)]
    added = []
    try:
        for name in names:
            done = net.switch.run("add-port", name, "type=null")
            if done.returncode != 0:
                assert "no room for another device: DPDK has 32; remove a port" in done.stderr
                break
            added.append(name)
        assert len(added) == 32
        net.swctl("add-port", "left", "type=ring", "name=cable1")  # no device of DPDK
        net.swctl("del-port", "left")
        net.swctl("del-port", added.pop())
        net.swctl("add-port", names[33], "type=null")
        added.append(names[33])
    finally:
        for name in added:
            net.swctl("del-port", name)


def test_net_pcap_reads_and_writes_files(net, run_dir):
    packets = [udp(sport=1000 + i) for i in range(20)]
    wrpcap(f"{run_dir}/in.pcap", packets)
    net.set_flows("in_port=vm1,actions=output:vm2", "priority=1,udp,actions=output:vm3", "priority=0,actions=drop")
    with dpdk_port(net.switch, "file", f"net_pcap0,rx_pcap={run_dir}/in.pcap,tx_pcap={run_dir}/out.pcap"):
        assert net.vm3.recv_n(20) == [raw(p) for p in packets]
        net.swctl("add-flow", "in_port=vm1,actions=output:file")

        def arrives():
            net.vm1.send(raw(tcp()))
            return net.json("stats", "file")["ports"][0]["tx_packets"] > 0

        net.switch.wait(arrives, "a packet written")
    written = rdpcap(f"{run_dir}/out.pcap")
    assert written and all(raw(p) == raw(tcp()) for p in written)


def test_a_pcap_file_that_is_not_there_is_named(net):
    line = net.switch.refused("add-port", "file", "type=dpdk", "devargs=net_pcap1,rx_pcap=/nonexistent/in.pcap")
    assert "net_pcap1" in line or "/nonexistent" in line
    assert [p["name"] for p in net.json("list-ports")["ports"]] == [g.name for g in net.guests]


@pytest.fixture(scope="module")
def own_netns(module_switch_factory):
    """A switch whose swd has a network namespace of its own, and a guest."""
    switch = module_switch_factory(start=False)
    switch.swd_prefix = ["unshare", "-n"]
    switch.start()
    guest = attach(switch, "vm1")
    switch.wait_link("vm1")
    yield switch, guest
    guest.close()


def test_net_tap_carries_frames_both_ways(own_netns):
    switch, vm1 = own_netns
    switch.set_flows()  # nor does vm1 get what the kernel says to everybody when its tap comes up
    with dpdk_port(switch, "tap", "net_tap0,iface=swdtap0") as port:
        assert port["mac"]
        switch.set_flows("in_port=vm1,actions=output:tap", "in_port=tap,ip,actions=output:vm1")
        with Netns(switch.swd.pid).packet_socket("swdtap0") as tap:
            switch.wait_link("tap")
            tap.send(raw(tcp()))
            assert vm1.recv() == raw(tcp())
            for i in range(30):
                frame = numbered(UDP_FRAME, i)
                vm1.send(frame)
                while True:
                    got = tap.recv(2048)
                    if got[12:14] == b"\x08\x00":
                        break  # the kernel's own IPv6 chatter aside
                assert got == frame
    with pytest.raises(OSError):
        Netns(switch.swd.pid).packet_socket("swdtap0")


def test_two_ports_do_not_share_a_tap_interface(own_netns):
    switch, _ = own_netns
    with dpdk_port(switch, "tap", "net_tap0,iface=swdtap0"):
        line = switch.refused("add-port", "tap2", "type=dpdk", "devargs=net_tap1,iface=swdtap0")
        assert "interface swdtap0" in line and "belongs to a port already" in line
        with dpdk_port(switch, "tap2", "net_tap1,iface=swdtap1"):
            switch.wait_link("tap2")


def test_virtio_user_talks_to_a_vhost_port_of_the_same_switch(own_netns):
    """
    vm1 --- swd --- "front" (virtio-user) ~~~ "back" (vhost-user port of the same swd)
    """
    switch, vm1 = own_netns
    switch.set_flows()
    path = f"{switch.run_dir}/back.sock"
    switch.swctl("add-port", "back", "type=vhost-user", f"path={path}", "mode=server", "queues=1")
    try:
        with dpdk_port(switch, "front", f"virtio_user0,path={path}"):
            for name in ("front", "back"):
                switch.wait_link(name)
            switch.set_flows("in_port=vm1,actions=output:front", "in_port=back,actions=output:vm1")
            for i in range(50):
                vm1.send(numbered(UDP_FRAME, i))
                assert vm1.recv() == numbered(UDP_FRAME, i)
    finally:
        switch.swctl("del-port", "back")
