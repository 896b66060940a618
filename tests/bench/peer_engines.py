"""swd with one receive engine at a time, in a network namespace of its own, with the interfaces that the engine reads from."""

import json

import engines
from peer import BenchError, command, entering
from peer_swd import Swd

LINK_TIMEOUT_S = 5


def reason(refusal):
    """What swctl said, without the command."""
    return str(refusal).splitlines()[0].rpartition(" swctl: ")[2]


class EngineSwitch(Swd):
    """Two guests are there always: vm1 is the sink, vm2 sends where no kernel interface does."""

    name = title = "engines"

    def __init__(self, folder):
        super().__init__(folder, "engines")
        self.engine = None
        self.back = False  # from the guest to the engine

    def start(self):
        super().start()
        command(*self.prefix(), "sysctl", "-q", "-w", "net.ipv6.conf.default.disable_ipv6=1")

    def prefix(self):
        return entering(self.home.pid)

    def ip(self, words):
        return command(*self.prefix(), "ip", *words.split())

    def equip(self, engine):
        """Makes an engine's interfaces, ports and rules in place of the last one's."""
        self.clear()
        self.engine, self.back = engine, False
        seen = len(self.home.lines)
        try:
            for words in engine.links:
                self.ip(words)
            for name, *options in engine.ports:
                self.switch.swctl("add-port", name, *(o.format(dir=self.folder) for o in options))
            for words in engine.late_links:
                self.ip(words)
            for name, *_ in engine.ports:
                self.switch.wait_link(name, timeout=LINK_TIMEOUT_S)
            self.turn(back=False)
        except AssertionError as e:
            raise BenchError(f"{reason(e)}{self.driver_word(seen)}") from e

    def driver_word(self, seen):
        """What a driver's libraries have said since, beside swd's own lines: the last of it."""
        said = [line.strip() for line in self.home.lines[seen:] if line and line.strip() and not line.startswith("swd: ")]
        return f" ({'; '.join(said[-3:])})" if said else ""

    def turn(self, back):
        """Frames go from the engine to the guest, or back."""
        self.back = back
        pairs = [pair[::-1] if back else pair for pair in self.engine.hops]
        try:
            self.switch.set_flows(*(f"udp,in_port={a},nw_dst=10.1.0.2,tp_dst=1000,actions=output:{b}" for a, b in pairs))
        except AssertionError as e:
            raise BenchError(reason(e)) from e

    def ports(self):
        ends = [p.format(**{n: self.socket(n) for n in self.guests()}) for p in (self.engine.source, self.engine.sink)]
        return ends[::-1] if self.back else ends

    def clear(self):
        if self.engine is None:
            return
        for name, *_ in self.engine.ports:
            self.switch.run("del-port", name)
        for link in engines.MADE:
            try:
                self.ip(f"link del {link}")
            except BenchError:
                pass  # this engine had none of that name
        self.engine = None

    def drop_counts(self):
        """Frames dropped so far, by the interfaces' own counts and by swd's."""
        links = json.loads(self.ip("-json -statistics link show"))
        return {
            "kernel": sum(way.get(k, 0) for link in links for way in link.get("stats64", {}).values() for k in ("dropped", "missed")),
            "swd": sum(p["dropped"] for p in self.switch.json("stats")["ports"]),
        }

    def xdp_mode(self):
        """How the kernel runs an engine's XDP program: "xdp" is in the driver, "xdpgeneric" behind it; None: there is none."""
        words = self.ip("link show").split()
        return next((w for w in words if w in ("xdp", "xdpgeneric", "xdpoffload")), None)
