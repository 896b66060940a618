"""What must be refused is refused in one line that names the thing and the mend; nothing is lost or half done.

    operator (swctl, sockets) ---> swctld ---> swd <--- guests, and clients that behave badly on both sockets
"""

import grp
import json
import os
import socket
import sqlite3
import struct
import subprocess

import pytest
from conftest import attach
from frames import *
from switch import ALL_CORES, Daemon, program

RPC_LINE_MAX = 64 << 20


def refuses_to_start(argv, *words, timeout=20, **kw):
    """The program ends with status 1 and one line on stderr that has all the words."""
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=timeout, check=False, **kw)
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert done.returncode == 1, f"status {done.returncode}: {done.stderr}"
    assert len(lines) == 1, f"not one line: {done.stderr}"
    assert "ready" not in done.stdout
    for word in words:
        assert word in lines[0], lines[0]
    return lines[0]


def swd_argv(run_dir, cores="1", mem="256"):
    return [program("swd"), "--run-dir", run_dir, "--pmd-cores", cores, "--mem", mem]


def swctld_argv(run_dir, db=None):
    return [program("swctld"), "--run-dir", run_dir, "--db", db or f"{run_dir}/swd.db"]


def all_cores():
    os.sched_setaffinity(0, ALL_CORES)


# Starting.


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


# Ports.


def test_a_port_name_twice_is_refused_and_the_first_stays(net):
    line = net.switch.refused("add-port", "vm1", "type=vhost-user", f"path={net.switch.run_dir}/other.sock", "mode=server")
    assert "vm1" in line
    assert not os.path.exists(f"{net.switch.run_dir}/other.sock")
    assert len([p for p in net.json("list-ports")["ports"] if p["name"] == "vm1"]) == 1
    net.set_flows("actions=output:vm1")
    net.vm2.send(raw(tcp()))
    net.vm1.recv()


def test_a_socket_path_that_another_port_has_is_refused(net):
    path = net.vm1.path
    line = net.switch.refused("add-port", "other", "type=vhost-user", f"path={path}", "mode=server")
    assert path in line
    assert len(net.json("list-ports")["ports"]) == len(net.guests)
    assert net.vm1.connected()


def test_a_socket_path_that_a_live_process_has_is_refused(net, run_dir):
    path = f"{run_dir}/taken.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as owner:
        owner.bind(path)
        owner.listen(1)
        line = net.switch.refused("add-port", "other", "type=vhost-user", f"path={path}", "mode=server")
        assert path in line and "use" in line
        assert os.path.exists(path)
    assert len(net.json("list-ports")["ports"]) == len(net.guests)


def test_a_stale_vhost_socket_is_replaced(net, run_dir, guests):
    path = f"{run_dir}/stale.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(path)
    net.swctl("add-port", "stale", "type=vhost-user", f"path={path}", "mode=server")
    try:
        guests(path)
        net.switch.wait_link("stale")
    finally:
        net.swctl("del-port", "stale")


PORT_MISTAKES = {
    "unknown kind": (["x1", "type=carrier-pigeon"], "carrier-pigeon"),
    "no path": (["x1", "type=vhost-user", "mode=server"], "path"),
    "unknown option": (["x1", "type=vhost-user", "path=/tmp/x1.sock", "colour=red"], "colour"),
    "unknown mode": (["x1", "type=vhost-user", "path=/tmp/x1.sock", "mode=sideways"], "sideways"),
    "queues not a number": (["x1", "type=vhost-user", "path=/tmp/x1.sock", "queues=many"], "many"),
    "no queues": (["x1", "type=vhost-user", "path=/tmp/x1.sock", "queues=0"], "queues"),
    "too many queues": (["x1", "type=vhost-user", "path=/tmp/x1.sock", "queues=100000"], "queues"),
    "a tag out of range": (["x1", "type=vhost-user", "path=/tmp/x1.sock", "tag=4095"], "4095"),
    "trunks that are none": (["x1", "type=vhost-user", "path=/tmp/x1.sock", "trunks=a,b"], "trunks"),
    "a path that is too long": (["x1", "type=vhost-user", "path=/tmp/" + "x" * 120], "path"),
    "a folder that is not there": (["x1", "type=vhost-user", "path=/nonexistent/x1.sock", "mode=server"], "/nonexistent"),
    "a name that is too long": (["x" * 64, "type=vhost-user", "path=/tmp/x1.sock"], "name"),
    "a name with a comma": (["a,b", "type=vhost-user", "path=/tmp/x1.sock"], "a,b"),
    "a name that is a number": (["17", "type=vhost-user", "path=/tmp/x1.sock"], "17"),
    "a name that is a word of flows": (["NORMAL", "type=vhost-user", "path=/tmp/x1.sock"], "NORMAL"),
    "devargs of no driver": (["x1", "type=dpdk", "devargs=net_carrier_pigeon0"], "net_carrier_pigeon0"),
    "devargs missing": (["x1", "type=dpdk"], "devargs"),
}


