"""The driver's side of a split virtqueue (virtio 1.2, section 2.7)."""

import struct

DESC_F_NEXT = 1
DESC_F_WRITE = 2
DESC_F_INDIRECT = 4
AVAIL_F_NO_INTERRUPT = 1
USED_F_NO_NOTIFY = 1
INDIRECT_MAX = 16  # descriptors of an indirect table

_DESC = struct.Struct("=QIHH")  # address, length, flags, next
_PAIR = struct.Struct("=II")


class SplitRing:
    packed = False

    def __init__(self, mem, size, event_idx=False, indirect=False, in_order=False):
        self.mem = mem
        self.size = size
        self.event_idx = event_idx
        self.indirect = indirect
        self.in_order = in_order  # descriptors are offered in the ring's order, and come back in it
        self.desc = mem.alloc(16 * size, 4096)
        self.avail = mem.alloc(6 + 2 * size, 64)
        self.used = mem.alloc(6 + 8 * size, 64)
        self._tables = mem.alloc(16 * INDIRECT_MAX * size) if indirect else 0
        self._free = list(range(size - 1, -1, -1))
        self._chains = {}  # head: (token, descriptors it took)
        self.avail_idx = 0
        self.last_used = 0
        self._published = 0
        self._avail_idx_at = (self.avail + 2) >> 1
        self._used_idx_at = (self.used + 2) >> 1
        self._used_event_at = (self.avail + 4 + 2 * size) >> 1
        self._avail_event_at = (self.used + 4 + 8 * size) >> 1

    # What SET_VRING_ADDR and SET_VRING_BASE say.
    def addresses(self):
        """Offsets of descriptor area, driver area, device area."""
        return self.desc, self.avail, self.used

    def base(self):
        """The switch goes on where its used index stands; what was in flight is offered again (see requeue)."""
        return self.mem.u16[self._used_idx_at]

    def n_free(self):
        return len(self._free)

    def add(self, parts, token):
        """Offers a chain of (address, length, device writes) parts; seen by the switch after publish()."""
        pack = _DESC.pack_into
        buf = self.mem.map
        if self.indirect and len(parts) <= INDIRECT_MAX:
            ids = [self._free.pop()]
            table = self._tables + ids[0] * 16 * INDIRECT_MAX
            self._write(table, parts, range(1, len(parts) + 1))
            pack(buf, self.desc + 16 * ids[0], self.mem.gpa(table), 16 * len(parts), DESC_F_INDIRECT, 0)
        else:
            ids = [self._free.pop() for _ in parts]
            for i, (addr, length, write) in enumerate(parts):
                last = i == len(parts) - 1
                flags = (DESC_F_WRITE if write else 0) | (0 if last else DESC_F_NEXT)
                pack(buf, self.desc + 16 * ids[i], addr, length, flags, 0 if last else ids[i + 1])
        self._chains[ids[0]] = (token, ids)
        self.mem.u16[(self.avail + 4 >> 1) + self.avail_idx % self.size] = ids[0]
        self.avail_idx = self.avail_idx + 1 & 0xFFFF

    def _write(self, table, parts, nexts):
        for i, (addr, length, write) in enumerate(parts):
            last = i == len(parts) - 1
            flags = (DESC_F_WRITE if write else 0) | (0 if last else DESC_F_NEXT)
            _DESC.pack_into(self.mem.map, table + 16 * i, addr, length, flags, 0 if last else nexts[i])

    def publish(self):
        """Makes what was added visible. True when the switch wants a kick."""
        old, self._published = self._published, self.avail_idx
        self.mem.u16[self._avail_idx_at] = self.avail_idx
        if self.event_idx:
            event = self.mem.u16[self._avail_event_at]
            return (self.avail_idx - event - 1 & 0xFFFF) < (self.avail_idx - old & 0xFFFF)
        return not self.mem.u16[self.used >> 1] & USED_F_NO_NOTIFY

    def take(self):
        """The next used chain as (token, bytes written), or None."""
        if self.mem.u16[self._used_idx_at] == self.last_used:
            return None
        head, length = _PAIR.unpack_from(self.mem.map, self.used + 4 + 8 * (self.last_used % self.size))
        self.last_used = self.last_used + 1 & 0xFFFF
        if head not in self._chains:
            raise AssertionError(f"the switch used descriptor {head}, which it did not have")
        if self.in_order and head != next(iter(self._chains)):
            raise AssertionError(f"the switch used descriptor {head} out of order")
        token, ids = self._chains.pop(head)
        if self.in_order:
            self._free[:0] = reversed(ids)
        else:
            self._free.extend(reversed(ids))
        return token, length

    def has_used(self):
        return self.mem.u16[self._used_idx_at] != self.last_used

    def calls(self, wanted):
        """Asks for a call at the next used chain, or for none."""
        if self.event_idx:
            self.mem.u16[self._used_event_at] = self.last_used if wanted else self.last_used - 1 & 0xFFFF
        else:
            self.mem.u16[self.avail >> 1] = 0 if wanted else AVAIL_F_NO_INTERRUPT

    def in_flight(self):
        return len(self._chains)

    def requeue(self):
        """After the switch went away: offers again what it held, as base() tells it to go on at the used index.

        Entries between the used and the available index may be in another order than they are lost in; a ring that was served in
        order needs nothing more than its indexes.
        """
        waiting = [self.mem.u16[(self.avail + 4 >> 1) + (self.last_used + i) % self.size] for i in range(len(self._chains))]
        if sorted(waiting) == sorted(self._chains):
            return
        for i, head in enumerate(self._chains):
            self.mem.u16[(self.avail + 4 >> 1) + (self.last_used + i) % self.size] = head
