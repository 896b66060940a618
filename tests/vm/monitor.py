"""QEMU's monitor (QMP): commands and events, each a line of JSON."""

import json
import socket


class MonitorError(Exception):
    pass


class Monitor:
    """A connection; QEMU serves one at a time. Events that come before they are waited for are kept."""

    def __init__(self, path, timeout=20):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.lines = self.socket.makefile()
        self.events = []
        self.execute("qmp_capabilities")

    def _next(self):
        line = self.lines.readline()
        if not line:
            raise MonitorError("QEMU closed its monitor")
        message = json.loads(line)
        if "event" in message:
            self.events.append(message)
        return message

    def execute(self, command, **arguments):
        """What QEMU returns."""
        self.socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
        while True:
            answer = self._next()
            if "error" in answer:
                raise MonitorError(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def wait_event(self, name, **data):
        """The next event of this name with these data, taken from those that came, or waited for."""
        while True:
            for n, event in enumerate(self.events):
                if event["event"] == name and data.items() <= event.get("data", {}).items():
                    del self.events[: n + 1]
                    return event
            self._next()

    def close(self):
        self.lines.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def seconds(event):
    """When QEMU told of it, by the host's clock."""
    return event["timestamp"]["seconds"] + event["timestamp"]["microseconds"] / 1e6
