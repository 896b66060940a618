"""A raw client of the datapath protocol, as small as one can be: netlink messages over datapath.sock."""

import socket
import struct

DATAPATH, VPORT, FLOW, PACKET, METER, CT_LIMIT, SWD = range(0x20, 0x27)
NEW, DEL, GET, SET = 1, 2, 3, 4
MISS, ACTION, EXECUTE = 1, 2, 3
NETDEV, INTERNAL, GRE, VXLAN, GENEVE = 1, 2, 3, 4, 5
ACK, ECHO, DUMP, CREATE = 0x4, 0x8, 0x300, 0x400
INFO_GET, PMD_GET, SUBSCRIBE = 1, 2, 8
ERROR, DONE = 2, 3
UNALIGNED, PER_CPU = 1, 8
DP_NAME, DP_UPCALL_PID, DP_STATS, DP_FEATURES, DP_PIDS, DP_NO_LOCAL = 1, 2, 3, 5, 8, 32
PORT_NO, PORT_TYPE, PORT_NAME, PORT_OPTIONS, PORT_PID, PORT_STATS = 1, 2, 3, 4, 5, 6
FLOW_KEY, FLOW_ACTIONS, FLOW_STATS, FLOW_UFID, FLOW_MASK = 1, 2, 3, 9, 7
PACKET_DATA, PACKET_KEY, PACKET_ACTIONS, PACKET_USERDATA = 1, 2, 3, 4
KEY_IN_PORT, KEY_RECIRC, KEY_ETHERNET, KEY_ETHERTYPE = 3, 20, 4, 6
OUTPUT, USERSPACE = 1, 2
CLIENT_ID = 18


class Refused(Exception):
    """`code` is an errno."""

    def __init__(self, code, text):
        super().__init__(f"{code}: {text}")
        self.code, self.text = code, text


def attr(kind, payload=b""):
    if isinstance(payload, int):
        payload = struct.pack("=I", payload)
    elif isinstance(payload, str):
        payload = payload.encode() + b"\0"
    elif isinstance(payload, list):
        payload = b"".join(payload)
    return struct.pack("=HH", 4 + len(payload), kind) + payload + bytes(-len(payload) % 4)


def attrs(data):
    """By type; of several of a type the last."""
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found[kind & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


def u32(payload):
    return struct.unpack("=I", payload)[0]


class Message:
    def __init__(self, data):
        length, self.family, self.flags, self.seq, _ = struct.unpack_from("=IHHII", data)
        self.body = data[16:length]
        if self.family >= 0x10:
            self.cmd, _, _, self.dp = struct.unpack_from("=BBHi", self.body)
            self.attrs = attrs(self.body[8:])

    def u32(self, kind):
        return u32(self.attrs[kind])

    def text(self, kind):
        return self.attrs[kind].rstrip(b"\0").decode()


def messages(datagram):
    while datagram:
        length = struct.unpack_from("=I", datagram)[0]
        yield Message(datagram)
        datagram = datagram[(length + 3) & ~3 :]


class DpClient:
    def __init__(self, run_dir, timeout=10):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(timeout)
        self.sock.connect(f"{run_dir}/datapath.sock")
        self.seq = 0
        self.unasked = []  # upcalls and events

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def call(self, family, cmd, *attributes, dp=0, flags=ACK):
        """The answers; Refused when it is."""
        self.seq += 1
        body = struct.pack("=BBHi", cmd, 1, 0, dp) + b"".join(attributes)
        self.sock.send(struct.pack("=IHHII", 16 + len(body), family, flags | 1, self.seq, 0) + body)
        answers = []
        while True:
            for message in messages(self.sock.recv(1 << 17)):
                if message.seq != self.seq:
                    self.unasked.append(message)
                elif message.family == ERROR:
                    code = -struct.unpack_from("=i", message.body)[0]
                    if code == 0:
                        return answers
                    text = attrs(message.body[20:]).get(1, b"") if message.flags & 0x200 else b""
                    raise Refused(code, text.rstrip(b"\0").decode())
                elif message.family == DONE:
                    return answers
                else:
                    answers.append(message)

    def one(self, family, cmd, *attributes, dp=0, flags=ACK | ECHO):
        (answer,) = self.call(family, cmd, *attributes, dp=dp, flags=flags)
        return answer

    def dump(self, family, dp=0):
        return self.call(family, GET, dp=dp, flags=DUMP)

    def next_unasked(self):
        while not self.unasked:
            self.unasked.extend(messages(self.sock.recv(1 << 17)))
        return self.unasked.pop(0)

    # What dpif-netlink does.

    def pid(self):
        return self.one(SWD, INFO_GET).u32(CLIENT_ID)

    def dp_new(self, name, *attributes):
        return self.one(DATAPATH, NEW, attr(DP_NAME, name), attr(DP_FEATURES, UNALIGNED | PER_CPU), *attributes).dp

    def port_new(self, dp, name, kind, *attributes):
        answer = self.one(VPORT, NEW, attr(PORT_TYPE, kind), attr(PORT_NAME, name), attr(PORT_PID, 0), *attributes, dp=dp)
        return answer.u32(PORT_NO)

    def flow_new(self, dp, in_port, actions, ufid=None):
        key = attr(KEY_IN_PORT, in_port), attr(KEY_ETHERNET, bytes(12)), attr(KEY_ETHERTYPE, b"\x12\x34")
        mask = attr(KEY_IN_PORT, 0xFFFFFFFF), attr(KEY_ETHERNET, bytes(12)), attr(KEY_ETHERTYPE, b"\xff\xff")
        named = [attr(FLOW_UFID, ufid)] if ufid else []
        self.call(
            FLOW, NEW, *named, attr(FLOW_KEY, [*key]), attr(FLOW_MASK, [*mask]), attr(FLOW_ACTIONS, [*actions]), dp=dp
        )
