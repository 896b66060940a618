"""The demo: two QEMU guests exchange traffic through swd, under flows that swctl add-flow installed.

   vm1 10.0.0.1 --vhost-user-- swd (PMD) --vhost-user-- vm2 10.0.0.2
                                |
                       swctld -- swctl add-flow

Run by `make demo`. Everything lives in a run dir of its own and is gone at the end, however it ends.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "system"))

from guest import Guest, GuestError, Nic, boots_under_kvm  # noqa: E402
from switch import Switch  # noqa: E402

IMAGE = os.environ.get("SWD_GUEST", "build/guest")
TRANSFER_MIB = 16

FLOWS = """\
# ARP and anything that no rule names: learn and forward as a switch does.
priority=0,actions=NORMAL
# The two guests may ping each other and talk TCP on port 5001 ...
priority=100,icmp,in_port=vm1,nw_src=10.0.0.1,actions=output:vm2
priority=100,icmp,in_port=vm2,nw_src=10.0.0.2,actions=output:vm1
priority=100,tcp,in_port=vm1,tp_src=5001,actions=output:vm2
priority=100,tcp,in_port=vm2,tp_dst=5001,actions=output:vm1
# ... and no other TCP.
priority=50,tcp,actions=drop
"""


class DemoError(Exception):
    pass


class Steps:
    """Progress lines: what is being done, then how long it took."""

    def __init__(self):
        self.start = time.monotonic()
        self.colour = sys.stdout.isatty()

    @contextlib.contextmanager
    def step(self, text):
        print(f"  {text} ...", end="", flush=True)
        begin = time.monotonic()
        note = []
        try:
            yield note.append
        except BaseException:
            print(self.paint(" failed", 31))
            raise
        print(f" {self.paint('ok', 32)} ({time.monotonic() - begin:.1f} s){': ' + note[0] if note else ''}")

    def paint(self, text, code):
        return f"\033[{code}m{text}\033[0m" if self.colour else text

    def heading(self, text):
        print("\n" + self.paint(text, 1))


def ping(guest, address):
    output = guest.check(f"ping -c 5 -i 0.2 {address}")
    line = next(x for x in output.splitlines() if "packet loss" in x)
    rtt = next((x.split("=")[1].strip() for x in output.splitlines() if "round-trip" in x), "")
    if " 0% packet loss" not in line:
        raise DemoError(f"{guest.name}: {line}")
    return f"{line.split(',')[1].strip()} of 5, round trip min/avg/max {rtt}"


def transfer(vm1, vm2):
    """vm2 fetches a file of random bytes from vm1 over TCP. Returns its checksum and the rate."""
    vm1.check(f"dd if=/dev/urandom of=/tmp/file bs=1M count={TRANSFER_MIB} 2>/dev/null; httpd -p 5001 -h /tmp")
    begin = time.monotonic()
    vm2.check("wget -q -O /tmp/got http://10.0.0.1:5001/file", timeout=120)
    seconds = time.monotonic() - begin
    sent = vm1.check("sha256sum < /tmp/file").split()[0]
    got = vm2.check("sha256sum < /tmp/got").split()[0]
    if sent != got:
        raise DemoError(f"checksum differs: sent {sent}, received {got}")
    return sent, TRANSFER_MIB * 8 * 1.048576 / seconds


def boot(guest, address):
    guest.wait_ready()
    guest.check(f"ip addr add {address}/24 dev eth0 && ip link set eth0 up")


def tables(steps, switch):
    for heading, words in (
        ("Rules (swctl dump-flows)", ["dump-flows"]),
        ("Megaflows, the cached answers that packets met (swctl dp dump-flows)", ["dp", "dump-flows"]),
        ("Ports (swctl stats)", ["stats"]),
        ("Drops (swctl drops)", ["drops"]),
    ):
        steps.heading(heading)
        print(switch.swctl(*words), end="")


def summary(steps, switch, pings, digest, rate):
    show = switch.json("show")
    dp = switch.json("dp", "show")
    rows = [
        ("ping", pings),
        (f"TCP, {TRANSFER_MIB} MiB", f"{rate:.0f} Mbit/s, sha256 {digest[:16]}... equal on both sides"),
        ("TCP to port 23", "dropped by its rule, and counted as flow-drop"),
        ("packets", f"{dp['hits']} met a cached megaflow, {dp['misses']} asked swctld"),
        ("rules, megaflows", f"{show['rules']}, {show['megaflows']} under {show['masks']} masks"),
        ("caches", f"{dp['memory_kind']}: flow caches {dp['cache_bytes'] >> 10} KiB, megaflows {dp['megaflow_bytes'] >> 10} KiB"),
        ("time", f"{time.monotonic() - steps.start:.0f} s"),
    ]
    steps.heading("Summary")
    for name, value in rows:
        print(f"  {name:<18} {value}")


def run(steps, run_dir, cleanup):
    switch = Switch(run_dir, mem=512)
    cleanup.callback(switch.kill)
    with steps.step("start swd (poll-mode thread on core 1, 512 MB of hugepages) and swctld"):
        switch.start()
    with steps.step("swctl add-port vm1 (swd listens), vm2 (QEMU listens)"):
        switch.swctl("add-port", "vm1", "type=vhost-user", f"path={run_dir}/vm1.sock", "mode=server")
        switch.swctl("add-port", "vm2", "type=vhost-user", f"path={run_dir}/vm2.sock", "mode=client")
    with steps.step("swctl add-flows") as note:
        note(switch.swctl("add-flows", "-", stdin=FLOWS).strip())
    vm1 = Guest("vm1", run_dir, IMAGE, [Nic(f"{run_dir}/vm1.sock", "52:54:00:00:00:01")])
    vm2 = Guest("vm2", run_dir, IMAGE, [Nic(f"{run_dir}/vm2.sock", "52:54:00:00:00:02", listen=True)])
    accel = "KVM" if boots_under_kvm(IMAGE) else "emulation: no usable KVM here"
    with steps.step(f"boot two guests ({accel})"):
        for guest in (vm1, vm2):
            cleanup.callback(guest.kill)
            guest.start()
        boot(vm1, "10.0.0.1")
        boot(vm2, "10.0.0.2")
    with steps.step("vm1 pings vm2") as note:
        pings = ping(vm1, "10.0.0.2")
        note(pings)
    with steps.step(f"vm2 fetches {TRANSFER_MIB} MiB from vm1 over TCP") as note:
        digest, rate = transfer(vm1, vm2)
        note(f"{rate:.0f} Mbit/s, checksums equal")
    with steps.step("vm1 tries TCP port 23, which the rules drop"):
        status, _ = vm1.run("nc -w 2 10.0.0.2 23 < /dev/null")
        if status == 0:
            raise DemoError("the drop rule let a connection through")
        switch.wait_drop("vm1", "flow-drop")
    tables(steps, switch)
    summary(steps, switch, pings, digest, rate)


def main():
    if os.geteuid() != 0:
        sys.exit("demo: hugepages and guests need root: run `make demo` as root")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    steps = Steps()
    run_dir = tempfile.mkdtemp(prefix="swd-demo-")
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, run_dir, ignore_errors=True)
        try:
            run(steps, run_dir, cleanup)
        except (DemoError, GuestError, AssertionError) as error:
            sys.exit(f"demo: {error}")
        except KeyboardInterrupt:
            sys.exit("demo: interrupted")


main()
