"""Domains of libvirt on swd, by the XML of docs/libvirt.md.

   vm1 (memfd) --vhost-user (swd listens)------- swd --(QEMU listens) vhost-user-- vm2 (hugepages, two queues, packed)
       \\---------- the interface that comes and goes --/

The tests share the two domains, and stand in the order of a domain's life.
"""

import contextlib
import os
import pathlib
import re
import threading
import time
import xml.etree.ElementTree as ElementTree

import libvirt
import pytest

from boot import boot
from guest import IPERF_LISTENS, Guest, boots_under_kvm
from libvirtd import Libvirtd
from scale import LONG, note, scaled

PAGE = pathlib.Path(__file__).parent.parent.parent / "docs" / "libvirt.md"
ADDRESS = {"vm1": "10.0.0.1", "vm2": "10.0.0.2", "vm1b": "10.0.1.1", "vm2b": "10.0.1.2"}


class Page:
    """What docs/libvirt.md shows, with the paths of this test."""

    def __init__(self, run_dir, image):
        blocks = re.findall(r"(?:^    .*\n)+", PAGE.read_text(), re.M)
        text = [re.sub("^    ", "", block.strip("\n"), flags=re.M) for block in blocks]
        places = {"/run/swd-guests": run_dir, "/run/swd": run_dir, "/var/lib/swd": os.path.abspath(image)}
        text = [re.sub("|".join(places), lambda m: places[m[0]], block) for block in text]
        self.commands = [line.split()[1:] for block in text for line in block.splitlines() if line.startswith("swctl ")]
        xml = [ElementTree.fromstring(block) for block in text if block.startswith("<")]
        self.domains = {x.findtext("name"): x for x in xml if x.tag == "domain" and x.find("name") is not None}
        (self.interface,) = [x for x in xml if x.tag == "interface"]
        (self.emulated,) = [x for x in xml if x.get("type") == "qemu"]

    def domain(self, name, run_dir, kvm):
        """With what a test's guest has besides, and, without KVM, what the page says of that."""
        domain = self.domains[name]
        devices = domain.find("devices")
        channel = f"<channel type='unix'><source mode='bind' path='{run_dir}/{name}.agent'/>"
        devices.append(ElementTree.fromstring(channel + "<target type='virtio' name='swd.agent'/></channel>"))
        serial = devices.find("serial")
        serial.set("type", "file")
        ElementTree.SubElement(serial, "source", path=f"{run_dir}/{name}.console")
        if not kvm:
            domain.set("type", "qemu")
            domain.find("cpu").set("mode", "maximum")
            domain.extend(self.emulated)
        return ElementTree.tostring(domain, encoding="unicode")


class DomainGuest(Guest):
    """A guest whose QEMU is libvirt's."""

    def __init__(self, domain, run_dir):
        self.domain, self.run_dir = domain, run_dir
        self.name = domain.name()
        self.agent_path, self.console = f"{run_dir}/{self.name}.agent", f"{run_dir}/{self.name}.console"
        self.nics, self.process, self.agent = [], None, None
        self.pending, self.last_id = b"", 0

    @property
    def pid(self):
        """libvirt keeps it."""
        return int(pathlib.Path(self.run_dir, f"libvirt/run/libvirt/qemu/{self.name}.pid").read_text())

    def start(self):
        limited(self.domain.create)
        return self

    def ended(self):
        return None if self.domain.isActive() else "its domain is not active"

    def kill(self):
        super().kill()
        with contextlib.suppress(libvirt.libvirtError):  # it does not run
            self.domain.destroy()


def limited(call, *words, timeout=60):
    """`call` of libvirt's, which waits for the switch at times: for ever, if that does not come."""
    outcome = []

    def run():
        try:
            outcome.append((call(*words), None))
        except libvirt.libvirtError as problem:
            outcome.append((None, problem))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout)
    assert outcome, f"libvirt has not done {call.__name__} within {timeout} s"
    answer, problem = outcome[0]
    if problem:
        raise problem
    return answer


class Bench:
    def __init__(self, switch, image, conn):
        self.switch, self.conn, self.run_dir = switch, conn, switch.run_dir
        self.page = Page(switch.run_dir, image)
        for command in self.page.commands:
            switch.swctl(*command)
        kvm = boots_under_kvm(image)
        self.vm1, self.vm2 = (
            DomainGuest(conn.defineXML(self.page.domain(name, self.run_dir, kvm)), self.run_dir) for name in ("vm1", "vm2")
        )


