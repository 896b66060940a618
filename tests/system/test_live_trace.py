"""What swd tells of a port's live packets.

    vm1, new --- swd --- vm2          the test asks swd itself, over datapath.sock
"""

import struct

import pytest
from frames import UDP_FRAME, numbered
from test_bad_clients import datapath_client, dp_message

FAMILY_SWD = 0x26
TRACE_SET, TRACE = 3, 4
PORT_NO, COUNT, TIME_MS, INDEX, FRAME_LEN, FRAME, CUT, STEP, EVENT, END = range(1, 11)
KIND, EVENT_PORT, PACKETS, REASON = range(1, 5)
OUTPUT, UPCALL, DROP = range(3)


def u32(kind, value):
    return struct.pack("=HHI", 8, kind, value)


def attributes(data):
    """[(type, payload)]"""
    found = []
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        found.append((kind & 0x3FFF, data[4:size]))
        data = data[size + 3 & ~3 :]
    return found


def messages(datagram):
    while datagram:
        size, kind = struct.unpack_from("=IH", datagram)
        yield kind, datagram[:size]
        datagram = datagram[size + 3 & ~3 :]


class Trace:
    def __init__(self, switch, port, count, time_ms=60_000):
        self.number = switch.port(port)["number"]
        self.sock = datapath_client(switch)
        attrs = u32(PORT_NO, self.number) + u32(COUNT, count) + u32(TIME_MS, time_ms)
        self.sock.send(dp_message(FAMILY_SWD, TRACE_SET, 5, attrs, seq=7))
        answer = self.sock.recv(1 << 17)
        assert struct.unpack_from("=i", answer, 16)[0] == 0, answer

    def packets(self):
        """Of each packet, its attributes; once the trace has ended."""
        found = []
        while True:
            for kind, message in messages(self.sock.recv(1 << 17)):
                assert (kind, message[16]) == (FAMILY_SWD, TRACE)
                attrs = attributes(message[24:])
                if attrs[0][0] == END:
                    return found
                found.append(attrs)


def events(packet):
    """[(kind, port number, reason)]"""
    lists = [dict(attributes(payload)) for kind, payload in packet if kind == EVENT]
    return [(e[KIND][0], struct.unpack("=I", e[EVENT_PORT])[0], e.get(REASON, b"\0")[:-1].decode()) for e in lists]


@pytest.fixture
def trace(net):
    made = []

    def make(*words, **kw):
        made.append(Trace(net.switch, *words, **kw))
        return made[-1]

    yield make
    for t in made:
        t.sock.close()


def test_a_live_packet_is_told_with_its_way(net, newcomer, trace):
    net.set_flows("in_port=new,actions=output:vm2")
    vm2 = net.switch.port("vm2")["number"]
    t = trace("new", 2)
    frames = [numbered(UDP_FRAME, i) for i in range(2)]
    for frame in frames:  # the first one misses
        newcomer.send(frame)
        assert net.vm2.recv() == frame
    first, second = t.packets()
    assert [dict(p)[FRAME] for p in (first, second)] == [f[:256] for f in frames]
    assert events(first) == [(UPCALL, t.number, "")]
    assert events(second) == [(OUTPUT, vm2, "")]


def test_a_drop_is_told_with_its_reason(net, trace):
    net.set_flows("in_port=vm1,actions=drop")
    before = net.switch.drops().get(("vm1", "flow-drop"), 0)
    net.vm1.send(UDP_FRAME)
    net.switch.wait_drop("vm1", "flow-drop", before)  # its flow is there, too
    t = trace("vm1", 1)
    net.vm2.send(UDP_FRAME)  # another port's
    net.vm1.send(UDP_FRAME)
    (packet,) = t.packets()
    assert events(packet) == [(DROP, t.number, "flow-drop")]


def test_the_time_ends_a_trace(net, trace):
    net.set_flows()
    assert trace("vm1", 1, time_ms=50).packets() == []
