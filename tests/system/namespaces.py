"""Network namespaces of a test's own, by the process that keeps them."""

import ctypes
import os
import signal
import socket
import subprocess
import threading

CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def inside(pid, make):
    """What make() returns in the network namespace of a process: sockets stay there."""
    made = []

    def enter():
        ns = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        try:
            if _libc.setns(ns, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            made.append(make())
        except OSError as e:
            made.append(e)
        finally:
            os.close(ns)

    # A thread of its own: the namespace of this process must not change.
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


def packet_socket(pid, iface):
    """An AF_PACKET socket in a process's network namespace."""

    def make():
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        sock.bind((iface, 0))
        sock.settimeout(2)
        return sock

    return inside(pid, make)


class Namespace:
    """A network namespace that is there until close()."""

    def __init__(self):
        def setup():
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

        # It says a line when it is inside.
        words = ["unshare", "-n", "sh", "-c", "echo; exec sleep infinity"]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, preexec_fn=setup)
        self.process.stdout.readline()
        self.pid = self.process.pid

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def ip(pid, *lines):
    """ip(8) commands, one a line, in the namespace of a process."""
    subprocess.run(["nsenter", "-t", str(pid), "-n", "ip", "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True)
