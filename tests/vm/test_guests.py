"""Real guests on swd.

   vm1 --vhost-user (swd listens)---- swd ----(QEMU listens) vhost-user-- vm2

The module's two guests are shared by its tests; a test that kills one boots it again.
"""

import pytest

from boot import boot
from guest import IPERF_LISTENS, Guest, Nic

ADDRESS = {"vm1": "10.0.0.1", "vm2": "10.0.0.2"}
ADDRESS6 = {"vm1": "fd00::1", "vm2": "fd00::2"}


def configure(guest):
    """Its addresses; duplicate-address detection would only delay IPv6."""
    guest.check(
        "echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad;"
        f"ip addr add {ADDRESS[guest.name]}/24 dev eth0;"
        f"ip addr add {ADDRESS6[guest.name]}/64 dev eth0;"
        "ip link set eth0 up"
    )


def pings(guest, address, count=5):
    """How many of `count` pings were answered."""
    _, output = guest.run(f"ping -c {count} -i 0.2 -W 1 {address}")
    return int(output.split(" packets received")[0].split()[-1])


def nics(run_dir, queues=1, packed=False):
    return [
        Nic(f"{run_dir}/vm1.sock", "52:54:00:00:00:01", queues=queues, packed=packed),
        Nic(f"{run_dir}/vm2.sock", "52:54:00:00:00:02", listen=True, queues=queues, packed=packed),
    ]


def add_ports(switch, queues=1):
    run_dir = switch.run_dir
    switch.swctl("add-port", "vm1", "type=vhost-user", f"path={run_dir}/vm1.sock", "mode=server", f"queues={queues}")
    switch.swctl("add-port", "vm2", "type=vhost-user", f"path={run_dir}/vm2.sock", "mode=client", f"queues={queues}")


@pytest.fixture(scope="module", params=["split", "packed"])
def guests(request, switch_factory, guest_image):
    """Two guests on a switch of their own, once with split and once with packed rings."""
    switch = switch_factory()
    request.addfinalizer(switch.kill)  # or it polled on beside the next one, with half of the core
    add_ports(switch)
    pair = [
        Guest(name, switch.run_dir, guest_image, [nic])
        for name, nic in zip(("vm1", "vm2"), nics(switch.run_dir, packed=request.param == "packed"))
    ]
    for guest in pair:
        request.addfinalizer(guest.kill)
    boot(switch, configure, *pair)
    return switch, *pair


@pytest.fixture(autouse=True)
def only_normal(request):
    """Each test starts with the rule that a new bridge has."""
    if "guests" in request.fixturenames:
        switch = request.getfixturevalue("guests")[0]
        switch.swctl("del-flows")
        switch.swctl("add-flow", "priority=0,actions=NORMAL")


def test_ping_ipv4_and_ipv6_pass(guests):
    _, vm1, vm2 = guests
    assert pings(vm1, ADDRESS["vm2"]) == 5
    assert pings(vm2, ADDRESS6["vm1"]) == 5


def test_ping_in_a_vlan_passes_and_leaves_other_vlans_alone(guests):
    _, vm1, vm2 = guests
    for guest, vlans in ((vm1, (10, 20)), (vm2, (10,))):
        for vlan in vlans:
            guest.check(
                f"ip link add link eth0 name eth0.{vlan} type vlan id {vlan} &&"
                f"ip addr add 10.{vlan}.0.{guest.name[-1]}/24 dev eth0.{vlan} && ip link set eth0.{vlan} up"
            )
    assert pings(vm1, "10.10.0.2") == 5
    vm2.check("ip addr add 10.20.0.2/24 dev eth0.10")
    assert pings(vm1, "10.20.0.2", count=2) == 0
    for guest, vlans in ((vm1, (10, 20)), (vm2, (10,))):
        for vlan in vlans:
            guest.check(f"ip link del eth0.{vlan}")


def tcp_transfer(sender, receiver, mib):
    """The receiver fetches random bytes over TCP; both checksums are compared."""
    sender.check(f"dd if=/dev/urandom of=/tmp/file bs=1M count={mib} 2>/dev/null; pidof httpd || httpd -p 5001 -h /tmp")
    receiver.check(f"wget -q -O /tmp/got http://{ADDRESS[sender.name]}:5001/file", timeout=120)
    checksums = sender.check("sha256sum < /tmp/file"), receiver.check("sha256sum < /tmp/got")
    assert checksums[0] == checksums[1]


