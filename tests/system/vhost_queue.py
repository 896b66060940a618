"""A ring of a front end with its buffers."""

import os


class Queue:
    """A ring with its buffers and its two eventfds."""

    def __init__(self, index, ring, slot):
        self.index = index  # as vhost-user counts: 2 * pair for receive, 2 * pair + 1 for transmit
        self.ring = ring
        self.slot = slot  # bytes of a buffer
        self.buffers = ring.mem.alloc(slot * ring.size, 4096)
        self.slots = list(range(ring.size - 1, -1, -1))
        self.kick = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.call = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def new_call(self):
        os.close(self.call)
        self.call = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def clear_call(self):
        try:
            os.eventfd_read(self.call)
        except BlockingIOError:
            pass

    def close(self):
        os.close(self.kick)
        os.close(self.call)
