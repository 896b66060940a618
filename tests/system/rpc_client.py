"""A connection to swctld that stays open: many calls, without a process for each."""

import json


class Rpc:
    def __init__(self, switch):
        self.sock = switch.rpc_socket()
        self.file = self.sock.makefile("rb")

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else json.dumps(data).encode() + b"\n")

    def answer(self):
        line = self.file.readline()
        return json.loads(line) if line else None

    def call(self, data):
        self.send(data)
        return self.answer()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.file.close()
        self.sock.close()


def request(method, **params):
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
