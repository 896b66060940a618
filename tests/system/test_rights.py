"""Who may do what: sockets, users, groups and capabilities, and how much of the daemons' time a client may take.

    reader, admin, stranger --> control.sock (swctld, user SWCTLD)        swctld --> datapath.sock (swd) <-- stranger
    guest of a group        --> sockets of vhost-user and memif ports

Users and groups are numbers that the system does not know: none are made.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import stat
import struct
import subprocess
import time

import pytest
from conftest import attach
from frames import *
from netns import Netns
from refusals import all_cores, refuses_to_start, swctld_argv, swd_argv
from scale import note
from switch import program

ROOT = pathlib.Path(__file__).resolve().parents[2]
SWCTLD, SWCTLD_GROUP = 70000, 70001
READERS, ADMINS = 70002, 70003
GUESTS = 70004
USER = 70010  # of clients
PYTHON = "/usr/bin/python3"


def become(uid, gid=None, groups=()):
    """For subprocess: that user, without capabilities."""
    return {"user": uid, "group": uid if gid is None else gid, "extra_groups": list(groups)}


STRANGER, READER = become(USER), become(USER, groups=[READERS])
# Who is to change must reach the socket as well.
ADMIN = become(USER + 1, groups=[READERS, ADMINS])

ASK = """
import json, socket, sys
path, lines = json.load(sys.stdin)
s = socket.socket(socket.AF_UNIX)
s.connect(path)
replies = s.makefile("r")
for line in lines:
    try:
        s.sendall(line.encode() + b"\\n")
    except BrokenPipeError:
        pass  # it was too long
    print(replies.readline(), end="")
