"""The demo: two QEMU guests exchange traffic through swd, under flows that swctl add-flow installed.

   vm1 10.0.0.1 --vhost-user-- swd (PMD) --vhost-user-- vm2 10.0.0.2
                                |
                       swctld -- swctl add-flow

Run by `make demo`. Everything lives in a run dir of its own and is gone at the end, however it ends.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from guest import Guest, GuestError, Nic, boots_under_kvm, end_with_parent

BUILD = os.environ.get("SWD_BUILD", "build")
IMAGE = os.environ.get("SWD_GUEST", "build/guest")
READY_S = 30
TRANSFER_MIB = 16

FLOWS = """\
# ARP and anything that no rule names: learn and forward as a switch does.
priority=0,actions=NORMAL
# The two guests may ping each other and talk TCP on port 5001 ...
priority=100,icmp,in_port=vm1,nw_src=10.0.0.1,actions=output:vm2
priority=100,icmp,in_port=vm2,nw_src=10.0.0.2,actions=output:vm1
priority=100,tcp,in_port=vm1,tp_dst=5001,actions=output:vm2
priority=100,tcp,in_port=vm2,tp_src=5001,actions=output:vm1
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


class Daemon:
    def __init__(self, name, arguments, log):
        self.name = name
        self.log_path = log
        with open(log, "w") as errors:
            self.process = subprocess.Popen(
                [os.path.join(BUILD, name), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=errors, preexec_fn=end_with_parent,
            )  # fmt: skip

    def wait_ready(self):
        seen, deadline = b"", time.monotonic() + READY_S
        while b": ready\n" not in seen:
            left = deadline - time.monotonic()
            piece = b""
            if left > 0 and select.select([self.process.stdout], [], [], left)[0]:
                piece = os.read(self.process.stdout.fileno(), 4096)
            if not piece:
                with open(self.log_path) as f:
                    raise DemoError(f"{self.name} did not become ready: {f.read().strip()}")
            seen += piece

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def swctl(run_dir, *words, text=None):
    done = subprocess.run(
        [os.path.join(BUILD, "swctl"), "--run-dir", run_dir, *words], input=text, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise DemoError(f"swctl {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def ping(guest, address):
    output = guest.check(f"ping -c 5 -i 0.2 {address}")
    line = next(x for x in output.splitlines() if "packet loss" in x)
    rtt = next((x.split("=")[1].strip() for x in output.splitlines() if "round-trip" in x), "")
    if " 0% packet loss" not in line:
        raise DemoError(f"{guest.name}: {line}")
    return f"{line.split(',')[1].strip()} of 5, round trip min/avg/max {rtt}"


def transfer(vm1, vm2):
    """Sends a file of random bytes from vm1 to vm2 over TCP; returns what the checksums say and the rate."""
    vm1.check(f"dd if=/dev/urandom of=/tmp/file bs=1M count={TRANSFER_MIB} 2>/dev/null")
    vm2.check("rm -f /tmp/got; nc -l -p 5001 > /tmp/got & sleep 0.1")
    begin = time.monotonic()
    vm1.check("nc 10.0.0.2 5001 < /tmp/file", timeout=120)
    vm2.check("while pidof nc > /dev/null; do sleep 0.05; done", timeout=30)
    seconds = time.monotonic() - begin
    sent = vm1.check("sha256sum < /tmp/file").split()[0]
    got = vm2.check("sha256sum < /tmp/got").split()[0]
    if sent != got:
        raise DemoError(f"checksum differs: sent {sent}, received {got}")
    return sent, TRANSFER_MIB * 8 * 1.048576 / seconds


def boot(guest, address):
    guest.wait_ready()
    guest.check(f"ip addr add {address}/24 dev eth0 && ip link set eth0 up")


def tables(steps, run_dir):
    steps.heading("Rules (swctl dump-flows)")
    print(swctl(run_dir, "dump-flows"), end="")
    steps.heading("Megaflows, the cached answers that packets met (swctl dp dump-flows)")
    print(swctl(run_dir, "dp", "dump-flows"), end="")
    steps.heading("Ports (swctl stats)")
    print(swctl(run_dir, "stats"), end="")
    steps.heading("Drops (swctl drops)")
    print(swctl(run_dir, "drops"), end="")


def summary(steps, run_dir, pings, digest, rate):
    show = json.loads(swctl(run_dir, "show", "--json"))
    dp = json.loads(swctl(run_dir, "dp", "show", "--json"))
    packets = dp["hits"] + dp["misses"]
    steps.heading("Summary")
    rows = [
        ("ping", pings),
        (f"TCP, {TRANSFER_MIB} MiB", f"{rate:.0f} Mbit/s, sha256 {digest[:16]}... equal on both sides"),
        ("TCP to port 23", "refused by the drop rule, and counted as flow-drop"),
        ("packets", f"{packets} looked up, {dp['misses']} asked swctld, the others met a cached megaflow"),
        ("rules, megaflows", f"{show['rules']}, {show['megaflows']} under {show['masks']} masks"),
        ("caches", f"{dp['memory_kind']}: EMC {dp['emc_bytes'] >> 10} KiB, megaflows {dp['megaflow_bytes'] >> 10} KiB"),
        ("time", f"{time.monotonic() - steps.start:.0f} s"),
    ]
    for name, value in rows:
        print(f"  {name:<18} {value}")


def run(steps, run_dir, cleanup):
    with steps.step("start swd (PMD on core 1, 512 MB of hugepages)"):
        swd = Daemon("swd", ["--run-dir", run_dir, "--pmd-cores", "1", "--mem", "512"], f"{run_dir}/swd.log")
        cleanup.callback(swd.stop)
        swd.wait_ready()
    with steps.step("start swctld"):
        control = Daemon("swctld", ["--run-dir", run_dir, "--db", f"{run_dir}/swd.db"], f"{run_dir}/swctld.log")
        cleanup.callback(control.stop)
        control.wait_ready()
    with steps.step("swctl add-port vm1 (swd listens), vm2 (QEMU listens)"):
        swctl(run_dir, "add-port", "vm1", "type=vhost-user", f"path={run_dir}/vm1.sock", "mode=server")
        swctl(run_dir, "add-port", "vm2", "type=vhost-user", f"path={run_dir}/vm2.sock", "mode=client")
    with steps.step("swctl add-flows") as note:
        note(swctl(run_dir, "add-flows", "-", text=FLOWS).strip())
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
    with steps.step(f"vm1 sends {TRANSFER_MIB} MiB to vm2 over TCP") as note:
        digest, rate = transfer(vm1, vm2)
        note(f"{rate:.0f} Mbit/s, checksums equal")
    with steps.step("vm1 tries TCP port 23, which the rules drop"):
        status, _ = vm1.run("nc -w 2 10.0.0.2 23 < /dev/null")
        if status == 0:
            raise DemoError("the drop rule let a connection through")
    # Counters flow back from the datapath twice a second.
    time.sleep(1)
    tables(steps, run_dir)
    summary(steps, run_dir, pings, digest, rate)


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
        except (DemoError, GuestError) as error:
            sys.exit(f"demo: {error}")
        except KeyboardInterrupt:
            sys.exit("demo: interrupted")


main()
