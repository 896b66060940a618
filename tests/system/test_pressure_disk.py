"""A full disk: a change is refused with that reason, forwarding goes on, and all works again once there is room.

    a === swd --- b      database and logs lie on small file systems of the daemons' own
"""

import os

import pytest

from conftest import attach
from frames import *
from stream import Stream

REASON = "the disk is full; free some space and repeat"


class Disk:
    """A file system of a daemon's own mount namespace, which is seen through /proc."""

    def __init__(self, switch):
        self.folder = f"{switch.run_dir}/small"
        os.mkdir(self.folder)

    def prefix(self, then='exec "$@"'):
        return ["unshare", "-m", "sh", "-c", f"mount -t tmpfs -o size=1m none {self.folder} && {then}", "sh"]

    def path(self, daemon, name):
        return f"/proc/{daemon.pid}/root{self.folder}/{name}"

    def fill(self, daemon):
        with open(self.path(daemon, "filler"), "ab", buffering=0) as f:
            for size in (65536, 4096, 1):
                try:
                    while True:
                        f.write(bytes(size))
                except OSError:
                    pass

    def free(self, daemon):
        os.unlink(self.path(daemon, "filler"))


@pytest.fixture
def scene(switch_factory):
    switch = switch_factory(start=False)
    disk = Disk(switch)
    guests = []

    def start():
        switch.start()
        guests.extend(attach(switch, n, queues=2) for n in "ab")
        for guest in guests:
            switch.wait_link(guest.name)
        switch.set_flows("priority=7,in_port=a,actions=output:b", "priority=7,in_port=b,udp,tp_src=7,actions=output:a")
        return Stream(*guests, (0, 1))

    yield switch, disk, start, guests
    for guest in guests:
        guest.close()


def rules(first, n):
    return "\n".join(f"udp,in_port=b,nw_src=10.{i >> 8}.{i & 255}.1,actions=drop" for i in range(first, first + n))


def test_a_full_disk_refuses_changes_and_no_more_once_there_is_room(scene):
    switch, disk, start, guests = scene
    switch.db = f"{disk.folder}/swd.db"
    switch.swctld_prefix = disk.prefix()
    stream = start()
    before = switch.swctl("dump-flows", "--no-stats")

    def changes():
        disk.fill(switch.swctld)
        # The log may have some room left that SQLite has written already.
        while (done := switch.run("add-flows", "-", stdin=rules(0, 300))).returncode == 0:
            switch.swctl("del-flows", "udp")
        assert done.stderr.count("\n") == 1 and REASON in done.stderr and switch.db in done.stderr, done.stderr
        assert switch.swctl("dump-flows", "--no-stats") == before, "a part of the file was taken"
        guests[1].send(raw(udp(sport=7)))  # a miss
        guests[0].recv()
        # Ports and settings, which are on disk as well; many, as each needs little room.
        for words in (lambda i: ("add-port", f"p{i}", "type=null"), lambda i: ("pmd", "set", "--idle-us", i)):
            done = next(d for i in range(200) if (d := switch.run(*words(i))).returncode)
            assert REASON in done.stderr
        disk.free(switch.swctld)
        switch.swctl("add-flows", "-", stdin=rules(0, 300))

    stream.during(changes)
    stream.assert_whole(in_order=(0, 1), least=64)
    shown = {p["name"] for p in switch.json("list-ports")["ports"]}
    assert shown == {p["name"] for p in switch.json("stats")["ports"]}, "swd has others than swctld"
    switch.swctl("pmd", "set", "--idle-us", 0)
    assert len(switch.json("dump-flows")["rules"]) == 302


def test_a_log_that_cannot_be_written_stops_nothing(scene):
    switch, disk, start, _ = scene
    switch.swd_prefix = switch.swctld_prefix = disk.prefix(f'exec "$@" 2>{disk.folder}/log')
    stream = start()
    for daemon in (switch.swd, switch.swctld):
        disk.fill(daemon)

    def changes():
        for i in range(20):
            switch.swctl("add-port", f"p{i}", "type=null")
            switch.swctl("del-port", f"p{i}")

    stream.during(changes)
    stream.assert_whole(in_order=(0, 1), least=64)
    switch.swctld.stop()
    switch.start_swctld()
    switch.wait(lambda: switch.json("show")["swd"]["connected"], "swctld's connection to swd")
    assert switch.stop() == (0, 0)


def test_without_room_for_their_file_rules_count_in_memory(switch_factory):
    """swctld.counts cannot grow to where rules stand in it: one line in the log, and all goes on."""
    switch = switch_factory(start=False)
    switch.swctld_prefix = ["prlimit", "--fsize=50000000"]
    switch.start()
    guests = [attach(switch, n) for n in "ab"]
    try:
        for guest in guests:
            switch.wait_link(guest.name)
        switch.set_flows("priority=7,in_port=a,actions=output:b", "priority=7,in_port=b,actions=output:a")
        for n in range(1, 4):
            for sender, receiver in (guests, guests[::-1]):
                sender.send(raw(udp()))
                receiver.recv()
            switch.wait(lambda: [r["n_packets"] for r in switch.json("dump-flows")["rules"]] == [n, n], "counts")
        switch.swctld.wait_line("no room for more in swctld.counts")
        assert switch.swctld.output().count("no room for more in swctld.counts") == 1
    finally:
        for guest in guests:
            guest.close()
