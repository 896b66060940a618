"""`swctl doctor` finds what is wrong and says how to mend it.

One switch is ill in many ways at once, and is looked at once, with traffic on it:

    sender --- swd --- slow (reads nothing), short (small buffers), asleep (interface down), half (1 of 4 pairs), broken (its ring)
                |----- lonely, locked, unheard, stale, taken, idle, unshared: vhost-user ports without a link, each for its own reason
                '----- end (ring without another end), t1500, t9000 (taps)
"""

import json
import os
import pty
import socket
import subprocess

import pytest
from conftest import attach
from frames import *
from switch import PMD_CORE, program
from vhost_frontend import VhostFrontend
from vhost_protocol import (
    GET_FEATURES,
    GUEST_OFFLOADS,
    HOST_OFFLOADS,
    SET_FEATURES,
    SET_OWNER,
    VIRTIO_F_VERSION_1,
    Connection,
)

CHECKS = {
    "daemons", "sockets", "hugepages", "links", "guest-memory", "features", "mtu", "cores", "queues", "drops", "limits", "rules",
    "database",
}  # fmt: skip


class Findings:
    def __init__(self, status, output):
        result = json.loads(output)
        self.status = status
        self.problems = result["problems"]
        self.list = result["findings"]

    def all(self, check, about=None, level=None):
        return [f for f in self.list if f["check"] == check and about in (None, f["about"]) and level in (None, f["level"])]

    def some(self, check, about, level, text, mend):
        """Such a finding is among those of this check about this."""
        found = self.all(check, about, level)
        assert any(text in f["text"] and mend in f["mend"] for f in found), self.all(check)

    def one(self, check, about, level, text, mend):
        """It is the only one."""
        assert len(self.all(check, about)) == 1, self.all(check, about)
        self.some(check, about, level, text, mend)


