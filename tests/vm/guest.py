"""QEMU guests for tests and the demo: start one, run commands in it, stop it.

A guest is the kernel and initramfs of vm-images/. Commands go over a virtio-serial port on a Unix socket and come back
with exit status and output. KVM is used where the test kernel boots under it, TCG otherwise.
"""

import base64
import contextlib
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass

from monitor import Monitor

BOOT_TIMEOUT_S = 60
KVM_PROBE_S = 8
IPERF_LISTENS = "until grep -q ':1451 .* 0A ' /proc/net/tcp /proc/net/tcp6; do usleep 10000; done"  # iperf3 -D returns before it does


class GuestError(Exception):
    pass


@dataclass
class Nic:
    """A vhost-user NIC. `listen`: QEMU makes the socket (swd connects); otherwise QEMU connects to swd's."""

    path: str
    mac: str
    listen: bool = False
    queues: int = 1
    packed: bool = False
    announce: bool = True  # after a migration the guest's driver tells the network itself

    def arguments(self, n):
        role = "server=on" if self.listen else "reconnect=1"
        device = f"virtio-net-pci,netdev=n{n},mac={self.mac},mrg_rxbuf=on,vectors=0,romfile="
        device += "" if self.announce else ",guest_announce=off"
        return [
            "-chardev", f"socket,id=c{n},path={self.path},{role}",
            "-netdev", f"vhost-user,id=n{n},chardev=c{n}" + (f",queues={self.queues}" if self.queues > 1 else ""),
            "-device", device + (",mq=on" if self.queues > 1 else "") + (",packed=on" if self.packed else ""),
        ]  # fmt: skip


@dataclass
class Wire:
    """A card of any model whose other end is a Unix socket of this process: a frame is a datagram.

    With `bus`, its slot is a hotplug port's, whose secondary bus has this number: Guest.unplug() and plug().
    """

    run_dir: str
    model: str
    mac: str
    slot: int
    bus: int = 0
    listen: bool = False  # as Nic has it

    def __post_init__(self):
        self.guest_path, self.path = (f"{self.run_dir}/wire{self.slot}.{end}" for end in ("guest", "test"))
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)

    @property
    def address(self):
        return f"0000:{self.bus:02x}:00.0" if self.bus else f"0000:00:{self.slot:02x}.0"

    @property
    def device(self):
        """As QMP's device_add takes it."""
        model, *options = self.model.split(",")
        place = {"bus": f"port{self.slot}"} if self.bus else {"addr": f"{self.slot:#x}"}
        device = {"driver": model, "id": f"card{self.slot}", "netdev": f"n{self.slot}", "mac": self.mac, "romfile": ""}
        return device | place | dict(option.split("=") for option in options)

    def arguments(self, n):
        ends = f"local.type=unix,local.path={self.guest_path},remote.type=unix,remote.path={self.path}"
        port = ["-device", f"pcie-root-port,id=port{self.slot},chassis={self.slot},addr={self.slot:#x}"] if self.bus else []
        device = ",".join(f"{key}={value}" for key, value in self.device.items())
        return ["-netdev", f"dgram,id=n{self.slot},{ends}", *port, "-device", device]

    def send(self, frame):
        self.socket.sendto(frame, self.guest_path)

    def drain(self):
        """Forgets what came so far."""
        self.socket.setblocking(False)
        try:
            while True:
                self.socket.recv(65536)
        except BlockingIOError:
            pass

    def receive(self, timeout=10):
        self.socket.settimeout(timeout)
        return self.socket.recv(65536)


