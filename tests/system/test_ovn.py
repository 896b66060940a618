"""OVN's logical networks on our datapath (docs/ovs-plugin.md); ovn.py draws the scene. `make ovs-plugin` first, and Debian's OVN:
otherwise these are skipped."""

import os
import re

import pytest

import ovn
from ovs_plugin import VSWITCHD

pytestmark = [
    pytest.mark.skipif(not os.access(VSWITCHD, os.X_OK), reason=f"{VSWITCHD} is not there: run `make ovs-plugin`"),
    pytest.mark.skipif(ovn.why_not() is not None, reason=str(ovn.why_not())),
]

MAC = "52:54:00:00:00:0"


def join(switch, subnet):
    """A logical switch with a port of the router r0."""
    port, peer = f"{switch}-r0", f"r0-{switch}"
    text = f"""
        ls-add {switch} -- lrp-add r0 {peer} 52:54:00:00:01:0{subnet} 10.1.{subnet}.254/24
        -- lsp-add {switch} {port} -- lsp-set-type {port} router -- lsp-set-addresses {port} router
        -- lsp-set-options {port} router-port={peer} --"""
    return text.split()


@pytest.fixture
def net(live_logs):
    scene = ovn.Ovn()
    live_logs(scene)
    try:
        yield scene
    finally:
        scene.close()


def answers(ns, address):
    said = ns.run("ping", "-n", "-q", "-c", 3, "-i", "0.05", "-W", "1", address, check=False).stdout
    return int(re.search(r"(\d+) received", said)[1])


def vif(chassis, net, switch, name, subnet, n):
    net.nbctl("lsp-add", switch, name, "--", "lsp-set-addresses", name, f"{MAC}{n} 10.1.{subnet}.{n}")
    return chassis.add_vif(name, f"{MAC}{n}", f"10.1.{subnet}.{n}", f"10.1.{subnet}.254")


def test_a_logical_network_spans_chassis_whose_datapath_is_swd(net):
    here, there = net.start(2).chassis
    for chassis in (here, there):
        chassis.wait(lambda c=chassis: "br-int" in c.vsctl("list-br"), "br-int")
        assert chassis.vsctl("get", "bridge", "br-int", "datapath_type").strip() == "swd"
    there.vsctl("--no-wait", "set", "bridge", "br-int", "datapath_type=netdev")
    there.wait(lambda: there.vsctl("get", "bridge", "br-int", "datapath_type").strip() == "swd", "change of a br-int that is there")
    net.nbctl("lr-add", "r0", "--", *join("s0", 0), *join("s1", 1))
    a = vif(here, net, "s0", "a", 0, 1)
    b = vif(there, net, "s0", "b", 0, 2)
    c = vif(there, net, "s1", "c", 1, 3)
    net.nbctl("sync")
    # One logical switch, by Geneve; another one, through the router; the router itself, which is a flow.
    here.wait(lambda: answers(a, "10.1.0.2") == 3, "answers over the tunnel")
    assert re.search(r"tnl_push\(.*geneve\(", here.appctl("dpctl/dump-flows"))
    here.wait(lambda: answers(a, "10.1.1.3") == 3, "answers through the router")
    here.wait(lambda: answers(c, "10.1.1.254") == 3, "answers of the router")
    # Connections that b begins are answered, no others reach it.
    net.nbctl("acl-add", "s0", "to-lport", "1", 'outport=="b" && ip4', "drop", "--",
              "acl-add", "s0", "from-lport", "2", 'inport=="b" && ip4', "allow-related")  # fmt: skip
    for chassis in (here, there):
        chassis.appctl("revalidator/wait")  # what answered a before is no flow any more
    assert answers(a, "10.1.0.2") == 0
    here.wait(lambda: answers(b, "10.1.0.1") == 3, "answers to b")
    assert "icmp,orig=(src=10.1.0.2,dst=10.1.0.1" in there.appctl("dpctl/dump-conntrack")
    # A virtual address, which NAT makes c's.
    net.nbctl("lb-add", "lb0", "10.9.9.9", "10.1.1.3", "--", "ls-lb-add", "s0", "lb0")
    here.wait(lambda: answers(a, "10.9.9.9") == 3, "answers of the virtual address")
    for chassis in (here, there):
        assert not re.search(r"\|(ERR|EMER)\|", chassis.vswitchd.output() + chassis.controller.output())
