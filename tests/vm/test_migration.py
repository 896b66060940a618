"""A running guest moves between two QEMUs on this machine, each on a port of its own.

   vm --vhost-user-- a \\
                        swd -- peer --vhost-user-- peer
   vm --vhost-user-- b /

The guest and its peer are shared by the tests; each finds the guest at one of the two ports and leaves it at one.
"""

import time

import pytest

from boot import boot
from guest import Guest, Nic
from migration import Migration
from scale import LONG, note, scaled

MAC, PEER_MAC = "52:54:00:00:00:01", "52:54:00:00:00:03"
VM, PEER = "10.0.0.1", "10.0.0.3"
MIGRATIONS = scaled(1, 6)
FILE_MIB = 2
QUEUED = 40000  # bytes, which fit into what a socket keeps unread

# Guests whose driver announces itself after a move, and those for whom the switch does it (rarp).
CASES = {
    "split, rarp": {"announce": False},
    "split": {},
    "packed": {"packed": True},
    "two queues": {"queues": 2},
    "packed, two queues, rarp": {"packed": True, "queues": 2, "announce": False},
    "hugepages": {"huge": True},
}


class Moving:
    """The guest, where it is, and its peer."""

    def __init__(self, switch, image, case):
        self.switch, self.image, self.case = switch, image, dict(case)
        self.huge = self.case.pop("huge", False)
        self.made = []
        queues = self.case.get("queues", 1)
        for port in ("a", "b", "peer"):
            switch.swctl("add-port", port, "type=vhost-user", f"path={switch.run_dir}/{port}.sock", f"queues={queues}")
        self.at = "a"
        self.vm = self.guest("vm", "a", MAC)
        self.peer = self.guest("peer", "peer", PEER_MAC)
        boot(switch, self.configure, self.vm, self.peer)

    def guest(self, name, port, mac, **how):
        nic = Nic(f"{self.switch.run_dir}/{port}.sock", mac, **self.case)
        cpus = self.case.get("queues", 1)
        self.made.append(Guest(name, self.switch.run_dir, self.image, [nic], cpus=cpus, huge=self.huge, **how))
        return self.made[-1]

    def configure(self, guest):
        """Without IPv6: a guest that has nothing to say is silent."""
        address = VM if guest is self.vm else PEER
        guest.check(
            "echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6;"
            f"ip addr add {address}/24 dev eth0; ip link set eth0 up;"
            f"dd if=/dev/urandom of=/tmp/file bs=1M count={FILE_MIB} 2>/dev/null; httpd -p 80 -h /tmp"
        )
        if guest is self.vm:
            write = "dd if=/dev/zero of=/tmp/busy bs=1M count=1 conv=notrunc"
            guest.check(f"(while usleep 20000; do {write}; done) >/dev/null 2>&1 &")

    @property
    def elsewhere(self):
        return "b" if self.at == "a" else "a"

    def target(self):
        """A QEMU at the other port that waits for the guest."""
        return self.guest(f"vm{len(self.made)}", self.elsewhere, MAC, incoming=True).start()

    def migration(self, target):
        return Migration(self.vm, target, still=self.huge)

    def arrived(self, target):
        self.vm, self.at = target.wait_ready(), self.elsewhere

    def learned_at(self):
        return {entry["mac"]: entry["port"] for entry in self.switch.json("fdb", "show")["entries"]}.get(MAC)

    def kill(self):
        for guest in self.made:
            guest.kill()


@pytest.fixture(scope="module", params=CASES if LONG else list(CASES)[:1])
def moving(request, switch_factory, guest_image):
    switch = switch_factory()
    request.addfinalizer(switch.kill)
    made = Moving(switch, guest_image, CASES[request.param])
    request.addfinalizer(made.kill)
    made.name = request.param
    return made


class Ping:
    """The peer pings the guest until over() tells how many were sent, up to the last one that was answered, and how many lost."""

    def __init__(self, moving):
        self.peer = moving.peer
        self.peer.check(f"ping -i 0.1 -W 1 {VM} > /tmp/ping 2>&1 & echo $! > /tmp/ping.pid")
        self.wait_answers(1)

    def answers(self):
        return int(self.peer.check("grep -c 'bytes from' /tmp/ping || true"))

    def wait_answers(self, n):
        """Until there are n more of them."""
        n += self.answers()
        self.peer.check(f"until [ $(grep -c 'bytes from' /tmp/ping) -ge {n} ]; do sleep 0.05; done", timeout=30)

    def over(self):
        self.peer.check("kill $(cat /tmp/ping.pid)")
        answered = [int(n) for n in self.peer.check("grep -o 'seq=[0-9]*' /tmp/ping | cut -d= -f2").split()]
        sent = max(answered) + 1
        return sent, sent - len(set(answered))


