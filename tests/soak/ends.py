"""The far ends of the switch's ports: they send the soak's frames and take what arrives, and count both.

Of each end: `taken`, frames that the switch has had from it, and `got`, frames that it has had from the switch; both since swd started
(`life`), and since its port was added (`port`). An end is used by one thread at a time: its lock.
"""

import errno
import os
import socket
import struct
import threading

from memif_peer import BUFFERS, DESCS, RING_M2S, RING_S2M, TAIL, MemifPeer, N
from netns import PacketSocket
from vhost_frontend import VhostFrontend

SOL_PACKET, PACKET_STATISTICS = 263, 6
RECEIVE_MAX = 300  # frames at a time, so that others have their turn


class End:
    """`copies`: how many receivers its frames have; `fixed`: its port is never removed."""

    def __init__(self, switch, index, name, copies=1, fixed=False):
        self.switch, self.index, self.name = switch, index, name
        self.copies, self.fixed = copies, fixed
        self.lock = threading.RLock()
        self.up = False  # it may send
        self.present = False  # there is a port
        self.mtu = 1500
        self.path = os.path.join(switch.run_dir, f"{name}.sock")
        self.life_begins()

    def life_begins(self):
        self.life_taken = self.life_got = self.life_lost = 0
        self.port_begins()

    def port_begins(self):
        self.port_taken = self.port_got = self.port_lost = 0

    def count_taken(self, n):
        self.life_taken += n
        self.port_taken += n

    def count_got(self, n):
        self.life_got += n
        self.port_got += n

    def add_port(self):
        self.switch.swctl("add-port", self.name, *self.words())
        self.present = True

    # What a kind has: words() of its port; attach() and detach(), its other end comes and goes; offer(frames), which tells how many
    # it took; arrived(), a list of frames; pending(), how many the switch has not looked at yet.

    def read_losses(self):
        """Counts frames that the host's kernel lost beyond the switch."""


