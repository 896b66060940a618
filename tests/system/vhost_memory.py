"""A guest's memory: one memfd, mapped here and shared with the switch.

Three views of the same bytes write 16, 32 and 64 bits with one store each, which is what a ring's indexes need. x86 keeps stores in
order, so "descriptor first, index last" is just the order of the statements.
"""

import mmap
import os

GPA_BASE = 0x1_0000_0000  # where the guest thinks its memory is
UVA_BASE = 0x7F00_0000_0000  # where the front end tells the switch that it is mapped: any number does


class GuestMemory:
    def __init__(self, size, name="guest"):
        self.size = (size + 4095) & ~4095
        self.fd = os.memfd_create(name, os.MFD_CLOEXEC)
        os.ftruncate(self.fd, self.size)
        self.map = mmap.mmap(self.fd, self.size)
        self._whole = memoryview(self.map)
        self.u8 = self._whole.cast("B")
        self.u16 = self._whole.cast("H")  # index with offset >> 1
        self.u32 = self._whole.cast("I")  # offset >> 2
        self.u64 = self._whole.cast("Q")  # offset >> 3
        self._next = 0
        self.cuts = []  # offsets (whole pages) where another region of the memory table starts

    def alloc(self, size, align=64):
        """An offset to `size` zeroed bytes."""
        start = (self._next + align - 1) & ~(align - 1)
        if start + size > self.size:
            raise MemoryError(f"guest memory of {self.size} bytes is full")
        self._next = start + size
        return start

    @staticmethod
    def gpa(offset):
        return GPA_BASE + offset

    @staticmethod
    def uva(offset):
        return UVA_BASE + offset

    def regions(self):
        """(guest address, size, front end's address, offset in the file) of each region of the memory table."""
        starts = [0, *self.cuts]
        return [(GPA_BASE + a, b - a, UVA_BASE + a, a) for a, b in zip(starts, [*self.cuts, self.size])]

    def close(self):
        for view in (self.u64, self.u32, self.u16, self.u8, self._whole):
            view.release()
        self.map.close()
        os.close(self.fd)
