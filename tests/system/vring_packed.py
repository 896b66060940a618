"""The driver's side of a packed virtqueue (virtio 1.2, section 2.8)."""

import struct

DESC_F_NEXT = 1
DESC_F_WRITE = 2
DESC_F_INDIRECT = 4
DESC_F_AVAIL = 1 << 7
DESC_F_USED = 1 << 15
EVENT_ENABLE = 0
EVENT_DISABLE = 1
EVENT_DESC = 2
INDIRECT_MAX = 16

_DESC = struct.Struct("=QIHH")  # address, length, id, flags
_BODY = struct.Struct("=QIH")  # the same without flags, which are stored last
_USED = struct.Struct("=IH")


class PackedRing:
    packed = True

    def __init__(self, mem, size, event_idx=False, indirect=False, in_order=False):
        self.mem = mem
        self.size = size
        self.event_idx = event_idx
        self.indirect = indirect
        self.in_order = in_order
        self._batch = []  # in order: chains used with the one that the switch named, and that one
        self.desc = mem.alloc(16 * size, 4096)
        self.driver_event = mem.alloc(4, 64)
        self.device_event = mem.alloc(4, 64)
        self._tables = mem.alloc(16 * INDIRECT_MAX * size) if indirect else 0
        self._free_ids = list(range(size - 1, -1, -1))
        self._n_free = size
        self._chains = {}  # id: (token, descriptors it took)
        self.next_avail = 0
        self.avail_wrap = 1
        self.next_used = 0
        self.used_wrap = 1
        self._head = None  # (offset of its flags, flags) of the first chain that is not published
        self._n_added = 0
        self.base_unknown = False

    def addresses(self):
        return self.desc, self.driver_event, self.device_event

    def base(self):
        if self.base_unknown:
            return 0x80008000
        index = self.next_used | self.used_wrap << 15
        return index | index << 16

    def n_free(self):
        return self._n_free

    def add(self, parts, token):
        """Offers a chain of (address, length, device writes) parts; seen by the switch after publish()."""
        if self.indirect and len(parts) <= INDIRECT_MAX:
            table = self._tables + self._free_ids[-1] * 16 * INDIRECT_MAX
            for i, (addr, length, write) in enumerate(parts):
                _DESC.pack_into(self.mem.map, table + 16 * i, addr, length, 0, DESC_F_WRITE if write else 0)
            descs = [(self.mem.gpa(table), 16 * len(parts), DESC_F_INDIRECT)]
        else:
            descs = [
                (addr, length, (DESC_F_WRITE if write else 0) | (0 if i == len(parts) - 1 else DESC_F_NEXT))
                for i, (addr, length, write) in enumerate(parts)
            ]
        ident = self._free_ids.pop()
        heads = []
        for addr, length, flags in descs:
            at = self.desc + 16 * self.next_avail
            flags |= DESC_F_AVAIL if self.avail_wrap else DESC_F_USED
            _BODY.pack_into(self.mem.map, at, addr, length, ident)
            heads.append((at + 14 >> 1, flags))
            self.next_avail += 1
            if self.next_avail == self.size:
                self.next_avail = 0
                self.avail_wrap ^= 1
        self._chains[ident] = (token, len(descs))
        self._n_free -= len(descs)
        self._n_added += len(descs)
        # The first descriptor of all that is unpublished gets its flags last: until then the switch sees nothing.
        if self._head is None:
            self._head = heads.pop(0)
        for at, flags in heads:
            self.mem.u16[at] = flags

    def publish(self):
        """Makes what was added visible. True when the switch wants a kick."""
        added, self._n_added = self._n_added, 0
        if self._head is None:
            return False
        at, flags = self._head
        self._head = None
        self.mem.u16[at] = flags
        off_wrap = self.mem.u16[self.device_event >> 1]
        event = self.mem.u16[self.device_event + 2 >> 1]
        if event != EVENT_DESC:
            return event == EVENT_ENABLE
        off = off_wrap & 0x7FFF
        if off_wrap >> 15 != self.avail_wrap:
            off -= self.size
        return (self.next_avail - off - 1 & 0xFFFF) < added

    def _names_used(self):
        flags = self.mem.u16[self.desc + 16 * self.next_used + 14 >> 1]
        avail, used = bool(flags & DESC_F_AVAIL), bool(flags & DESC_F_USED)
        return avail == used == bool(self.used_wrap)

    def has_used(self):
        return bool(self._batch) or self._names_used()

    def take(self):
        """The next used chain as (token, bytes written), or None."""
        if not self._batch and self._names_used():
            self._take_named()
        return self._batch.pop(0) if self._batch else None

    def _take_named(self):
        length, ident = _USED.unpack_from(self.mem.map, self.desc + 16 * self.next_used + 8)
        if ident not in self._chains:
            raise AssertionError(f"the switch used buffer {ident}, which it did not have")
        # In order, those that were offered before it are used with it.
        while self.in_order and (first := next(iter(self._chains))) != ident:
            self._batch.append((self._release(first), 0))
        self._batch.append((self._release(ident), length))

    def _release(self, ident):
        token, n = self._chains.pop(ident)
        self._free_ids.append(ident)
        self._n_free += n
        self.next_used += n
        if self.next_used >= self.size:
            self.next_used -= self.size
            self.used_wrap ^= 1
        return token

    def calls(self, wanted):
        """Asks for a call at the next used chain, or for none."""
        if self.event_idx and wanted:
            self.mem.u16[self.driver_event >> 1] = self.next_used | self.used_wrap << 15
            flags = EVENT_DESC
        else:
            flags = EVENT_ENABLE if wanted else EVENT_DISABLE
        self.mem.u16[self.driver_event + 2 >> 1] = flags

    def in_flight(self):
        return len(self._chains)

    def requeue(self):
        """A front end does not know where a device stood that died: QEMU 7.2 says where the driver had started."""
        self.base_unknown = True
