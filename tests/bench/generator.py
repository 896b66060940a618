"""Runs bench-gen against a peer's ports: one process a measurement, on a core of its own."""

import json
import os
import select

from peer import GENERATOR_CORE, BenchError
from quiet import Watch
from switch import Daemon, program

WARMUP = 0.3  # seconds at full rate before those that are measured


def missing():
    if not os.access(program("bench-gen"), os.X_OK):
        return "bench-gen is not built: run `make bench-gen`"
    return None


def options(scenario, warmup, seconds, rate):
    words = ["--core", GENERATOR_CORE, "--size", scenario.size, "--flows", scenario.flows, "--classes", scenario.classes]
    words += ["--order", "rr" if scenario.fresh else "random", "--seconds", seconds, "--warmup", warmup, "--timeout", 10]
    words += ["--ring", scenario.ring, "--touch"]  # a guest reads what it receives
    words += ["--features", "mrg,packed" if scenario.packed else "mrg"]
    if scenario.both:
        words.append("--bidir")
    if rate:
        words += ["--rate", int(rate / (2 if scenario.both else 1)), "--latency", 16]
    return words


def run(peer, scenario, seconds, rate=0, warmup=WARMUP):
    """What bench-gen printed, and the share of the time that it wanted its core and did not have it."""
    words = [*peer.prefix(), program("bench-gen"), *options(scenario, warmup, seconds, rate), *peer.ports()]
    generator = Daemon(words, {GENERATOR_CORE})
    try:
        peer.generator_started()
        watch = Watch(generator.pid)
        wait_end(generator, warmup + seconds + 60)
        lost = watch.lost_share()  # the kernel still knows of it: nobody has taken its status
    finally:
        status = generator.kill()
    return read(peer, [line for line in generator.lines if line], status), lost


def wait_end(generator, timeout):
    fd = os.pidfd_open(generator.pid)
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        poll.poll(timeout * 1000)
    finally:
        os.close(fd)


def read(peer, lines, status):
    json_at = next((i for i, line in enumerate(lines) if line.startswith("{")), None)
    if status not in (0, 1) or json_at is None:
        raise BenchError(f"{peer.title}: generator: {lines[-1] if lines else f'status {status}'}")
    said = json.loads("\n".join(lines[json_at:]))
    if not said["ok"]:
        total = said["total"]
        wrong = f"{total['received']} received, {total['bad_length']} of a wrong length, {total['bad_content']} with wrong bytes"
        raise BenchError(f"{peer.title}: {wrong}")
    return said
