"""How far a test goes, and what it measured.

`make check` runs the short form of long tests; `make check-long` sets SWD_LONG=1 and runs them whole. A figure that docs/reliability.md
quotes is noted here: `make check-long` prints all of them at its end.
"""

import json
import os

import pytest

LONG = os.environ.get("SWD_LONG") == "1"
# For what has no short form: it waits for a time that is the switch's, or other tests in the short form cover most of it.
long_only = pytest.mark.skipif(not LONG, reason="part of make check-long")


def scaled(short, whole):
    """A count or a time of this run."""
    return whole if LONG else short


def note(what, **figures):
    """note("swctld killed", kills=100, lost=0): printed (pytest -s), and kept in the file that SWD_FIGURES names."""
    text = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items())
    print(f"{what}: {text}")
    if path := os.environ.get("SWD_FIGURES"):
        with open(path, "a", encoding="utf-8") as f:
            f.write(json.dumps({"what": what, "figures": text}) + "\n")
