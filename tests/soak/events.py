"""What happens to the switch while frames pass: a table of events, each drawn by its weight.

An event gets the soak, does one thing, and says what; it returns None when it cannot happen now.
"""

import subprocess
import time

from ends import KernelEnd, MemifEnd, NullEnd, VethEnd, VhostEnd
from ruleset import GROUP_TYPES, HIGH_BYTES
from switch import program


def pick(soak, *conditions):
    """An end for which all of this holds, or None."""
    ends = [end for end in soak.ends if all(c(end) for c in conditions)]
    return soak.rng.choice(ends) if ends else None


def is_up(end):
    return end.up


def is_guest(end):
    return isinstance(end, VhostEnd)


def has_peer(end):
    return isinstance(end, (VhostEnd, MemifEnd))


def has_link(end):
    return has_peer(end) or isinstance(end, VethEnd)


def soon(soak):
    """A moment in which frames meet what has just changed."""
    time.sleep(soak.rng.random() * 0.1)


# Ports.


def port_del(soak):
    end = pick(soak, lambda e: e.present and not e.fixed)
    if end is None or len([e for e in soak.ends if e.present]) < 5:
        return None
    if isinstance(end, (KernelEnd, NullEnd)):
        with soak.quiet():  # the kernel keeps no account of what is under way in it
            soak.leave(end)
            soak.switch.swctl("del-port", end.name)
            end.present = False
            soak.ledger.arrived(end, end.take_stock())
    else:
        with end.lock:
            end.up = False
        soak.switch.swctl("del-port", end.name)
        end.present = False
        soak.leave(end)
    soon(soak)
    soak.forget_end(end)
    return end.name


def port_add(soak):
    end = pick(soak, lambda e: not e.present)
    if end is None:
        return None
    soak.add(end)
    return end.name


def cable(soak):
    """An end of the cable goes, with what is in it, and comes back."""
    name = soak.rng.choice(("cable-a", "cable-b"))
    soak.switch.swctl("del-port", name)
    soon(soak)
    soak.switch.swctl("add-port", name, "type=ring", "name=cable")
    soak.switch.swctl("replace-flows", "-", stdin=soak.rules.text())  # by its new number
    return name


def mtu(soak):
    end = pick(soak, is_up, lambda e: isinstance(e, VethEnd))
    if end is None:
        return None
    with soak.quiet():  # swd looks for it twice a second
        end.set_mtu(soak.rng.choice([1500, 1000, 600]))
    return f"{end.name} {end.mtu}"


# Guests, and who is behind a memif.


def hang_up(soak):
    end = pick(soak, is_up, has_peer)
    if end is None:
        return None
    soak.leave(end)
    return end.name


def carrier(soak):
    end = pick(soak, is_up, lambda e: isinstance(e, VethEnd))
    if end is None:
        return None
    with soak.quiet():  # swd looks for it twice a second
        end.hang_up()
        soak.switch.wait_link(end.name, "down")
    return end.name


def connect(soak):
    end = pick(soak, lambda e: e.present and not e.up, has_link)
    if end is None:
        return None
    with end.lock:
        end.attach()
    return end.name


def reset(soak):
    end = pick(soak, is_up, is_guest)
    if end is None:
        return None
    with end.lock:
        soak.ledger.arrived(end, end.reset())
    return end.name


def pause(soak):
    end = pick(soak, is_up, is_guest)
    if end is None:
        return None
    with end.lock:
        end.pause_and_go_on()
    return end.name


def queues(soak):
    end = pick(soak, is_up, is_guest, lambda e: e.queues > 1)
    if end is None:
        return None
    with end.lock:
        pair, on = soak.rng.randrange(end.queues), soak.rng.random() < 0.5
        end.set_enabled(pair, on)
    return f"{end.name} pair {pair} {'on' if on else 'off'}"


# Rules, groups, meters.


def some_end(soak):
    """The index of one that has rules."""
    return soak.rng.choice(sorted(soak.rules.ports))


def flow_add(soak):
    rules, to = soak.rules, some_end(soak)
    key = to, soak.rng.randrange(HIGH_BYTES)
    rules.extra[key] = rules.choose(to)
    soak.switch.swctl("add-flow", rules.line(*key))
    return rules.line(*key)


def flow_mod(soak):
    rules, to = soak.rules, some_end(soak)
    if to not in rules.base:
        return None
    rules.base[to] = rules.choose(to)
    soak.switch.swctl("mod-flows", "--strict", f"table=0,{rules.line(to)}")
    return rules.line(to)


def flow_del(soak):
    rules = soak.rules
    if not rules.extra:
        return None
    key = soak.rng.choice(sorted(rules.extra))
    del rules.extra[key]
    soak.switch.swctl("del-flows", "--strict", f"table=0,priority=20,udp,{rules.match(*key)}")
    return rules.match(*key)


def flow_replace(soak):
    rules = soak.rules
    for to in rules.ports:
        rules.base[to] = rules.choose(to) if soak.rng.random() < 0.5 else "output"
    rules.extra = {(to, h): rules.choose(to) for to in rules.ports for h in range(HIGH_BYTES) if soak.rng.random() < 0.2}
    text = rules.text()
    soak.switch.swctl("replace-flows", "-", stdin=text)
    return f"{text.count(chr(10))} rules"


def bundle(soak):
    """One change of several rules."""
    rules, lines = soak.rules, []
    for _ in range(8):
        to = some_end(soak)
        key = to, soak.rng.randrange(HIGH_BYTES)
        rules.extra[key] = rules.choose(to)
        lines.append(f"flow add {rules.line(*key)}\n")
    soak.switch.swctl("bundle", "-", stdin="".join(lines))
    return f"{len(lines)} rules"


