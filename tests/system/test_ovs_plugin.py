"""ovs-vswitchd as the control daemon: `make ovs-plugin` first, otherwise these are skipped. ovs_plugin.py draws the scene."""

import json
import os
import re
import signal
import socket
import time

import pytest

from fake_swd import INFO_GET, FakeSwd
from frames import DST, SRC, eth, raw, udp
from ovs_plugin import VSWITCHD, OvsPlugin
from steady import steady_now
from vhost_frontend import VhostFrontend, wait_path

pytestmark = pytest.mark.skipif(not os.access(VSWITCHD, os.X_OK), reason=f"{VSWITCHD} is not there: run `make ovs-plugin`")


@pytest.fixture
def ovs(live_logs):
    scene = OvsPlugin()
    live_logs(scene)
    try:
        yield scene
    finally:
        scene.close()


def test_two_ports_of_a_bridge_of_type_swd_talk_by_megaflows_that_open_vswitch_made(ovs):
    ovs.start()
    ovs.add_guest()
    ovs.add_guest()
    assert ovs.ping(0, 1, count=5) == 5
    flows = ovs.appctl("dpctl/dump-flows")
    assert re.search(r"in_port\(513\).*eth_type\(0x0800\).*packets:[1-9].*actions:514", flows), flows
    stats = ovs.ofctl("dump-ports", f"{ovs.dir}/br0.mgmt")
    assert re.search(r"rx pkts=[1-9]", stats), stats
    assert not ovs.complaints()


def test_guests_talk_over_vhost_user_ports_of_both_roles(ovs):
    ovs.start()
    path = f"{ovs.dir}/vm1.sock"
    with VhostFrontend(path, mode="client", name="vm1") as vm1, VhostFrontend(f"{ovs.dir}/vm2", name="vm2") as vm2:
        vm1.listen()
        ovs.vsctl("add-port", "br0", "vm1", "--", "set", "interface", "vm1", "type=dpdkvhostuserclient", f"options:vhost-server-path={path}")
        ovs.vsctl("add-port", "br0", "vm2", "--", "set", "interface", "vm2", "type=dpdkvhostuser")
        vm1.start()
        vm2.start()
        wait_path(vm1, vm2, raw(udp()))
        wait_path(vm2, vm1, raw(udp(l2=eth(src=DST, dst=SRC))))
        ovs.wait(lambda: ovs.vsctl("get", "interface", "vm1", "link_state").strip() == "up", "link of vm1")
        vm1.hang_up()
        ovs.wait(lambda: ovs.vsctl("get", "interface", "vm1", "link_state").strip() == "down", "end of vm1's link")
        assert "link_reason" in ovs.vsctl("get", "interface", "vm1", "status")


