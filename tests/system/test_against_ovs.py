"""The same rules and the same packets in swd and in Debian's Open vSwitch: each packet comes out of both at the same ports, byte for byte.

    vm1, vm2, vm3, vm4 --- swd                 p1, p2, p3, p4 --- ovs-vswitchd (dummy datapath)
         (guests)                                    (files)

The cases are in ovs_cases_*.py. Every packet is sent at least twice, so that both a miss and the megaflow that it left are seen.
"""

import shutil
import tempfile
import time

import ovs_cases_headers  # noqa: F401  (fills CASES)
import ovs_cases_pipeline  # noqa: F401
import ovs_dummy
import pytest
from conftest import attach
from ovs_case import CASES

WAIT_S = 10.0  # for a frame that Open vSwitch sent
STRAY_S = 0.01  # for one that it did not

if reason := ovs_dummy.missing():
    pytestmark = pytest.mark.skip(reason=reason)


@pytest.fixture(scope="module")
def ovs():
    folder = tempfile.mkdtemp(prefix="swd-ovs-")
    peer = ovs_dummy.OvsDummy(folder)
    try:
        yield peer.start()
    finally:
        peer.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Swd:
    """swd with the ports 1 to 4, behind the same calls."""

    def __init__(self, switch):
        self.switch = switch
        self.guests = {n: attach(switch, f"vm{n}") for n in range(1, ovs_dummy.N_PORTS + 1)}
        for n, guest in self.guests.items():
            switch.wait_link(guest.name)
            assert switch.port(guest.name)["number"] == n, "rules name ports by number"

    def set_rules(self, rules, groups=(), meters=()):
        switch = self.switch
        for command in ("del-flows", "del-groups", "del-meters"):
            switch.swctl(command)
        for meter in meters:
            switch.swctl("add-meter", meter)
        for group in groups:
            switch.swctl("add-group", group)
        switch.swctl("add-flows", "-", stdin="\n".join(rules) + "\n")
        switch.settle()
        self.strays()

    def send(self, port, frame, expected):
        """What comes out, given how many frames are expected at each port."""
        self.guests[port].send(frame)
        came = {}
        for n, guest in self.guests.items():
            for _ in range(expected.get(n, 0)):
                got = guest.wait_frame(WAIT_S)
                if got is None:
                    break
                came.setdefault(n, []).append(got)
        return self.strays(came)

    def strays(self, came=None):
        came = {} if came is None else came
        for n, guest in self.guests.items():
            while (got := guest.poll_frame()) is not None:
                came.setdefault(n, []).append(got)
        return came

    def late(self):
        time.sleep(STRAY_S)
        return self.strays()

    def close(self):
        for guest in self.guests.values():
            guest.close()


@pytest.fixture(scope="module")
def swd(module_switch_factory):
    made = Swd(module_switch_factory())
    yield made
    made.close()


def show(came):
    return "\n".join(f"    port {n}: {f.hex()}" for n, frames in sorted(came.items()) for f in frames) or "    nothing"


def agree(case, what, theirs, mine, choice=False):
    """Fails with both sides, one below the other. choice: at whatever port."""
    if (list(theirs.values()) == list(mine.values())) if choice else (theirs == mine):
        return
    rules = "\n".join(f"    {r}" for r in [*case.meters, *case.groups, *case.rules])
    pytest.fail(f"{what}\nrules:\n{rules}\nOVS:\n{show(theirs)}\nswd:\n{show(mine)}", pytrace=False)


def same_choice(case, frame, theirs, mine):
    """Of a group that chooses by hash: one of its buckets in both, with the same bytes, whichever it is."""
    for came in (theirs, mine):
        assert len(came) == 1 and set(came) <= case.choice, f"no single bucket of {sorted(case.choice)}:\n{show(came)}"
    agree(case, frame.hex(), theirs, mine, choice=True)


def test_enough_cases():
    assert len(CASES) >= 120
    assert all(len(c.packets) >= 2 for c in CASES.values())


@pytest.mark.parametrize("name", CASES)
def test_packets_come_out_as_from_open_vswitch(ovs, swd, name):
    case = CASES[name]
    frames = case.frames()
    ovs.set_rules(case.rules, case.groups, case.meters, case.version)
    swd.set_rules(case.rules, case.groups, case.meters)
    something = False
    for turn in range(case.times):
        chosen = {}
        for port, frame in frames:
            theirs = ovs.send(port, frame)
            something = something or bool(theirs)
            expected = dict.fromkeys(case.choice, 0) if case.choice else {n: len(f) for n, f in theirs.items()}
            mine = swd.send(port, frame, expected) if not case.choice else swd_choice(swd, port, frame)
            if case.choice:
                same_choice(case, frame, theirs, mine)
                assert chosen.setdefault(frame, set(mine)) == set(mine), "the same packet went to another bucket"
            else:
                agree(case, f"turn {turn + 1}, in at port {port}: {frame.hex()}", theirs, mine)
            if case.settles:
                ovs.settle()
                swd.switch.settle()
    assert something or case.silent, "Open vSwitch let nothing through: the case says nothing"
    assert swd.late() == {}


def swd_choice(swd, port, frame):
    """Waits for one frame at any port."""
    swd.guests[port].send(frame)
    came = {}
    swd.switch.wait(lambda: swd.strays(came), "frame from any bucket", WAIT_S)
    return came
