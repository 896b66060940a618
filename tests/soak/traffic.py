"""A thread that sends and receives all the time, but while it is paused."""

import contextlib
import threading
import time

import frame
from ruleset import COPIES, HIGH_BYTES

BURSTS = (0, 0, 1, 1, 2, 4, 8, 16, 32)
PACE_S = 0.004  # of a round


class Traffic(threading.Thread):
    def __init__(self, ends, ledger, rng):
        super().__init__(daemon=True)
        self.ends, self.ledger, self.rng = ends, ledger, rng
        self.fault = None
        self._stop_now = False
        self._turn = threading.Lock()  # held for a round

    def run(self):
        try:
            while not self._stop_now:
                with self._turn:
                    self.round()
                time.sleep(PACE_S)
        except BaseException as e:  # pylint: disable=broad-except
            self.fault = e

    def stop(self):
        self._stop_now = True
        self.join()

    @contextlib.contextmanager
    def paused(self):
        if self.fault is not None:
            raise self.fault
        with self._turn:
            yield

    def round(self):
        for end in self.ends:
            with end.lock:
                if end.up:
                    self.burst(end, self.rng.choice(BURSTS))
                    self.ledger.arrived(end, end.arrived())

    def destinations(self, end):
        return [COPIES] if end.copies > 1 else [e.index for e in self.ends if e is not end and e.copies == 1]

    def burst(self, end, n, to=None):
        """n frames from an end, as far as there is room for them."""
        rng = self.rng
        choice = [to] if to is not None else self.destinations(end)
        tos = [rng.choice(choice) for _ in range(n)]
        frames = [self.ledger.make(end, to, rng.randrange(HIGH_BYTES << 8), rng.choice(frame.SIZES)) for to in tos]
        sent = end.offer(frames, rng.randrange(4))
        self.ledger.unmake(end, n - sent)
        self.ledger.offered(end, tos[:sent])
        return sent

    def receive(self):
        for end in self.ends:
            with end.lock:
                if end.up:
                    self.ledger.arrived(end, end.arrived())
