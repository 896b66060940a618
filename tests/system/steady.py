"""A clock that stands still while this machine holds everything up.

Small machines that others use, too, stop all processes for a second or two at times. What the switch promises in seconds is meant of time
in which it may run: a thread of ours that should run every PERIOD_S tells how long that was not so.
"""

import threading
import time

PERIOD_S = 0.02
LATE_S = 0.1  # later than a busy core makes a thread


class _Steady:
    def __init__(self):
        self.lock = threading.Lock()
        self.held = 0.0
        self.last = time.monotonic()
        threading.Thread(target=self._tick, daemon=True).start()

    def _held_up(self, now):
        """Since the last tick."""
        return max(0.0, now - self.last - PERIOD_S - LATE_S)

    def _tick(self):
        while True:
            time.sleep(PERIOD_S)
            with self.lock:
                now = time.monotonic()
                self.held += self._held_up(now)
                self.last = now

    def now(self):
        with self.lock:
            now = time.monotonic()
            return now - self.held - self._held_up(now)


_clock = _Steady()


def steady_now():
    """Seconds, as time.monotonic() without those in which we were held up."""
    return _clock.now()


def steady_sleep(seconds):
    end = steady_now() + seconds
    while (left := end - steady_now()) > 0:
        time.sleep(left)
