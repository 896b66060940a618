"""Programs that must refuse to start."""

import os
import subprocess

from switch import ALL_CORES, program


def refuses_to_start(argv, *words, timeout=20, **kw):
    """The program ends with status 1 and one line on stderr that has all the words."""
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=timeout, check=False, **kw)
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert done.returncode == 1, f"status {done.returncode}: {done.stderr}"
    assert len(lines) == 1, f"not one line: {done.stderr}"
    assert "ready" not in done.stdout
    for word in words:
        assert word in lines[0], lines[0]
    return lines[0]


def swd_argv(run_dir, cores="1", mem="256"):
    return [program("swd"), "--run-dir", run_dir, "--pmd-cores", cores, "--mem", mem]


def swctld_argv(run_dir, db=None):
    return [program("swctld"), "--run-dir", run_dir, "--db", db or f"{run_dir}/swd.db"]


def all_cores():
    os.sched_setaffinity(0, ALL_CORES)
