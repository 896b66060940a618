"""Network cards by their PCI address: a guest that runs the switch itself, on vfio behind an emulated IOMMU.

   test --wire-- e1000e --vfio-pci-- swd (in the guest) --vfio-pci-- virtio-net-pci --wire-- test

The module's guest is shared by its tests; each binds the cards as it needs them.
"""

import json
import os
import tempfile
import threading
import time

import pytest

from guest import Guest, Wire

START = """
    (swd --run-dir /run/swd --pmd-cores 1 --mem 256 >/dev/null 2>/run/swd.log &)
    (swctld --run-dir /run/swd --db /run/swd.db >/dev/null 2>/run/swctld.log &)
    until swctl dp show >/dev/null 2>&1; do sleep 0.1; done
"""


@pytest.fixture(scope="module")
def host(guest_image, request):
    """The guest and its two wires."""
    image = os.path.join(os.environ.get("SWD_BUILD", "build"), "initramfs-swd.cpio")
    if not os.path.exists(image):
        pytest.fail(f"no {image}: run `make guest-image-swd`")
    with tempfile.TemporaryDirectory(prefix="swd-nic-") as run_dir:
        e1000e = Wire(run_dir, "e1000e", "52:54:00:00:01:00", 0x10, bus=1)
        virtio = Wire(run_dir, "virtio-net-pci,disable-legacy=on,iommu_platform=on", "52:54:00:00:01:01", 0x11)
        with Guest("host", run_dir, guest_image, [e1000e, virtio], memory_mb=1024, cpus=2, core="0,1", switch=image) as guest:
            guest.wait_ready()
            guest.check("mkdir -p /run/swd")
            guest.check(START, timeout=30)
            yield guest, e1000e, virtio


def cards(guest):
    return {card["address"]: card for card in json.loads(guest.check("swctl nic list --json"))["nics"]}


def counts(guest):
    ports = {p["name"]: p for p in json.loads(guest.check("swctl stats --json"))["ports"]}
    return [ports[p][d] for p in "ab" for d in ("rx_packets", "tx_packets")]


def refused(guest, command):
    status, output = guest.run(command)
    assert status == 1 and len(output.splitlines()) == 1, (status, output)
    return output


def add_ports(guest, **wires):
    for name, wire in wires.items():
        guest.check(f"swctl nic bind {wire.address}")
        guest.check(f"swctl add-port {name} type=nic pci={wire.address}")
    guest.check("while swctl list-ports | grep -qw down; do sleep 0.1; done", timeout=20)


@pytest.fixture(autouse=True)
def no_ports(host):
    yield
    host[0].run("for p in a b; do swctl del-port $p; done")


def test_the_list_tells_who_has_a_card(host):
    guest, e1000e, virtio = host
    guest.check(f"swctl nic bind {virtio.address} virtio-pci")
    guest.check(f"swctl nic unbind {e1000e.address}")
    found = cards(guest)
    assert (found[e1000e.address]["id"], found[e1000e.address]["driver"]) == ("8086:10d3", None)
    assert found[virtio.address]["driver"] == "virtio-pci" and found[virtio.address]["interfaces"] == ["eth0"]
    guest.check(f"swctl nic bind {e1000e.address}")
    assert cards(guest)[e1000e.address]["driver"] == "vfio-pci"


def test_a_driver_that_does_not_take_a_card_leaves_it_to_the_one_before(host):
    guest, e1000e, virtio = host
    guest.check(f"swctl nic bind {virtio.address} virtio-pci")
    guest.check(f"swctl nic bind {e1000e.address}")
    assert "vfio-pci has it again" in refused(guest, f"swctl nic bind {e1000e.address} virtio-pci")
    assert cards(guest)[e1000e.address]["driver"] == "vfio-pci"
    guest.check(f"swctl nic unbind {e1000e.address}")
    assert "it has none, as before" in refused(guest, f"swctl nic bind {e1000e.address} virtio-pci")
    assert cards(guest)[e1000e.address]["driver"] is None


def test_a_card_that_the_kernel_has_is_no_port(host):
    guest, e1000e, virtio = host
    guest.check(f"swctl nic bind {virtio.address} virtio-pci")
    assert "virtio-pci: take it from there with `swctl nic bind" in refused(
        guest, f"swctl add-port b type=nic pci={virtio.address}"
    )
    guest.check(f"swctl nic unbind {e1000e.address}")
    assert "has no driver" in refused(guest, f"swctl add-port a type=nic pci={e1000e.address}")
    assert "no PCI device 0000:00:1e.0" in refused(guest, "swctl add-port a type=nic pci=00:1e.0")
    assert json.loads(guest.check("swctl list-ports --json"))["ports"] == []


