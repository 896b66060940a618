"""Network namespaces of a test's own, with veth pairs between them. Nothing of the host's is touched."""

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import threading

CLONE_NEWNET = 0x40000000


SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17
SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 263, 8, 1 << 4


class PacketSocket(socket.socket):
    """An AF_PACKET socket whose frames have their VLAN tags, which the kernel takes off, again."""

    def __init__(self, iface):
        super().__init__(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.bind((iface, 0))
        self.settimeout(10)

    def frame(self):
        data, control, _, _ = self.recvmsg(65536, 64)
        for level, kind, aux in control:
            if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
                status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", aux)
                if status & TP_STATUS_VLAN_VALID:
                    return data[:12] + struct.pack(">HH", tpid, tci) + data[12:]
        return data


class Netns:
    """A namespace that lives as long as a process in it: one of the test's own, or the one given."""

    def __init__(self, pid=None):
        self._keeper = None
        if pid is None:
            argv = ["unshare", "-n", "sh", "-c", "echo ready; exec cat"]
            self._keeper = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self._keeper.stdout.readline()
            pid = self._keeper.pid
        self.pid = pid
        # Neighbour discovery would mix frames of its own into those of the test.
        if not self.is_host():
            self.run("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6")

    def is_host(self):
        """Whether the given process is in the namespace of the tests, where others live, too."""
        return os.stat(f"/proc/{self.pid}/ns/net").st_ino == os.stat("/proc/self/ns/net").st_ino

    def close(self):
        if self._keeper is not None:
            self._keeper.stdin.close()
            self._keeper.stdout.close()
            self._keeper.wait()
            self._keeper = None

    def run(self, *argv, check=True):
        argv = ["nsenter", "-t", str(self.pid), "-n", "--", *map(str, argv)]
        return subprocess.run(argv, check=check, capture_output=True, text=True, timeout=20)

    def ip(self, *words, check=True):
        return self.run("ip", *words, check=check).stdout

    def veth(self, name, other, other_name, up=True, **options):
        """A pair: `name` here, `other_name` in the namespace `other`."""
        extra = [word for pair in options.items() for word in map(str, pair)]
        self.ip("link", "add", name, *extra, "type", "veth", "peer", "name", other_name, *extra, "netns", other.pid)
        if up:
            self.ip("link", "set", name, "up")
            other.ip("link", "set", other_name, "up")

    def checksums_in_software(self, iface):
        """As `ethtool -K IFACE tx off`: a veth leaves them to its other end, which a switch is not."""

        def ask():
            with socket.socket() as sock:
                value = ctypes.create_string_buffer(struct.pack("II", ETHTOOL_STXCSUM, 0))
                fcntl.ioctl(sock, SIOCETHTOOL, struct.pack("16sP16x", iface.encode(), ctypes.addressof(value)))

        self.enter(ask)

    def enter(self, call):
        """What `call` gives inside the namespace, on a thread of its own."""
        result = []

        def run():
            libc = ctypes.CDLL(None, use_errno=True)
            ns = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)
            try:
                if libc.setns(ns, CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
                result.append(call())
            except OSError as e:
                result.append(e)
            finally:
                os.close(ns)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if isinstance(result[0], OSError):
            raise result[0]
        return result[0]

    def packet_socket(self, iface):
        """A PacketSocket on an interface of the namespace."""
        return self.enter(lambda: PacketSocket(iface))

    def socket(self, family, kind):
        return self.enter(lambda: socket.socket(family, kind))
