"""The plot of a run of bench-engines: rates, cycles per packet, latency, one column an engine."""

import os

import plots
from engines_report import PLOT
from plots import plt  # with its backend chosen

IN, OUT, KERNEL = "#1b6ca8", "#7a9a4a", "#e0a030"


def write(run, folder):
    os.makedirs(folder, exist_ok=True)
    found = [e for e in run["engines"] if "steps" in e]
    fig, (rates, cycles, latency) = plt.subplots(3, 1, figsize=(2 + 0.9 * len(found), 9), sharex=True)
    places = range(len(found))
    columns(rates, places, [e["steps"]["in"]["mpps"]["median"] for e in found], "in", IN, -0.2)
    columns(rates, places, [e["steps"].get("back", {}).get("mpps", {}).get("median", 0) for e in found], "out", OUT, 0.2)
    finish(rates, "Mpps, 64 B", log=True)
    pmd = [e["steps"]["in"]["pmd_cycles"] or 0 for e in found]
    cycles.bar(places, pmd, 0.6, label="poll-mode thread", color=IN)
    cycles.bar(places, [e["steps"]["in"]["kernel_cycles"] for e in found], 0.6, bottom=pmd, label="kernel, sender's core", color=KERNEL)
    finish(cycles, "cycles a packet, in")
    for key, color, shift in (("p50", IN, -0.2), ("p99", KERNEL, 0.2)):
        times = [e["steps"]["latency"].get("latency_ns", {}).get(key, 0) / 1000 for e in found]
        columns(latency, places, times, key, color, shift)
    finish(latency, f"us at {run['latency_pps'] // 1000} k/s", log=True)
    latency.set_xticks(places, [f"{e['name']} (copies: {len(e['copies'])})" for e in found], rotation=40, ha="right")
    plots.save(fig, f"{folder}/{PLOT}")


def columns(ax, places, values, label, color, shift):
    ax.bar([x + shift for x in places], values, 0.4, label=label, color=color)


def finish(ax, label, log=False):
    if log:
        ax.set_yscale("log")
    ax.set_ylabel(label)
    ax.grid(axis="y", alpha=0.3)
    ax.legend(fontsize=8)
