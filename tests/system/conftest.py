"""Fixtures of the system tests.

`net` is what most tests use: one pair of daemons for the whole session with four guests attached,

    vm1   vm2   vm3   vm4        (this process, VhostFrontend)
      \\    |     |    /
       ------ swd ------          rules are the test's own: they start with none

`switch_factory` makes daemons of a test's own, for what would disturb the others.
"""

import os
import shutil
import subprocess
import tempfile
import types

import pytest

import switch as switch_module
from switch import ALL_CORES, PMD_CORE, Switch, program
from vhost_frontend import VhostFrontend

N_GUESTS = 4
_live = []  # switches whose logs a failure shows


def why_not():
    """Why these tests cannot run here, or None."""
    if os.geteuid() != 0:
        return "needs root: hugepages and sockets of a switch"
    if PMD_CORE not in ALL_CORES:
        return f"needs core {PMD_CORE} for the poll-mode thread"
    with open("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", encoding="ascii") as f:
        if int(f.read()) < 256:
            return "needs 256 free hugepages of 2 MB: run `make hugepages`"
    for name in ("swd", "swctld", "swctl", "bench-gen"):
        if not os.access(program(name), os.X_OK):
            return f"{program(name)} is not there: run `make all bench-gen`, or set SWD_BUILD"
    return None


def pytest_configure(config):
    os.sched_setaffinity(0, {0})
    config.addinivalue_line("markers", "without_swd: needs none of the programs")
    config.swd_why_not = why_not()


def pytest_collection_modifyitems(config, items):
    if config.swd_why_not is None:
        return
    for item in items:
        if os.environ.get("CI") != "true" and item.get_closest_marker("without_swd") is None:
            item.add_marker(pytest.mark.skip(reason=config.swd_why_not))


def pytest_sessionstart(session):
    if session.config.swd_why_not is not None and os.environ.get("CI") == "true":
        pytest.exit(f"system tests: {session.config.swd_why_not}", returncode=1)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for switch in _live:
            for name, text in switch.logs():
                report.sections.append((f"{name}, last lines", "\n".join(text.splitlines()[-60:])))


@pytest.fixture
def run_dir():
    """A directory with a short path (Unix sockets allow 107 bytes) that is gone afterwards."""
    path = tempfile.mkdtemp(prefix="swd-")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def live_logs():
    """live_logs(scene): a failure of this test shows scene.logs()."""
    added = []

    def add(scene):
        added.append(scene)
        _live.append(scene)

    yield add
    for scene in added:
        _live.remove(scene)


def _make_factory():
    made = []

    def make(start=True, **kw):
        switch = Switch(tempfile.mkdtemp(prefix="swd-"), **kw)
        made.append(switch)
        _live.append(switch)
        return switch.start() if start else switch

    def clean():
        for switch in reversed(made):
            _live.remove(switch)
            switch.kill()
            shutil.rmtree(switch.run_dir, ignore_errors=True)

    return make, clean


@pytest.fixture
def switch_factory():
    """Makes switches that end with the test."""
    make, clean = _make_factory()
    try:
        yield make
    finally:
        clean()


@pytest.fixture(scope="module")
def module_switch_factory():
    """Makes switches that end with the module."""
    make, clean = _make_factory()
    try:
        yield make
    finally:
        clean()


@pytest.fixture
def guests():
    """Makes front ends that are closed with the test: guests(path, ...)."""
    made = []

    def make(path, start=True, **kw):
        guest = VhostFrontend(path, **kw)
        made.append(guest)
        return guest.start() if start else guest

    yield make
    for guest in made:
        guest.close()


def attach(switch, name, options=(), **kw):
    """Adds a vhost-user port and starts a guest on it."""
    mode = kw.setdefault("mode", "server")
    path = os.path.join(switch.run_dir, f"{name}.sock")
    queues = kw.get("queues", 1)
    guest = None
    if mode == "client":
        guest = VhostFrontend(path, name=name, **kw)
    switch.swctl("add-port", name, "type=vhost-user", f"path={path}", f"mode={mode}", f"queues={queues}", *options)
    if guest is None:
        guest = VhostFrontend(path, name=name, **kw)
    guest.start()
    return guest


class SharedNet:
    """A switch and guests that tests share; made anew when a test has killed a daemon or lost a guest."""

    def __init__(self, names):
        self.names = names
        self.clean = self.switch = None
        self.guests = []

    def healthy(self):
        switch = self.switch
        return switch is not None and switch.swd.alive() and switch.swctld.alive() and all(g.connected() for g in self.guests)

    def make(self):
        self.close()
        make, self.clean = _make_factory()
        self.switch = make()
        self.guests = [attach(self.switch, name) for name in self.names]
        for guest in self.guests:
            self.switch.wait_link(guest.name)

    def close(self):
        for guest in self.guests:
            guest.close()
        self.guests = []
        if self.clean is not None:
            self.clean()
            self.clean = self.switch = None


@pytest.fixture(scope="session")
def shared_net():
    shared = SharedNet([f"vm{i}" for i in range(1, N_GUESTS + 1)])
    try:
        yield shared
    finally:
        shared.close()


@pytest.fixture
def session_net(shared_net):
    if not shared_net.healthy():
        shared_net.make()
    return shared_net


@pytest.fixture
def net(session_net):
    """The session's switch without rules: net.vm1 to net.vm4, net.switch, net.swctl, net.set_flows."""
    switch, guests = session_net.switch, session_net.guests
    for guest in guests:
        guest.wait_sent()  # of the test before
    switch.set_flows()
    for guest in guests:
        guest.drain()
    return types.SimpleNamespace(
        switch=switch,
        swctl=switch.swctl,
        json=switch.json,
        set_flows=switch.set_flows,
        guests=guests,
        **{guest.name: guest for guest in guests},
    )


@pytest.fixture
def newcomer(net):
    """A fifth guest on a port of its own: no megaflow of an earlier test is in its way."""
    guest = attach(net.switch, "new")
    net.switch.wait_link("new")
    yield guest
    net.swctl("del-port", "new")
    guest.close()


@pytest.fixture(scope="session")
def unprivileged():
    """Runs a command as nobody, without capabilities: unprivileged(argv) -> CompletedProcess."""

    def run(argv, **kw):
        argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", *map(str, argv)]
        return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False, **kw)

    return run


@pytest.fixture(scope="session")
def build():
    return switch_module.build_dir()
