"""A process that plays the guest's side of vhost-user: what QEMU and a virtio-net driver do, without a guest.

    with VhostFrontend("/tmp/x/vm1.sock").start() as vm1:
        vm1.send(frame)
        assert vm1.recv() == ...

`mode` is the switch's: "server" (the switch listens, we connect) or "client" (we listen). Nothing here spins or sleeps: receiving
waits in poll() for the switch's call. The rings and the memory are open (`rx`, `tx`, `mem`, `conn`) for tests that play a hostile guest.
"""

import os
import select
import socket
import struct
import time

import vhost_protocol as proto
from vhost_memory import GuestMemory
from vhost_queue import Queue
from vring_packed import PackedRing
from vring_split import SplitRing

HDR_LEN = 12  # struct virtio_net_hdr_v1; without VERSION_1 and mergeable buffers its last two bytes are missing
HDR = struct.Struct("=BBHHHHH")  # flags, gso_type, hdr_len, gso_size, csum_start, csum_offset, num_buffers
TX_SLOT = 16384  # bytes of a transmit buffer
CALL_GRACE_MS = 10_000  # between a used buffer and its call
WAIT_S = 10.0  # for what the switch does at once: a slow machine, or one that stands still for a moment, is no fault of its own


class VhostFrontend:
    def __init__(
        self,
        path,
        mode="server",
        queues=1,
        ring_size=256,
        packed=False,
        mergeable=True,
        indirect=False,
        event_idx=False,
        in_order=False,
        rx_slot=2048,
        rx_layout="one",
        tx_layout="one",
        features=0,
        legacy=False,
        protocol=True,
        enable=None,
        name=None,
    ):
        """`tx_layout`: "one" (header and data in one descriptor), "two", or a number of bytes per descriptor; `rx_layout`
        likewise, "one" or "two". `features` are wanted on top; `legacy` is a driver from before virtio 1; without
        `protocol`, a front end that knows no protocol features, so rings start enabled; `enable` limits the queue pairs that get
        enabled."""
        self.path = str(path)
        self.mode = mode
        self.queues = queues
        self.ring_size = ring_size
        self.packed = packed
        self.mergeable = mergeable
        self.indirect = indirect
        self.event_idx = event_idx
        self.in_order = in_order
        self.rx_slot = rx_slot
        self.rx_layout = rx_layout
        self.tx_layout = tx_layout
        self.extra_features = features
        self.legacy = legacy
        self.protocol = protocol
        self.hdr_len = 10 if legacy and not mergeable else HDR_LEN
        self.enable = queues if enable is None else enable
        self.name = name or os.path.basename(self.path)
        self.features = 0  # agreed on
        self.backend_features = 0
        self.max_queues = None  # as the switch says
        self.last_hdr = None  # of the frame received last: HDR's fields
        self.last_queue = None
        self.last_used_lens = []
        self.conn = None
        self.rx = []
        self.tx = []
        self.listener = None
        size = queues * ring_size * (rx_slot + TX_SLOT + 2 * 16 * 17 + 64) + queues * (1 << 17)
        self.mem = GuestMemory(size, self.name)
        if mode == "client":
            self.listen()

    # Life.

    def listen(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(1)

    def start(self, timeout=10.0):
        """Connects (or waits for the switch to connect), agrees on features and starts fresh rings."""
        self._connect(timeout)
        self._drop_queues()
        # Other memory: the switch may not have seen the hang-up yet, and must not see these rings under the old device.
        self.mem.close()
        self.mem = GuestMemory(self.mem.size, self.name)
        self._make_queues()
        self._handshake()
        return self

    def restart(self, timeout=10.0, bases=None):
        """Goes on with the rings as they are: over a new connection, as QEMU does when its back end comes back, or where the
        `bases` of stop() or pause() say."""
        if self.conn is None or bases is None:
            self._connect(timeout)
        if bases is None:
            for q in self.rx + self.tx:
                q.ring.requeue()
        self._handshake(bases)
        return self

    def stop(self):
        """Stops the rings as a driver does that is unloaded, then hangs up. Returns the bases that the switch gave."""
        bases = self.pause() if self.conn is not None else []
        self.hang_up()
        return bases

    def pause(self):
        """Stops the rings. Returns the bases that the switch gave."""
        queues = sorted(self.rx + self.tx, key=lambda q: q.index)
        return [self.conn.vring_state(proto.GET_VRING_BASE, q.index, 0) for q in queues]

    def hang_up(self):
        """What the switch sees when the guest is killed: the connection is gone without a word."""
        if self.conn is not None:
            self.conn.close()
            self.conn = None

    def close(self):
        self.hang_up()
        if self.listener is not None:
            self.listener.close()
            self.listener = None
            if os.path.exists(self.path):
                os.unlink(self.path)
        if self.mem is not None:
            self._drop_queues()
            self.mem.close()
            self.mem = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def connected(self):
        return self.conn is not None and self.conn.alive()

    def wait_hang_up(self, timeout=WAIT_S):
        """Waits until the switch closes the connection."""
        poll = select.poll()
        poll.register(self.conn, select.POLLRDHUP)
        if not poll.poll(timeout * 1000):
            raise AssertionError(f"{self.name}: the switch still holds the connection after {timeout} s")
        self.hang_up()

    def _connect(self, timeout):
        self.hang_up()
        if self.mode == "server":
            self.conn = proto.Connection.connect(self.path, timeout)
            return
        self.listener.settimeout(timeout)
        try:
            sock, _ = self.listener.accept()
        except TimeoutError:
            raise AssertionError(f"{self.name}: the switch did not connect to {self.path} within {timeout} s") from None
        self.conn = proto.Connection(sock)

    def _make_queues(self):
        kind = PackedRing if self.packed else SplitRing
        for pair in range(self.queues):
            for index, queues, slot in ((2 * pair, self.rx, self.rx_slot), (2 * pair + 1, self.tx, TX_SLOT)):
                ring = kind(self.mem, self.ring_size, self.event_idx, self.indirect, self.in_order)
                queues.append(Queue(index, ring, slot))
        for q in self.rx:
            while q.slots and q.ring.n_free() >= (1 if self.rx_layout == "one" else 2):
                self._offer(q)
            q.ring.publish()
            q.ring.calls(True)
        for q in self.tx:
            q.ring.calls(False)

    def _drop_queues(self):
        for q in self.rx + self.tx:
            q.close()
        self.rx, self.tx = [], []

    def _wanted(self):
        f = self.extra_features
        f |= 0 if self.legacy else proto.VIRTIO_F_VERSION_1
        f |= proto.VHOST_USER_F_PROTOCOL_FEATURES if self.protocol else 0
        f |= proto.VIRTIO_F_IN_ORDER if self.in_order else 0
        f |= proto.VIRTIO_NET_F_MRG_RXBUF if self.mergeable else 0
        f |= proto.VIRTIO_F_RING_PACKED if self.packed else 0
        f |= proto.VIRTIO_F_INDIRECT_DESC if self.indirect else 0
        f |= proto.VIRTIO_F_EVENT_IDX if self.event_idx else 0
        f |= proto.VIRTIO_NET_F_MQ if self.queues > 1 else 0
        return f

    def reset(self):
        """RESET_OWNER, then fresh rings over the same connection, whose positions nobody says."""
        self.conn.call(proto.RESET_OWNER)
        self._drop_queues()
        self.mem.close()
        self.mem = GuestMemory(self.mem.size, self.name)
        self._make_queues()
        self._handshake({})

    def _handshake(self, bases=None):
        """`bases`: of each queue; without, as the rings stand."""
        c = self.conn
        c.reply_ack = False
        c.call(proto.SET_OWNER)
        self.backend_features = c.call_u64(proto.GET_FEATURES)
        wanted = self._wanted()
        missing = wanted & ~self.backend_features
        if missing:
            raise proto.Refused(f"{self.name}: the switch does not offer feature bits {missing:#x}")
        if self.protocol:
            self._agree_on_protocol()
        c.call_u64(proto.SET_FEATURES, wanted)
        self.features = wanted
        c.mem_table(self.mem)
        queues = sorted(self.rx + self.tx, key=lambda q: q.index)
        for q in queues:
            c.vring_state(proto.SET_VRING_NUM, q.index, q.ring.size)
            if bases != {}:
                c.vring_state(proto.SET_VRING_BASE, q.index, bases[q.index] if bases else q.ring.base())
            c.vring_addr(q.index, *self._vring_addresses(q))
            c.vring_fd(proto.SET_VRING_CALL, q.index, q.call)
            c.vring_fd(proto.SET_VRING_KICK, q.index, q.kick)
        for q in queues if self.protocol else []:
            c.vring_state(proto.SET_VRING_ENABLE, q.index, int(q.index < 2 * self.enable))
        for q in self.rx:
            os.eventfd_write(q.kick, 1)

    def _agree_on_protocol(self):
        c = self.conn
        wanted = proto.PROTOCOL_F_MQ | proto.PROTOCOL_F_LOG_SHMFD | proto.PROTOCOL_F_RARP | proto.PROTOCOL_F_REPLY_ACK
        agreed = c.call_u64(proto.GET_PROTOCOL_FEATURES) & wanted
        c.call_u64(proto.SET_PROTOCOL_FEATURES, agreed)
        c.reply_ack = bool(agreed & proto.PROTOCOL_F_REPLY_ACK)
        self.max_queues = c.call_u64(proto.GET_QUEUE_NUM) if agreed & proto.PROTOCOL_F_MQ else 1
        if self.queues > self.max_queues:
            raise proto.Refused(f"{self.name}: {self.queues} queues wanted, the switch has {self.max_queues}")

    def _vring_addresses(self, q):
        desc, driver, device = (self.mem.uva(o) for o in q.ring.addresses())
        return desc, device, driver

    def new_call(self, q):
        """Waits for calls on another file from now on, as QEMU does when a guest masks an interrupt."""
        q.new_call()
        self.conn.vring_fd(proto.SET_VRING_CALL, q.index, q.call)

    def log_to(self, log_fd, size, log_gpa):
        """What QEMU does when a migration starts: the switch marks what it writes in a bitmap; the used ring of queue i under
        log_gpa(i)."""
        self.conn.call(proto.SET_LOG_BASE, struct.pack("=QQ", size, 0), fds=[log_fd])
        self.features |= proto.VHOST_F_LOG_ALL
        self.conn.call_u64(proto.SET_FEATURES, self.features)
        for q in self.rx + self.tx:
            self.conn.vring_addr(q.index, *self._vring_addresses(q), log=log_gpa(q))

    def set_enabled(self, pair, on):
        for index in (2 * pair, 2 * pair + 1):
            self.conn.vring_state(proto.SET_VRING_ENABLE, index, int(on))

    # Sending.

    def send(self, *frames, queue=0, timeout=WAIT_S, hdr=bytes(HDR_LEN)):
        """Offers frames to the switch, all at once; waits only while the ring is full."""
        q = self.tx[queue]
        for frame in frames:
            parts, slots = self._tx_chain(q, bytes(hdr)[: self.hdr_len] + bytes(frame), timeout)
            q.ring.add(parts, slots)
        self._publish(q)

    def _publish(self, q):
        if q.ring.publish():
            os.eventfd_write(q.kick, 1)

    def _tx_chain(self, q, data, timeout):
        cuts = self._cuts(len(data))
        need = max(len(cuts), -(-len(data) // q.slot))
        if q.ring.n_free() < need or len(q.slots) < need:
            self._reclaim(q)
            if q.ring.n_free() < need or len(q.slots) < need:
                self._publish(q)
                self._wait_room(q, need, timeout)
        parts, slots, at = [], [], 0
        for n in cuts:
            # A part starts a new slot when it does not fit behind the one before.
            if not slots or at + n > q.slot:
                slots.append(q.slots.pop())
                at = 0
            start = q.buffers + slots[-1] * q.slot + at
            self.mem.map[start : start + n] = data[:n]
            data = data[n:]
            parts.append((self.mem.gpa(start), n, False))
            at += n
        return parts, slots

    def _cuts(self, total):
        if self.tx_layout == "one":
            step, cuts = TX_SLOT, []
        elif self.tx_layout == "two":
            step, cuts, total = TX_SLOT, [self.hdr_len], total - self.hdr_len
        else:
            step, cuts = int(self.tx_layout), []
        return cuts + [min(step, total - i) for i in range(0, total, step)]

    def _reclaim(self, q):
        while (used := q.ring.take()) is not None:
            q.slots.extend(used[0])

    def _wait_room(self, q, need, timeout):
        deadline = time.monotonic() + timeout
        poll = select.poll()
        poll.register(q.call, select.POLLIN)
        try:
            while q.ring.n_free() < need or len(q.slots) < need:
                q.ring.calls(True)
                q.clear_call()
                if not q.ring.has_used() and not poll.poll(max(0, deadline - time.monotonic()) * 1000):
                    raise AssertionError(f"{self.name}: the switch took no packet from queue {q.index} for {timeout} s")
                self._reclaim(q)
        finally:
            q.ring.calls(False)

    def wait_sent(self, queue=0, timeout=WAIT_S):
        """Waits until the switch gave back every buffer that was offered for sending."""
        q = self.tx[queue]
        self._reclaim(q)
        if q.ring.in_flight():
            self._wait_room(q, q.ring.size, timeout)

    # Receiving.

    def _offer(self, q):
        slot = q.slots.pop()
        start = self.mem.gpa(q.buffers + slot * q.slot)
        if self.rx_layout == "one":
            parts = [(start, q.slot, True)]
        else:
            parts = [(start, self.hdr_len, True), (start + self.hdr_len, q.slot - self.hdr_len, True)]
        q.ring.add(parts, slot)

    def _take(self, q):
        """A frame that waits in a receive queue, or None. Gives its buffers back."""
        used = q.ring.take()
        while used is not None and used[1] < self.hdr_len:  # a driver throws it away, too
            q.slots.append(used[0])
            self._offer(q)
            self._publish(q)
            used = q.ring.take()
        if used is None:
            return None
        data = self._buffer(q, used)
        self.last_hdr = HDR.unpack(data[: self.hdr_len].ljust(HDR_LEN, b"\0"))
        self.last_queue = q.index // 2
        self.last_used_lens = [used[1]]
        n_buffers = self.last_hdr[6] if self.mergeable else 1
        for _ in range(n_buffers - 1):
            used = q.ring.take()
            if used is None:
                raise AssertionError(f"{self.name}: num_buffers says {n_buffers}, but fewer were used")
            self.last_used_lens.append(used[1])
            data += self._buffer(q, used)
        for _ in range(n_buffers):
            self._offer(q)
        self._publish(q)
        return data[self.hdr_len :]

    def _buffer(self, q, used):
        slot, length = used
        if length > q.slot:
            raise AssertionError(f"{self.name}: the switch says it wrote {length} bytes to a buffer of {q.slot}")
        start = q.buffers + slot * q.slot
        q.slots.append(slot)
        return self.mem.map[start : start + length]

    def poll_frame(self, queue=None):
        """A frame if one waits, else None. Does not block."""
        for q in self.rx if queue is None else [self.rx[queue]]:
            frame = self._take(q)
            if frame is not None:
                return frame
        return None

    def recv(self, timeout=WAIT_S, queue=None):
        """The next frame, waiting for the switch's call."""
        frame = self._recv(timeout, queue)
        if frame is None:
            raise AssertionError(f"{self.name}: no frame within {timeout} s")
        return frame

    def recv_n(self, n, timeout=WAIT_S, queue=None):
        deadline = time.monotonic() + timeout
        frames = []
        while len(frames) < n:
            frame = self._recv(max(0, deadline - time.monotonic()), queue)
            if frame is None:
                raise AssertionError(f"{self.name}: {len(frames)} of {n} frames within {timeout} s")
            frames.append(frame)
        return frames

    def expect_none(self, timeout=0.05, queue=None):
        """No frame comes. Give a short timeout where something that was sent together has arrived elsewhere."""
        frame = self._recv(timeout, queue)
        if frame is not None:
            raise AssertionError(f"{self.name}: unexpected frame of {len(frame)} bytes: {frame[:64].hex()}")

    def wait_frame(self, timeout, queue=None):
        """The next frame, or None after a while."""
        return self._recv(timeout, queue)

    def drain(self):
        """Throws away what waits. Returns how many frames."""
        n = 0
        while self.poll_frame() is not None:
            n += 1
        return n

    def _recv(self, timeout, queue):
        deadline = time.monotonic() + timeout
        queues = self.rx if queue is None else [self.rx[queue]]
        poll = select.poll()
        for q in queues:
            poll.register(q.call, select.POLLIN)
        if self.conn is not None:
            poll.register(self.conn, select.POLLRDHUP)
        while True:
            # Ask for a call, then look, then sleep: in another order a frame could slip between.
            for q in queues:
                q.ring.calls(True)
                q.clear_call()
            frame = self.poll_frame(queue)
            if frame is not None:
                return frame
            left = deadline - time.monotonic()
            events = poll.poll(max(0, left) * 1000)
            if any(self.conn is not None and fd == self.conn.fileno() for fd, _ in events):
                raise proto.Disconnected(f"{self.name}: the switch closed the connection")
            if not events:
                if any(q.ring.has_used() for q in queues):
                    # Used at this moment, perhaps: on a busy machine its thread may have to wait before it calls.
                    if not poll.poll(CALL_GRACE_MS):
                        raise AssertionError(f"{self.name}: the switch used a buffer without the call it owes")
                    continue
                if left <= 0:
                    return None


def wait_path(sender, receiver, frame, timeout=20.0):
    """Sends a frame again and again until one arrives: after a start, a switch may drop the first ones. Leaves nothing behind."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        sender.send(frame)
        if receiver.wait_frame(0.02):
            break
    else:
        raise AssertionError(f"no frame came from {sender.name} to {receiver.name} for {timeout} s")
    # The others that are on their way come before this one, which may be one of those that are dropped.
    last = None
    while time.monotonic() < deadline:
        if last is None:
            sender.send(last := frame + os.urandom(8))
        came = receiver.wait_frame(0.5)
        if came == last:
            return
        last = last if came else None
    raise AssertionError(f"frames from {sender.name} to {receiver.name} come and go for {timeout} s")
