"""The figures as a table for a terminal and for docs/performance.md."""

import os
import re

from measure import DISTURBED
from peer import BenchError

HEAD = ("scenario", "peer", "Mpps", "Gb/s", "cycles", "lost %", "p50 us", "p99 us", "p99.9 us", "masks", "swd is", "spread", "bar", "reached")
WAITED = 0.5  # share of the generator's refills that found the ring empty: from here on it is what is measured
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


def digits(x, n):
    return "" if x is None else f"{x:.{n}f}"


def rows_of(result):
    """One row a peer."""
    bars = {b["peer"]: b for b in result["bars"]}
    for i, (name, p) in enumerate(result["peers"].items()):
        scenario = result["name"] if i == 0 else ""
        if "failed" in p:
            yield [scenario, name, "failed"] + [""] * (len(HEAD) - 3)
            continue
        lat = p["latency_ns"] or {}
        ratio, bar = result["ratios"].get(name), bars.get(name)
        row = [scenario, name, digits(p["mpps"], 3), digits(p["gbps"], 2), digits(p["cycles"], 0), digits(100 * p["lost"], 1)]
        row += [digits(lat[k] / 1000, 1) if lat else "" for k in ("p50", "p99", "p999")]
        row += ["" if p["masks"] is None else str(p["masks"])]
        row += [f"{ratio['median']:.2f} x" if ratio else "", f"{ratio['min']:.2f}-{ratio['max']:.2f}" if ratio else ""]
        row += [bar["text"] if bar else "", yes(bar) if bar else ""]
        yield row
    under = result.get("under_ovs")  # earlier runs have none
    if under:
        ratio = under["ratio"]
        row = ["", "swd-ovs / swd", *[""] * 8, f"{ratio['median']:.2f} x", f"{ratio['min']:.2f}-{ratio['max']:.2f}"]
        yield row + [under["text"], yes(under)]


def growth_rows(run):
    for g in run["growth"]:
        ratio = g["ratio"]
        row = [f"{g['large']} to {g['small']}", "swd", *[""] * 8, f"{ratio['median']:.2f} x"]
        yield row + [f"{ratio['min']:.2f}-{ratio['max']:.2f}", f"< {g['most']}", yes(g)]


def yes(bar):
    """Of a disturbed measurement: with a question mark."""
    return ("yes" if bar["reached"] else "NO") + ("" if bar["sure"] else "?")


def all_rows(run):
    rows = [list(HEAD)]
    for result in run["scenarios"]:
        rows += rows_of(result)
    return rows + list(growth_rows(run))


def table(run):
    """Columns that line up: words to the left, figures to the right."""
    rows = all_rows(run)
    widths = [max(len(r[i]) for r in rows) for i in range(len(HEAD))]
    lines = []
    for r in rows:
        cells = [c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(r, widths))]
        if r[0] and lines:
            lines.append("")
        lines.append("  ".join(cells).rstrip())
    return "\n".join([*lines, "", *footnotes(run)])


def footnotes(run):
    yield "swd is: swd's figure over the peer's, round by round, the median (latency: of the p99; tso: of the Gb/s)."
    yield "cycles: of the PMD, busy, per packet, as the peer itself counts them."
    yield "p50, p99, p99.9: at half of the rate that OVS reached in the same scenario, one round (latency: as many as the others)."
    for r in run["scenarios"]:
        if "ovs_settings" in r:
            yield f"{r['name']}: OVS's best settings: {r['ovs_settings']['best']}"
        for name, p in r["peers"].items():
            if "failed" in p:
                yield f"{r['name']}: {name} failed: {p['failed']}"
    disturbed = list(those(run, "disturbed", DISTURBED))
    if disturbed:
        yield f"disturbed, others had so much of a core: {', '.join(disturbed)}"
    waited = list(those(run, "waited_for_generator", WAITED))
    if waited:
        yield f"so many of the generator's refills found the ring empty, which makes it the bound: {', '.join(waited)}"
    bars = [b for r in run["scenarios"] for b in [*r["bars"], r.get("under_ovs")] if b] + run["growth"]
    reached, unsure = sum(b["reached"] for b in bars), sum(not b["sure"] for b in bars)
    rounds = "1 round" if run["rounds"] == 1 else f"{run['rounds']} rounds"
    doubt = f" ({unsure} of them measured while disturbed, marked ?)" if unsure else ""
    yield f"bars reached: {reached} of {len(bars)}{doubt}; {rounds} of {run['seconds']:g} s, {run['took_s']} s in all"


def those(run, key, above):
    """Figures whose share of something is above what does no harm."""
    for r in run["scenarios"]:
        for name, p in r["peers"].items():
            full_rate = key != "waited_for_generator" or r["unit"] != "p99"
            if full_rate and p.get(key, 0) > above:
                yield f"{r['name']}/{name} {100 * p[key]:.0f} %"


def markdown_table(run):
    rows = all_rows(run)
    lines = ["| " + " | ".join(r) + " |" for r in rows]
    lines.insert(1, "| --- | --- |" + " ---: |" * (len(HEAD) - 2))
    return "\n".join(lines)


def aligned(rows, left):
    """Lines up on a terminal, and is a table in Markdown. left: so many columns hold words."""
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(r, widths))) + " |" for r in rows]
    lines.insert(1, "| " + " | ".join("-" * w if i < left else "-" * (w - 1) + ":" for i, w in enumerate(widths)) + " |")
    return "\n".join(lines)


def machine_list(m):
    kind = "virtual machine" if m["virtual"] else "machine"
    return "\n".join(
        [
            f"- {kind}, {m['cores']} cores, {m['cpu']} (family/model {m['family_model']}) at {m['mhz']} MHz, with {', '.join(m['avx'])}",
            f"- {m['memory_gib']} GiB, {m['hugepages_2m']} hugepages of 2 MB; Linux {m['kernel']}",
            f"- swd {m['swd']}, DPDK {m['dpdk']}, openvswitch-switch-dpdk {m['ovs']}",
        ]
    )


def check_page(path, marks=(BEGIN, END)):
    """The text of a page that has the two marks."""
    with open(path, encoding="utf-8") as f:
        page = f.read()
    if not all(mark in page for mark in marks):
        raise BenchError(f"{os.path.basename(path)} has no place for a run: it lacks {' and '.join(marks)}")
    return page


def put(path, parts, marks=(BEGIN, END)):
    """Replaces what stands between two marks of a page."""
    page = check_page(path, marks)
    text = "\n\n".join([marks[0], *parts, marks[1]])
    page = re.sub(re.escape(marks[0]) + ".*" + re.escape(marks[1]), lambda _: text, page, flags=re.S)
    with open(path, "w", encoding="utf-8") as f:
        f.write(page)


def into_page(run, path):
    """A run as docs/performance.md shows it."""
    what = [f"- `{r['name']}`: {r['what']}" for r in run["scenarios"]]
    notes = [f"- {n}" for n in footnotes(run)]
    put(path, [machine_list(run["machine"]), "\n".join(what), markdown_table(run), "\n".join(notes)])


def list_scenarios(scenarios, contenders):
    for s in scenarios:
        bars = ", ".join(f"{'<= ' if s.latency else '>= '}{least} x {peer}" for peer, least in s.bars.items())
        print(f"{s.name:14} {s.what}{' [' + bars + ']' if bars else ''}")
    print("\npeers:")
    for name, (_, title) in contenders.items():
        print(f"{name:14} {title}")
