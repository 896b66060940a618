"""A client of the memif protocol (2.0) that says and shares what it likes: one ring of 64 buffers each way."""

import mmap
import os
import socket
import struct

ACK, HELLO, INIT, ADD_REGION, ADD_RING, CONNECT, CONNECTED, DISCONNECT = range(1, 9)
COOKIE = 0x3E31F20
VERSION = 0x0200
RING_S2M, RING_M2S, BUFFERS, SIZE = 0, 8192, 65536, 1 << 20
HEAD, TAIL, DESCS = 6, 64, 128  # of a ring
N = 64


def message(kind, payload=b""):
    return struct.pack("=H", kind) + payload.ljust(126, b"\0")


class MemifPeer:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(5)
        self.sock.connect(path)
        self.file = self.map = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()
        if self.map is not None:
            self.u16.release()
            self.map.close()
            os.close(self.file)

    def hear(self):
        """The type of the next message; 0 at the end."""
        got = self.sock.recv(128)
        return struct.unpack_from("=H", got)[0] if got else 0

    def say(self, kind, payload=b"", fd=None):
        if fd is None:
            self.sock.send(message(kind, payload))
        else:
            socket.send_fds(self.sock, [message(kind, payload)], [fd])
        return self.hear()

    def init(self, link_id):
        return self.say(INIT, struct.pack("=HIB", VERSION, link_id, 0))

    def desc(self, ring, i, length, flags=0, region=0, offset=None):
        if offset is None:
            offset = BUFFERS + (0 if ring == RING_S2M else N * 2048) + 2048 * (i % N)
        struct.pack_into("=HHII", self.map, ring + DESCS + 16 * (i % N), flags, region, length, offset)

    def set_head(self, ring, head):
        self.u16[(ring + HEAD) // 2] = head & 0xFFFF  # one store: pack_into() writes zeros first

    def connect(self, link_id):
        """As a good client does it. The link is up when it returns."""
        self.file = os.memfd_create("memif", 0)
        os.ftruncate(self.file, SIZE)
        self.map = mmap.mmap(self.file, SIZE)
        self.u16 = memoryview(self.map).cast("H")
        for ring, length in ((RING_S2M, 60), (RING_M2S, 2048)):
            struct.pack_into("=I", self.map, ring, COOKIE)
            for i in range(N):
                self.desc(ring, i, length)
        assert self.hear() == HELLO
        assert self.init(link_id) == ACK
        assert self.say(ADD_REGION, struct.pack("=HQ", 0, SIZE), self.file) == ACK
        for flags, offset in ((1, RING_S2M), (0, RING_M2S)):
            event = os.eventfd(0)
            assert self.say(ADD_RING, struct.pack("=HHHIBH", flags, 0, 0, offset, 6, 0), event) == ACK
            os.close(event)
        assert self.say(CONNECT) == CONNECTED
        self.set_head(RING_M2S, N)
        return self

    def send(self, frame):
        """One frame; no second one before it is taken."""
        (head,) = struct.unpack_from("=H", self.map, RING_S2M + HEAD)
        at = BUFFERS + 2048 * (head % N)
        self.map[at : at + len(frame)] = frame
        self.desc(RING_S2M, head, len(frame))
        self.set_head(RING_S2M, head + 1)
