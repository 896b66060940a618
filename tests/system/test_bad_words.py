"""What an operator writes wrongly is refused in one line that names the word and the mend; nothing of it is done.

    operator (swctl) ---> swctld: ports, flows, files of flows, commands
"""

import os
import socket
import subprocess

import pytest
from frames import *
from switch import program


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
        assert f"path={path}: another process listens there" in line
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
    "a peer's path that is no socket's (virtio-user)": (["x1", "type=virtio-user", "path=/etc/passwd"], "path=/etc/passwd: a file that is no socket is there: name another"),
    "a peer's path that is no socket's (memif)": (["x1", "type=memif", "role=client", "path=/etc/passwd"], "path=/etc/passwd: a file that is no socket is there: name another"),
    "a peer's path that is no socket's (vhost-user)": (["x1", "type=vhost-user", "mode=client", "path=/etc/passwd"], "path=/etc/passwd: a file that is no socket is there: name another"),
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
    "table=255,actions=drop": ("255", 7),
    "actions=group:7": ("group:7", 9),
    "actions=meter:7,output:vm1": ("meter:7", 9),
    "table=3,actions=goto_table:3": ("3", None),
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


@pytest.mark.parametrize(
    "line, word, column",
    [
        ("flow add tcp,nw_srcc=1,actions=drop", "nw_srcc", 14),
        ("flow delete tcp,priority=1", "priority", 17),
        ("flow modify_strict tcp,actions=fly", "fly", 32),
        ("fluw add tcp,actions=drop", "fluw", 1),
        ("group add group_id=1,type=all", "group_id=1", 11),
        ("group add group_id=9,type=all,bucket=group:9", "group:9", 38),
        ("group modify group_id=1,type=all,bucket=group:2", "group_id=1", 14),
        ("group add group_id=9,type=some", "type", 22),
        ("group delete group_id=1", "group_id=1", 14),
        ("meter add meter=9,kbps,band=type=fly,rate=1", "type", 29),
        ("meter modify meter=9,kbps,band=type=drop,rate=1", "meter=9", 14),
    ],
)
def test_a_mistake_in_a_bundle_is_named_and_undoes_what_was_before_it(net, line, word, column):
    net.swctl("bundle", "-", stdin="group add group_id=1,type=all\ngroup add group_id=2,type=all,bucket=group:1\nflow actions=group:2\n")
    before = [net.swctl(c) for c in ("dump-groups", "dump-meters")], net.swctl("dump-flows", "--no-stats")
    try:
        said = net.switch.refused("bundle", "-", stdin=f"flow delete\nmeter add meter=1,kbps,band=type=drop,rate=1\n{line}\n")
        assert "<stdin>:3: column" in said and word in said, said
        assert f"column {column}:" in said, said
        assert before == ([net.swctl(c) for c in ("dump-groups", "dump-meters")], net.swctl("dump-flows", "--no-stats"))
    finally:
        net.swctl("del-groups")


@pytest.mark.parametrize("command", ["replace-flows", "diff-flows"])
def test_a_mistake_in_a_whole_set_changes_nothing(net, command):
    net.set_flows("priority=5,tcp,actions=output:vm1")
    said = net.switch.refused(command, "-", stdin="priority=6,udp,actions=drop\n\nadd tcp,actions=drop\n")
    assert "<stdin>:3: column 1" in said and "add" in said
    assert [r["priority"] for r in net.json("dump-flows")["rules"]] == [5]


def test_more_rules_than_the_limit_are_refused_whole(switch_factory):
    switch = switch_factory(start=False)
    switch.swctld_args = ["--max-rules", "1000"]
    switch.start_swctld()
    switch.swctl("add-flows", "-", stdin="".join(f"priority={i},tcp,actions=drop\n" for i in range(1, 1000)))
    line = switch.refused("add-flows", "-", stdin="delete_strict priority=5,tcp\npriority=1,udp,actions=drop\npriority=2,udp,actions=drop\n")
    assert "<stdin>:3" in line and "1000 rules" in line and "--max-rules" in line
    assert len(switch.json("dump-flows")["rules"]) == 1000


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