def set_group(soak, to, kind):
    known = to in soak.rules.groups
    soak.rules.groups[to] = kind
    soak.switch.swctl("mod-group" if known else "add-group", soak.rules.group_text(to))


def group(soak):
    """One is made, or changed, or goes with the rules that use it."""
    rules, to = soak.rules, some_end(soak)
    if to in rules.groups and soak.rng.random() < 0.3:
        del rules.groups[to]
        soak.switch.swctl("del-groups", f"group_id={to}")
        soak.without(lambda end, way: end == to and way == "group")
        return f"{to} deleted"
    set_group(soak, to, soak.rng.choice(GROUP_TYPES))
    return rules.group_text(to)


def meter(soak):
    rules, number = soak.rules, soak.rng.randrange(1, 5)
    if number in rules.meters and soak.rng.random() < 0.3:
        del rules.meters[number]
        soak.switch.swctl("del-meters", f"meter={number}")
        soak.without(lambda _, way: way == f"meter:{number}")
        return f"{number} deleted"
    known = number in rules.meters
    rules.meters[number] = soak.rng.choice([1, 20, 200, 5000])
    soak.switch.swctl("mod-meter" if known else "add-meter", rules.meter_text(number, rules.meters[number]))
    return rules.meter_text(number, rules.meters[number])


# Poll-mode threads.


def pmd_cores(soak):
    """Another one, which shares its core with everything else: not for long."""
    soak.switch.swctl("pmd", "set", "--cores", "0,1")
    time.sleep(0.1 + soak.rng.random() * 0.3)
    soak.switch.swctl("pmd", "set", "--cores", "1")
    return "0,1 and back"


def pmd_pin(soak):
    end = pick(soak, lambda e: e.present)
    core = soak.rng.choice(["1", "any"])
    soak.switch.swctl("pmd", "set", "--port", end.name, "--queue", "0", "--core", core)
    return f"{end.name} {core}"


def pmd_idle(soak):
    idle = soak.rng.choice([0, 50, 1000])
    soak.switch.swctl("pmd", "set", "--idle-us", idle, "--sleep-us", soak.rng.choice([10, 100, 1000]))
    return f"{idle} us"


def rebalance(soak):
    soak.switch.swctl("pmd", "rebalance")
    return ""


# Daemons.


def swctld_kill(soak):
    """With misses on their way to it and back: each source port is one."""
    to = some_end(soak)
    set_group(soak, to, "select")
    soak.rules.base[to] = "group"
    soak.switch.swctl("add-flow", soak.rules.line(to))
    with soak.traffic.paused():
        for end in soak.ends:
            if end.up and end.copies == 1 and end.index != to:
                soak.traffic.burst(end, 30, to)
    soak.switch.swctld.kill()
    soon(soak)
    soak.start_swctld()
    return ""


def swctld_stop(soak):
    soak.switch.swctld.stop()
    soon(soak)
    soak.start_swctld()
    return ""


def swd_restart(soak):
    """Its counters end with it, so the books are closed before."""
    with soak.quiet():
        soak.switch.swd.stop()
        soak.new_life()
    return ""


def swd_kill(soak):
    """Without a word: what is under way then has no account, and can be no more than was sent since the books were closed."""
    with soak.quiet():
        sent = sum(end.copies * soak.traffic.burst(end, soak.rng.randrange(33)) for end in soak.ends if end.up)
        time.sleep(soak.rng.random() * 0.001)
        soak.switch.swd.kill()
        lost = soak.new_life(sent)
    return f"{lost} of {sent} frames under way did not arrive"


# Beside.

LOOKS = (
    "show|list-ports|stats|drops|dump-flows|dump-tables|dump-groups|dump-meters|meter-stats|dp show|dp dump-flows|pmd show|pmd stats|fdb show"
).split("|")


def look(soak):
    words = soak.rng.choice(LOOKS)
    soak.switch.swctl(*words.split())
    return words


def trace(soak):
    end = soak.rng.choice([e for e in soak.ends if e.present])
    flow = f"in_port={end.name},udp,nw_dst=10.0.0.{some_end(soak)},tp_src={soak.rng.randrange(HIGH_BYTES << 8)}"
    soak.switch.swctl("trace", flow)
    return flow


def live_trace(soak):
    end = pick(soak, is_up)
    if end is None or len(soak.beside) > 2:
        return None
    argv = [program("swctl"), "--run-dir", soak.switch.run_dir, "dp", "trace", end.name, "--count", "20", "--time", "1"]
    soak.beside.append(subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    return end.name


def flood(soak):
    """More to one end than it can take."""
    to = pick(soak, is_up, lambda e: e.copies == 1)
    if to is None:
        return None
    with to.lock:
        for end in soak.ends:
            if end is not to and end.copies == 1:
                with end.lock:
                    if end.up:
                        soak.traffic.burst(end, 100, to.index)
    return to.name


EVENTS = [
    # weight, function
    (4, port_add),
    (3, port_del),
    (1, cable),
    (1, mtu),
    (3, hang_up),
    (1, carrier),
    (6, connect),
    (3, reset),
    (2, pause),
    (3, queues),
    (6, flow_add),
    (3, flow_mod),
    (4, flow_del),
    (2, flow_replace),
    (2, bundle),
    (3, group),
    (3, meter),
    (1, pmd_cores),
    (2, pmd_pin),
    (1, pmd_idle),
    (1, rebalance),
    (1.5, swctld_kill),
    (0.5, swctld_stop),
    (0.4, swd_restart),
    (0.4, swd_kill),
    (5, look),
    (2, trace),
    (2, live_trace),
    (2, flood),
]