"""


def request(method, **params):
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})


def ask(switch, lines, who):
    """Replies to lines on control.sock, as another user. AssertionError when it may not connect."""
    argv = [PYTHON, "-c", ASK]
    text = json.dumps([f"{switch.run_dir}/control.sock", lines])
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=20, check=False, **who)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def swctl(switch, *words, who):
    argv = [program("swctl"), "--run-dir", switch.run_dir, *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False, **who)


def status_of(pid, task=None):
    """Fields of /proc/PID/status."""
    path = f"/proc/{pid}/task/{task}/status" if task else f"/proc/{pid}/status"
    return dict(line.split(":\t", 1) for line in pathlib.Path(path).read_text(encoding="ascii").splitlines() if ":\t" in line)


def capabilities(fields):
    return {name: int(fields[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}


def owner_of(path):
    st = os.lstat(path)
    assert stat.S_ISSOCK(st.st_mode)
    return st.st_uid, st.st_gid, st.st_mode & 0o777


@pytest.fixture(scope="module")
def switch(module_switch_factory):
    """swd as root; swctld gives it up, and has its run dir and database in a folder of its own user."""
    switch = module_switch_factory(start=False)
    os.chown(switch.run_dir, SWCTLD, SWCTLD_GROUP)
    os.chmod(switch.run_dir, 0o755)
    switch.swd_args = ["--group", SWCTLD_GROUP, "--vhost-group", GUESTS]
    switch.swctld_args = ["--user", f"{SWCTLD}:{SWCTLD_GROUP}", "--group", READERS, "--admin-group", ADMINS]
    return switch.start()


# swctld's user.


def test_swctld_runs_without_root_and_without_any_capability(switch):
    fields = status_of(switch.swctld.pid)
    assert fields["Uid"].split() == [str(SWCTLD)] * 4 and fields["Gid"].split() == [str(SWCTLD_GROUP)] * 4
    assert fields["Groups"].split() == [] and fields["NoNewPrivs"] == "1"
    assert set(capabilities(fields).values()) == {0}


def test_the_database_is_swctlds_and_nobody_elses_to_read(switch):
    st = os.stat(switch.db)
    assert (st.st_uid, st.st_gid, st.st_mode & 0o007) == (SWCTLD, SWCTLD_GROUP, 0)


def test_a_swctld_without_root_does_all_its_work(switch):
    """It speaks to swd, answers misses, keeps rules over kill -9, and comes back."""
    a, b = [attach(switch, name) for name in "ab"]
    try:
        for guest in (a, b):
            switch.wait_link(guest.name)
        switch.set_flows("in_port=a,actions=output:b")
        switch.swctld.kill()
        switch.start_swctld()
        switch.wait(lambda: switch.json("show")["swd"]["connected"], "connection to swd")
        assert [r["flow"] for r in switch.json("dump-flows")["rules"]] == ["in_port=a actions=output:b"]
        a.send(raw(tcp()))
        b.recv()
    finally:
        for guest in (a, b):
            guest.close()
        for name in "ab":
            switch.swctl("del-port", name)
        switch.set_flows("priority=0,actions=NORMAL")


def test_swctld_started_without_root_works_where_it_may_write(run_dir):
    os.chown(run_dir, USER, USER)
    daemon = subprocess.Popen(swctld_argv(run_dir), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **STRANGER)
    try:
        assert any(line == "swctld: ready\n" for line in daemon.stdout)
        assert swctl(type("", (), {"run_dir": run_dir}), "add-flow", "actions=drop", who=STRANGER).returncode == 0
    finally:
        daemon.terminate()
        assert daemon.wait(10) == 0
        daemon.stdout.close()


@pytest.mark.parametrize(
    "options, words",
    [
        (["--user", "no-such-user"], ["--user", "no-such-user", "useradd"]),
        (["--user", "70000"], ["70000", "USER:GROUP"]),
        (["--user", "70000:no-such-group"], ["no-such-group", "groupadd"]),
        (["--user", "4294967295:1"], ["4294967295"]),
        (["--admin-group", "no-such-group"], ["--admin-group", "no-such-group"]),
    ],
)
def test_a_user_or_group_that_is_not_there_is_named(run_dir, options, words):
    refuses_to_start([*swctld_argv(run_dir), *options], *words)
    assert os.listdir(run_dir) == []


def test_a_database_that_swctlds_user_may_not_write_is_named(run_dir):
    os.chmod(run_dir, 0o755)
    refuses_to_start([*swctld_argv(run_dir), "--user", f"{SWCTLD}:{SWCTLD_GROUP}"], f"{run_dir}/swd.db")


# The control socket.


def methods():
    """{method: whether it changes}, of the table."""
    text = re.sub(r'\s*\\\n\s*', " ", (ROOT / "ctl/rpc_table.h").read_text())
    rows = re.findall(r'X\("([a-z_.]+)",.*?(?:true|false), (READS|CHANGES), \w+,', text)
    assert len(rows) == text.count('X("')
    return {name: access == "CHANGES" for name, access in rows}


def test_the_protocols_page_lists_what_a_reader_may_call():
    page = (ROOT / "docs/control-protocol.md").read_text(encoding="utf-8").split("\nRights: ")[1].split("The rest")[0]
    listed = re.findall(r"`([a-z_.]+)`", page.split("may call those that read:")[1])
    assert listed == [name for name, changes in methods().items() if not changes]


def test_control_socket_is_of_swctlds_user_and_the_readers(switch):
    assert owner_of(f"{switch.run_dir}/control.sock") == (SWCTLD, READERS, 0o660)


def test_a_reader_may_call_what_reads_and_nothing_that_changes(switch):
    """Every method, with no parameters: where it is not allowed, these are not looked at."""
    table = methods()
    assert 10 < sum(table.values()) < len(table) - 10
    before = switch.swctl("dump-flows", "--no-stats")
    replies = ask(switch, [request(name) for name in table], READER)
    refused = {name for name, reply in zip(table, replies) if "may only read" in reply.get("error", {}).get("message", "")}
    assert refused == {name for name, changes in table.items() if changes}
    assert switch.swctl("dump-flows", "--no-stats") == before


@pytest.mark.parametrize("who", [ADMIN, become(SWCTLD, SWCTLD_GROUP), become(0, 0)], ids=["admin", "own user", "root"])
def test_root_swctlds_own_user_and_admins_may_change(switch, who):
    for words in (["add-flow", "priority=7,udp,actions=drop"], ["del-flows", "udp"]):
        done = swctl(switch, *words, who=who)
        assert done.returncode == 0, done.stderr


def test_a_refusal_names_the_method_who_asked_and_the_mend(switch):
    done = swctl(switch, "add-flow", "actions=drop", who=READER)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    for word in ("flow.add", f"uid {USER}", "may only read", f"group {ADMINS}"):
        assert word in done.stderr
    assert "priority=0 actions=NORMAL" in swctl(switch, "dump-flows", who=READER).stdout


def test_a_stranger_may_not_even_connect(switch):
    done = swctl(switch, "show", who=STRANGER)
    assert done.returncode == 1 and "ermission" in done.stderr


def test_without_root_or_groups_all_is_as_before(net):
    """Daemons that were started without options: their own user changes, others cannot connect."""
    assert owner_of(f"{net.switch.run_dir}/control.sock") == (0, 0, 0o660)
    assert owner_of(f"{net.switch.run_dir}/datapath.sock") == (0, 0, 0o660)


# The datapath socket.

CONNECT = """
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(sys.argv[1])
s.settimeout(5)
try:
    s.send(bytes.fromhex(sys.argv[2]))
