"""Clients that behave badly on the daemons' sockets get an error or lose their connection; others go on.

    clients ---> control.sock (swctld, JSON lines), datapath.sock (swd, netlink messages)
"""

import json
import os
import random
import socket
import struct

import pytest
from frames import *
from rpc_client import Rpc

RPC_LINE_MAX = 128 << 20


# Clients on the control socket.


VERSION_REQUEST = {"jsonrpc": "2.0", "id": 1, "method": "version"}


def works(switch):
    assert switch.json("version")["protocol"] == 2


@pytest.mark.parametrize(
    "line, code",
    [
        (b"{\n", -32700),
        (b"not json\n", -32700),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "version"\n', -32700),
        (b"\xff\xfe\n", -32700),
        (b"[]\n", -32600),
        (b"7\n", -32600),
        (b"{}\n", -32600),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "version"}\n', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": 7}\n', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "no.such"}\n', -32601),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "flow.add"}\n', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "flow.add", "params": [1]}\n', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "flow.add", "params": {"flow": 7}}\n', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "flow.add", "params": {"flow": "actions=drop", "colour": 1}}\n', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "port.add", "params": {"name": "x", "kind": "dpdk", "options": []}}\n', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "flow.add_many", "params": {"flows": ["x"]}}\n', -32602),
        (b"[" * 100000 + b"\n", -32700),
    ],
    ids=lambda v: v[:50].decode(errors="replace") if isinstance(v, bytes) else str(v),
)
def test_a_malformed_line_gets_its_error_and_the_next_line_works(net, line, code):
    with Rpc(net.switch) as rpc:
        answer = rpc.call(line)
        assert answer["error"]["code"] == code
        assert answer["error"]["message"] and "\n" not in answer["error"]["message"]
        assert rpc.call(VERSION_REQUEST)["result"]["protocol"] == 2


def test_requests_sent_together_are_answered_in_order(net):
    with Rpc(net.switch) as rpc:
        rpc.send(b"".join(json.dumps({**VERSION_REQUEST, "id": i}).encode() + b"\n" for i in range(200)))
        assert [rpc.answer()["id"] for _ in range(200)] == list(range(200))


def test_a_request_in_single_bytes_is_answered(net):
    with Rpc(net.switch) as rpc:
        for byte in json.dumps(VERSION_REQUEST).encode() + b"\n":
            rpc.send(bytes([byte]))
        assert rpc.answer()["result"]["protocol"] == 2


def test_a_line_that_is_too_long_is_refused(net):
    with Rpc(net.switch) as rpc:
        try:
            rpc.send(b'{"x": "')
            block = b"y" * (1 << 20)
            for _ in range((RPC_LINE_MAX >> 20) + 1):
                rpc.send(block)
            rpc.send(b'"}\n')
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            answer = rpc.answer()
        except ConnectionResetError:
            answer = None
        assert answer is None or answer["error"]["code"] in (-32700, -32600)
    works(net.switch)


def test_silent_half_and_deaf_clients_disturb_nobody(net):
    """Ten of each on the control socket; swctl is served all the same."""
    net.set_flows(*[f"priority={i + 1},udp,tp_dst={i + 1},actions=drop" for i in range(100)])
    dump = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "flow.dump"}).encode() + b"\n"
    clients = []
    try:
        for _ in range(10):
            clients.append(net.switch.rpc_socket())  # silent
            clients.append(net.switch.rpc_socket())
            clients[-1].sendall(b'{"jsonrpc": "2.0", "id"')  # half
            deaf = net.switch.rpc_socket()
            clients.append(deaf)
            deaf.setblocking(False)
            for _ in range(50):
                try:
                    deaf.send(dump)
                except BlockingIOError:
                    break
        works(net.switch)
        assert len(net.json("dump-flows")["rules"]) == 100
        net.swctl("add-flow", "actions=output:vm2")
        net.vm1.send(raw(tcp()))
        net.vm2.recv()
    finally:
        for client in clients:
            client.close()
    works(net.switch)


# Clients on the datapath socket.


def datapath_client(switch):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.connect(f"{switch.run_dir}/datapath.sock")  # blocking: waits when swd has many to accept
    sock.settimeout(5)
    return sock


def dp_message(family, cmd, flags=1, attrs=b"", seq=1):
    body = struct.pack("=BBHi", cmd, 1, 0, 0) + attrs
    return struct.pack("=IHHII", 16 + len(body), family, flags, seq, 0) + body


VPORT_DUMP = dp_message(0x21, 3, 0x301)
FLOW_DUMP = dp_message(0x22, 3, 0x301)


def datapath_works(net):
    sock = datapath_client(net.switch)
    sock.send(VPORT_DUMP)
    assert b"vm1" in sock.recv(1 << 17)
    sock.close()
    net.set_flows("actions=output:vm2")
    net.vm1.send(raw(tcp()))
    net.vm2.recv()


@pytest.mark.parametrize(
    "datagram",
    [
        b"x",
        b"\0" * 16,
        b"\xff" * 64,
        os.urandom(4096),
        struct.pack("=IHHII", 5, 0x21, 1, 1, 0),
        struct.pack("=IHHII", 1 << 30, 0x21, 1, 1, 0),
        dp_message(0x21, 3)[:20],
        dp_message(0x21, 99, 5),
        dp_message(0x99, 1, 5),
        dp_message(0x22, 1, 5, struct.pack("=HH", 3, 1)),
        dp_message(0x22, 1, 5, struct.pack("=HH", 60000, 1)),
        dp_message(0x22, 1, 5, struct.pack("=HH", 4, 1) + struct.pack("=HH", 4, 3)),
        dp_message(0x24, 2, 5),
    ],
    ids=["a byte", "zeros", "ones", "noise", "short length", "long length", "cut", "command", "family", "attr short", "attr long", "flow", "meter"],
)
def test_garbage_on_the_datapath_socket_gets_an_error_or_a_closed_connection(net, datagram):
    with datapath_client(net.switch) as sock:
        sock.send(datagram)
        try:
            answer = sock.recv(1 << 17)
        except ConnectionResetError:
            answer = b""
        if answer:
            kind, error = struct.unpack_from("=H", answer, 4)[0], struct.unpack_from("=i", answer, 16)[0]
            assert kind == 2 and error < 0
    datapath_works(net)


def test_noise_on_the_datapath_socket_kills_nothing(net):
    """Real messages with bytes changed at random."""
    rng = random.Random(20261123)
    base = [VPORT_DUMP, FLOW_DUMP, dp_message(0x22, 1, 5, os.urandom(64)), dp_message(0x20, 3), dp_message(0x26, 1), dp_message(0x26, 2, 0x301)]
    for _ in range(300):
        data = bytearray(rng.choice(base))
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        # Not what changes state on purpose: deleting ports or flows, taking the upcalls.
        kind, cmd = struct.unpack_from("=H", data, 4)[0], data[16]
        if kind in (0x20, 0x21) and cmd in (1, 2, 4):
            continue
        with datapath_client(net.switch) as sock:
            try:
                sock.send(data)
            except (BrokenPipeError, ConnectionResetError):
                pass
    datapath_works(net)


def test_silent_and_deaf_clients_on_the_datapath_socket_disturb_nobody(net):
    clients = []
    try:
        for _ in range(20):
            clients.append(datapath_client(net.switch))
            deaf = datapath_client(net.switch)
            clients.append(deaf)
            deaf.setblocking(False)
            for _ in range(500):
                try:
                    deaf.send(VPORT_DUMP)
                except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                    break
        datapath_works(net)
    finally:
        for client in clients:
            client.close()
    datapath_works(net)
