"""Runs bench-gen against a peer's ports: one process a measurement, on a core of its own."""

import json
import os
import time

from peer import GENERATOR_CORE, BenchError
from switch import Daemon, program


def missing():
    if not os.access(program("bench-gen"), os.X_OK):
        return "bench-gen is not built: run `make bench`"
    return None


def options(scenario, seconds, rate=0):
    words = ["--core", GENERATOR_CORE, "--size", scenario.size, "--flows", scenario.flows, "--classes", scenario.classes]
    words += ["--order", scenario.order, "--seconds", seconds, "--warmup", scenario.warmup, "--timeout", 10]
    words += ["--features", "mrg,packed" if scenario.packed else "mrg"]
    if scenario.both:
        words.append("--bidir")
    if rate:
        words += ["--rate", int(rate / (2 if scenario.both else 1)), "--latency", 16]
    return words


def run(peer, scenario, seconds, rate=0, measuring=lambda: None):
    """What bench-gen printed. Calls measuring() when the measured phase begins."""
    words = [*peer.prefix(), program("bench-gen"), *options(scenario, seconds, rate), *peer.ports()]
    generator = Daemon(words, {GENERATOR_CORE})
    try:
        peer.generator_started()
        wait_measuring(generator, measuring)
        status = generator.process.wait(scenario.warmup + seconds + 30)
        time.sleep(0.05)  # the reader of its output
    finally:
        generator.kill()
    lines = [line for line in generator.lines if line]
    json_at = next((i for i, line in enumerate(lines) if line.startswith("{")), None)
    if status not in (0, 1) or json_at is None:
        raise BenchError(f"{peer.title}: generator: {lines[-1] if lines else f'status {status}'}")
    said = json.loads("\n".join(lines[json_at:]))
    if not said["ok"]:
        total = said["total"]
        wrong = f"{total['received']} received, {total['bad_length']} of a wrong length, {total['bad_content']} with wrong bytes"
        raise BenchError(f"{peer.title}: {wrong}")
    return said


def wait_measuring(generator, measuring):
    try:
        generator.wait_line("measuring", 30)
    except AssertionError:
        return  # ended: its last words tell why
    measuring()