except OSError:
    pass
for _ in range(2):
    try:
        print(s.recv(65536).hex())
    except OSError:
        print("")
    s.settimeout(0.1)
"""
VPORT_DUMP = struct.pack("=IHHII", 24, 0x21, 0x301, 1, 0) + struct.pack("=BBHi", 3, 1, 0, 0)


def datapath_says(switch, who):
    """The first two datagrams that a client gets."""
    argv = [PYTHON, "-c", CONNECT, f"{switch.run_dir}/datapath.sock", VPORT_DUMP.hex()]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False, **who)
    assert done.returncode == 0, done.stderr
    return [bytes.fromhex(line) for line in done.stdout.splitlines()]


@contextlib.contextmanager
def open_to_all(path):
    """As if an operator had been careless."""
    mode = stat.S_IMODE(os.stat(path).st_mode)
    os.chmod(path, 0o666)
    yield
    os.chmod(path, mode)


def test_datapath_socket_is_for_root_and_the_group(switch):
    path = f"{switch.run_dir}/datapath.sock"
    assert owner_of(path) == (0, SWCTLD_GROUP, 0o660)
    with pytest.raises(AssertionError, match="PermissionError"):
        datapath_says(switch, STRANGER)


@pytest.mark.parametrize(
    "who", [become(0, 0), become(USER, SWCTLD_GROUP), become(USER, groups=[*range(80000, 80100), SWCTLD_GROUP])], ids=["root", "group", "100th group"]
)
def test_members_of_the_group_are_served(switch, who):
    first, _ = datapath_says(switch, who)
    assert struct.unpack_from("=H", first, 4)[0] != 2  # no error


def test_a_stranger_on_the_datapath_socket_gets_one_refusal_even_where_the_file_lets_it_in(switch):
    with open_to_all(f"{switch.run_dir}/datapath.sock"):
        first, second = datapath_says(switch, STRANGER)
    assert struct.unpack_from("=H", first, 4)[0] == 2 and struct.unpack_from("=i", first, 16)[0] == -1  # NLMSG_ERROR, EPERM
    assert f"uid {USER}".encode() in first and b"--group" in first and second == b""
    switch.swd.wait_line(f"uid {USER} is refused")
    assert switch.json("show")["swd"]["connected"]


# swd's capabilities.

NET_ADMIN, NET_RAW, IPC_LOCK = 12, 13, 14
# docs/man/swd.8 says why: CAP_CHOWN, DAC_OVERRIDE, FOWNER, NET_ADMIN, NET_RAW, IPC_LOCK, SYS_RAWIO, SYS_ADMIN
KEPT = sum(1 << cap for cap in (0, 1, 3, NET_ADMIN, NET_RAW, IPC_LOCK, 17, 21))


def test_swd_keeps_the_capabilities_that_it_needs_and_its_packet_threads_none(switch):
    tasks = os.listdir(f"/proc/{switch.swd.pid}/task")
    names = {task: pathlib.Path(f"/proc/{switch.swd.pid}/task/{task}/comm").read_text(encoding="ascii").strip() for task in tasks}
    pmds = [task for task in tasks if names[task].startswith("pmd")]
    assert len(tasks) > 2 and len(pmds) == 1, names
    for task in tasks:
        fields = status_of(switch.swd.pid, task)
        has = capabilities(fields)
        assert has["CapEff"] == has["CapPrm"] == (0 if task in pmds else KEPT), (names[task], has)
        assert has["CapBnd"] == KEPT and has["CapInh"] == has["CapAmb"] == 0 and fields["NoNewPrivs"] == "1"


def test_the_capabilities_of_the_manual_are_those_that_swd_keeps():
    code = re.findall(r'\{CAP_\w+, "(CAP_\w+)"', (ROOT / "datapath/capabilities.c").read_text())
    page = (ROOT / "docs/man/swd.8").read_text().split(".Sh CAPABILITIES")[1].split("\n.Sh")[0]
    assert code and re.findall(r"^\.It Dv (CAP_\w+)", page, re.M) == code


@pytest.fixture
def plain(switch_factory):
    """swd as packaging/swd.service starts it: no root, three capabilities. swctld as the same user."""
    switch = switch_factory(start=False)
    os.chown(switch.run_dir, USER, USER)
    os.chmod(switch.run_dir, 0o755)
    caps = "+net_admin,+net_raw,+ipc_lock"
    ids = [f"--reuid={USER}", f"--regid={USER}", f"--groups={GUESTS}"]
    drop = ["setpriv", *ids, f"--inh-caps={caps}", f"--ambient-caps={caps}", f"--bounding-set=-all,{caps}"]
    switch.swd_prefix = ["unshare", "-nm", "sh", "-c", 'mount -t sysfs none /sys && exec "$@"', "sh", *drop]
    switch.swd_args = ["--vhost-group", GUESTS]
    switch.swctld_prefix = ["setpriv", *ids, "--bounding-set=-all"]
    return switch.start()


def test_swd_without_root_serves_every_kind_that_its_capabilities_allow(plain):
    caps = sum(1 << cap for cap in (NET_ADMIN, NET_RAW, IPC_LOCK))
    fields = status_of(plain.swd.pid)
    assert fields["Uid"].split()[0] == str(USER) and capabilities(fields)["CapEff"] == capabilities(fields)["CapPrm"] == caps
    near, far = Netns(plain.swd.pid), Netns()
    guest = attach(plain, "vm1")
    try:
        near.veth("near", far, "far")
        plain.wait_link("vm1")
        plain.swctl("add-port", "m", "type=memif", "role=server", f"path={plain.run_dir}/m.sock")
        plain.swctl("add-port", "host0", "type=tap")
        for kind in ("pcap", "af-packet"):
            plain.swctl("add-port", "wire", f"type={kind}", "iface=near")
            plain.wait_link("wire")
            plain.set_flows("in_port=vm1,actions=output:wire", "in_port=wire,actions=output:vm1")
            with far.packet_socket("far") as sock:
                guest.send(UDP_FRAME)
                assert sock.frame() == UDP_FRAME
                sock.send(UDP_FRAME)
                assert guest.recv() == UDP_FRAME
            plain.swctl("del-port", "wire")
        line = plain.refused("add-port", "wire", "type=af-xdp", "iface=near")
        assert "af-xdp ports need CAP_SYS_ADMIN" in line and "unit" in line
        assert owner_of(f"{plain.run_dir}/vm1.sock") == (USER, GUESTS, 0o660)
    finally:
        guest.close()
        far.close()


def test_a_guests_socket_that_swd_may_not_write_to_is_said_to_be_so(plain):
    path = f"{plain.run_dir}/vm1.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        os.chmod(path, 0o755)  # as under root's umask
        plain.swctl("add-port", "vm1", "type=vhost-user", f"path={path}", "mode=client")
        assert "swd may not write to the socket" in plain.port("vm1")["reason"]
        os.chmod(path, 0o777)
        listener.settimeout(5)
        listener.accept()[0].close()  # it connects


def test_a_port_that_lacks_a_capability_says_which(switch_factory):
    switch = switch_factory(start=False)
    switch.swd_prefix = ["setpriv", "--bounding-set=-all,+dac_override"]
    switch.start()
    line = switch.refused("add-port", "host0", "type=tap")
    assert "tap ports need CAP_NET_ADMIN" in line


# Sockets of ports.


def reaches(path, kind, who):
    """Whether that user can connect."""
    code = f"import socket; socket.socket(socket.AF_UNIX, socket.{kind}).connect('{path}')"
    return subprocess.run([PYTHON, "-c", code], capture_output=True, timeout=20, check=False, **who).returncode == 0


@contextlib.contextmanager
def port(switch, *options):
    switch.swctl("add-port", "p", *options)
    yield
    switch.swctl("del-port", "p")


KINDS = [("vhost-user", "mode=server", "SOCK_STREAM"), ("memif", "role=server", "SOCK_SEQPACKET")]


@pytest.mark.parametrize("kind, role, sock", KINDS, ids=["vhost-user", "memif"])
def test_a_ports_socket_is_its_groups_and_nobody_elses(switch, kind, role, sock):
    path = f"{switch.run_dir}/p.sock"
    with port(switch, f"type={kind}", role, f"path={path}"):
        assert owner_of(path) == (0, GUESTS, 0o660)  # of --vhost-group
        assert reaches(path, sock, become(USER, groups=[GUESTS])) and not reaches(path, sock, STRANGER)
    assert not os.path.exists(path)
    with port(switch, f"type={kind}", role, f"path={path}", f"owner={USER}", "group=games"):
        uid, gid, mode = owner_of(path)
        assert (uid, mode) == (USER, 0o660) and gid not in (0, GUESTS)
        assert reaches(path, sock, STRANGER) and not reaches(path, sock, become(USER + 1, groups=[GUESTS]))
    assert not os.path.exists(path)


@pytest.mark.parametrize("kind, role, sock", KINDS, ids=["vhost-user", "memif"])
def test_a_ports_owner_and_group_must_be_there_and_mean_something(switch, kind, role, sock):
    path = f"{switch.run_dir}/p.sock"
    for option in ("owner=no-such-user", "group=no-such-group"):
        line = switch.refused("add-port", "p", f"type={kind}", role, f"path={path}", option)
        assert option.split("=")[1] in line and not os.path.exists(path)
    line = switch.refused("add-port", "p", f"type={kind}", role.replace("server", "client"), f"path={path}", "group=games")
    assert "group=" in line


def test_a_socket_that_swd_may_not_give_away_is_not_left_behind(plain):
    path = f"{plain.run_dir}/p.sock"
    line = plain.refused("add-port", "p", "type=vhost-user", f"path={path}", "owner=0")
    assert path in line and "CAP_CHOWN" in line and not os.path.exists(path)


# How much a client may take.

FLOOD = """
import select, socket, sys, time
path, data, end, kind = sys.argv[1], bytes.fromhex(sys.argv[2]), time.monotonic() + float(sys.argv[3]), sys.argv[5]
socks = [socket.socket(socket.AF_UNIX, getattr(socket, kind)) for _ in range(int(sys.argv[4]))]
for s in socks:
    s.connect(path)
    s.setblocking(False)
