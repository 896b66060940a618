"""Fixtures of the guest tests. The daemons are started as the system tests start them (tests/system/switch.py)."""

import os
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "system"))

from switch import Switch  # noqa: E402


def pytest_configure(config):
    os.sched_setaffinity(0, {0})  # core 1 polls
    image = os.environ.get("SWD_GUEST", "build/guest")
    if os.geteuid() != 0:
        config.swd_why_not = "needs root: hugepages and sockets of a switch"
    elif not os.path.exists(f"{image}/initramfs.cpio"):
        config.swd_why_not = f"no guest image in {image}: run `make guest-image`"
    else:
        config.swd_why_not = None
    if config.swd_why_not and os.environ.get("CI") == "true":
        pytest.exit(f"guest tests: {config.swd_why_not}", returncode=1)


def pytest_collection_modifyitems(config, items):
    if config.swd_why_not:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=config.swd_why_not))


@pytest.fixture(scope="session")
def guest_image():
    return os.environ.get("SWD_GUEST", "build/guest")


@pytest.fixture(scope="module")
def switch_factory():
    """Makes switches, each in a run dir of its own, that end with the module."""
    made = []

    def make():
        made.append(Switch(tempfile.mkdtemp(prefix="swd-vm-"), mem=512))
        return made[-1].start()

    yield make
    for switch in made:
        switch.kill()
        shutil.rmtree(switch.run_dir, ignore_errors=True)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    switch = item.funcargs.get("guests", [None])[0] if report.failed and hasattr(item, "funcargs") else None
    if switch:
        for name, text in switch.logs():
            report.sections.append((f"{name}, last lines", "\n".join(text.splitlines()[-40:])))
