"""Nothing is left behind, however the daemons end; what needs no root works without.

    swd and swctld in a mount namespace whose /run, /tmp, /dev/shm and /dev/hugepages are empty, then a look at those
"""

import os
import re
import signal
import socket
import subprocess

import pytest
from conftest import attach
from frames import *
from switch import ALL_CORES, program

PROGRAMS = ["swd", "swctld", "swctl"]

# Runs swd ($1) in a namespace (/run/mount is mount's own), ends it with signal $2, tells every file it left outside its run dir and inside.
NAMESPACE_SCRIPT = r"""
set -eu
mkdir -p /dev/hugepages
mount -t tmpfs none /mnt && mkdir /mnt/build && mount --bind "$1" /mnt/build
for dir in /run /tmp /dev/shm /dev/hugepages; do mount -t tmpfs none $dir; done
start() {
    mkfifo /mnt/out
    /mnt/build/swd --run-dir /run/swd --pmd-cores 1 --mem 128 > /mnt/out 2> /mnt/log &
    pid=$!
    read -r line < /mnt/out
    [ "$line" = "swd: ready" ] || { cat /mnt/log; exit 1; }
    rm /mnt/out
}
start
kill -"$2" $pid
wait $pid || true
if [ "$2" = KILL ]; then
    find /run /tmp /dev/shm /dev/hugepages -mindepth 1 ! -path /run/mount ! -path /run/swd ! -path /run/swd/datapath.sock | sed 's/^/after KILL: /'
    start
    kill -TERM $pid
    wait $pid
fi
find /run /tmp /dev/shm /dev/hugepages -mindepth 1 ! -path /run/mount ! -path /run/swd
"""


@pytest.mark.parametrize("how", ["TERM", "INT", "KILL"])
def test_swd_leaves_no_file_behind(build, how):
    """kill -9 leaves the socket, which the next start replaces and its end removes."""
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", NAMESPACE_SCRIPT, "sh", build, how],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, ALL_CORES),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == ""


def sockets_in(path):
    return sorted(n for n in os.listdir(path) if n.endswith(".sock"))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_both_daemons_end_cleanly_and_remove_their_sockets(switch_factory, how):
    switch = switch_factory()
    guest = attach(switch, "vm1")
    switch.wait_link("vm1")
    assert sockets_in(switch.run_dir) == ["control.sock", "datapath.sock", "vm1.sock"]
    assert switch.swctld.stop(how) == 0
    assert sockets_in(switch.run_dir) == ["datapath.sock", "vm1.sock"]
    assert switch.swd.stop(how) == 0
    guest.close()
    assert sorted(os.listdir(switch.run_dir)) == ["swctld.counts", "swd.db"]


def test_after_kill_and_restart_everything_works_and_ends_cleanly(switch_factory):
    switch = switch_factory()
    guest = attach(switch, "vm1")
    switch.wait_link("vm1")
    switch.kill()
    switch.start()
    guest.start()
    switch.wait_link("vm1")
    switch.set_flows("actions=in_port")
    guest.send(raw(tcp()))
    guest.recv()
    assert switch.stop() == (0, 0)
    guest.close()
    assert sorted(os.listdir(switch.run_dir)) == ["swctld.counts", "swd.db"]


def test_swd_ends_while_guests_send(switch_factory):
    """SIGTERM under traffic, with two guests and a dpdk port: no crash, status 0."""
    switch = switch_factory()
    guests = [attach(switch, n) for n in ("a", "b")]
    switch.swctl("add-port", "null", "type=dpdk", "devargs=net_null0,no-rx=1")
    try:
        for guest in guests:
            switch.wait_link(guest.name)
        switch.set_flows("actions=flood")
        guests[0].send(raw(tcp()))
        guests[1].recv()
        guests[0].send(*[raw(udp(sport=i + 1)) for i in range(200)])
        assert switch.swd.stop() == 0
        assert switch.swctld.alive()
        assert switch.swctld.stop() == 0
    finally:
        for guest in guests:
            guest.close()


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_work_for_anybody(unprivileged, name, option, run_dir):
    done = unprivileged([program(name), option], cwd="/")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    if option == "--version":
        assert re.fullmatch(rf"{name} \d+\.\d+\.\d+\n", done.stdout)
    else:
        assert name in done.stdout and "--run-dir" in done.stdout
    assert os.listdir(run_dir) == []


@pytest.mark.parametrize("name", ["swd", "swctld"])
def test_systemd_is_told_of_readiness(switch_factory, name):
    switch = switch_factory(start=False)
    path = f"{switch.run_dir}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(path)
        notify.settimeout(20)
        start = switch.start_swd if name == "swd" else switch.start_swctld
        daemon = start(env={"NOTIFY_SOCKET": path})
        assert b"READY=1" in notify.recv(4096)
        assert daemon.stop() == 0
