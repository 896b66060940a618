"""A control server for swctl's tests: answers as the test says, and misbehaves when told to."""

import fcntl
import json
import os
import socketserver
import struct
import termios
import threading
import time


class _Handler(socketserver.StreamRequestHandler):
    def handle(self):
        line = self.rfile.readline() if self.server.read_first else b""
        if line:
            self.server.requests.append(json.loads(line))
        try:
            for piece in self.server.answer(self.server.requests[-1] if line else None):
                self.wfile.write(piece)
                self.wait_read()
        except (BrokenPipeError, ConnectionResetError):
            pass


    def wait_read(self):
        """Until swctl has taken what was sent, so that pieces reach it one by one."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            unread = fcntl.ioctl(self.connection, termios.TIOCOUTQ, struct.pack("i", 0))
            if struct.unpack("i", unread)[0] == 0:
                return
            time.sleep(0.0005)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 16

    def handle_error(self, request, client_address):
        raise  # pylint: disable=misplaced-bare-raise


class FakeSwctld:
    """Serves DIR/control.sock. `answer` is a function: request -> pieces of bytes; set it with one of the methods."""

    def __init__(self, run_dir):
        self.server = _Server(os.path.join(run_dir, "control.sock"), _Handler)
        self.server.requests = []
        self.server.read_first = True
        self.returns({})
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def returns(self, result):
        self.server.answer = lambda request: [json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode() + b"\n"]

    def refuses(self, message, code=1, **data):
        error = {"code": code, "message": message, **({"data": data} if data else {})}
        self.server.answer = lambda request: [json.dumps({"jsonrpc": "2.0", "id": 1, "error": error}).encode() + b"\n"]

    def sends(self, *pieces):
        """These bytes, whatever was asked, then the end of the connection."""
        self.server.answer = lambda request: pieces

    def does(self, answer, read_first=True):
        self.server.answer = answer
        self.server.read_first = read_first

    @property
    def request(self):
        return self.server.requests[-1]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()