@pytest.mark.parametrize("mistake", PORT_MISTAKES)
def test_a_mistake_in_a_port_is_named_and_nothing_is_left(net, mistake):
    words, named = PORT_MISTAKES[mistake]
    line = net.switch.refused("add-port", *words)
    assert named in line
    assert [p["name"] for p in net.json("list-ports")["ports"]] == [g.name for g in net.guests]
    assert not os.path.exists("/tmp/x1.sock")


def test_del_port_of_an_unknown_port(net):
    assert "nosuch" in net.switch.refused("del-port", "nosuch")


# Flows.

FLOW_MISTAKES = {
    "in_port=nosuch,actions=drop": ("nosuch", 9),
    "tcp,actions=output:nosuch": ("nosuch", 20),
    "tcp,nw_srcc=1.2.3.4,actions=drop": ("nw_srcc", 5),
    "tcp,nw_src=1.2.3,actions=drop": ("1.2.3", 12),
    "tcp,tp_dst=65536,actions=drop": ("65536", 12),
    "priority=65536,actions=drop": ("65536", 10),
    "tcp,actions=fly": ("fly", 13),
    "tcp": ("actions", None),
    "tp_dst=80,actions=drop": ("tp_dst", None),
    "ip,nw_src=1.2.3.4/33,actions=drop": ("1.2.3.4/33", None),
    "dl_src=02:00,actions=drop": ("02:00", 8),
    "dl_vlan=5000,actions=drop": ("5000", 9),
    "actions=mod_vlan_vid:4096,output:vm1": ("4096", None),
    "actions=mod_nw_src:1.2.3.4,output:vm1": ("mod_nw_src", None),
    "actions=mod_tp_dst:80,output:vm1": ("mod_tp_dst", None),
    "table=1,actions=drop": ("table", None),
    "idle_timeout=70000,actions=drop": ("70000", 14),
    "actions=drop,output:vm1": ("drop", None),
}


@pytest.mark.parametrize("flow", FLOW_MISTAKES)
def test_a_mistake_in_a_flow_is_named_with_its_column(net, flow):
    word, column = FLOW_MISTAKES[flow]
    line = net.switch.refused("add-flow", flow)
    assert word in line
    assert "column" in line
    if column is not None:
        assert f"column {column}" in line, line
    assert net.json("dump-flows")["rules"] == []


@pytest.mark.parametrize("source", ["file", "stdin"])
def test_a_flow_file_with_a_bad_line_900_installs_nothing(net, run_dir, source):
    lines = [f"priority={i},udp,tp_dst={i},actions=output:vm2" for i in range(1, 1001)]
    lines[899] = "priority=900,udp,tp_dst=900,actions=output:nosuch"
    text = "\n".join(lines) + "\n"
    path = f"{run_dir}/flows"
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    net.swctl("add-flow", "priority=7,actions=drop")
    words, stdin = (["-"], text) if source == "stdin" else ([path], None)
    line = net.switch.refused("add-flows", *words, stdin=stdin)
    assert "900" in line and "nosuch" in line
    assert [r["priority"] for r in net.json("dump-flows")["rules"]] == [7]
    # Mended, it is taken whole; comments and empty lines do not count as flows.
    lines[899] = "# mended"
    net.swctl("add-flows", "-", stdin="\n\n".join(lines))
    assert len(net.json("dump-flows")["rules"]) == 1000


def test_a_flow_file_that_is_not_there(net):
    assert "/nonexistent" in net.switch.refused("add-flows", "/nonexistent")


# The command line.


