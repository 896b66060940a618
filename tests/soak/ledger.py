"""Every frame's account: who sent it, where it arrived, and that it arrived nowhere else and no second time."""

import collections
import threading

import frame
from ruleset import COPIES


class Fault(AssertionError):
    """A packet that cannot be accounted for."""


class Ledger:
    def __init__(self):
        self.next_number = collections.Counter()  # of each sender
        self.first_number = collections.Counter()  # of those that are not closed yet
        self.seen = collections.defaultdict(bytearray)  # (from, at): of each number since the first
        self.sent = collections.Counter()  # (from, to), in this life of swd
        self.got = collections.Counter()
        self.total_sent = self.total_got = 0
        self.lock = threading.Lock()

    def make(self, sender, to, sport, size):
        number = self.next_number[sender.index]
        self.next_number[sender.index] += 1
        return frame.make(sender.index, to, sport, number, size)

    def unmake(self, sender, n):
        """The last n frames were not sent."""
        self.next_number[sender.index] -= n

    def offered(self, sender, tos):
        with self.lock:
            for to in tos:
                self.sent[sender.index, to] += 1
            self.total_sent += len(tos)

    def arrived(self, end, frames):
        with self.lock:
            for data in frames:
                self._arrived(end, data)
            self.total_got += len(frames)

    def _arrived(self, end, data):
        stamp = frame.read(data)
        if stamp is None:
            raise Fault(f"{end.name} received a frame that nobody sent so: {data[:96].hex()} ({len(data)} bytes)")
        sender, to, number = stamp
        where = f"{end.name} received frame {number} from end {sender} for end {to}"
        if to not in (end.index, COPIES):
            raise Fault(f"{where}, which is another")
        if number < self.first_number[sender]:
            raise Fault(f"{where}, which was accounted for as lost before")
        if number >= self.next_number[sender]:
            raise Fault(f"{where}, which was not sent yet")
        seen = self.seen[sender, end.index]
        place = number - self.first_number[sender]
        if place >= len(seen):
            seen.extend(bytes(max(1024, place + 1 - len(seen))))
        if seen[place]:
            raise Fault(f"{where}, for the second time")
        seen[place] = 1
        self.got[sender, to] += 1

    def has(self, sender, end, number):
        seen, place = self.seen[sender.index, end.index], number - self.first_number[sender.index]
        return place < len(seen) and bool(seen[place])

    def close(self):
        """All frames until now are accounted for."""
        self.first_number = self.next_number.copy()
        self.seen.clear()

    def life_begins(self):
        self.sent.clear()
        self.got.clear()
