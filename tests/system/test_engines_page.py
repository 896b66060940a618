"""make bench-engines: its table of figures, and the page that explains each engine's copies."""

import os
import pathlib
import re
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(os.path.join(ROOT, "tests", "bench"))

import engines_measure  # noqa: E402  (needs the path above)
import engines_report  # noqa: E402
from engines import ENGINES  # noqa: E402

pytestmark = pytest.mark.without_swd
PAGE = (ROOT / "docs/engines.md").read_text()


def section(name):
    """The part of the page that explains an engine's copies: (text, copies that its title says)."""
    for part in PAGE.split("\n### ")[1:]:
        title = part.splitlines()[0]
        found = re.search(rf"(?:^|, ){name}(?:, [^:]*)?: (\d)", title)
        if found:
            return part, int(found[1])
    raise AssertionError(f"docs/engines.md has no section for {name}")


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)
def test_each_copy_is_explained_and_drawn(engine):
    text, copies = section(engine.name)
    assert copies == len(engine.copies)
    assert f"\n| `{engine.name}` |" in PAGE
    for copy in engine.copies:
        assert f"`{copy}`" in text, f"{engine.name}: nothing says what {copy!r} is"
    drawn = [line.count("==>") for line in text.splitlines() if line.startswith("    ")]
    assert len(engine.copies) in drawn, f"{engine.name}: no drawing with so many copies"


def figures(mpps, sent=None, **more):
    base = {"mpps": mpps, "sent_mpps": sent or mpps, "lost": 0.0, "pmd_kernel": 0.25, "pmd_cycles": 1000.0, "kernel_cycles": 3000.0}
    return {**base, "latency_ns": None, "disturbed": 0.0, "drops": {"kernel": 0, "swd": 0}, **more}


def made_up_run():
    times = {"latency_ns": {"p50": 2500, "p99": 9000, "p999": 20000, "max": 30000}}
    rounds = [
        {
            "in": figures(x),
            "in-1500": figures(x / 2),
            "latency": figures(0.1, **times),
            "loss": figures(0.2, sent=0.25, lost=0.2, disturbed=0.5, drops={"kernel": 7, "swd": 1}),
            "back": figures(2 * x, pmd_cycles=2000.0),
        }
        for x in (0.5, 0.7, 0.6)
    ]
    steps = {name: engines_measure.merged([r[name] for r in rounds]) for name in rounds[0]}
    good = {"name": "good", "copies": ["a", "b"], "xdp": "xdp", "steps": steps}
    gone = {"name": "gone", "copies": ["a"], "missing": "no such module"}
    run = {"rounds": 3, "seconds": 0.7, "took_s": 9, "latency_pps": 100_000, "loss_pps": 300_000}
    return {**run, "engines": [good, gone]}


def test_the_table_has_medians_and_their_spread():
    head, good, gone = engines_report.rows(made_up_run())
    assert len(head) == len(good) == len(gone)
    row = dict(zip(head, good))
    assert (row["Mpps in"], row["spread"], row["of 1500 B"]) == ("0.600", "0.500-0.700", "0.300")
    assert (row["copies"], row["PMD cycles"], row["PMD in kernel"], row["kernel cycles"]) == ("2", "1000", "25 %", "3000")
    assert (row["p50 us"], row["p99 us"], row["lost at 300 k/s"]) == ("2.5", "9.0", "20.00 %")
    assert (row["Mpps out"], row["PMD cycles out"]) == ("1.200", "2000")
    assert gone[:3] == ["gone", "1", "not run"]


def test_the_notes_say_what_was_not_run_lost_slow_or_disturbed():
    notes = "\n".join(engines_report.notes(made_up_run()))
    assert "gone is not run: no such module" in notes
    assert "good/loss 20.0 % (interfaces count 7 frames, swd 1)" in notes
    assert "not reached: good/loss 250 k/s" in notes
    assert "good/loss 50 %" in notes
    assert "native" in notes
