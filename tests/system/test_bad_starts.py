"""A daemon that cannot start says why in one line that names the thing and the mend, ends with status 1, and leaves others alone.

    swd, swctld: options, permissions, hugepages, cores, sockets and databases that are in use, stale or wrong
"""

import grp
import os
import socket
import sqlite3
import subprocess

import pytest
from frames import *
from refusals import all_cores, refuses_to_start, swctld_argv, swd_argv
from switch import Daemon, program


def test_swd_without_free_hugepages_says_how_to_reserve_them(run_dir):
    """In a mount namespace where the kernel's counters say that none are free."""
    fake = "/sys/kernel/mm/hugepages"
    script = f"""
        mount -t tmpfs none {fake} && mkdir {fake}/hugepages-2048kB && cd {fake}/hugepages-2048kB &&
        for f in nr free resv surplus; do echo 0 > ${{f}}_hugepages; done
        exec "$@"
    """
    argv = ["unshare", "-m", "sh", "-c", script, "sh", *swd_argv(run_dir)]
    line = refuses_to_start(argv, "hugepages", preexec_fn=all_cores)
    assert "nr_hugepages" in line
    assert os.listdir(run_dir) == []


def test_swd_that_wants_more_hugepages_than_are_free_says_so(run_dir):
    refuses_to_start(swd_argv(run_dir, mem="500000"), "hugepages", "250000", preexec_fn=all_cores)


@pytest.mark.parametrize("cores, word", [("77", "77"), ("1,900", "900"), ("x", "x"), ("1-", "1-"), ("", "core")])
def test_swd_on_a_core_that_does_not_exist_names_it(run_dir, cores, word):
    refuses_to_start(swd_argv(run_dir, cores=cores), word, "core", preexec_fn=all_cores)


def test_swd_without_permission_for_its_run_dir(run_dir, unprivileged):
    os.chmod(run_dir, 0o755)
    done = unprivileged(swd_argv(run_dir), preexec_fn=all_cores)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert run_dir in done.stderr and "ermission" in done.stderr


def test_swctld_without_permission_for_its_run_dir_or_database(run_dir, unprivileged):
    os.chmod(run_dir, 0o755)
    done = unprivileged(swctld_argv(run_dir))
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert run_dir in done.stderr and "ermission" in done.stderr


def test_swctl_without_permission_for_the_socket(session_net, unprivileged):
    os.chmod(session_net.switch.run_dir, 0o755)
    done = unprivileged([program("swctl"), "--run-dir", session_net.switch.run_dir, "show"])
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert "ermission" in done.stderr and "control.sock" in done.stderr


def test_control_socket_is_for_owner_and_group_only(session_net):
    mode = os.stat(f"{session_net.switch.run_dir}/control.sock").st_mode & 0o777
    assert mode == 0o660


@pytest.mark.parametrize(
    "name, argv",
    [
        ("swd", ["--pmd-core", "1"]),
        ("swd", ["--pmd-cores", "1", "--mem", "lots"]),
        ("swd", ["--pmd-cores", "1", "--log-level", "loud"]),
        ("swd", []),
        ("swd", ["--pmd-cores", "1", "stray"]),
        ("swctld", ["--no-such-option"]),
        ("swctld", ["stray"]),
        ("swctld", ["--run-dir"]),
    ],
)
def test_a_wrong_option_of_a_daemon_is_named(name, argv):
    done = subprocess.run([program(name), *argv], capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode in (1, 2)
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert not argv or any(a.lstrip("-") in lines[0] for a in argv), lines[0]


def test_a_run_dir_that_is_a_file_is_named(run_dir):
    path = f"{run_dir}/file"
    open(path, "w", encoding="ascii").close()
    refuses_to_start(swd_argv(path), path, preexec_fn=all_cores)
    refuses_to_start(swctld_argv(path, f"{run_dir}/x.db"), path)


def test_a_second_swd_in_a_run_dir_is_refused_and_the_first_goes_on(net):
    net.set_flows("actions=output:vm2")
    run_dir = net.switch.run_dir
    refuses_to_start(swd_argv(run_dir, mem="128"), f"{run_dir}/datapath.sock", "use", preexec_fn=all_cores)
    net.vm1.send(raw(tcp()))
    net.vm2.recv()


def test_a_second_swctld_in_a_run_dir_is_refused_and_the_first_goes_on(net):
    run_dir = net.switch.run_dir
    refuses_to_start(swctld_argv(run_dir, f"{run_dir}/other.db"), f"{run_dir}/control.sock", "use")
    assert net.json("show")["swd"]["connected"]


def test_a_database_in_use_is_refused(net, run_dir):
    refuses_to_start(swctld_argv(run_dir, net.switch.db), net.switch.db)


@pytest.mark.parametrize("name", ["datapath.sock", "control.sock"])
def test_a_stale_socket_is_replaced(switch_factory, name):
    switch = switch_factory(start=False)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET if name == "datapath.sock" else socket.SOCK_STREAM) as dead:
        dead.bind(f"{switch.run_dir}/{name}")  # its owner "dies" without removing it
    switch.start()
    assert switch.json("show")["swd"]["connected"]


@pytest.mark.parametrize("name", ["datapath.sock", "control.sock"])
def test_a_file_that_is_no_socket_is_not_replaced(run_dir, name):
    path = f"{run_dir}/{name}"
    with open(path, "w", encoding="ascii") as f:
        f.write("precious")
    argv, kw = (swd_argv(run_dir), {"preexec_fn": all_cores}) if name == "datapath.sock" else (swctld_argv(run_dir), {})
    refuses_to_start(argv, path, **kw)
    with open(path, encoding="ascii") as f:
        assert f.read() == "precious"


def test_a_database_of_a_newer_version_is_refused_and_left_alone(run_dir):
    path = f"{run_dir}/swd.db"
    daemon = Daemon(swctld_argv(run_dir), {0})
    daemon.wait_line("ready")
    daemon.stop()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 9999")
    db.close()
    before = open(path, "rb").read()
    refuses_to_start(swctld_argv(run_dir), path, "newer", "9999")
    assert open(path, "rb").read() == before


@pytest.mark.parametrize("content", [b"this is no database\n" * 100, b""], ids=["garbage", "empty"])
def test_a_file_that_is_no_database(run_dir, content):
    """Garbage is refused and left alone; an empty file becomes a database."""
    path = f"{run_dir}/swd.db"
    with open(path, "wb") as f:
        f.write(content)
    if content:
        refuses_to_start(swctld_argv(run_dir), path)
        assert open(path, "rb").read() == content
    else:
        daemon = Daemon(swctld_argv(run_dir), {0})
        try:
            daemon.wait_line("ready")
        finally:
            daemon.stop()


def test_control_socket_can_be_given_to_a_group(switch_factory):
    switch = switch_factory(start=False, swctld_args=["--group", "games"])
    switch.start_swctld()
    stat = os.stat(f"{switch.run_dir}/control.sock")
    assert (stat.st_mode & 0o777, stat.st_gid) == (0o660, grp.getgrnam("games").gr_gid)


def test_a_group_that_is_not_there_is_named(run_dir):
    refuses_to_start([*swctld_argv(run_dir), "--group", "no-such-group"], "no-such-group")
    assert not os.path.exists(f"{run_dir}/control.sock")