@pytest.fixture(scope="module")
def bench(request, switch_factory, guest_image):
    switch = switch_factory()
    request.addfinalizer(switch.kill)
    daemon = Libvirtd(f"{switch.run_dir}/libvirt", f"{guest_image}/libvirt-cache")
    request.addfinalizer(daemon.stop)
    conn = daemon.connect(switch.wait)
    request.addfinalizer(conn.close)
    made = Bench(switch, guest_image, conn)
    for guest in (made.vm1, made.vm2):
        request.addfinalizer(guest.kill)
    return made


def configure(guest):
    guest.check(f"ip addr add {ADDRESS[guest.name]}/24 dev eth0; ip link set eth0 up")


def answers(guest, address, count=5):
    _, output = guest.run(f"ping -c {count} -i 0.2 -W 1 {address}")
    return int(output.split(" packets received")[0].split()[-1])


def test_domains_of_the_page_boot_and_reach_each_other(bench):
    boot(bench.switch, configure, bench.vm1, bench.vm2)
    assert answers(bench.vm1, ADDRESS["vm2"]) == 5
    assert bench.switch.port("vm2")["rx_queues"] == 2
    log = bench.switch.swd.output()
    assert "port vm1: link up, split ring" in log and "port vm2: link up, packed ring" in log


def test_an_interface_comes_and_goes_under_traffic(bench):
    vm1, vm2 = bench.vm1, bench.vm2
    vm2.check(f"ip addr add {ADDRESS['vm2b']}/24 dev eth0; iperf3 -s -D; {IPERF_LISTENS}")
    vm1.check(f"ping -i 0.1 {ADDRESS['vm2']} > /tmp/ping 2>&1 & echo $! > /tmp/ping.pid")
    vm1.check(f"(iperf3 -c {ADDRESS['vm2']} -t 600 -b 4M) > /dev/null 2>&1 &")
    interface = ElementTree.tostring(bench.page.interface, encoding="unicode")
    for _ in range(scaled(1, 10)):
        started = time.monotonic()
        limited(vm1.domain.attachDeviceFlags, interface, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        vm1.check("until [ -e /sys/class/net/eth1 ]; do usleep 50000; done", timeout=20)
        vm1.check(f"ip addr add {ADDRESS['vm1b']}/24 dev eth1; ip link set eth1 up")
        bench.switch.wait_link("vm1b")
        plugged = time.monotonic()
        assert answers(vm1, ADDRESS["vm2b"]) == 5
        busy = time.monotonic()
        limited(vm1.domain.detachDeviceFlags, interface, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        vm1.check("while [ -e /sys/class/net/eth1 ]; do usleep 50000; done", timeout=20)
        bench.switch.wait_link("vm1b", "down")
        note("libvirt: an interface", plugged_s=round(plugged - started, 1), unplugged_s=round(time.monotonic() - busy, 1))
    assert vm1.run("pidof iperf3")[0] == 0, "TCP beside it has ended"
    vm1.check("kill $(pidof iperf3); kill -INT $(cat /tmp/ping.pid); until grep -q transmitted /tmp/ping; do usleep 50000; done")
    answered = {int(n) for n in vm1.check("grep -o 'seq=[0-9]*' /tmp/ping | cut -d= -f2").split()}
    assert len(answered) == max(answered) + 1, "pings were lost"  # the last one may be on its way still


def test_a_destroyed_domain_takes_down_its_port_alone(bench):
    """The short form destroys only: a boot is a matter of seconds."""
    for guest, other in ((bench.vm2, bench.vm1), (bench.vm1, bench.vm2)) if LONG else ():
        destroy(bench, guest, other)
        boot(bench.switch, configure, guest)
        bench.switch.wait_link(guest.name)
        assert answers(other, ADDRESS[guest.name]) == 5
    destroy(bench, bench.vm2, bench.vm1)
    bench.vm1.kill()
    for guest in (bench.vm1, bench.vm2):
        guest.domain.undefine()
    assert bench.conn.listAllDomains() == []


def destroy(bench, guest, other):
    guest.kill()
    bench.switch.wait_link(guest.name, "down")
    assert bench.switch.port(other.name)["link"] == "up"