class Fetch:
    """A guest fetches the other one's file over TCP again and again; what it got is kept in files until it is checked."""

    def __init__(self, getter, address):
        self.address = address
        getter.check(
            "rm -f /tmp/stop /tmp/sums;"
            f"(while [ ! -e /tmp/stop ]; do wget -q -O /tmp/got http://{address}/file && sha256sum < /tmp/got >> /tmp/sums; done;"
            "touch /tmp/stopped) > /dev/null 2>&1 &"
        )
        self.wait_files(getter, 1)

    def wait_files(self, getter, n):
        """Until there are n more."""
        n += int(getter.check("wc -l < /tmp/sums || echo 0").split()[-1])
        getter.check(f"until [ $(wc -l < /tmp/sums) -ge {n} ]; do sleep 0.05; done 2>/dev/null", timeout=60)

    def over(self, getter):
        """The checksums, one a file."""
        getter.check("touch /tmp/stop; until [ -e /tmp/stopped ]; do sleep 0.05; done; rm /tmp/stopped", timeout=60)
        return [line.split()[0] for line in getter.check("cat /tmp/sums").splitlines()]


def checksum(guest, file="file"):
    return guest.check(f"sha256sum < /tmp/{file}").split()[0]


def test_a_moving_guest_keeps_its_tcp_and_ping(moving):
    ours_ms, qemus_ms = [], []
    theirs, ours = checksum(moving.peer), checksum(moving.vm)
    down, up, ping = Fetch(moving.vm, PEER), Fetch(moving.peer, VM), Ping(moving)
    for _ in range(MIGRATIONS):
        target = moving.target()
        with moving.migration(target) as migration:
            migration.hold()
            migration.finish()
        moving.arrived(target)
        ours_ms.append(migration.downtime_ms)
        qemus_ms.append(migration.report["downtime"])
        down.wait_files(moving.vm, 1)
        up.wait_files(moving.peer, 1)
    ping.wait_answers(1)
    received, sent = down.over(moving.vm), up.over(moving.peer)
    assert set(received) == {theirs} and set(sent) == {ours}
    pings, lost = ping.over()
    note(
        f"migration, {moving.name}",
        migrations=MIGRATIONS,
        MiB_right=FILE_MIB * len(received + sent),
        downtime_ms=f"{min(ours_ms)} to {max(ours_ms)}",
        as_QEMU_tells=f"{min(qemus_ms)} to {max(qemus_ms)}",
        pings=pings,
        lost=lost,
    )
    assert lost <= 10 * MIGRATIONS


def test_what_arrives_in_a_move_is_read_after_it(moving):
    """The switch writes into memory that has been sent already, and the guest does not touch it until it has moved: only the
    dirty log tells that it has to be sent again."""
    moving.peer.check(f"head -c {QUEUED} /tmp/file > /tmp/part")
    for _ in range(MIGRATIONS):
        moving.vm.check("(nc -l -p 7000 > /tmp/queued) >/dev/null 2>&1 &")
        moving.vm.check("until grep -q ':1B58 .* 0A ' /proc/net/tcp /proc/net/tcp6; do usleep 1000; done; kill -STOP $(pidof nc)")
        target = moving.target()
        with moving.migration(target) as migration:
            migration.hold()
            moving.peer.check(f"(nc {VM} 7000 < /tmp/part) >/dev/null 2>&1 &")
            ends = "|".join(f"{n:08X}" for n in (QUEUED, QUEUED + 1))  # with the sender's FIN it is one more
            waits = f"grep -Eq ':1B58 .* 00000000:({ends}) ' /proc/net/tcp /proc/net/tcp6"
            moving.vm.check(f"until {waits}; do usleep 50000; done", timeout=20)
            migration.finish()
        moving.arrived(target)
        moving.vm.check("kill -CONT $(pidof nc)")
        moving.vm.check(f"until [ $(stat -c %s /tmp/queued) = {QUEUED} ]; do usleep 50000; done", timeout=20)
        moving.peer.check("kill $(pidof nc); true")
        assert checksum(moving.vm, "queued") == checksum(moving.peer, "part")


def test_a_cancelled_migration_leaves_the_guest_where_it_is(moving):
    """What is sent to it while QEMU turns the dirty log on or off is dropped, and counted: a moment each."""

    def dropped():
        return moving.switch.drops().get((moving.at, "port-down"), 0)

    before, lost = dropped(), 0
    for _ in range(scaled(1, 3)):
        down, ping = Fetch(moving.vm, PEER), Ping(moving)
        with moving.migration(moving.target()) as migration:
            migration.hold()
            migration.cancel()
        moving.switch.wait_link(moving.elsewhere, "down")
        down.wait_files(moving.vm, 1)
        ping.wait_answers(5)
        assert set(down.over(moving.vm)) == {checksum(moving.peer)}
        lost += ping.over()[1]
        assert moving.learned_at() == moving.at
    note(f"migration, {moving.name}: cancelled", pings_lost=lost, packets_dropped=dropped() - before)
    assert lost <= min(3 * scaled(1, 3), dropped() - before)


def test_a_silent_guest_is_known_at_its_new_port_at_once(moving):
    """Nothing is sent by it or to it but what tells of the move."""
    for _ in range(scaled(1, 4)):
        moving.vm.check(f"ping -c 1 {PEER}")
        moving.switch.wait(lambda: moving.learned_at() == moving.at, "address of the guest before it moves")
        target = moving.target()
        with moving.migration(target) as migration:
            migration.finish()
        moving.switch.wait(lambda: moving.learned_at() == moving.elsewhere, "news of the guest's move", timeout=1.0)
        took = time.time() - migration.resumed
        note(f"migration, {moving.name}: announced", after_ms=round(1000 * took), downtime_ms=migration.downtime_ms)
        moving.arrived(target)
