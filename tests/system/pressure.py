"""What a process holds, and ports that come and go: shared by the tests that put a switch under pressure."""

import contextlib
import os

from conftest import attach
from rpc_client import Rpc, request
from vhost_frontend import VhostFrontend


class Holdings:
    """What a process has at one moment: private memory and hugepages in kB, descriptors, threads."""

    def __init__(self, pid):
        sums = {}
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            for line in f:
                name, _, rest = line.partition(":")
                if rest.strip().endswith("kB"):
                    sums[name] = int(rest.split()[0])
        self.private_kb = sums["Anonymous"]  # not of files, which are private while nobody else runs the program
        self.huge_kb = sums["Private_Hugetlb"] + sums["Shared_Hugetlb"]
        self.fds = len(os.listdir(f"/proc/{pid}/fd"))
        self.threads = len(os.listdir(f"/proc/{pid}/task"))

    def __str__(self):
        return f"{self.private_kb} kB private, {self.huge_kb} kB huge, {self.fds} descriptors, {self.threads} threads"


def cpu_s(pid):
    """Seconds of processor time that a process has had."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Ports:
    """Ports of many kinds on a switch in a network namespace of its own, added and removed over one connection."""

    def __init__(self, switch):
        self.switch = switch
        self.rpc = Rpc(switch)

    def close(self):
        self.rpc.file.close()
        self.rpc.sock.close()

    def call(self, method, **params):
        answer = self.rpc.call(request(method, **params))
        assert "result" in answer, answer
        return answer["result"]

    def add(self, port, kind, /, **options):
        return self.call("port.add", name=port, kind=kind, options={k.replace("_", "-"): str(v) for k, v in options.items()})

    def delete(self, *names):
        for name in names:
            self.call("port.del", name=name)

    def path(self, name):
        return os.path.join(self.switch.run_dir, name)

    # A port of a kind that comes, and goes again.

    def vhost_server_with_guest(self, name):
        path = self.path(f"{name}.sock")
        self.add(name, "vhost-user", path=path)
        with VhostFrontend(path, ring_size=64, name=name) as guest:
            guest.start()
        self.delete(name)

    def vhost_client_with_guest(self, name):
        path = self.path(f"{name}.sock")
        with VhostFrontend(path, mode="client", ring_size=64, name=name) as guest:
            self.add(name, "vhost-user", path=path, mode="client")
            guest.start()
            self.delete(name)

    def vhost_without_guest(self, name):
        self.add(name, "vhost-user", path=self.path(f"{name}.sock"), mode="client", queues=4)
        self.delete(name)

    def cable(self, name):
        for end in ("1", "2"):
            self.add(name + end, "ring", name=name)
        self.delete(name + "1", name + "2")

    def memif(self, name):
        path = self.path(f"{name}.sock")
        for end, role in (("1", "server"), ("2", "client")):
            self.add(name + end, "memif", path=path, role=role)
        self.delete(name + "2", name + "1")

    def null(self, name):
        self.add(name, "null", rx="on")
        self.delete(name)

    def dpdk(self, name):
        self.add(name, "dpdk", devargs="net_null_pressure,no-rx=1", queues=2)
        self.delete(name)

    def tap(self, name):
        self.add(name, "tap", iface="pressure0")
        self.delete(name)

    def capture(self, name):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path("out.pcap"))
        self.add(name, "pcap", tx_file=self.path("out.pcap"))
        self.delete(name)

    KINDS = (vhost_server_with_guest, cable, null, vhost_client_with_guest, memif, vhost_without_guest, dpdk, tap, capture)

    def cycle(self, i, kinds=KINDS):
        """One port of the next kind."""
        kinds[i % len(kinds)](self, f"p{i % 7}")


@contextlib.contextmanager
def ports_beside_a_pair(switch_factory, queues=1, **kw):
    """A switch in a network namespace of its own with guests a and b, and ports to come and go beside them."""
    switch = switch_factory(start=False, **kw)
    switch.swd_prefix = ["unshare", "-n"]
    switch.start()
    guests = [attach(switch, name, queues=queues) for name in "ab"]
    for guest in guests:
        switch.wait_link(guest.name)
    ports = Ports(switch)
    yield switch, ports, *guests
    ports.close()
    for guest in guests:
        guest.close()
