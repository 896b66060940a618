"""Three plots of a run: packets per second, ratios with their bars, latency."""

import os

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (needs the backend chosen)

COLORS = {"swd": "#1b6ca8", "swd-ovs": "#6fb1de", "ovs": "#e0a030", "ovs-best": "#c0541e", "testpmd": "#7a9a4a", "bridge": "#9a9a9a"}

TOP = 6  # of the ratios' scale: the bridge's go far beyond


def write(run, folder):
    os.makedirs(folder, exist_ok=True)
    results = run["scenarios"]
    rates = [r for r in results if r["unit"] == "Mpps"]
    if rates:
        grouped(rates, lambda r, n: r["peers"].get(n, {}).get("mpps"), "Mpps, all directions", f"{folder}/bench-mpps.png")
    if any(r["ratios"] for r in results):
        grouped([r for r in results if r["ratios"]], ratio, "swd / peer", f"{folder}/bench-ratios.png", draw_bars)
    for r in results:
        if r["unit"] == "p99":
            percentiles(r, f"{folder}/bench-latency.png")


def ratio(result, name):
    found = result["ratios"].get(name)
    return found and found["median"]


def title(result):
    """Under a group; where not Mpps are compared, what is."""
    return result["name"] + {"p99": " (p99)", "Gb/s": " (Gb/s)"}.get(result["unit"], "")


def grouped(results, pick, label, path, more=None):
    """A group of columns for each scenario, a column for each peer that took part."""
    names = [n for n in COLORS if any(pick(r, n) is not None for r in results)]
    width = 0.8 / max(1, len(names))
    fig, ax = plt.subplots(figsize=(2 + 0.75 * len(results), 4.5))
    for i, name in enumerate(names):
        at = [x + (i - (len(names) - 1) / 2) * width for x in range(len(results))]
        ax.bar(at, [pick(r, name) or 0 for r in results], width, label=name, color=COLORS[name])
        if more:
            more(ax, results, name, at, width)
    ax.set_xticks(range(len(results)), [title(r) for r in results], rotation=40, ha="right")
    ax.set_xlim(-0.6, len(results) - 0.4)
    ax.set_ylabel(label)
    ax.grid(axis="y", alpha=0.3)
    ax.legend(ncol=len(names), fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), frameon=False)
    save(fig, path)


def draw_bars(ax, results, name, at, width):
    """A black line over the column: what it should reach (latency: not exceed). Above TOP, figures in words."""
    for x, r in zip(at, results):
        for bar in r["bars"]:
            if bar["peer"] == name:
                ax.hlines(bar["least"], x - width / 2, x + width / 2, color="black", linewidth=2)
        if (ratio(r, name) or 0) > TOP:
            ax.text(x, TOP, f"{ratio(r, name):.0f}", ha="center", va="top", fontsize=7)
    ax.axhline(1, color="grey", linewidth=0.6)
    ax.set_ylim(0, TOP)


def percentiles(result, path):
    fig, ax = plt.subplots(figsize=(5, 4))
    keys = ("p50", "p99", "p999")
    names = [n for n in COLORS if result["peers"].get(n, {}).get("latency_ns")]
    width = 0.8 / max(1, len(names))
    for i, name in enumerate(names):
        values = [result["peers"][name]["latency_ns"][k] / 1000 for k in keys]
        ax.bar([x + (i - (len(names) - 1) / 2) * width for x in range(3)], values, width, label=name, color=COLORS[name])
    ax.set_xticks(range(3), ["p50", "p99", "p99.9"])
    ax.set_ylabel("us, one way through the switch")
    ax.set_yscale("log")
    ax.grid(axis="y", alpha=0.3)
    ax.legend(fontsize=8)
    save(fig, path)


def save(fig, path):
    fig.tight_layout()
    fig.savefig(path, dpi=90)
    plt.close(fig)