@pytest.mark.parametrize(
    "words, named",
    [
        ([], "command"),
        (["add-prot"], "add-port"),
        (["add-port"], "NAME"),
        (["add-port", "x", "no-equals"], "no-equals"),
        (["dp"], "dp"),
        (["dp", "shw"], "shw"),
        (["show", "me"], "me"),
        (["--colour", "show"], "--colour"),
        (["stats", "--timeout", "soon"], "soon"),
        (["add-flow"], "flow"),
    ],
)
def test_wrong_usage_is_status_2_and_one_line(net, words, named):
    assert named in net.switch.refused(*words, status=2)


def test_a_run_dir_without_swctld_is_named(net, run_dir):
    assert run_dir in net.switch.refused("--run-dir", run_dir, "show")


def test_run_dir_from_the_environment(net):
    env = {**os.environ, "SWD_RUN_DIR": net.switch.run_dir}
    done = subprocess.run([program("swctl"), "version"], env=env, capture_output=True, text=True, timeout=10, check=True)
    assert "swd" in done.stdout


def test_control_socket_can_be_given_to_a_group(switch_factory):
    switch = switch_factory(start=False, swctld_args=["--group", "games"])
    switch.start_swctld()
    stat = os.stat(f"{switch.run_dir}/control.sock")
    assert (stat.st_mode & 0o777, stat.st_gid) == (0o660, grp.getgrnam("games").gr_gid)


def test_a_group_that_is_not_there_is_named(run_dir):
    refuses_to_start([*swctld_argv(run_dir), "--group", "no-such-group"], "no-such-group")
    assert not os.path.exists(f"{run_dir}/control.sock")


# A full disk.


def test_on_a_full_disk_changes_are_refused_whole_and_forwarding_goes_on(switch_factory):
    """The database lies on a small file system of swctld's own."""
    switch = switch_factory(start=False)
    folder = f"{switch.run_dir}/small"
    os.mkdir(folder)
    switch.db = f"{folder}/swd.db"
    switch.swctld_prefix = ["unshare", "-m", "sh", "-c", f'mount -t tmpfs -o size=1m none {folder} && exec "$@"', "sh"]
    switch.start()
    a, b = [attach(switch, n) for n in "ab"]
    try:
        for guest in (a, b):
            switch.wait_link(guest.name)
        switch.set_flows("priority=40000,tcp,in_port=a,actions=output:b")
        a.send(raw(tcp()))
        b.recv()
        n_rules = 1
        for block in range(100):
            flows = [f"priority={i + 1},udp,in_port=a,nw_src=10.0.{block}.{i},actions=output:b" for i in range(200)]
            done = switch.run("add-flows", "-", stdin="\n".join(flows))
            assert len(switch.json("dump-flows")["rules"]) in (n_rules, n_rules + 200)
            if done.returncode != 0:
                break
            n_rules += 200
        assert done.returncode == 1 and "full" in done.stderr.lower() and done.stderr.count("\n") == 1, done
        assert switch.db in done.stderr or "disk" in done.stderr
        assert len(switch.json("dump-flows")["rules"]) == n_rules
        a.send(raw(tcp()))
        b.recv()
        a.send(raw(udp(l3=ip4(src="10.0.0.7"))))  # a miss, under the rules that were taken
        b.recv()
    finally:
        for guest in (a, b):
            guest.close()


# Clients on the control socket.


class Rpc:
    def __init__(self, switch):
        self.sock = switch.rpc_socket()
        self.file = self.sock.makefile("rb")

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else json.dumps(data).encode() + b"\n")

    def answer(self):
        line = self.file.readline()
        return json.loads(line) if line else None

    def call(self, data):
        self.send(data)
        return self.answer()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.file.close()
        self.sock.close()


VERSION_REQUEST = {"jsonrpc": "2.0", "id": 1, "method": "version"}


def works(switch):
    assert switch.json("version")["protocol"] == 1