def test_tcp_carries_every_byte_right(guests):
    _, vm1, vm2 = guests
    tcp_transfer(vm1, vm2, 8)
    tcp_transfer(vm2, vm1, 8)


def test_a_changed_rule_acts_on_running_traffic(guests):
    """A ping that runs all the time stops within a second of a drop rule, and goes on when that is gone."""
    switch, vm1, _ = guests
    assert pings(vm1, ADDRESS["vm2"]) == 5
    vm1.check(f"ping -i 0.1 {ADDRESS['vm2']} > /tmp/ping 2>&1 & echo $! > /tmp/ping.pid")
    answered = "grep -c 'bytes from' /tmp/ping || true"
    vm1.check("while [ $(grep -c 'bytes from' /tmp/ping) -lt 5 ]; do sleep 0.05; done", timeout=20)
    switch.swctl("add-flow", "priority=10,icmp,actions=drop")
    vm1.check("sleep 1")
    before = int(vm1.check(answered))
    vm1.check("sleep 1")
    assert int(vm1.check(answered)) == before
    switch.swctl("del-flows", "icmp")
    vm1.check(f"n={before}; while [ $(grep -c 'bytes from' /tmp/ping) -le $n ]; do sleep 0.05; done", timeout=10)
    vm1.check("kill $(cat /tmp/ping.pid)")


def test_rewritten_addresses_reach_the_other_guest_with_right_checksums(guests):
    """vm1 talks to 10.0.0.99; rules rewrite that to vm2 and back: both guests' stacks check the checksums."""
    switch, vm1, _ = guests
    switch.swctl("add-flow", "priority=20,icmp,in_port=vm1,nw_dst=10.0.0.99,actions=mod_nw_dst:10.0.0.2,output:vm2")
    switch.swctl("add-flow", "priority=20,icmp,in_port=vm2,nw_dst=10.0.0.1,actions=mod_nw_src:10.0.0.99,output:vm1")
    vm1.check("arp -i eth0 -s 10.0.0.99 52:54:00:00:00:02")
    assert pings(vm1, "10.0.0.99") == 5


def test_a_killed_guest_comes_back_and_the_other_does_not_notice(guests):
    switch, vm1, vm2 = guests
    assert pings(vm1, ADDRESS["vm2"]) == 5
    uptime = float(vm1.check("cut -d' ' -f1 /proc/uptime"))
    vm2.kill()
    switch.wait_link("vm2", "down")
    vm1.check(f"[ $(cut -d. -f1 /proc/uptime) -ge {int(uptime)} ]")
    boot(switch, configure, vm2)
    switch.wait_link("vm2", "up")
    assert pings(vm1, ADDRESS["vm2"], count=10) >= 9
    vm1.kill()
    switch.wait_link("vm1", "down")
    boot(switch, configure, vm1)
    switch.wait_link("vm1", "up")
    assert pings(vm2, ADDRESS["vm1"], count=10) >= 9


def test_two_queues_carry_traffic(switch_factory, guest_image, request):
    """Guests with two CPUs and two queue pairs. A guest sends by the queue of the CPU that it runs on: each of the two
    streams needs another receive queue of swd's port to be polled."""
    switch = switch_factory()
    add_ports(switch, queues=2)
    pair = [
        Guest(name, switch.run_dir, guest_image, [nic], cpus=2)
        for name, nic in zip(("vm1", "vm2"), nics(switch.run_dir, queues=2))
    ]
    for guest in pair:
        request.addfinalizer(guest.kill)
    boot(switch, configure, *pair)
    vm1, vm2 = pair
    vm2.check(f"iperf3 -s -D; {IPERF_LISTENS}")
    for cpu, queue in (("1", 0), ("2", 1)):
        assert int(vm1.check(f"cat /sys/class/net/eth0/queues/tx-{queue}/xps_cpus"), 16) == int(cpu, 16)
        vm1.check(f"taskset {cpu} iperf3 -c {ADDRESS['vm2']} -n 1M", timeout=60)
    assert [switch.port(name)["rx_queues"] for name in ("vm1", "vm2")] == [2, 2]
    queues = {(q["port"], q["queue"]) for pmd in switch.json("pmd", "show")["pmds"] for q in pmd["rxqs"]}
    assert queues == {(name, q) for name in ("vm1", "vm2") for q in (0, 1)}
