"""Guests live through the death of the switch.

   vm1 --- four NICs --- swd (killed with -9, started again) --- four NICs --- vm2
                          |
                        swctld (killed with it, or not)

NIC n of one guest talks to NIC n of the other: each mode of the port with each format of ring. Both guests ping over all of them, fifty times
a second, and fetch a file by TCP, while swd dies. How long the guests were without answers is read from their own clocks.
"""

import os
import time

import pytest

from guest import Guest, Nic
from scale import note, scaled

WAYS = ["client, split", "client, packed", "server, split", "server, packed"]
MAC = "52:54:00:00:{:02x}:{:02x}"


def address(n, guest):
    return f"10.{n}.0.{guest.name[-1]}"


def nics(run_dir, vm):
    for n, way in enumerate(WAYS):
        yield Nic(f"{run_dir}/{vm}n{n}.sock", MAC.format(n, int(vm[-1])), listen="client" in way, packed="packed" in way)


def boot(pair):
    for guest in pair:
        guest.start()
    for guest in pair:
        guest.wait_ready()
        for n in range(len(WAYS)):
            guest.check(f"ip addr add {address(n, guest)}/24 dev eth{n}; ip link set eth{n} up")


@pytest.fixture(scope="module")
def net(switch_factory, guest_image, request):
    switch = switch_factory()
    request.addfinalizer(switch.kill)
    flows = []
    for vm, other in (("vm1", "vm2"), ("vm2", "vm1")):
        for n, way in enumerate(WAYS):
            path = f"path={switch.run_dir}/{vm}n{n}.sock"
            switch.swctl("add-port", f"{vm}n{n}", "type=vhost-user", path, f"mode={way.split(',')[0]}")
            flows.append(f"in_port={vm}n{n},actions=output:{other}n{n}")
    pair = [Guest(vm, switch.run_dir, guest_image, list(nics(switch.run_dir, vm))) for vm in ("vm1", "vm2")]
    for guest in pair:
        request.addfinalizer(guest.kill)
    boot(pair)
    switch.set_flows(*flows)
    return switch, *pair


def watch(vm1, vm2):
    """vm1 notes the time of each answer."""
    for n in range(len(WAYS)):
        vm1.check(
            f"ping -i 0.02 {address(n, vm2)} | while read -r line; do read -r now idle < /proc/uptime;"
            f' case "$line" in *time=*) echo $now;; esac; done > /tmp/answers{n} 2>&1 & true'
        )
    for n in range(len(WAYS)):
        vm1.check(f"while [ $(grep -c . /tmp/answers{n}) -lt 10 ]; do sleep 0.05; done", timeout=20)


def outages(vm1, after=0.5):
    """The longest time without an answer of each NIC, in seconds; each answers again."""
    for n, way in enumerate(WAYS):
        status, output = vm1.run(
            f"n=$(grep -c . /tmp/answers{n}); i=0; while [ $(grep -c . /tmp/answers{n}) -lt $((n + 10)) ]; do i=$((i+1)); [ $i -lt 100 ] || exit 1; sleep 0.05; done"
        )
        print(way, status)
    vm1.run("killall ping")
    longest = []
    for n in range(len(WAYS)):
        times = [float(t) for t in vm1.check(f"cat /tmp/answers{n}").split()]
        longest.append(max(b - a for a, b in zip(times, times[1:])))
    return longest


def cpu(pid):
    w = open(f"/proc/{pid}/stat").read().split(")")[1].split()
    return int(w[11]) + int(w[12])


def test_measure(net):
    switch, vm1, vm2 = net
    watch(vm1, vm2)
    switch.swd.kill()
    began = time.monotonic()
    switch.start_swd(ready=False)
    cpu0 = [cpu(p) for p in (vm1.process.pid, vm2.process.pid, os.getpid(), switch.swctld.pid, switch.swd.pid)]
    switch.swd.wait_line("ready$")
    cpu1 = [cpu(p) for p in (vm1.process.pid, vm2.process.pid, os.getpid(), switch.swctld.pid, switch.swd.pid)]
    while time.monotonic() < began + 4:
        time.sleep(0.1)
    print(switch.swd.stamped(began))
    print("cpu", [b - a for a, b in zip(cpu0, cpu1)])
    print(outages(vm1))
    print(switch.swctl("list-ports"))
    print(switch.logs()[-1][1])
