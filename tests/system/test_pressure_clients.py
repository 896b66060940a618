"""Crowds on both sockets: what they cost is bounded, the guests do not notice, and an operator is served.

    10,000 clients ---> control.sock (swctld), datapath.sock (swd)           a === swd --- b   a stream of frames
"""

import contextlib
import errno
import json
import resource
import socket
import subprocess
import time

import pytest

from conftest import attach
from pressure import Holdings, cpu_s
from rpc_client import request
from scale import note, scaled
from stream import Stream

N_CROWD = 10_000
PLACES = 64  # RPC_CLIENTS_MAX, CLIENTS_MAX
UNREAD_MAX_MB = 256  # RPC_UNREAD_MAX
CONTROL = ("control.sock", socket.SOCK_STREAM)
DATAPATH = ("datapath.sock", socket.SOCK_SEQPACKET)


@pytest.fixture
def scene(switch_factory):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, N_CROWD + 1000), max(hard, N_CROWD + 1000)))
    switch = switch_factory()
    guests = [attach(switch, "a", queues=2), attach(switch, "b", queues=2)]
    for guest in guests:
        switch.wait_link(guest.name)
    switch.set_flows("in_port=a,actions=output:b", "in_port=b,actions=output:a")
    yield switch, Stream(*guests, (0, 1))
    for guest in guests:
        guest.close()


@contextlib.contextmanager
def crowd(switch, where, n):
    """So many connections, all open at the same time here; those that the daemon closed as well."""
    clients = []
    try:
        for _ in range(n):
            clients.append(socket.socket(socket.AF_UNIX, where[1]))
            clients[-1].connect(f"{switch.run_dir}/{where[0]}")
        yield clients
    finally:
        for client in clients:
            client.close()


@pytest.mark.parametrize("where", [CONTROL, DATAPATH], ids=["control", "datapath"])
def test_ten_thousand_connections_leave_the_operator_a_place(scene, where):
    switch, stream = scene
    daemon = switch.swctld if where is CONTROL else switch.swd
    before = Holdings(daemon.pid)

    def come(clients):
        start = time.monotonic()
        clients.enter_context(crowd(switch, where, N_CROWD))
        came = time.monotonic()
        most = Holdings(daemon.pid)
        assert len(switch.json("list-ports")["ports"]) == 2
        return came - start, most, time.monotonic() - came

    with contextlib.ExitStack() as clients:
        took, most, served = stream.during(lambda: come(clients))
        if where is DATAPATH:  # a newcomer is served there, too
            switch.swctld.stop()
            switch.start_swctld()
            switch.wait(lambda: switch.json("show")["swd"]["connected"], "swctld's connection to swd")
    stream.assert_whole(in_order=(0, 1), least=64)
    assert most.fds <= before.fds + PLACES + 2  # one that is being refused, and one of the daemon's own for a moment
    assert most.private_kb < before.private_kb + 4096
    assert served < 10
    assert daemon.output().count("clients") < 10, "the crowd floods the log"
    switch.wait(lambda: Holdings(daemon.pid).fds <= before.fds + 1, "end of the clients' descriptors")
    note(
        f"{N_CROWD} connections to {where[0]}",
        s=round(took, 2),
        operator_served_in_s=round(served, 2),
        kB_more=most.private_kb - before.private_kb,
        descriptors_more=most.fds - before.fds,
        frames_lost=0,
    )


@pytest.mark.parametrize("where", [CONTROL, DATAPATH], ids=["control", "datapath"])
def test_without_descriptors_a_daemon_waits_and_does_not_spin(scene, where):
    """Of descriptors it has fewer than of places: the crowd waits at its door, and who leaves makes room."""
    switch, stream = scene
    daemon = switch.swctld if where is CONTROL else switch.swd
    limit = Holdings(daemon.pid).fds + 16
    old = subprocess.run(["prlimit", "--noheadings", "--output=SOFT", f"--pid={daemon.pid}", "--nofile"], capture_output=True, text=True, check=True)
    subprocess.run(["prlimit", f"--pid={daemon.pid}", f"--nofile={limit}:"], check=True)
    with crowd(switch, where, 40) as clients:
        switch.wait(lambda: Holdings(daemon.pid).fds == limit, "last descriptor used")
        busy = cpu_s(daemon.pid)
        start = time.monotonic()
        stream.during(lambda: time.sleep(0.6))  # the time that is measured
        busy = (cpu_s(daemon.pid) - busy) / (time.monotonic() - start)
    stream.assert_whole(in_order=(0, 1), least=64)
    # A poll-mode thread is always busy; what else swd does is beside it.
    assert busy < (0.2 if where is CONTROL else 1.2), f"{busy:.2f} of a core for nothing"
    assert daemon.output().count(switch.run_dir) < 10, "the log is flooded"
    assert len(switch.json("list-ports")["ports"]) == 2
    subprocess.run(["prlimit", f"--pid={daemon.pid}", f"--nofile={old.stdout.strip()}:"], check=True)
    note(f"no descriptor left for {where[0]}", busy_percent=round(100 * busy))


def test_clients_that_never_read_cost_a_bounded_amount(scene):
    """Each asks for a long answer, again and again. They are dropped, and swctl gets the same answer."""
    switch, stream = scene
    n_rules = scaled(10_000, 100_000)
    block = "\n".join(f"priority=7,udp,nw_src=10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255},actions=drop" for i in range(n_rules))
    switch.swctl("add-flows", "-", stdin=block, timeout=60)
    before = Holdings(switch.swctld.pid)
    dump = json.dumps(request("flow.dump", as_text=True)).encode() + b"\n"
    most_kb = 0
    with crowd(switch, CONTROL, PLACES - 4) as clients:

        def ask():
            nonlocal most_kb
            for _ in range(2):
                for client in clients:
                    client.setblocking(False)
                    try:
                        client.send(dump)
                    except OSError as e:
                        assert e.errno in (errno.EAGAIN, errno.EPIPE, errno.ECONNRESET)
                    most_kb = max(most_kb, Holdings(switch.swctld.pid).private_kb)

        stream.during(ask)
        answer = switch.swctl("dump-flows", timeout=60)
        assert len(answer.splitlines()) == n_rules + 2
        most_kb = max(most_kb, Holdings(switch.swctld.pid).private_kb)
    stream.assert_whole(in_order=(0, 1), least=64)
    more_mb = (most_kb - before.private_kb) // 1024
    assert more_mb < min(UNREAD_MAX_MB, (PLACES - 4) * len(answer) >> 20) + scaled(48, 128)
    note("clients that never read", clients=PLACES - 4, rules=n_rules, MB_more=more_mb)
