"""How much of its core a thread really had: on a machine that others use too, a round that lost its core is no measurement."""

import os


def waited_ns(pid, tid):
    """Nanoseconds that a thread was ready to run and had no core, and those it ran."""
    try:
        with open(f"/proc/{pid}/task/{tid}/schedstat", encoding="ascii") as f:
            ran, waited, _ = map(int, f.read().split())
        return waited, ran
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0


class Watch:
    """The busiest thread of a process, from here on."""

    def __init__(self, pid):
        self.pid = pid
        self.before = self.read()

    def read(self):
        try:
            return {tid: waited_ns(self.pid, tid) for tid in os.listdir(f"/proc/{self.pid}/task")}
        except FileNotFoundError:
            return {}

    def lost_share(self):
        """Share of the time since then that the busiest thread wanted its core and another had it."""
        spent = []
        for tid, (waited, ran) in self.read().items():
            waited0, ran0 = self.before.get(tid, (0, 0))
            spent.append((ran - ran0, waited - waited0))
        ran, waited = max(spent, default=(0, 0))
        return waited / (ran + waited) if ran + waited else 0.0