@pytest.mark.parametrize(
    "line, code",
    [
        (b"{\n", -32700),
        (b"not json\n", -32700),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "version"\n', -32700),
        (b"\xff\xfe\n", -32700),
        (b"[]\n", -32600),
        (b"7\n", -32600),
        (b"{}\n", -32600),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "version"}\n', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": 7}\n', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "no.such"}\n', -32601),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "flow.add"}\n', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "flow.add", "params": [1]}\n', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "flow.add", "params": {"flow": 7}}\n', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "flow.add", "params": {"flow": "actions=drop", "colour": 1}}\n', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "port.add", "params": {"name": "x", "kind": "dpdk", "options": []}}\n', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "flow.add_many", "params": {"flows": "x"}}\n', -32602),
        (b"[" * 100000 + b"\n", -32700),
    ],
    ids=lambda v: v[:50].decode(errors="replace") if isinstance(v, bytes) else str(v),
)
def test_a_malformed_line_gets_its_error_and_the_next_line_works(net, line, code):
    with Rpc(net.switch) as rpc:
        answer = rpc.call(line)
        assert answer["error"]["code"] == code
        assert answer["error"]["message"] and "\n" not in answer["error"]["message"]
        assert rpc.call(VERSION_REQUEST)["result"]["protocol"] == 1


def test_requests_sent_together_are_answered_in_order(net):
    with Rpc(net.switch) as rpc:
        rpc.send(b"".join(json.dumps({**VERSION_REQUEST, "id": i}).encode() + b"\n" for i in range(200)))
        assert [rpc.answer()["id"] for _ in range(200)] == list(range(200))


def test_a_request_in_single_bytes_is_answered(net):
    with Rpc(net.switch) as rpc:
        for byte in json.dumps(VERSION_REQUEST).encode() + b"\n":
            rpc.send(bytes([byte]))
        assert rpc.answer()["result"]["protocol"] == 1


def test_a_line_that_is_too_long_is_refused(net):
    with Rpc(net.switch) as rpc:
        try:
            rpc.send(b'{"x": "')
            block = b"y" * (1 << 20)
            for _ in range((RPC_LINE_MAX >> 20) + 1):
                rpc.send(block)
            rpc.send(b'"}\n')
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            answer = rpc.answer()
        except ConnectionResetError:
            answer = None
        assert answer is None or answer["error"]["code"] in (-32700, -32600)
    works(net.switch)


def test_silent_half_and_deaf_clients_disturb_nobody(net):
    """Ten of each on the control socket; swctl is served all the same."""
    net.set_flows(*[f"priority={i + 1},udp,tp_dst={i + 1},actions=drop" for i in range(100)])
    dump = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "flow.dump"}).encode() + b"\n"
    clients = []
    try:
        for _ in range(10):
            clients.append(net.switch.rpc_socket())  # silent
            clients.append(net.switch.rpc_socket())
            clients[-1].sendall(b'{"jsonrpc": "2.0", "id"')  # half
            deaf = net.switch.rpc_socket()
            clients.append(deaf)
            deaf.setblocking(False)
            for _ in range(50):
                try:
                    deaf.send(dump)
                except BlockingIOError:
                    break
        works(net.switch)
        assert len(net.json("dump-flows")["rules"]) == 100
        net.swctl("add-flow", "actions=output:vm2")
        net.vm1.send(raw(tcp()))
        net.vm2.recv()
    finally:
        for client in clients:
            client.close()
    works(net.switch)


# Clients on the datapath socket.


def datapath_client(switch):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.connect(f"{switch.run_dir}/datapath.sock")  # blocking: waits when swd has many to accept
    sock.settimeout(5)
    return sock


def dp_message(family, cmd, flags=1, attrs=b"", seq=1):
    body = struct.pack("=BBHi", cmd, 1, 0, 0) + attrs
    return struct.pack("=IHHII", 16 + len(body), family, flags, seq, 0) + body


VPORT_DUMP = dp_message(0x21, 3, 0x301)
FLOW_DUMP = dp_message(0x22, 3, 0x301)


def datapath_works(net):
    sock = datapath_client(net.switch)
    sock.send(VPORT_DUMP)
    assert b"vm1" in sock.recv(1 << 17)
    sock.close()
    net.set_flows("actions=output:vm2")
    net.vm1.send(raw(tcp()))
    net.vm2.recv()


