"""Two guests that go on whatever is done to the switch: a stream of numbered frames of which none may be missing."""

import concurrent.futures
import time

from frames import UDP_FRAME, numbered
from vhost_frontend import wait_path


class Stream:
    """Numbered frames from queues of one guest to another, without a pause, and no more on their way than rings hold."""

    WINDOW = 128  # frames of a queue; a ring has 256 buffers
    BURST = 16

    def __init__(self, sender, receiver, queues):
        self.sender, self.receiver = sender, receiver
        self.sent = {queue: 0 for queue in queues}
        self.got = {queue: [] for queue in queues}
        wait_path(sender, receiver, UDP_FRAME)  # from here on a megaflow knows them: misses take another way

    def _collect(self, timeout):
        frame = self.receiver.wait_frame(timeout)
        while frame is not None:
            if frame != UDP_FRAME:  # a miss of wait_path(), which comes another way
                number = int.from_bytes(frame[-8:], "big")
                self.got[number >> 32].append(number & 0xFFFFFFFF)
            frame = self.receiver.poll_frame()

    def _on_their_way(self):
        return sum(self.sent[queue] - len(self.got[queue]) for queue in self.sent)

    def _send(self):
        for queue, first in self.sent.items():
            if first - len(self.got[queue]) + self.BURST <= self.WINDOW:
                self.sender.send(*[numbered(UDP_FRAME, queue << 32 | n) for n in range(first, first + self.BURST)], queue=queue)
                self.sent[queue] += self.BURST

    def during(self, action):
        """Sends before `action`, while it runs in a thread, and after it; returns what it returns."""
        with concurrent.futures.ThreadPoolExecutor(1) as executor:
            self._send()
            future = executor.submit(action)
            while not future.done():
                self._send()
                self._collect(0.001)
            self._send()
            return future.result()

    def assert_whole(self, in_order, least=10 * WINDOW):
        """All arrived, `least` of a queue, once, and those of the queues `in_order` in their order."""
        deadline = time.monotonic() + 10
        while self._on_their_way() > 0 and time.monotonic() < deadline:
            self._collect(0.01)
        for queue, n in self.sent.items():
            lost = sorted(set(range(n)) - set(self.got[queue]))
            assert n > least, f"queue {queue}: {n} frames are no stream"
            assert not lost, f"queue {queue}: {len(lost)} of {n} frames are lost, {lost[0]} first"
            assert len(self.got[queue]) == n, f"queue {queue}: frames came twice"
            assert queue not in in_order or self.got[queue] == list(range(n)), f"queue {queue}: frames changed their order"
