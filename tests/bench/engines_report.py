"""The engines' figures as a table, for a terminal and for docs/engines.md."""

import report
from measure import DISTURBED

MARKS = ("<!-- bench-engines: begin -->", "<!-- bench-engines: end -->")
PLOT = "bench-engines.png"


def rows(run):
    head = ["engine", "copies", "Mpps in", "spread", "of 1500 B", "PMD cycles", "PMD in kernel", "kernel cycles", "p50 us", "p99 us"]
    return [head + [f"lost at {run['loss_pps'] // 1000} k/s", "Mpps out", "PMD cycles out"]] + [row(e) for e in run["engines"]]


def row(e):
    cells = [e["name"], str(len(e["copies"]))]
    if "missing" in e:
        return cells + ["not run"] + [""] * 10
    s = e["steps"]
    into, back, latency = s["in"], s.get("back"), s["latency"].get("latency_ns")
    with_pmd = into["pmd_cycles"] is not None
    cells += [report.digits(into["mpps"]["median"], 3), f"{into['mpps']['min']:.3f}-{into['mpps']['max']:.3f}"]
    cells += [report.digits(s["in-1500"]["mpps"]["median"], 3), report.digits(into["pmd_cycles"], 0)]
    cells += [f"{100 * into['pmd_kernel']:.0f} %" if with_pmd else "", report.digits(into["kernel_cycles"], 0)]
    cells += [report.digits(latency[k] / 1000, 1) if latency else "" for k in ("p50", "p99")]
    cells += [f"{100 * s['loss']['lost']:.2f} %"]
    return cells + ([report.digits(back["mpps"]["median"], 3), report.digits(back["pmd_cycles"], 0)] if back else ["", ""])


def notes(run):
    for e in run["engines"]:
        if "missing" in e:
            yield f"{e['name']} is not run: {e['missing']}"
    for e in run["engines"]:
        mode = {"xdp": "in the driver (native)", "xdpgeneric": "generic"}.get(e.get("xdp"))
        if mode:
            yield f"{e['name']}: the kernel says that its XDP program runs {mode}"
    lost = list(losses(run))
    if lost:
        yield f"lost: {'; '.join(lost)}"
    low = list(below(run))
    if low:
        yield f"the rate asked for was not reached: {', '.join(low)}"
    disturbed = list(disturbances(run))
    if disturbed:
        yield f"disturbed, others had so much of a core: {', '.join(disturbed)}"
    rounds = "1 round" if run["rounds"] == 1 else f"medians of {run['rounds']} rounds"
    yield f"latency at {run['latency_pps'] // 1000} k/s; {rounds} of {run['seconds']:g} s, {run['took_s']} s in all"


def each_step(run):
    for e in run["engines"]:
        for name, step in e.get("steps", {}).items():
            yield f"{e['name']}/{name}", step


def losses(run):
    """Where more than one frame in a thousand was lost, with what the kernel's interfaces and swd count of it."""
    for what, step in each_step(run):
        if step["lost"] > 0.001:
            d = step["drops"]
            yield f"{what} {100 * step['lost']:.1f} % (interfaces count {d['kernel']:.0f} frames, swd {d['swd']:.0f})"


def below(run):
    for what, step in each_step(run):
        asked = {"latency": run["latency_pps"], "loss": run["loss_pps"]}.get(what.rpartition("/")[2], 0)
        if step["sent_mpps"] * 1e6 < 0.98 * asked:
            yield f"{what} {step['sent_mpps'] * 1000:.0f} k/s"


def disturbances(run):
    for what, step in each_step(run):
        if step["disturbed"] > DISTURBED:
            yield f"{what} {100 * step['disturbed']:.0f} %"


def into_page(run, path):
    """A run as docs/engines.md shows it."""
    parts = [report.machine_list(run["machine"]), report.aligned(rows(run), 1), "\n".join(f"- {n}" for n in notes(run))]
    report.put(path, parts, MARKS)