@pytest.mark.parametrize(
    "datagram",
    [
        b"x",
        b"\0" * 16,
        b"\xff" * 64,
        os.urandom(4096),
        struct.pack("=IHHII", 5, 0x21, 1, 1, 0),
        struct.pack("=IHHII", 1 << 30, 0x21, 1, 1, 0),
        dp_message(0x21, 3)[:20],
        dp_message(0x21, 99, 5),
        dp_message(0x99, 1, 5),
        dp_message(0x22, 1, 5, struct.pack("=HH", 3, 1)),
        dp_message(0x22, 1, 5, struct.pack("=HH", 60000, 1)),
        dp_message(0x22, 1, 5, struct.pack("=HH", 4, 1) + struct.pack("=HH", 4, 3)),
        dp_message(0x24, 1, 5),
    ],
    ids=["a byte", "zeros", "ones", "noise", "short length", "long length", "cut", "command", "family", "attr short", "attr long", "flow", "meter"],
)
def test_garbage_on_the_datapath_socket_gets_an_error_or_a_closed_connection(net, datagram):
    with datapath_client(net.switch) as sock:
        sock.send(datagram)
        try:
            answer = sock.recv(1 << 17)
        except ConnectionResetError:
            answer = b""
        if answer:
            kind, error = struct.unpack_from("=H", answer, 4)[0], struct.unpack_from("=i", answer, 16)[0]
            assert kind == 2 and error < 0
    datapath_works(net)


def test_noise_on_the_datapath_socket_kills_nothing(net):
    """Real messages with bytes changed at random."""
    import random

    rng = random.Random(20261123)
    base = [VPORT_DUMP, FLOW_DUMP, dp_message(0x22, 1, 5, os.urandom(64)), dp_message(0x20, 3), dp_message(0x26, 1), dp_message(0x26, 2, 0x301)]
    for _ in range(300):
        data = bytearray(rng.choice(base))
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        # Not what changes state on purpose: deleting ports or flows, taking the upcalls.
        kind, cmd = struct.unpack_from("=H", data, 4)[0], data[16]
        if kind in (0x20, 0x21) and cmd in (1, 2, 4):
            continue
        with datapath_client(net.switch) as sock:
            try:
                sock.send(data)
            except (BrokenPipeError, ConnectionResetError):
                pass
    datapath_works(net)


def test_silent_and_deaf_clients_on_the_datapath_socket_disturb_nobody(net):
    clients = []
    try:
        for _ in range(20):
            clients.append(datapath_client(net.switch))
            deaf = datapath_client(net.switch)
            clients.append(deaf)
            deaf.setblocking(False)
            for _ in range(500):
                try:
                    deaf.send(VPORT_DUMP)
                except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                    break
        datapath_works(net)
    finally:
        for client in clients:
            client.close()
    datapath_works(net)


# Packets.


def test_truncated_packets_are_forwarded_or_counted(net):
    """Every length of every kind of packet, under rules that read every header and change what they can."""
    net.set_flows(
        "priority=1,actions=output:vm2",
        "priority=5,tcp,tp_dst=2000,actions=mod_tp_dst:1,mod_nw_dst:1.1.1.1,output:vm2",
        "priority=5,udp,tp_dst=2000,actions=mod_tp_dst:1,mod_nw_dst:1.1.1.1,output:vm2",
        "priority=5,sctp,tp_dst=2000,actions=mod_tp_dst:1,output:vm2",
        "priority=5,tcp6,tp_dst=2000,actions=mod_tp_dst:1,output:vm2",
        "priority=5,dl_vlan=10,actions=strip_vlan,output:vm2",
        "priority=6,icmp6,icmp_type=135,icmp_code=0,nd_target=fe80::1,actions=output:vm2",
        "priority=5,arp,arp_tpa=10.0.0.1,actions=output:vm2",
    )
    kinds = [
        tcp(payload=b""),
        udp(payload=b""),
        sctp(payload=b""),
        tcp6(l3=ip6() / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt(), payload=b""),
        tcp(l2=eth(vlan=[10, 20]), payload=b""),
        eth() / ip6(hlim=255) / ICMPv6ND_NS(tgt="fe80::1") / ICMPv6NDOptSrcLLAddr(lladdr=SRC),
        eth() / ARP(pdst="10.0.0.1"),
        eth() / ip4(options=[IPOption_NOP()] * 20) / TCP(),
    ]
    for packet in kinds:
        whole = raw(packet)
        before = sum(net.switch.drops("vm1").values())
        frames = [whole[:n] for n in range(1, len(whole) + 1)]
        got = 0
        for i in range(0, len(frames), 16):
            net.vm1.send(*frames[i : i + 16])
            while net.vm2.wait_frame(0.02) is not None:
                got += 1
        # Shorter than an Ethernet header: not forwarded. SCTP's checksum cannot be mended when its end is missing.
        assert got >= len(frames) - (13 + 16)
        net.switch.wait(lambda: sum(net.switch.drops("vm1").values()) - before == len(frames) - got, "count of the others", 2)
    assert net.switch.swd.alive()


