"""The Linux bridge between two taps, the kernel's way: it works on the core of whoever writes into a tap."""

import shutil
import threading
import time

from peer import BenchError, Namespace, Peer

TAPS = ("tap1", "tap2")


class Bridge(Peer):
    name = "bridge"
    title = "Linux bridge"

    @classmethod
    def missing(cls):
        return None if shutil.which("ip") else "apt-get install --no-install-recommends iproute2"

    def start(self):
        self.namespace = Namespace()
        self.daemons = [self.namespace.holder]
        self.namespace.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        self.namespace.ip("link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        self.namespace.ip("link", "set", "br0", "up")

    def ports(self):
        return [f"tap:{t}" for t in TAPS]

    def prefix(self):
        return self.namespace.prefix

    def generator_started(self):
        """The taps are the generator's: they join the bridge when it has made them."""
        threading.Thread(target=self.enslave, daemon=True).start()

    def enslave(self):
        for tap in TAPS:
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline:
                try:
                    self.namespace.ip("link", "set", tap, "master", "br0", "up")
                    break
                except BenchError:
                    time.sleep(0.02)
