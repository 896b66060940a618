"""A swd of another version, for swctld: serves DIR/datapath.sock, knows what the test says, and has neither packets nor flows."""

import contextlib
import errno
import os
import socket
import struct
import threading

INFO_GET, DP_SET, VPORT_NEW, VPORT_GET, FLOW_GET = (0x26, 1), (0x20, 4), (0x21, 1), (0x21, 3), (0x22, 3)
EVER = {INFO_GET: "info", DP_SET: "ack", VPORT_NEW: "ack", VPORT_GET: "dump", FLOW_GET: "dump"}  # what a first release had
INFO_VERSION = 1  # SWD_INFO_ATTR_VERSION
ERROR, DONE = 2, 3
NLM_F_ACK, NLM_F_CAPPED, NLM_F_ACK_TLVS = 4, 0x100, 0x200


def attr(kind, payload):
    data = struct.pack("=HH", 4 + len(payload), kind) + payload
    return data + bytes(-len(data) % 4)


def message(kind, seq, payload, flags=0):
    return struct.pack("=IHHII", 16 + len(payload), kind, flags, seq, 0) + payload


def request(family, cmd, version, flags=5, seq=1):
    return message(family, seq, struct.pack("=BBHi", cmd, version, 0, 0), flags)


def refusal(data):
    """errno and text of an answer; 0 and "" of an acknowledgement."""
    assert struct.unpack_from("=H", data, 4)[0] == ERROR, data
    text = data[16 + 4 + 16 + 4 :].split(b"\0")[0].decode() if len(data) > 36 else ""
    return -struct.unpack_from("=i", data, 16)[0], text


class FakeSwd:
    """`protocol`: what its answers carry; `strict`: whether it looks at that of requests. `requests`: (family, command) of all."""

    def __init__(self, run_dir, protocol=1, strict=True):
        self.protocol, self.strict = protocol, strict
        self.requests = []
        self._news = threading.Condition()
        self.path = os.path.join(run_dir, "datapath.sock")
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(self.path)
        self._listener.listen(8)
        self._clients = []
        threading.Thread(target=self._accept, daemon=True).start()

    def wait_requests(self, what, n, timeout=10):
        with self._news:
            assert self._news.wait_for(lambda: self.requests.count(what) >= n, timeout), f"{n} times {what} in {self.requests}"

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in self._clients:
            with contextlib.suppress(OSError):  # its thread may just have closed it
                client.shutdown(socket.SHUT_RDWR)
        os.unlink(self.path)

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._clients.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            while data := client.recv(1 << 16):
                while data:
                    length = struct.unpack_from("=I", data)[0]
                    client.send(self._answer(data[:length]))
                    data = data[-(-length // 4) * 4 :]
        except OSError:
            pass
        client.close()

    def _answer(self, data):
        _, family, flags, seq, _, cmd, version = struct.unpack_from("=IHHIIBB", data)
        how = EVER.get((family, cmd))
        with self._news:
            self.requests.append((family, cmd))
            self._news.notify_all()
        if self.strict and version != self.protocol:
            text = f"swd 9.9 speaks version {self.protocol} of the datapath protocol, not {version}"
            return self._refuse(data, seq, errno.EPROTONOSUPPORT, text)
        if how is None:
            return self._refuse(data, seq, errno.EOPNOTSUPP, f"command {cmd} of family {family:#x} is not built")
        if how == "dump":
            return message(DONE, seq, bytes(4), 2)
        ack = message(ERROR, seq, bytes(4) + data[:16], NLM_F_CAPPED) if flags & NLM_F_ACK else b""
        if how == "ack":
            return ack
        attrs = attr(INFO_VERSION, b"9.9\0") + attr(200, b"what nobody knows yet")
        return message(family, seq, struct.pack("=BBHi", cmd, self.protocol, 0, 1) + attrs) + ack

    def _refuse(self, data, seq, code, text):
        payload = struct.pack("=i", -code) + data[:16] + attr(1, text.encode() + b"\0")
        return message(ERROR, seq, payload, NLM_F_CAPPED | NLM_F_ACK_TLVS)