n = 0
while time.monotonic() < end:
    select.select(socks, [], [], 0.01)
    for s in socks:
        try:
            s.send(data)
        except BlockingIOError:
            pass
        try:
            while data := s.recv(1 << 20):
                if n == 0:
                    print("flooding", flush=True)
                n += len(data)
        except BlockingIOError:
            pass
"""


@contextlib.contextmanager
def flood(path, data, seconds, connections, who, kind="SOCK_STREAM"):
    """Another process sends `data` again and again, and reads what comes; there is an answer already."""
    argv = [PYTHON, "-c", FLOOD, path, data.hex(), str(seconds), str(connections), kind]
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, **who)
    try:
        assert child.stdout.readline() == "flooding\n"
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


DUMPS = (request("flow.dump") + "\n").encode() * 50


def processor_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def ruled(switch):
    """With enough rules that a dump takes milliseconds."""
    switch.swctl("add-flows", "-", stdin="\n".join(f"priority={i + 1},udp,nw_src=10.0.{i >> 8}.{i & 255},actions=drop" for i in range(5000)))
    yield switch
    switch.set_flows("priority=0,actions=NORMAL")


FLOOD_S = 100  # it ends when the test says so


def slowest_but_one(times):
    """A machine that stands still for a moment spoils one of them."""
    return sorted(times)[-2]


def latency_ms(switch, n=10):
    """The slowest but one of some answers to root, on a connection of its own."""
    times = []
    with switch.rpc_socket() as sock, sock.makefile("rb") as replies:
        for _ in range(n):
            began = time.monotonic()
            sock.sendall(request("version").encode() + b"\n")
            assert json.loads(replies.readline())["result"]
            times.append(time.monotonic() - began)
    return slowest_but_one(times) * 1000


def test_readers_who_flood_get_a_fifth_of_swctlds_time(ruled):
    """Eight connections of one user that ask for dumps without end: measured behind what it had saved up."""
    with flood(f"{ruled.run_dir}/control.sock", DUMPS, FLOOD_S, 8, READER) as child:
        time.sleep(1.0)  # what it had saved is used up
        before, began = processor_s(ruled.swctld.pid), time.monotonic()
        slowest = latency_ms(ruled, 20)
        time.sleep(1.5)
        share = (processor_s(ruled.swctld.pid) - before) / (time.monotonic() - began)
        assert child.poll() is None
    note("a reader floods swctld with dumps on 8 connections", swctlds_core=f"{share:.0%}", slowest_answer_to_root=f"{slowest:.0f} ms")
    assert share < 0.5  # a fifth is the flood's


def test_a_flood_by_who_may_change_starves_neither_clients_nor_missed_packets(ruled):
    a, b = [attach(ruled, name) for name in "ab"]
    try:
        for guest in (a, b):
            ruled.wait_link(guest.name)
        ruled.swctl("add-flow", "priority=60000,tcp,in_port=a,actions=output:b")
        with flood(f"{ruled.run_dir}/control.sock", DUMPS, FLOOD_S, 10, become(0, 0)):
            slowest, misses = latency_ms(ruled, 5), []
            for i in range(10):
                frame = raw(tcp(dport=1000 + i, l2=eth(src=f"02:00:00:00:01:{i:02x}")))
                began = time.monotonic()
                a.send(frame)
                assert b.recv() == frame
                misses.append(time.monotonic() - began)
        slowest_miss = slowest_but_one(misses)
        note("root floods swctld with dumps on 10 connections", slowest_answer=f"{slowest:.0f} ms", slowest_miss=f"{slowest_miss * 1000:.0f} ms")
        assert slowest < 4000  # a dump of each connection, and the flooder is on swctld's core
        assert slowest_miss < 1  # one of them
    finally:
        for guest in (a, b):
            guest.close()
        for name in "ab":
            ruled.swctl("del-port", name)


def test_a_flood_on_the_datapath_socket_starves_neither_swctld_nor_missed_packets(switch):
    """Eight clients with 500 requests a datagram."""
    a, b = [attach(switch, name) for name in "ab"]
    dp_get = struct.pack("=IHHII", 24, 0x20, 1, 1, 0) + struct.pack("=BBHi", 3, 1, 0, 0)
    try:
        for guest in (a, b):
            switch.wait_link(guest.name)
        switch.set_flows("priority=2,tcp,in_port=a,actions=output:b", "priority=1,actions=drop")
        times = []
        with flood(f"{switch.run_dir}/datapath.sock", dp_get * 500, FLOOD_S, 8, become(0, 0), "SOCK_SEQPACKET"):
            for i in range(10):
                began = time.monotonic()
                a.send(raw(tcp(dport=2000 + i, l2=eth(src=f"02:00:00:00:02:{i:02x}"))))
                b.recv()
                assert switch.json("dp", "show")["flows"] > 0
                times.append(time.monotonic() - began)
        slowest = slowest_but_one(times)
        note("root floods swd on 8 connections", slowest_miss_and_dp_show=f"{slowest * 1000:.0f} ms")
        assert slowest < 1.5
    finally:
        for guest in (a, b):
            guest.close()
        for name in "ab":
            switch.swctl("del-port", name)
        switch.set_flows("priority=0,actions=NORMAL")


HOLD = """
import socket, sys
socks = [socket.socket(socket.AF_UNIX) for _ in range(int(sys.argv[2]))]
for s in socks:
    s.connect(sys.argv[1])
    try:
        s.sendall(sys.argv[3].encode() + b"\\n")
    except OSError:
        pass  # it was refused already