def doctor(switch, meanwhile=None):
    """What it finds; `meanwhile` is done again and again until it has."""
    argv = [program("swctl"), "--run-dir", switch.run_dir, "--json", "doctor"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        while meanwhile and process.poll() is None:
            meanwhile()
        output = process.communicate(timeout=30)[0]
    return Findings(process.returncode, output)


# A switch that is well, and one whose daemons are gone.


def test_a_switch_that_is_well_has_no_problem(switch_factory):
    switch = switch_factory()
    features = HOST_OFFLOADS | GUEST_OFFLOADS
    guests = [attach(switch, name, indirect=True, event_idx=True, features=features) for name in ("a", "b")]
    try:
        for guest in guests:
            switch.wait_link(guest.name)
        guests[0].send(raw(udp()))
        guests[1].recv()
        found = doctor(switch)
        assert (found.status, found.problems) == (0, 0), found.list
        assert {f["check"] for f in found.list} == CHECKS
        # What this machine is not made for; nothing else.
        assert {f["check"] for f in found.list if f["level"] not in ("ok", "hint")} <= {"cores"}, found.list
        assert not found.all("features", level="hint")
    finally:
        for guest in guests:
            guest.close()


def test_without_daemons_it_looks_at_the_rest_and_names_what_is_missing(switch_factory):
    switch = switch_factory(start=False)
    found = doctor(switch)
    assert found.status == 1
    for name in ("swd", "swctld"):
        found.one("daemons", name, "problem", "it does not run", f"systemctl start {name}")
    assert found.all("hugepages", "node 0", "ok")
    assert {f["check"] for f in found.list} == CHECKS
    assert found.all("rules", level="skipped") and found.all("links", level="skipped")


def test_killed_daemons_and_open_doors_are_found(switch_factory, unprivileged):
    switch = switch_factory()
    os.chmod(switch.run_dir, 0o777)
    os.chmod(f"{switch.run_dir}/control.sock", 0o666)
    switch.swctld.kill()
    found = doctor(switch)
    assert found.status == 1
    found.one("daemons", "swctld", "problem", "left from one that was killed", "systemctl start swctld")
    assert not found.all("daemons", "swd")
    found.one("sockets", "run dir", "problem", "anyone may put a socket", f"chmod o-w {switch.run_dir}")
    found.one("sockets", "control.sock", "problem", "anyone may change the switch", "chmod o-rwx")
    switch.start_swctld()
    done = unprivileged([program("swctl"), "--run-dir", switch.run_dir, "--json", "doctor"])
    found = Findings(done.returncode, done.stdout)
    found.one("daemons", "swctld", "problem", "you may not connect", "usermod -aG")
    switch.swd.kill()
    switch.wait(lambda: not switch.json("show")["swd"]["connected"], "end of the connection")
    found = doctor(switch)
    found.one("daemons", "swd", "problem", "it does not run", "systemctl start swd")
    assert found.all("links", level="skipped") and found.all("database", switch.db, "ok")


def test_a_full_disk_under_the_database_is_found(switch_factory):
    """It is a small file system of swctld's own, where nobody else sees it."""
    switch = switch_factory(start=False)
    folder = f"{switch.run_dir}/small"
    os.mkdir(folder)
    switch.db = f"{folder}/swd.db"
    switch.swctld_prefix = ["unshare", "-m", "sh", "-c", f'mount -t tmpfs -o size=1m none {folder} && exec "$@"', "sh"]
    switch.start()
    doctor(switch).one("database", switch.db, "problem", "0 MB are left", "make room")


# One that is ill.


class Asleep(VhostFrontend):
    """A guest whose driver is there, and whose interface was never up: nothing is written to its rings."""

    def _make_queues(self):
        super()._make_queues()
        self.mem.map[:] = bytes(len(self.mem.map))


def break_ring(guest):
    ring = guest.tx[0].ring
    guest.mem.u16[ring.avail + 2 >> 1] = ring.avail_idx + 1000
    os.eventfd_write(guest.tx[0].kick, 1)


class Ward:
    """The ill switch, and all that makes it ill."""

    def __init__(self, switch):
        self.switch = switch
        self.ends = []  # to be closed
        self.processes = []
        self.sender = self.guest("sender")
        self.slow = self.guest("slow", ring_size=64)
        self.guest("short", mergeable=False)
        self.guest("asleep", kind=Asleep)
        self.guest("half", queues=4, enable=1)
        broken = self.guest("broken")
        self.links_down()
        for name, mtu in (("t1500", 1500), ("t9000", 9000)):
            switch.swctl("add-port", name, "type=tap", f"iface={name}", f"mtu={mtu}")
        switch.swctl("add-port", "end", "type=ring", "name=cable")
        switch.swctl("add-port", "gone", "type=null")
        switch.set_flows("in_port=sender,udp,actions=output:slow,output:short", "in_port=short,actions=output:gone")
        switch.swctl("del-port", "gone")
        for name in ("sender", "slow", "short", "half", "asleep"):
            switch.wait_link(name)
        switch.wait(lambda: switch.port("half")["rx_queues"] == 1, "one pair of queues")
        break_ring(broken)
        switch.wait_link("broken", "down")

    def path(self, name):
        return f"{self.switch.run_dir}/{name}.sock"

    def port(self, name, mode="server", *options):
        self.switch.swctl("add-port", name, "type=vhost-user", f"path={self.path(name)}", f"mode={mode}", *options)

    def guest(self, name, kind=VhostFrontend, **kw):
        self.port(name, "server", f"queues={kw.get('queues', 1)}")
        guest = kind(self.path(name), name=name, **kw)
        self.ends.append(guest)
        return guest.start()

    def links_down(self):
        for name in ("lonely", "locked", "idle", "unshared"):
            self.port(name)
        self.process("setpriv --reuid=65534 --regid=65534 --clear-groups".split(), f"socket,id=c0,path={self.path('locked')}")
        for name, kind in (("stale", socket.SOCK_STREAM), ("taken", socket.SOCK_SEQPACKET)):
            listener = socket.socket(socket.AF_UNIX, kind)
            listener.bind(self.path(name))
            listener.listen()
            self.ends.append(listener)
            if name == "stale":
                listener.close()
        for name in ("unheard", "stale", "taken"):
            self.port(name, "client")
        self.ends.append(Connection.connect(self.path("idle")))
        driver = Connection.connect(self.path("unshared"))
        self.ends.append(driver)
        driver.call(SET_OWNER)
        driver.call_u64(GET_FEATURES)
        driver.call_u64(SET_FEATURES, VIRTIO_F_VERSION_1)

    def process(self, prefix, word):
        """One that waits for its input, with a word on its command line."""
        argv = [*prefix, "sh", "-c", "read line", "sh", word]
        self.processes.append(subprocess.Popen(argv, stdin=subprocess.PIPE))

    def traffic(self):
        self.sender.send(*[raw(udp(b"x" * n)) for n in (100, 4000)])
        self.sender.wait_sent()

    def fill_slow(self):
        self.traffic()
        return self.switch.drops().get(("slow", "tx-full"), 0) >= 3  # the small frame, too: a large one finds no room before

    def look(self):
        self.switch.wait(self.fill_slow, "end of slow's buffers")
        # It leaves the core when its output is closed, whatever happens to us.
        greedy = ["taskset", "-c", str(PMD_CORE), "sh", "-c", "while echo; do :; done"]
        with subprocess.Popen(greedy, stdout=subprocess.PIPE) as hog:
            os.set_blocking(hog.stdout.fileno(), False)

            def meanwhile():
                self.traffic()
                hog.stdout.read()

            try:
                return doctor(self.switch, meanwhile)
            finally:
                hog.kill()

    def close(self):
        for process in self.processes:
            process.stdin.close()
            process.wait()
        for end in self.ends:
            end.close()


@pytest.fixture(scope="module")
def found(module_switch_factory):
    switch = module_switch_factory(start=False)
    switch.swd_prefix = ["unshare", "-n"]  # its taps are nobody else's
    ward = Ward(switch.start())
    try:
        yield ward.look()
    finally:
        ward.close()


LINKS = {
    "lonely": ("warning", "no guest is connected", "reconnect=1"),
    "locked": ("problem", "user 65534) may not connect", "chgrp GROUP"),
    "unheard": ("warning", "nobody has made", "server=on"),
    "stale": ("problem", "left from a program that is gone", "server=on"),
    "taken": ("problem", "does not take swd", "ss -xp"),
    "idle": ("warning", "no driver in the guest", "modprobe virtio_net"),
    "unshared": ("problem", "does not share the guest's memory", "share=on"),
    "end": ("warning", "", "add the port at the other end"),
}


@pytest.mark.parametrize("port", LINKS)
def test_the_reason_of_a_link_that_is_down_is_found(found, port):
    found.one("links", port, *LINKS[port])


def test_a_problem_is_exit_status_1_and_each_has_its_mend(found):
    assert found.status == 1 and found.problems > 0
    assert all(f.get("mend") for f in found.list if f["level"] not in ("ok", "skipped"))


def test_an_interface_that_was_never_up_is_found(found):
    found.one("guest-memory", "asleep", "warning", "its interface was never up", "ip link set dev IFACE up")


def test_features_and_queues_that_a_driver_leaves_out_are_found(found):
    found.one("features", "mergeable buffers", "warning", "short without: frames longer", "mrg_rxbuf=on")
    found.one("features", "half", "warning", "1 of 4 pairs", "ethtool -L IFACE combined 4")


def test_ports_with_different_mtus_and_frames_that_are_too_long_are_found(found):
    found.one("mtu", "t1500", "warning", "its MTU is 1500; t9000 has 9000", "mtu 1500")
    found.one("drops", "short", "problem", "mtu: ", "the same MTU at all ends")


def test_a_queue_that_stopped_and_a_guest_that_takes_nothing_are_found(found):
    found.one("queues", "broken", "problem", "queue 1 of the guest stopped: the available index", "reboot the guest")
    found.one("drops", "slow", "problem", "takes no packets at all", "is it alive")


def test_who_shares_a_packet_core_is_found(found):
    found.some("cores", str(PMD_CORE), "warning", "sh (thread ", "taskset -pc")
    found.some("cores", str(PMD_CORE), "warning", "of its core", "CPU quota")


def test_a_rule_with_a_port_that_is_gone_is_found(found):
    assert len(found.all("rules", level="warning")) == 1, found.all("rules")
    assert "in_port=short" in found.all("rules")[0]["text"] and "del-flows" in found.all("rules")[0]["mend"]


# What it prints.


def output_on_a_terminal(argv, env):
    ours, theirs = pty.openpty()
    with subprocess.Popen(argv, stdout=theirs, env={**os.environ, **env}) as process:
        os.close(theirs)
        text = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            text += piece
    os.close(ours)
    assert process.returncode == 1
    return text


def test_colours_are_for_terminals_and_columns_line_up(run_dir):
    argv = [program("swctl"), "--run-dir", run_dir, "doctor"]
    assert b"\x1b[" in output_on_a_terminal(argv, {"TERM": "xterm", "NO_COLOR": ""})
    assert b"\x1b[" not in output_on_a_terminal(argv, {"TERM": "xterm", "NO_COLOR": "1"})
    lines = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()
    at = lines[0].index("FINDING")
    assert all(line[at - 2 : at] == "  " and line[at] != " " for line in lines[1:-1])
    assert lines[-1] == "2 problems"


def test_other_words_and_options_are_refused(run_dir):
    for words in (["doctor", "vm1"], ["doctor", "--interval", "1"], ["doctor", "--force"]):
        done = subprocess.run([program("swctl"), "--run-dir", run_dir, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and "swctl doctor [--json]" in done.stderr