def test_the_card_of_the_default_route_is_refused_unless_forced(host):
    guest, _, virtio = host
    guest.check(f"swctl nic bind {virtio.address} virtio-pci")
    guest.check("ip addr add 10.0.0.1/24 dev eth0; ip link set eth0 up; ip route add default via 10.0.0.254")
    assert cards(guest)[virtio.address]["default_route"]
    for command in ("bind", "unbind"):
        assert "default route" in refused(guest, f"swctl nic {command} {virtio.address}")
    assert cards(guest)[virtio.address]["driver"] == "virtio-pci"
    guest.check(f"swctl nic bind {virtio.address} --force")
    assert cards(guest)[virtio.address]["driver"] == "vfio-pci"


def test_frames_pass_between_the_cards_unchanged(host):
    guest, e1000e, virtio = host
    add_ports(guest, a=e1000e, b=virtio)
    guest.check("swctl replace-flows - <<E\nin_port=a,actions=output:b\nin_port=b,actions=output:a\nE")
    for wire in (e1000e, virtio):
        wire.drain()  # of what the kernel said while it had the card
    for size in (60, 61, 594, 1514):
        for sender, receiver in ((e1000e, virtio), (virtio, e1000e)):
            frame = bytes.fromhex("020000000002 020000000001 88b5") + os.urandom(size - 14)
            sender.send(frame)
            assert receiver.receive() == frame, f"{size} bytes"
    deadline = time.monotonic() + 10  # frames are counted once they are sent
    while counts(guest) != [4, 4, 4, 4]:
        assert time.monotonic() < deadline, counts(guest)


def test_a_card_in_use_stays_and_a_freed_one_goes_back_to_the_kernel(host):
    guest, _, virtio = host
    add_ports(guest, b=virtio)
    for command in ("unbind", "bind"):
        driver = "virtio-pci" if command == "bind" else ""
        assert "in use" in refused(guest, f"swctl nic {command} {virtio.address} {driver}")
    guest.check("swctl del-port b")
    guest.check(f"swctl nic bind {virtio.address} virtio-pci")
    assert guest.check("cat /sys/class/net/eth0/address").strip() == virtio.mac


class Echo(threading.Thread):
    """Frames by `wire` that come back by it, one at a time, until end() tells how many were sent and how many lost.
    Each goes to `copies` as well."""

    def __init__(self, wire, copies):
        super().__init__(daemon=True)
        self.wire, self.copies, self.over, self.sent, self.lost = wire, copies, False, 0, 0
        self.start()

    def run(self):
        while not self.over:
            frame = bytes.fromhex("020000000002 020000000001 88b5") + os.urandom(46)
            self.wire.send(frame)
            self.copies.drain()
            self.sent += 1
            try:
                self.lost += self.wire.receive() != frame
            except TimeoutError:
                self.lost += 1

    def end(self):
        self.over = True
        self.join()
        return self.sent, self.lost


def port(guest, name):
    return next(p for p in json.loads(guest.check("swctl list-ports --json"))["ports"] if p["name"] == name)


def wait_port(guest, name, text):
    guest.check(f"until swctl list-ports | grep -w {name} | grep -q '{text}'; do sleep 0.1; done", timeout=20)


def passes(sender, receiver):
    frame = bytes.fromhex("020000000002 020000000001 88b5") + os.urandom(46)
    receiver.drain()
    sender.send(frame)
    return receiver.receive() == frame


def test_a_card_unplugged_under_traffic_takes_down_its_port_alone_and_brings_it_back(host):
    guest, e1000e, virtio = host
    add_ports(guest, a=e1000e, b=virtio)
    guest.check("swctl replace-flows - <<E\nin_port=a,actions=output:b\nin_port=b,actions=output:a,in_port\nE")
    assert passes(virtio, e1000e) and virtio.receive()
    others = Echo(virtio, e1000e)
    guest.unplug(e1000e)
    wait_port(guest, "a", "was unplugged")
    assert port(guest, "a")["reason"] == f"device {e1000e.address} was unplugged"
    assert e1000e.address not in cards(guest)
    guest.plug(e1000e)
    wait_port(guest, "a", "has no driver")
    guest.check(f"swctl nic bind {e1000e.address}")
    wait_port(guest, "a", "up")
    sent, lost = others.end()
    assert lost == 0 and sent > 0, f"{lost} of {sent} lost by a port that nobody unplugged"
    assert passes(virtio, e1000e) and virtio.receive() and passes(e1000e, virtio)
