"""Waits for a swd and lets its packet threads sleep while nothing comes: sleepy_pmd.py RUN-DIR/datapath.sock

Open vSwitch's tests, and those of the plugin, leave the processor to what they test.
"""

import socket
import struct
import sys
import time

FAMILY_SWD, PMD_SET, VERSION = 0x26, 5, 1
IDLE_US, SLEEP_US = 4, 5  # SWD_PMD_SET_ATTR_*
REQUEST, ACK, ERROR = 1, 4, 2


def attr_u32(kind, value):
    return struct.pack("=HHI", 8, kind, value)


def connect(path):
    deadline = time.monotonic() + 20
    while True:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            sock.connect(path)
            return sock
        except OSError:
            sock.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def let_sleep(path):
    """0, or swd's -errno."""
    body = struct.pack("=BBHi", PMD_SET, VERSION, 0, 0) + attr_u32(IDLE_US, 50) + attr_u32(SLEEP_US, 200)
    with connect(path) as sock:
        sock.settimeout(10)
        sock.send(struct.pack("=IHHII", 16 + len(body), FAMILY_SWD, REQUEST | ACK, 1, 0) + body)
        kind, error = struct.unpack_from("=HHIIi", sock.recv(1 << 16), 4)[0::4]
        assert kind == ERROR
        return error


if __name__ == "__main__":
    sys.exit(-let_sleep(sys.argv[1]))
