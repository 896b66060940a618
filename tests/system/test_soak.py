"""The soak of `make soak`, for some seconds: tests/soak/soak.py draws its topology."""

import os
import random
import sys

from scale import note, scaled

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "soak"))

# pylint: disable=wrong-import-position
from soak import soak  # noqa: E402


def test_every_packet_is_accounted_for():
    """Another seed each time: a failure prints it, and `make soak SOAK="--seed N"` draws the same events."""
    s = soak(random.SystemRandom().randrange(1 << 32), scaled(8, 60))
    assert s["received"] > 1000 and s["n_events"] > 20
    dropped = sum(s["dropped"].values())
    note("soak", seed=s["seed"], seconds=s["seconds"], packets=s["sent"], dropped=dropped, events=s["n_events"], without_account=0)