def test_frames_with_lying_lengths_pass_untouched(net):
    """Lengths in headers that point past the end: nothing is read there, and the frame goes on as it came."""
    net.set_flows("actions=output:vm2")
    frames = [
        raw(eth() / ip4(ihl=15, len=60000) / Raw(bytes(20))),
        raw(eth() / ip4(ihl=2) / TCP()),
        raw(eth() / ip4(version=9) / TCP()),
        raw(eth() / ip6(plen=60000) / TCP()),
        raw(eth() / ip6(nh=0) / Raw(b"\x00\xff" * 4)),
        raw(eth() / ip6(nh=43) / Raw(b"\x2b\xff" + bytes(6) + (b"\x2b\x00" + bytes(6)) * 40)),
        raw(eth() / ip4() / TCP(dataofs=15)),
        raw(eth() / ip4() / UDP(len=60000)),
        raw(eth(type=0x8100) / Raw(b"\x00")),
        raw(eth(type=0x0800)),
        raw(eth(type=0x86DD) / Raw(b"\x60")),
    ]
    for frame in frames:
        net.vm1.send(frame)
        assert net.vm2.recv() == frame


@pytest.mark.parametrize("length", [9000, 9728, 12000, 20000, 65000])
def test_oversized_frames_are_forwarded_or_counted(net, length):
    net.set_flows("actions=output:vm2")
    net.vm1.send(raw(udp()))
    net.vm2.recv()
    before = sum(net.switch.drops().values())
    frame = raw(udp(payload=bytes(length - 42)))
    net.vm1.send(frame)

    def settled():
        got = net.vm2.poll_frame()
        if got is not None:
            assert got == frame
            return True
        return sum(net.switch.drops().values()) > before

    net.switch.wait(settled, "forwarding or a counted drop", 2)
    net.vm1.send(raw(udp()))
    assert net.vm2.recv() == raw(udp())


def test_a_burst_of_noise_is_forwarded_or_counted(net):
    import random

    rng = random.Random(7)
    net.set_flows("actions=output:vm2")
    sent = 0
    before = sum(net.switch.drops().values())
    for _ in range(20):
        frames = [rng.randbytes(rng.randint(14, 300)) for _ in range(16)]
        net.vm1.send(*frames)
        sent += len(frames)
        got = net.vm2.recv_n(len(frames))
        assert sorted(got) == sorted(frames)
    assert sum(net.switch.drops().values()) == before


def test_a_flood_of_new_flows_does_not_hold_up_an_established_one(net):
    """vm3 makes misses only; vm1's flow goes on, and what did not fit is counted at vm3."""
    net.set_flows("priority=9,in_port=vm1,actions=output:vm2", "priority=1,udp,tp_src=1,actions=drop", "priority=0,actions=output:vm4")
    net.vm1.send(raw(udp()))
    net.vm2.recv()
    for i in range(20):
        net.vm3.send(*many_flows(250, 1 + 250 * i))
        frames = [numbered(UDP_FRAME, k) for k in range(16)]
        net.vm1.send(*frames)
        assert net.vm2.recv_n(16) == frames
        net.vm4.drain()
    assert not any(port == "vm1" and reason.startswith("upcall") for port, reason in net.switch.drops())


def test_a_guest_that_sends_garbage_on_its_vhost_socket_hurts_only_itself(switch_factory):
    switch = switch_factory()
    a, b, c = [attach(switch, n) for n in "abc"]
    try:
        for guest in (a, b, c):
            switch.wait_link(guest.name)
        switch.set_flows("in_port=a,actions=output:b", "in_port=b,actions=output:a")
        for garbage in (b"\xff" * 12, struct.pack("=III", 200, 1, 0), struct.pack("=III", 5, 1, 1 << 30), b"x", b"\0" * 4096):
            c.conn.raw(garbage)
            c.hang_up()
            c.start()
            a.send(raw(tcp()))
            b.recv()
            b.send(raw(tcp()))
            a.recv()
        switch.wait_link("c")
    finally:
        for guest in (a, b, c):
            guest.close()
