"""The wall clock is set while both daemons run: nothing ends early, late or never.

    vm1 --- swd --- vm2      a library in both daemons moves their CLOCK_REALTIME by what a file says; the machine's is left alone
"""

import mmap
import os
import struct
import subprocess
import time

import pytest

from conftest import attach
from frames import *
from rpc_client import Rpc, request

DAY_S = 86400
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
static const volatile long *shift_s;
static int (*real)(clockid_t, struct timespec *);
__attribute__((constructor)) static void start(void)
{
	int fd = open(getenv("CLOCK_SHIFT"), O_RDONLY | O_CLOEXEC);
	shift_s = mmap(NULL, sizeof(*shift_s), PROT_READ, MAP_SHARED, fd, 0);
	real = dlsym(RTLD_NEXT, "clock_gettime");
}
int clock_gettime(clockid_t id, struct timespec *ts)
{
	if (!real)
		start();
	int rc = real(id, ts);
	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
		ts->tv_sec += *shift_s;
	return rc;
}
int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	struct timespec ts;
	(void)tz;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}
time_t time(time_t *t)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return t ? (*t = ts.tv_sec) : ts.tv_sec;
}
"""


class Clock:
    """The wall clock of processes that are started with env()."""

    def __init__(self, folder):
        self.library, path = f"{folder}/clock.so", f"{folder}/clock-shift"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", self.library, "-x", "c", "-", "-ldl"], input=SHIM, text=True, check=True)
        with open(path, "w+b") as f:
            f.write(bytes(8))
            f.flush()
            self.map = mmap.mmap(f.fileno(), 8)
        self.environment = {"LD_PRELOAD": self.library, "CLOCK_SHIFT": path}

    def env(self):
        return self.environment

    def set(self, shift_s):
        struct.pack_into("=q", self.map, 0, shift_s)

    def now(self):
        """What such a process reads."""
        return int(subprocess.run(["date", "+%s"], env={**os.environ, **self.environment}, capture_output=True, check=True).stdout)


@pytest.fixture
def scene(switch_factory):
    switch = switch_factory(start=False)
    clock = Clock(switch.run_dir)
    switch.start_swd(env=clock.env())
    switch.start_swctld(env=clock.env())
    guests = [attach(switch, n) for n in ("vm1", "vm2")]
    for guest in guests:
        switch.wait_link(guest.name)
    yield switch, clock, *guests
    for guest in guests:
        guest.close()


def test_timeouts_and_ages_follow_no_step_of_the_clock(scene):
    switch, clock, vm1, vm2 = scene
    start = time.monotonic()
    switch.set_flows(
        "priority=1,in_port=vm1,actions=output:vm2",
        "priority=5,udp,tp_dst=1,hard_timeout=2,actions=drop",
        "priority=5,udp,tp_dst=2,idle_timeout=2,actions=drop",
        "priority=5,udp,tp_dst=3,hard_timeout=600,idle_timeout=300,actions=drop",
    )
    vm1.send(UDP_FRAME)
    vm2.recv()
    for shift_s in (DAY_S, -DAY_S, 0, 365 * DAY_S):
        clock.set(shift_s)
        assert abs(clock.now() - time.time() - shift_s) < 5, "the clock was not set"
        vm1.send(UDP_FRAME)
        vm2.recv()
        rules = switch.json("dump-flows")["rules"]
        # Held up for longer, only the rule of minutes tells early from late.
        assert any("tp_dst=3" in r["flow"] for r in rules), "a rule ended early"
        assert len(rules) == 4 or time.monotonic() - start > 1.9, "a rule ended early"
        for rule in rules:
            assert 0 <= rule["duration_s"] < 60 and 0 <= rule["idle_age_s"] < 60, rule
        assert all(0 <= f["age_s"] < 60 for f in switch.megaflows() if f["age_s"] is not None)
        assert 0 <= switch.json("show")["swctld"]["uptime_s"] < 60
    switch.wait(lambda: len(switch.json("dump-flows")["rules"]) == 2, "end of the two rules")
    assert time.monotonic() - start > 1.9
    # The megaflow of the rule that is used is still that of before.
    vm1.send(UDP_FRAME)
    vm2.recv()


def test_a_trace_ends_in_time_although_the_clock_is_set_back(scene):
    switch, clock, *_ = scene
    clock.set(0)
    start = time.monotonic()
    process = subprocess.Popen([os.path.join(os.path.dirname(switch.swctld.argv[0]), "swctl"), "--run-dir", switch.run_dir, "dp", "trace", "vm1", "--time", "1"],
                               env={**os.environ, **clock.env()}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with Rpc(switch) as rpc:
        begun = lambda: any("result" in rpc.call(request("dp.trace_read", trace=n)) for n in range(1, 9))  # noqa: E731
        switch.wait(begun, "trace")
        clock.set(-DAY_S)
    process.communicate(timeout=20)
    assert time.monotonic() - start < 15


@pytest.mark.parametrize("shift_s", [DAY_S, -DAY_S], ids=["forward", "back"])
def test_rules_outlive_a_step_of_the_clock_before_swctld_restarts(scene, shift_s):
    switch, clock, *_ = scene
    switch.set_flows("udp,hard_timeout=600,idle_timeout=300,actions=drop", "priority=1,actions=drop")
    clock.set(shift_s)
    switch.swctld.kill()
    switch.start_swctld(env=clock.env())
    rules = switch.json("dump-flows")["rules"]
    assert len(rules) == 2
    assert all(0 <= rule["duration_s"] < 60 for rule in rules), rules