class Guest(VhostFrontend):
    """A front end that knows which frames the switch has taken."""

    def __init__(self, *args, **kw):
        self.n_taken = 0
        super().__init__(*args, **kw)

    def _make_queues(self):
        super()._make_queues()
        for q in self.rx:
            q.ring.calls(False)  # it is looked at all the time

    def _reclaim(self, q):
        while (used := q.ring.take()) is not None:
            q.slots.extend(used[0])
            self.n_taken += 1

    def offer(self, frames, queue):
        q = self.tx[queue]
        self._reclaim(q)
        room = min(q.ring.n_free() // 2, len(q.slots))
        for frame in frames[:room]:
            q.ring.add(*self._tx_chain(q, bytes(self.hdr_len) + frame, 0))
        self._publish(q)
        return min(room, len(frames))


class VhostEnd(End):
    def __init__(self, *args, mode="server", queues=1, **kw):
        features = {k: kw.pop(k) for k in ("packed", "indirect", "event_idx", "mergeable", "tx_layout", "in_order") if k in kw}
        super().__init__(*args, **kw)
        self.mode, self.queues, self.features = mode, queues, features
        self.guest = None
        self.enabled = set()

    def words(self):
        return ["type=vhost-user", f"path={self.path}", f"mode={self.mode}", f"queues={self.queues}"]

    def attach(self):
        if self.guest is None:
            self.guest = Guest(self.path, self.mode, self.queues, name=self.name, **self.features)
        if self.mode == "client" and self.guest.listener is None:
            self.guest.listen()
        self.guest.start()
        self._begin()

    def attach_again(self):
        """On with the rings as they are; of packed ones, nobody can say where they stood."""
        if self.guest.packed:
            self.attach()
            return
        if self.mode == "client" and self.guest.listener is None:
            self.guest.listen()
        self.guest.restart()
        self._begin()

    def _begin(self):
        self.enabled = set(range(self.queues))
        self.switch.wait_link(self.name)
        self.up = True

    def hang_up(self):
        """The guest is killed."""
        self.up = False
        if self.mode == "client" and self.guest.listener is not None:
            self.guest.listener.close()
            self.guest.listener = None
        self.guest.hang_up()

    def detach(self):
        self.hang_up()
        if self.present:
            words = "no guest connected" if self.mode == "server" else "nobody listens"
            self.switch.wait(lambda: words in self.switch.port(self.name)["reason"], f"hang-up of {self.name} seen")
        return self.take_stock()

    def take_stock(self):
        """After the switch has left the rings: what it took, and what waits in them."""
        for q in self.guest.tx:
            self.guest._reclaim(q)
        self._count()
        return self.arrived(whole=True)

    def _count(self):
        self.count_taken(self.guest.n_taken)
        self.guest.n_taken = 0

    def reset(self):
        """As a driver that is loaded anew over the same connection. What had arrived."""
        guest = self.guest
        self.up = False
        guest.pause()
        arrived = self.take_stock()
        guest.reset()
        self._begin()
        return arrived

    def pause_and_go_on(self):
        """As a migration that is given up. What is in the rings stays there."""
        bases = self.guest.pause()
        self.guest.restart(bases=dict(enumerate(bases)))
        self._begin()

    def set_enabled(self, pair, on):
        self.guest.set_enabled(pair, on)
        self.enabled = self.enabled | {pair} if on else self.enabled - {pair}

    def offer(self, frames, queue=0):
        return self.guest.offer(frames, queue % self.queues)

    def arrived(self, whole=False):
        guest = self.guest
        frames = []
        while whole or len(frames) < RECEIVE_MAX:
            frame = guest.poll_frame()
            if frame is None:
                break
            frames.append(frame)
        self.count_got(len(frames))
        return frames

    def pending(self):
        for q in self.guest.tx:
            self.guest._reclaim(q)
        self._count()
        return sum(q.ring.in_flight() for q in self.guest.tx)

    def close(self):
        if self.guest is not None:
            self.guest.close()


class MemifEnd(End):
    def __init__(self, *args, **kw):
        super().__init__(*args, **kw)
        self.peer = None

    def words(self):
        return ["type=memif", "role=server", f"path={self.path}", "id=1"]

    def attach(self):
        if self.peer is not None:
            self.peer.close()
        self.peer = MemifPeer(self.path)
        self.peer.connect(1)
        self.head = self.tail = self.filled = 0
        self.switch.wait_link(self.name)
        self.up = True

    attach_again = attach

    def hang_up(self):
        self.up = False
        self.peer.sock.close()

    def detach(self):
        self.hang_up()
        if self.present:
            self.switch.wait_link(self.name, "down")
        return self.take_stock()

    def take_stock(self):
        self.pending()
        return self.arrived(whole=True)

    def offer(self, frames, queue=0):
        frames = frames[: N - self.pending()]
        for frame in frames:
            at = BUFFERS + 2048 * (self.head % N)
            self.peer.map[at : at + len(frame)] = frame
            self.peer.desc(RING_S2M, self.head, len(frame))
            self.head = self.head + 1 & 0xFFFF
        self.peer.set_head(RING_S2M, self.head)
        return len(frames)

    def pending(self):
        (tail,) = struct.unpack_from("@H", self.peer.map, RING_S2M + TAIL)
        self.count_taken(tail - self.tail & 0xFFFF)
        self.tail = tail
        return self.head - tail & 0xFFFF

    def arrived(self, whole=False):
        peer, frames = self.peer, []
        (tail,) = struct.unpack_from("@H", peer.map, RING_M2S + TAIL)
        while self.filled != tail:
            at = RING_M2S + DESCS + 16 * (self.filled % N)
            (length,) = struct.unpack_from("=I", peer.map, at + 4)
            start = BUFFERS + N * 2048 + 2048 * (self.filled % N)
            frames.append(peer.map[start : start + length])
            peer.desc(RING_M2S, self.filled, 2048)
            self.filled = self.filled + 1 & 0xFFFF
        peer.set_head(RING_M2S, self.filled + N)
        self.count_got(len(frames))
        return frames

    def close(self):
        if self.peer is not None:
            self.peer.close()


class KernelEnd(End):
    """Behind an interface of the host: a packet socket."""

    sock = None

    def _open(self, ns, iface):
        if self.sock is not None:
            self.read_losses()
            self.sock.close()
        self.sock = ns.enter(lambda: PacketSocket(iface))
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
        self.sock.setsockopt(SOL_PACKET, 23, 1)  # PACKET_IGNORE_OUTGOING

    def read_losses(self):
        if self.sock is not None:
            _, n = struct.unpack("II", self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
            self.life_lost += n
            self.port_lost += n

    def offer(self, frames, queue=0):
        sent = 0
        try:
            for frame in frames:
                self.sock.send(frame)
                sent += 1
        except OSError as e:
            if e.errno != errno.ENOBUFS:  # the interface's queue is full
                raise
        self.count_taken(sent)
        return sent

    def arrived(self, whole=False):
        frames = []
        while whole or len(frames) < RECEIVE_MAX:
            try:
                frames.append(self.sock.frame())
            except BlockingIOError:
                break
            except OSError as e:
                if e.errno != errno.ENETDOWN:  # told once; what had arrived before is still there
                    raise
        self.count_got(len(frames))
        return frames

    def pending(self):
        """What stands between the socket and the switch: what the port has neither received nor counted as lost."""
        stats = self.switch.json("stats", self.name)["ports"][0]
        missed = sum(n for (_, reason), n in self.switch.drops(self.name).items() if reason.startswith("device-missed"))
        return self.port_taken - stats["rx_packets"] - missed

    def detach(self):
        """The kernel keeps nothing for the switch: it has all before this end is gone."""
        self.up = False
        self.switch.wait(lambda: self.pending() == 0, f"frames of {self.name} taken")
        return self.take_stock()

    def hang_up(self):
        self.up = False

    def take_stock(self):
        return self.arrived(whole=True)

    def close(self):
        if self.sock is not None:
            self.sock.close()


class VethEnd(KernelEnd):
    """A veth pair into a namespace; its near end is the port's."""

    def __init__(self, *args, ns, far, **kw):
        super().__init__(*args, **kw)
        self.ns, self.far = ns, far
        self.iface = f"near{self.index}"
        ns.veth(self.iface, far, f"far{self.index}")
        ns.checksums_in_software(self.iface)
        self._open(far, f"far{self.index}")

    def words(self):
        return ["type=af-packet", f"iface={self.iface}"]

    def set_mtu(self, mtu):
        self.ns.ip("link", "set", self.iface, "mtu", mtu)
        self.switch.wait(lambda: self.switch.port(self.name).get("mtu") == mtu, f"MTU of {mtu} at {self.name}")
        self.mtu = mtu

    def attach(self):
        self.far.ip("link", "set", f"far{self.index}", "up")
        self.switch.wait_link(self.name)
        self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # that it was down is told once
        self.up = True

    attach_again = attach

    def hang_up(self):
        """The other side of the wire is taken down."""
        super().hang_up()
        self.far.ip("link", "set", f"far{self.index}", "down")


class TapEnd(KernelEnd):
    def __init__(self, *args, ns, **kw):
        super().__init__(*args, **kw)
        self.ns = ns
        self.iface = f"tap{self.index}"

    def words(self):
        return ["type=tap", f"iface={self.iface}"]

    def attach(self):
        self.switch.wait_link(self.name)
        self._open(self.ns, self.iface)
        self.up = True

    attach_again = attach


class NullEnd(End):
    """Takes all that it is sent."""

    def words(self):
        return ["type=null"]

    def attach(self):
        self.up = False

    attach_again = attach

    def hang_up(self):
        pass

    def detach(self):
        return []

    take_stock = detach

    def arrived(self, whole=False):
        return []

    def pending(self):
        return 0

    def read_stats(self):
        n = self.switch.json("stats", self.name)["ports"][0]["tx_packets"]
        self.life_got += n - self.port_got
        self.port_got = n

    def close(self):
        pass
