"""Programs of two releases meet: they go on together, or say in one line why not, and an upgrade of the other one mends it.

    swctl --- swctld --- swd        one of them is played, and says another version
"""

import os
import socket

import pytest
from conftest import attach
from fake_swctld import FakeSwctld
from fake_swd import DP_SET, INFO_GET, VPORT_NEW, FakeSwd, refusal, request
from frames import *

ANOTHER = "swd 9.9 speaks version 2 of the datapath protocol, not 1; run swd and swctld of the same release"


def reason(switch):
    return switch.json("show")["swd"].get("reason", "")


@pytest.mark.parametrize("strict", [True, False], ids=["refuses-ours", "answers-anything"])
def test_a_swd_of_another_protocol_is_not_used_until_it_is_upgraded(switch_factory, strict):
    switch = switch_factory(start=False)
    swd = FakeSwd(switch.run_dir, protocol=2, strict=strict)
    switch.start_swctld()
    swd.wait_requests(INFO_GET, 2 if strict else 1)  # it goes on trying
    switch.wait(lambda: ANOTHER in reason(switch), "refusal of the other protocol")
    assert ANOTHER in switch.swctl("show")
    assert set(swd.requests) == {INFO_GET}, "it was asked for more than its version"
    switch.swctld.wait_line("of the datapath protocol")
    assert switch.swctld.output().count("of the datapath protocol") == 1
    swd.close()
    switch.start_swd()
    switch.wait(lambda: switch.json("show")["swd"]["connected"], "connection to the swd that replaced it")


def test_an_older_swd_of_the_same_protocol_is_used_without_what_it_lacks(switch_factory):
    """It refuses commands that it does not know: meters and settings of poll-mode threads."""
    switch = switch_factory(start=False)
    swd = FakeSwd(switch.run_dir)
    try:
        switch.start_swctld()
        switch.wait(lambda: switch.json("show")["swd"]["connected"], "connection")
        assert switch.json("show")["swd"]["version"] == "9.9"
        switch.swctl("add-port", "sink", "type=null")
        switch.swctl("add-flow", "priority=5,actions=drop")
        assert VPORT_NEW in swd.requests
        assert swd.requests.count(DP_SET) == 1, "the connection was made anew"
        assert "is not built" in switch.refused("pmd", "stats")
    finally:
        swd.close()


def ask(path, version, times):
    """Refusals of a control daemon that speaks this version."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.settimeout(5)
        sock.connect(path)
        for _ in range(times):
            for family, cmd in (INFO_GET, DP_SET):
                sock.send(request(family, cmd, version))
                yield refusal(sock.recv(1 << 16))


def test_swd_refuses_a_control_daemon_of_another_protocol_and_goes_on_forwarding(switch_factory):
    switch = switch_factory()
    a, b = attach(switch, "a"), attach(switch, "b")
    try:
        for guest in (a, b):
            switch.wait_link(guest.name)
        switch.set_flows("in_port=a,actions=output:b")
        a.send(raw(udp()))
        b.recv()
        switch.swctld.kill()
        answers = list(ask(os.path.join(switch.run_dir, "datapath.sock"), 2, 3))
        assert len(answers) == 6 and {code for code, _ in answers} == {93}  # EPROTONOSUPPORT
        assert {text.split(" ", 2)[2] for _, text in answers} == {"speaks version 1 of the datapath protocol, not 2"}
        a.send(raw(udp()))
        b.recv()
        switch.swd.wait_line("run swd and swctld of the same release")
        assert switch.swd.output().count("run swd and swctld of the same release") == 1
        switch.start_swctld()
        switch.wait(lambda: switch.json("show")["swd"]["connected"], "connection of the right one")
    finally:
        a.close()
        b.close()


def test_swctl_names_the_version_when_swctld_does_not_know_a_command(switch_factory):
    switch = switch_factory(start=False)
    daemon = FakeSwctld(switch.run_dir)
    daemon.refuses('no method "pmd.set"', code=-32601)
    line = switch.refused("pmd", "set", "--cores", "1")
    assert 'no method "pmd.set"' in line and "another version" in line and "same release" in line
    daemon.close()