def answer(s):
    try:
        return s.recv(65536)
    except OSError:
        return b""
print(*(b"result" in answer(s) for s in socks), flush=True)
sys.stdin.read()
"""


def test_readers_cannot_take_all_places(switch):
    """Sixteen a user; and who may change gets a place where readers have all the others."""
    with contextlib.ExitStack() as stack:
        for user in range(5):
            argv = [PYTHON, "-c", HOLD, f"{switch.run_dir}/control.sock", "20" if user == 0 else "16", request("version")]
            who = become(USER + 10 + user, groups=[READERS])
            child = stack.enter_context(subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **who))
            served = child.stdout.readline().split()
            if user == 0:
                assert served == ["True"] * 16 + ["False"] * 4
        assert latency_ms(switch) < 1000
        switch.swctl("show")


def test_a_readers_line_is_a_mebibyte_at_most(switch):
    flows = "\n".join(["priority=1,udp,actions=drop"] * 60000)
    assert len(flows) > 1 << 20
    (reply,) = ask(switch, [request("flow.diff", flows=flows)], READER)
    assert "1 MiB" in reply["error"]["message"]
    (reply,) = ask(switch, [request("flow.diff", flows=flows)], ADMIN)
    assert "result" in reply


# The systemd units.

WORST = {"swd.service": 3.0, "swctld.service": 1.0}


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze (package systemd)")
    folder = tmp_path_factory.mktemp("units")
    for name in WORST:
        text = (ROOT / "packaging" / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace("@BINDIR@", os.path.dirname(program("swd"))), encoding="utf-8")
    return folder


@pytest.mark.without_swd
def test_the_units_are_without_fault(units):
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *(f"./{n}" for n in WORST)], cwd=units, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.without_swd
@pytest.mark.parametrize("name", list(WORST))
def test_the_units_leave_little_exposed(units, name):
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", f"./{name}"], cwd=units, capture_output=True, text=True, check=False)
    exposure = float(re.search(r"Overall exposure level for \S+ ([0-9.]+)", done.stdout)[1])
    note(f"systemd-analyze security {name}", exposure=exposure)
    assert exposure < WORST[name]
