"""The books: at a quiet moment, every frame that the switch took was received or stands under a drop's reason."""

import time

from ends import NullEnd, VhostEnd
from ledger import Fault

SETTLE_S = 15.0

# What may become of a frame that does not arrive; any other reason is a fault.
REASONS = {
    "flow-drop",
    "meter",
    "no-such-port",
    "port-down",
    "tx-full",
    "mtu",
    "no-controller",
    "upcall-lost",
    "upcall-ring-full",
    "device-missed",
}


class Books:
    def __init__(self, switch, ends, ledger):
        self.switch, self.ends, self.ledger = switch, ends, ledger
        self.drops = {}  # of this life of swd, as it said last

    def read(self):
        """Takes all counts. Frames that are still under way."""
        waiting = 0
        for end in self.ends:
            if end.up:
                self.ledger.arrived(end, end.arrived())
                waiting += end.pending()
                end.read_losses()
            if isinstance(end, NullEnd) and end.present:
                end.read_stats()
        self.drops = self.switch.drops()
        return waiting

    def weight(self, port):
        """How many receptions a frame dropped there would have been."""
        return next((end.copies for end in self.ends if end.name == port), 1)

    def taken(self):
        return sum(end.life_taken * end.copies for end in self.ends)

    def got(self):
        return sum(end.life_got for end in self.ends)

    def dropped(self):
        return sum(n * self.weight(port) for (port, _), n in self.drops.items())

    def lost(self):
        return sum(end.life_lost for end in self.ends)

    def missing(self):
        """Frames without an account; below 0: accounts without a frame."""
        return self.taken() - self.got() - self.dropped() - self.lost()

    def settle(self):
        """Waits until nothing is under way and all is accounted for."""
        for end in self.ends:
            if isinstance(end, VhostEnd) and end.up:
                for pair in set(range(end.queues)) - end.enabled:
                    end.set_enabled(pair, True)
        deadline = time.monotonic() + SETTLE_S
        while (waiting := self.read()) != 0 or self.missing() != 0:
            if time.monotonic() > deadline:
                who = {end.name: (end.pending(), self.switch.port(end.name)) for end in self.ends if end.up and end.pending()}
                raise Fault(f"{waiting} frames wait, {self.missing()} have no account; {who}\n{self.table()}")
        self.check_reasons()
        self.check_ports()

    def check_reasons(self):
        odd = {key: n for key, n in self.drops.items() if key[1] not in REASONS}
        if odd:
            raise Fault(f"drops that nothing here calls for: {odd}")

    def check_ports(self):
        """Each port's counters are what its end saw."""
        ports = {p["name"]: p for p in self.switch.json("stats")["ports"]}
        for end in self.ends:
            if end.present != (end.name in ports):
                raise Fault(f"port {end.name}: " + ("it is gone" if end.present else "it is still there"))
            if not end.present:
                continue
            port, missed = ports[end.name], self.drops.get((end.name, "device-missed"), 0)
            if port["rx_packets"] + missed != end.port_taken or port["tx_packets"] != end.port_got + end.port_lost:
                counts = f"received {port['rx_packets']} and missed {missed}, sent {port['tx_packets']}"
                raise Fault(f"port {end.name} {counts}; its end sent {end.port_taken}, received {end.port_got}\n{self.table()}")

    def table(self):
        """Where the frames of this life of swd are."""
        ledger, lines = self.ledger, [f"taken {self.taken()}, received {self.got()}, dropped {self.dropped()}, lost beyond {self.lost()}"]
        lines += [f"  {port:10} {reason:18} {n}" for (port, reason), n in sorted(self.drops.items())]
        lines.append("  from         taken  received   to end: sent/received")
        for end in self.ends:
            per_end = [(to, n, ledger.got[sender, to]) for (sender, to), n in sorted(ledger.sent.items()) if sender == end.index]
            received = sum(n for (sender, _), n in ledger.got.items() if sender == end.index)
            detail = " ".join(f"{to}:{n}/{got}" for to, n, got in per_end)
            lines.append(f"  {end.index:2} {end.name:8} {end.life_taken:7} {received:9}   {detail}")
        return "\n".join(lines)
