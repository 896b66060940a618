"""The front end's messages of the vhost-user protocol (QEMU's docs/interop/vhost-user.rst)."""

import select
import socket
import struct
import time

GET_FEATURES = 1
SET_FEATURES = 2
SET_OWNER = 3
RESET_OWNER = 4
SET_MEM_TABLE = 5
SET_LOG_BASE = 6
SET_VRING_NUM = 8
SET_VRING_ADDR = 9
SET_VRING_BASE = 10
GET_VRING_BASE = 11
SET_VRING_KICK = 12
SET_VRING_CALL = 13
SET_VRING_ERR = 14
GET_PROTOCOL_FEATURES = 15
SET_PROTOCOL_FEATURES = 16
GET_QUEUE_NUM = 17
SET_VRING_ENABLE = 18
SEND_RARP = 19
POSTCOPY_ADVISE = 28
POSTCOPY_LISTEN = 29

PROTOCOL_F_MQ = 1 << 0
PROTOCOL_F_LOG_SHMFD = 1 << 1
PROTOCOL_F_RARP = 1 << 2
PROTOCOL_F_REPLY_ACK = 1 << 3

VIRTIO_NET_F_CSUM = 1 << 0
VIRTIO_NET_F_GUEST_CSUM = 1 << 1
VIRTIO_NET_F_GUEST_TSO4 = 1 << 7
VIRTIO_NET_F_GUEST_TSO6 = 1 << 8
VIRTIO_NET_F_GUEST_ECN = 1 << 9
VIRTIO_NET_F_HOST_TSO4 = 1 << 11
VIRTIO_NET_F_HOST_TSO6 = 1 << 12
VIRTIO_NET_F_HOST_ECN = 1 << 13
VIRTIO_NET_F_MRG_RXBUF = 1 << 15
VIRTIO_NET_F_MQ = 1 << 22
VHOST_F_LOG_ALL = 1 << 26
VIRTIO_F_INDIRECT_DESC = 1 << 28
VIRTIO_F_EVENT_IDX = 1 << 29
VHOST_USER_F_PROTOCOL_FEATURES = 1 << 30
VIRTIO_F_VERSION_1 = 1 << 32
VIRTIO_F_RING_PACKED = 1 << 34
VIRTIO_F_IN_ORDER = 1 << 35

HOST_OFFLOADS = VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_HOST_ECN
GUEST_OFFLOADS = VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6 | VIRTIO_NET_F_GUEST_ECN

_HEADER = struct.Struct("=III")  # request, flags, size of the payload
_VERSION = 1
_REPLY = 1 << 2
_NEED_REPLY = 1 << 3
_NO_FD = 1 << 8
_ANSWERED = {GET_FEATURES, GET_VRING_BASE, GET_PROTOCOL_FEATURES, GET_QUEUE_NUM, SET_LOG_BASE}


class Disconnected(Exception):
    """The switch closed the vhost-user connection."""


class Refused(Exception):
    """The switch answered a request with an error."""


class Connection:
    def __init__(self, sock, timeout=5.0):
        self.sock = sock
        self.timeout = timeout
        self.reply_ack = False
        sock.settimeout(timeout)

    @classmethod
    def connect(cls, path, timeout=5.0):
        """Connects to a listening switch, waiting for its socket to come up."""
        deadline = time.monotonic() + timeout
        while True:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                sock.connect(path)
                return cls(sock, timeout)
            except (FileNotFoundError, ConnectionRefusedError, BlockingIOError):
                sock.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.005)

    def fileno(self):
        return self.sock.fileno()

    def close(self):
        self.sock.close()

    def raw(self, data, fds=()):
        """Sends bytes as they are: for front ends that misbehave."""
        try:
            if fds:
                socket.send_fds(self.sock, [data], list(fds))
            else:
                self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as e:
            raise Disconnected(str(e)) from e

    def call(self, request, payload=b"", fds=(), ack=True):
        """Sends a request and waits for its answer (bytes), or for its acknowledgement when that was agreed on."""
        flags = _VERSION
        acked = self.reply_ack and ack and request not in _ANSWERED
        if acked:
            flags |= _NEED_REPLY
        self.raw(_HEADER.pack(request, flags, len(payload)) + payload, fds)
        if request not in _ANSWERED and not acked:
            return b""
        answered, flags, size = _HEADER.unpack(self._read(_HEADER.size))
        body = self._read(size)
        if answered != request or not flags & _REPLY:
            raise Refused(f"request {request} was answered with request {answered}, flags {flags:#x}")
        if acked and struct.unpack("=Q", body)[0] != 0:
            raise Refused(f"request {request} was refused")
        return body

    def call_u64(self, request, value=None, **kw):
        body = self.call(request, b"" if value is None else struct.pack("=Q", value), **kw)
        return struct.unpack("=Q", body)[0] if value is None else None

    def vring_state(self, request, index, num, **kw):
        body = self.call(request, struct.pack("=II", index, num), **kw)
        return struct.unpack("=II", body)[1] if body and request in _ANSWERED else None

    def vring_addr(self, index, desc, used, avail, log=None):
        """`log`: the guest's address under which writes to the used ring are to be logged."""
        self.call(SET_VRING_ADDR, struct.pack("=IIQQQQ", index, int(log is not None), desc, used, avail, log or 0))

    def vring_fd(self, request, index, fd):
        value = index if fd is not None else index | _NO_FD
        self.call(request, struct.pack("=Q", value), fds=() if fd is None else (fd,))

    def mem_table(self, memory):
        regions = memory.regions()
        payload = struct.pack("=II", len(regions), 0) + b"".join(struct.pack("=QQQQ", *r) for r in regions)
        self.call(SET_MEM_TABLE, payload, fds=[memory.fd] * len(regions))

    def alive(self):
        """False once the switch has closed its end."""
        poll = select.poll()
        poll.register(self.sock, select.POLLIN | select.POLLRDHUP)
        return not any(ev & (select.POLLRDHUP | select.POLLHUP | select.POLLERR) for _, ev in poll.poll(0))

    def _read(self, n):
        data = b""
        while len(data) < n:
            try:
                part = self.sock.recv(n - len(data))
            except ConnectionResetError as e:
                raise Disconnected(str(e)) from e
            if not part:
                raise Disconnected("the switch closed the connection")
            data += part
        return data
