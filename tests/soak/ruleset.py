"""What the switch is told of rules, groups and meters, and so what must become of each frame.

A frame for end E goes to E's port or nowhere, whichever rule it meets:

    priority=10,udp,nw_dst=10.0.0.E                          of each end: its rule
    priority=20,udp,nw_dst=10.0.0.E,tp_src=0xHI00/0xff00     of some frames for it: another way, or none
    in_port=cable-b ...                                      what went by the cable, a pair of `ring` ports
    nw_dst=10.0.0.200                                        a frame for two ends, which are always there
"""

COPIES = 200  # the destination that two ends share
HIGH_BYTES = 16  # of source ports

# How a frame gets to its end. "{port}": the end's port; "{to}": its index; "{meter}", "{group}": one of the model's.
WAYS = {
    "output": "output:{port}",
    "drop": "drop",
    "table": "resubmit(,1)",
    "cable": "output:cable-a",
    "edit": "dec_ttl,mod_nw_tos:8,output:{port}",
    "meter": "meter:{meter},output:{port}",
    "group": "group:{to}",
}
GROUP_TYPES = ("all", "select", "select", "select", "indirect", "ff")  # select: a megaflow for each source port, so many misses


class Rules:
    def __init__(self, rng):
        self.rng = rng
        self.ports = {}  # end's index: its port's name; of those that have rules
        self.base = {}  # index: way
        self.extra = {}  # (index, high byte): way
        self.groups = {}  # index: type
        self.meters = {}  # id: packets a second
        self.pair = None  # names of the ports that get copies

    def way(self, to, sport):
        """The way of a frame, or None where no rule is."""
        return self.extra.get((to, sport >> 8), self.base.get(to))

    def choose(self, to):
        """A way that exists now."""
        ways = [w for w in WAYS if (w != "meter" or self.meters) and (w != "group" or to in self.groups)]
        way = self.rng.choice(ways)
        return f"meter:{self.rng.choice(sorted(self.meters))}" if way == "meter" else way

    def actions(self, to, way):
        name, _, meter = way.partition(":")
        return WAYS[name].format(port=self.ports[to], to=to, meter=meter)

    def line(self, to, high=None):
        """The text of a rule."""
        if high is None:
            return f"priority=10,udp,nw_dst=10.0.0.{to},actions={self.actions(to, self.base[to])}"
        return f"priority=20,udp,{self.match(to, high)},actions={self.actions(to, self.extra[to, high])}"

    @staticmethod
    def match(to, high):
        return f"nw_dst=10.0.0.{to},tp_src={high << 8:#x}/0xff00"

    def fixed(self, to):
        """Rules that an end has besides."""
        port = self.ports[to]
        yield f"table=1,priority=10,udp,nw_dst=10.0.0.{to},actions=output:{port}"
        yield f"priority=30,udp,in_port=cable-b,nw_dst=10.0.0.{to},actions=output:{port}"

    def text(self):
        lines = [f"priority=10,udp,nw_dst=10.0.0.{COPIES},actions=" + ",".join(f"output:{p}" for p in self.pair)]
        for to in self.ports:
            lines += [self.line(to), *self.fixed(to)]
        lines += [self.line(*key) for key in self.extra]
        return "\n".join(lines) + "\n"

    def group_text(self, to):
        kind, port = self.groups[to], self.ports[to]
        buckets = {
            "all": f"bucket=output:{port}",
            "indirect": f"bucket=output:{port}",
            "select": f"bucket=weight:1,output:{port},bucket=weight:3,output:{port}",
            "ff": f"bucket=watch_port:{port},output:{port}",
        }
        return f"group_id={to},type={kind},{buckets[kind]}"

    @staticmethod
    def meter_text(meter, rate):
        return f"meter={meter},pktps,burst,bands=type=drop,rate={rate},burst_size={max(1, rate // 10)}"

    def add_end(self, to, port):
        self.ports[to] = port
        self.base[to] = "output"
        return [self.line(to), *self.fixed(to)]

    def forget(self, uses):
        """Rules go whose way `uses` says so of: with a group or a meter that is deleted."""
        self.extra = {key: way for key, way in self.extra.items() if not uses(key[0], way)}
        gone = [to for to, way in self.base.items() if uses(to, way)]
        for to in gone:
            del self.base[to]
        return gone

    def del_end(self, to):
        del self.ports[to], self.base[to]
        self.groups.pop(to, None)
        self.extra = {key: way for key, way in self.extra.items() if key[0] != to}