def end_with_parent():
    """In the child: die with the test, so that no guest is left spinning."""
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def boots_under_kvm(image):
    """Whether the test kernel reaches its init under KVM; the answer is kept per boot of this machine."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK) or os.path.exists("/sys/module/kvm_pvm"):
        return False
    boot_id = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    cache = pathlib.Path(image) / f"kvm-{boot_id}"
    if cache.exists():
        return cache.read_text() == "yes"
    command = qemu_command(image, "kvm", 128) + ["-serial", "stdio", "-no-reboot"]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=end_with_parent
    )
    seen, deadline = b"", time.monotonic() + KVM_PROBE_S
    while b"init: ready" not in seen and time.monotonic() < deadline:
        if not select.select([process.stdout], [], [], 0.2)[0]:
            continue
        piece = os.read(process.stdout.fileno(), 4096)
        if not piece:
            break
        seen += piece
    process.kill()
    process.wait()
    answer = b"init: ready" in seen
    cache.write_text("yes" if answer else "no")
    return answer


def qemu_command(image, accel, memory_mb, switch=None, huge=False):
    """`switch`: an initramfs with the switch in it; the guest has an IOMMU then, and hugepages in half of its memory.
    `huge`: its memory is hugepages of the host."""
    accel_argument = "kvm" if accel == "kvm" else "tcg,thread=multi"
    if switch and accel == "kvm":
        accel_argument += ",kernel-irqchip=split"  # interrupt remapping asks for it
    append = "console=ttyS0 quiet panic=-1"
    # No multiple of 256 KiB: for those, QEMU 7.2 under TCG loses what the guest writes while it migrates.
    memory = f"{memory_mb}M" if huge else f"{(memory_mb << 10) + 8}K"
    return [
        "qemu-system-x86_64", "-nodefaults", "-display", "none", "-no-user-config",
        "-cpu", "host" if accel == "kvm" else "max", "-accel", accel_argument,
        "-object", f"memory-backend-memfd,id=mem,size={memory},share=on" + (",hugetlb=on,hugetlbsize=2M" if huge else ""),
        "-machine", "q35,memory-backend=mem", "-m", memory,
        *(["-device", "intel-iommu,intremap=on"] if switch else []),
        "-kernel", f"{image}/vmlinux", "-initrd", switch or f"{image}/initramfs.cpio",
        "-append", append + (f" intel_iommu=on hugepages={memory_mb // 4}" if switch else ""),
    ]  # fmt: skip


class Guest:
    def __init__(self, name, run_dir, image, nics, memory_mb=256, cpus=1, core=0, switch=None, huge=False, incoming=False):
        """`incoming`: it does not boot, but waits for a guest of the same make to move here (migration.py)."""
        self.name = name
        self.nics = nics
        self.console = os.path.join(run_dir, f"{name}.console")
        self.agent_path = os.path.join(run_dir, f"{name}.agent")
        self.qmp_path = os.path.join(run_dir, f"{name}.qmp")
        accel = "kvm" if boots_under_kvm(image) else "tcg"
        self.command = ["taskset", "-c", str(core)] if shutil.which("taskset") else []
        self.command += qemu_command(image, accel, memory_mb, switch, huge)
        self.command += [
            "-smp", str(cpus), "-no-reboot", "-serial", f"file:{self.console}",
            "-device", "virtio-serial-pci,vectors=0",
            "-chardev", f"socket,id=agent,path={self.agent_path},server=on,wait=off",
            "-device", "virtserialport,chardev=agent,name=swd.agent",
            "-qmp", f"unix:{self.qmp_path},server=on,wait=off",
            *(["-incoming", "defer"] if incoming else []),
        ]  # fmt: skip
        for n, nic in enumerate(nics):
            self.command += nic.arguments(n)
        self.process = None
        self.agent = None
        self.pending = b""
        self.last_id = 0

    def start(self):
        """Starts QEMU and returns; wait_ready() waits for the guest."""
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            preexec_fn=end_with_parent,
        )  # fmt: skip
        return self

    @property
    def pid(self):
        return self.process.pid

    def run_on(self, cores):
        """Moves it to these cores of the host."""
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            with contextlib.suppress(ProcessLookupError):  # it has ended
                os.sched_setaffinity(int(thread), cores)

    def wait_ready(self, timeout=BOOT_TIMEOUT_S):
        deadline = time.monotonic() + timeout
        while self.agent is None:
            self.agent = self.connect(deadline)
        self.run("true", timeout=max(1, deadline - time.monotonic()))
        return self

    def ended(self):
        """Why it cannot answer any more, or None."""
        if self.process.poll() is None:
            return None
        return f"QEMU ended: {self.process.stderr.read().decode().strip()}"

    def connect(self, deadline):
        if why := self.ended():
            raise GuestError(f"{self.name}: {why}")
        if time.monotonic() > deadline:
            raise GuestError(f"{self.name}: no agent socket; console:\n{self.console_text()}")
        agent = socket.socket(socket.AF_UNIX)
        try:
            agent.connect(self.agent_path)
        except OSError:
            agent.close()
            time.sleep(0.02)  # QEMU makes the socket in its own time; there is nothing to wait on
            return None
        return agent

    def run(self, command, timeout=60):
        """Runs a shell command in the guest; returns (exit status, output)."""
        self.last_id += 1
        encoded = base64.b64encode(command.encode() + b"\n").decode()
        self.agent.sendall(f"{self.last_id} {encoded}\n".encode())
        deadline = time.monotonic() + timeout
        while True:
            words = self.read_line(deadline, command).split()
            if words and words[0] == str(self.last_id):
                output = base64.b64decode(words[2]).decode(errors="replace") if len(words) > 2 else ""
                return int(words[1]), output

    def check(self, command, timeout=60):
        """Like run(), for commands that must succeed; returns the output."""
        status, output = self.run(command, timeout)
        if status != 0:
            raise GuestError(f"{self.name}: `{command}` gave {status}: {output.strip()}")
        return output

    def monitor(self, timeout=20):
        """A connection to QEMU itself; QEMU makes the socket in its own time."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                return Monitor(self.qmp_path, timeout)
            except (FileNotFoundError, ConnectionRefusedError):
                if (why := self.ended()) or time.monotonic() > deadline:
                    raise GuestError(f"{self.name}: no monitor: {why}") from None
                time.sleep(0.02)

    def qmp(self, command, until=None, timeout=20, **arguments):
        """A command to QEMU itself; returns when it has answered, and then has told of the event `until`."""
        with self.monitor(timeout) as monitor:
            monitor.execute(command, **arguments)
            if until:
                monitor.wait_event(until)

    def unplug(self, wire):
        """Asks the guest for the card, and returns when the guest has let it go."""
        self.qmp("device_del", until="DEVICE_DELETED", id=wire.device["id"])

    def plug(self, wire):
        self.qmp("device_add", **wire.device)

    def read_line(self, deadline, command):
        while b"\n" not in self.pending:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.agent], [], [], left)[0]:
                raise GuestError(f"{self.name}: no answer to `{command}`; console:\n{self.console_text()}")
            piece = self.agent.recv(65536)
            if not piece:
                raise GuestError(f"{self.name}: QEMU closed the agent's socket; console:\n{self.console_text()}")
            self.pending += piece
        line, self.pending = self.pending.split(b"\n", 1)
        return line.decode(errors="replace")

    def console_text(self):
        try:
            with open(self.console, errors="replace") as f:
                return f.read()[-2000:]
        except OSError:
            return "(no console)"

    def kill(self):
        """Ends the guest at once, as a crash would."""
        if self.agent:
            self.agent.close()
            self.agent = None
        self.pending = b""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stderr.close()
            self.process = None
        if os.path.exists(self.agent_path):
            os.unlink(self.agent_path)
        for nic in self.nics:
            if nic.listen and os.path.exists(nic.path):
                os.unlink(nic.path)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()