def test_bridges_wait_for_swd_and_are_there_when_it_comes(ovs):
    ovs.start_db()
    ovs.start_vswitchd()
    ovs.vsctl("--no-wait", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=swd")
    ovs.vswitchd.wait_line(r"failed to create bridge br0: swd does not answer: is it running\?")
    ovs.start_swd()
    ovs.vswitchd.wait_line(r"added interface br0 on port 65534")


def test_open_vswitch_with_no_bridge_of_type_swd_does_not_miss_swd(ovs):
    ovs.start_db()
    ovs.start_vswitchd()
    assert ovs.appctl("dpctl/dump-dps") == ""
    assert not ovs.complaints()


def test_an_swd_of_another_version_is_named_once_and_left_alone(ovs):
    for strict in (True, False):  # it refuses our version, or answers with its own
        fake = FakeSwd(ovs.dir, protocol=9, strict=strict)
        ovs.start_db() if ovs.db is None else ovs.vswitchd.kill()
        ovs.start_vswitchd()
        ovs.vsctl("--no-wait", "--may-exist", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=swd")
        ovs.vswitchd.wait_line("failed to create bridge br0: swd is of another version: install both from one release")
        fake.close()
        log = ovs.vswitchd.output()
        assert log.count("speaks version 9 of the datapath protocol") == 1 and "cannot reach swd" not in log
        assert set(fake.requests) == {INFO_GET}


def test_what_swd_refuses_stands_in_ovs_vsctl_show(ovs):
    ovs.start()
    assert "vhost-server-path is missing" in ovs.refused_port("a", "type=dpdkvhostuserclient")
    assert "folder /nowhere" in ovs.refused_port("b", "type=dpdkvhostuserclient", "options:vhost-server-path=/nowhere/b.sock")
    assert "net_nonsense" in ovs.refused_port("c", "type=dpdk", "options:dpdk-devargs=net_nonsense")
    assert "colour" in ovs.refused_port("d", "type=swd-null", "options:colour=red")
    assert "No such device" in ovs.refused_port("e", "type=system")
    assert "tunnels are vxlan" in ovs.refused_port("f", "type=lisp", "options:remote_ip=192.0.2.1")
    assert 'no datapath is named "nonsense"' in ovs.appctl("dpctl/show", "swd@nonsense", check=False)[1]
    assert "longer than" in ovs.refused_port("f", "type=swd-null", *(f"options:k{i}={'r' * 500}" for i in range(150)))
    ports = [["--", "add-port", "br0", f"p{i}", "--", "set", "interface", f"p{i}", "type=swd-null", f"options:k{i}=1"] for i in range(300)]
    ovs.vsctl(*sum(ports, [])[1:], check=False)
    assert ovs.vsctl("--columns=error", "list", "interface").count("is not one of a null port") == 300
    status, said = ovs.appctl("dpctl/add-flow", "in_port(1),eth(),eth_type(0x0800),ipv4()", "ct(commit,helper=sip)", check=False)
    assert status != 0, said
    ovs.vswitchd.wait_line('swd refuses a flow: .*"sip" is none of ftp, tftp')


def test_what_swd_does_not_follow_is_told_once(ovs):
    ovs.start()
    ovs.vsctl("set", "open_vswitch", ".", "other_config:pmd-cpu-mask=0x2")
    ovs.vswitchd.wait_line("other_config:pmd-cpu-mask=0x2 is not followed: .*swctl pmd set --cores")
    ovs.vsctl("add-port", "br0", "n0", "--", "set", "interface", "n0", "type=dpdkvhostuser", "options:n_rxq_desc=64")
    ovs.vswitchd.wait_line("n0: options:n_rxq_desc is not followed")
    ovs.vsctl("set", "interface", "n0", "mtu_request=3000")
    ovs.vswitchd.wait_line("n0: .*mtu_request=3000 is not followed")
    for i in range(3):
        ovs.vsctl("set", "bridge", "br0", f"external_ids:a={i}")  # the bridge is configured again
    assert len([line for line in ovs.vswitchd.lines if "is not followed" in line]) == 3


def test_a_port_whose_options_change_is_added_anew_with_them(ovs):
    ovs.start()
    ovs.vsctl("add-port", "br0", "vm1", "--", "set", "interface", "vm1", "type=dpdkvhostuserclient", f"options:vhost-server-path={ovs.dir}/a")
    ovs.vsctl("set", "interface", "vm1", f"options:vhost-server-path={ovs.dir}/b")
    assert ovs.vsctl("get", "interface", "vm1", "error").strip() == "[]"
    with VhostFrontend(f"{ovs.dir}/b", mode="client", name="vm1") as vm1:
        vm1.listen()
        vm1.start()
        ovs.wait(lambda: ovs.vsctl("get", "interface", "vm1", "link_state").strip() == "up", "link of vm1")


def test_a_port_whose_options_or_type_change_while_ovs_vswitchd_is_down_has_the_new_ones_after(ovs):
    ovs.start()
    ovs.vsctl("add-port", "br0", "first", "--", "set", "interface", "first", "type=swd-null")
    ovs.vsctl("add-port", "br0", "vm1", "--", "set", "interface", "vm1", "type=dpdkvhostuserclient", f"options:vhost-server-path={ovs.dir}/a")
    ovs.vsctl("add-port", "br0", "vm2", "--", "set", "interface", "vm2", "type=dpdkvhostuser")
    ovs.vsctl("add-port", "br0", "n0", "--", "set", "interface", "n0", "type=swd-null", "options:rx=off")
    ovs.vsctl("add-port", "br0", "n1", "--", "set", "interface", "n1", "type=dpdk", "options:dpdk-devargs=net_null7", "options:n_rxq=1")
    ovs.vsctl("add-port", "br0", "n2", "--", "set", "interface", "n2", "type=dpdkvhostuser", "options:n_rxq=2")
    ovs.vsctl("add-port", "br0", "n3", "--", "set", "interface", "n3", "type=swd-null")
    ovs.vsctl("del-port", "first")  # its number is free
    numbers = [ovs.vsctl("get", "interface", port, "ofport") for port in ("vm1", "n0", "n1", "n2")]
    ovs.vswitchd.stop()
    ovs.vsctl("--no-wait", "set", "interface", "vm1", f"options:vhost-server-path={ovs.dir}/b")
    ovs.vsctl("--no-wait", "set", "interface", "vm2", "type=dpdkvhostuserclient", f"options:vhost-server-path={ovs.dir}/c")
    ovs.vsctl("--no-wait", "set", "interface", "n3", "type=swd-ring", "options:name=cable")
    ovs.start_vswitchd()
    ovs.wait(lambda: "n3 (swd-ring" in ovs.appctl("dpctl/show"), "port of another type")
    with VhostFrontend(f"{ovs.dir}/b", mode="client", name="vm1") as vm1, VhostFrontend(f"{ovs.dir}/c", mode="client", name="vm2") as vm2:
        for vm in (vm1, vm2):
            vm.listen()
            vm.start()
        wait_path(vm1, vm2, raw(udp()))
    assert [ovs.vsctl("get", "interface", port, "ofport") for port in ("vm1", "n0", "n1", "n2")] == numbers
    assert ovs.vsctl("--columns=error", "list", "interface").count("[]") == 7
    assert len([line for line in ovs.vswitchd.lines if "its options have changed" in line]) == 1


def test_revalidators_share_the_dumps_of_flows(ovs):
    ovs.start()
    ovs.vsctl("set", "open_vswitch", ".", "other_config:n-revalidator-threads=4")
    ovs.add_guest()
    ovs.add_guest()
    ovs.pings_until_answered(0, 1)
    n_lines = len(ovs.vswitchd.lines)
    for _ in range(3):
        ovs.appctl("revalidator/wait")
    assert not [line for line in ovs.vswitchd.lines[n_lines:] if "swd has gone" in line]
    assert ovs.ping(0, 1, count=3) == 3


def test_open_vswitch_goes_on_by_itself_when_swd_is_killed_and_started_again(ovs):
    ovs.start()
    ovs.add_guest()
    ovs.add_guest()
    assert ovs.ping(0, 1, count=5) == 5
    before, n_packets = ovs.appctl("dpctl/show").split("port", 1)[1], ovs.n_packets()
    ovs.swd.stop(signal.SIGKILL)
    ovs.vswitchd.wait_line("swd has gone")
    cpu, lines = ovs.cpu_s(), len(ovs.vswitchd.lines)
    began = steady_now()
    ovs.ofctl("dump-flows", f"{ovs.dir}/br0.mgmt")  # it answers
    assert steady_now() - began < 2
    time.sleep(2)  # the time that is looked at
    assert ovs.cpu_s() - cpu < 0.5 and len(ovs.vswitchd.lines) - lines < 20
    ovs.start_swd()
    ovs.vswitchd.wait_line("swd is back")
    ovs.pings_until_answered(0, 1)
    ovs.wait(lambda: ovs.appctl("dpctl/show").split("port", 1)[1] == before, "ports as they were")
    ovs.wait(lambda: ovs.connections() and all(ovs.connections()), "end of old connections")
    assert not [line for line in ovs.vswitchd.lines if "flow_del" in line]
    assert n_packets <= ovs.n_packets() < n_packets + 1000, "counters go on"


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended"])
def test_what_is_set_comes_back_in_an_swd_that_starts_again_and_what_is_deleted_does_not(ovs, sign):
    ovs.start()
    ovs.add_guest()
    ovs.vsctl("add-port", "br0", "int0", "--", "set", "interface", "int0", "type=internal")
    for iface in ("br0", "int0"):
        ovs.ns.ip("link", "set", iface, "up")
    ovs.ns.ip("address", "add", "10.9.9.9/24", "dev", "br0")
    ovs.ns.ip("route", "add", "10.77.0.0/16", "via", "10.9.9.1")
    ovs.appctl("dpctl/ct-set-limits", "default=1000", "zone=5,limit=7")
    ovs.appctl("dpctl/ct-set-limits", "zone=6,limit=8")
    ovs.appctl("dpctl/ct-del-limits", "zone=6")
    ovs.appctl("dpctl/ipf-set-max-nfrags", "500")
    index = ovs.ns.ip("-o", "link", "show", "br0").split(":")[0]
    ovs.restart_vswitchd()  # it takes over what is there
    ovs.swd.stop(sign)
    ovs.vswitchd.wait_line("swd has gone")
    ovs.vsctl("del-port", "int0")
    ovs.wait(lambda: "int0" not in ovs.ns.ip("-o", "link"), "end of int0")
    ovs.vsctl("add-port", "br0", "new", "--", "set", "interface", "new", "type=swd-null", check=False)
    assert "swd does not answer" in ovs.vsctl("get", "interface", "new", "error")
    ovs.start_swd()
    ovs.vswitchd.wait_line("swd is back")
    ovs.wait(lambda: "new (swd-null)" in ovs.appctl("dpctl/show"), "port that was added meanwhile")
    ovs.wait(lambda: ovs.vsctl("get", "interface", "new", "error").strip() == "[]", "end of its error")
    assert "int0" not in ovs.appctl("dpctl/show")
    assert re.search(r"default limit=1000\nzone=5,limit=7,count=0\n$", ovs.appctl("dpctl/ct-get-limits"))
    assert "max num frags (v4/v6): 500" in ovs.appctl("dpctl/ipf-get-status")
    assert ovs.ns.ip("-o", "link", "show", "br0").split(":")[0] == index
    assert "10.9.9.9/24" in ovs.ns.ip("-o", "address", "show", "br0")
    assert "10.77.0.0/16" in ovs.ns.ip("route")
    ovs.vsctl("del-br", "br0")
    ovs.wait(lambda: " br0:" not in ovs.ns.ip("-o", "link"), "end of br0")


def test_swctld_that_comes_after_ovs_vswitchd_has_port_numbers_of_its_own(ovs):
    ovs.start()
    ovs.add_guest()
    swctld = ovs.start_swctld()
    try:
        ovs.swctl("add-port", "x1", "type=null")
        assert [(p["name"], p["number"], p["link"]) for p in json.loads(ovs.swctl("--json", "list-ports"))["ports"]] == [("x1", 1, "up")]
        said = ovs.swctl("doctor", check=False)
    finally:
        swctld.stop()
    assert "does not run" not in said
    said = ovs.swctl("doctor", check=False)
    assert re.search(r"swctld +it does not run; ovs-vswitchd does", said), said


def test_an_swd_that_is_there_and_says_nothing_does_not_hold_open_vswitch_up(ovs):
    ovs.start()
    ovs.swd.stop(signal.SIGKILL)
    ovs.vswitchd.wait_line("swd has gone")
    path = f"{ovs.dir}/datapath.sock"
    if os.path.exists(path):
        os.unlink(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as silent:
        silent.bind(path)
        silent.listen(64)
        silent.accept()[0].close()  # it has tried
        waiting = silent.accept()[0]
        for _ in range(3):
            began = steady_now()
            ovs.appctl("version")
            assert steady_now() - began < 2
        waiting.close()
    os.unlink(path)
    ovs.start_swd()
    ovs.vswitchd.wait_line("swd is back")


def test_flows_outlive_open_vswitch_when_it_is_told_to_wait_with_them(ovs):
    ovs.start()
    ovs.add_guest()
    ovs.add_guest()
    ovs.pings_until_answered(0, 1)
    ovs.pings_until_answered(1, 0)
    ovs.vsctl("set", "open_vswitch", ".", "other_config:flow-restore-wait=true")
    ovs.vswitchd.stop(signal.SIGKILL)
    assert ovs.ping(0, 1, count=5) == 5
    ovs.start_vswitchd()
    ovs.vswitchd.wait_line("added interface ovs-p1")
    assert ovs.ping(0, 1, count=5) == 5
    ovs.vsctl("remove", "open_vswitch", ".", "other_config", "flow-restore-wait")
    assert ovs.ping(0, 1, count=5) == 5
