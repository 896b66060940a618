"""The machine that a run was made on, without names that would tell whose it is."""

import os
import platform
import re
import subprocess

PACKAGES = {"dpdk": "dpdk-dev", "ovs": "openvswitch-switch-dpdk"}


def first(path, pattern):
    with open(path, encoding="ascii", errors="replace") as f:
        found = re.search(pattern, f.read())
    return found[1].strip() if found else "unknown"


def free_hugepages():
    return int(first("/proc/meminfo", r"HugePages_Free:\s+(\d+)"))


def package(name):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "not installed"


def revision():
    here = os.path.dirname(os.path.abspath(__file__))
    words = ["git", "-C", here, "describe", "--always", "--dirty"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def describe():
    flags = first("/proc/cpuinfo", r"flags\s*: (.*)").split()
    return {
        "cpu": first("/proc/cpuinfo", r"model name\s*: (.*)"),
        "family_model": "/".join(first("/proc/cpuinfo", rf"{k}\s*: (\d+)") for k in ("cpu family", "model")),
        "mhz": round(float(first("/proc/cpuinfo", r"cpu MHz\s*: ([\d.]+)"))),
        "virtual": "hypervisor" in flags,
        "avx": [f for f in ("avx2", "avx512f", "avx512vbmi") if f in flags],
        "cores": os.cpu_count(),
        "memory_gib": round(int(first("/proc/meminfo", r"MemTotal:\s+(\d+)")) / 2**20),
        "hugepages_2m": int(first("/proc/meminfo", r"HugePages_Total:\s+(\d+)")),
        "kernel": platform.release().split("-")[0],
        "swd": revision(),
        **{name: package(p) for name, p in PACKAGES.items()},
    }
