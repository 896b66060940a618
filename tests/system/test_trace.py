"""swctl trace and swctl dp trace: why a packet goes where it goes.

    vm1 --- swd --- vm2 (up)     down (a port without a guest)

Table 0 sends TCP to port 80 on to table 1, drops that to 81, outputs UDP; everything else is a miss of table 0.
"""

import json
import os
import re
import signal
import subprocess

import pytest
from frames import *
from scapy.utils import PcapNgWriter, wrpcap
from switch import program

RULES = [
    "priority=20,tcp,in_port=vm1,tp_dst=81,actions=drop",
    "priority=10,cookie=0x7,tcp,in_port=vm1,tp_dst=80,actions=mod_vlan_vid:5,goto_table:1",
    "priority=5,udp,in_port=vm1,tp_dst=2000,actions=vm2",
    "priority=5,udp,in_port=vm1,tp_dst=3000,actions=down",
    "table=1,priority=3,ip,nw_dst=10.2.2.0/24,actions=group:1",
    "table=1,priority=3,ip,nw_dst=10.3.0.0/16,actions=drop",
    "table=1,priority=1,actions=drop",
]
GROUP = "group_id=1,type=select,bucket=bucket_id:4,output:vm2"
FLOW = "in_port=vm1,tcp,nw_src=10.1.1.1,nw_dst=10.2.2.2,tp_src=1000,tp_dst=80"

TABLE_0 = [
    "table 0    priority=10,tcp,in_port=vm1,tp_dst=80 (cookie 0x7)",
    "  near     priority=20,tcp,in_port=vm1,tp_dst=81 actions=drop (differs in tp_dst)",
    "  action   mod_vlan_vid:5",
    "  action   goto_table:1",
]
TABLE_1 = [
    "table 1    priority=3,ip,nw_dst=10.2.2.0/24",
    "  near     priority=3,ip,nw_dst=10.3.0.0/16 actions=drop (differs in nw_dst)",
    "  action   group:1",
    "  note     bucket 4",
    "    action   output:vm2",
]


@pytest.fixture
def traced(net):
    net.set_flows()
    net.swctl("add-group", GROUP)
    net.swctl("add-port", "down", "type=vhost-user", f"path={net.switch.run_dir}/down.sock")
    net.set_flows(*RULES)
    yield net
    net.swctl("del-flows")
    net.swctl("del-groups")
    net.swctl("del-port", "down")


@pytest.fixture
def capture(run_dir):
    path = os.path.join(run_dir, "frames.pcap")
    wrpcap(path, [tcp(dport=80), udp(), tcp(dport=81)])
    return path


def walk_of(text):
    """The lines between the packet and the end."""
    lines = text.splitlines()
    assert lines[0].startswith("packet     ")
    return lines[1 : next(i for i, line in enumerate(lines) if line.startswith("end"))]


def value(text, label):
    found = re.findall(rf"^{label} +(.*)$", text, re.M)
    assert len(found) == 1, f"{len(found)} lines of {label} in\n{text}"
    return found[0]


# Packets that are given.


def test_a_flow_is_told_table_by_table(traced):
    text = traced.swctl("trace", FLOW)
    assert walk_of(text) == TABLE_0 + TABLE_1
    assert "tcp,in_port=vm1," in value(text, "packet") and "tp_dst=80" in value(text, "packet")
    assert value(text, "end") == "done"
    assert value(text, "actions") == "push_vlan(vid=5,pcp=0),vm2"
    # The mask has what the rules looked at: not the flags.
    assert "in_port(vm1)" in value(text, "megaflow") and "dst=80" in value(text, "megaflow")
    assert "tcp_flags" not in value(text, "megaflow")


def test_the_megaflow_of_a_trace_is_what_swd_then_has(traced):
    told = traced.json("trace", "vm1", raw(udp()).hex())
    traced.vm1.send(raw(udp()))
    traced.vm2.recv()
    assert [(f["match"], f["actions"]) for f in traced.switch.megaflows("udp")] == [(told["megaflow"], told["actions"])]


def test_a_trace_changes_nothing(traced):
    def state():
        return traced.swctl("dump-flows", "--no-stats"), [{**f, "age_s": None} for f in traced.switch.megaflows()]

    rules, megaflows = state()
    for _ in range(3):
        traced.swctl("trace", FLOW)
    rules_then, megaflows_then = state()
    assert rules_then == rules
    assert all(f in megaflows for f in megaflows_then)  # those of tests before end by themselves
    assert all(r["n_packets"] == 0 for r in traced.json("dump-flows")["rules"])


def test_a_frame_in_hexadecimal_may_be_several_words_with_colons(traced):
    digits = raw(tcp(dport=80)).hex()
    pairs = [digits[i : i + 2] for i in range(0, len(digits), 2)]
    whole = traced.swctl("trace", "vm1", digits)
    assert walk_of(whole) == TABLE_0 + TABLE_1
    assert traced.swctl("trace", "vm1", ":".join(pairs)) == whole
    assert traced.swctl("trace", "vm1", *pairs) == whole
    assert traced.swctl("trace", "vm1", " ".join(pairs).upper()) == whole
    assert "dl_src=02:00:00:00:00:11" in value(whole, "packet")


def test_each_packet_of_a_pcap_file_is_traced(traced, capture):
    text = traced.swctl("trace", "vm1", capture)
    titles = re.findall(r"^frame .*", text, re.M)
    assert titles == [f"frame {n} of {capture}: {size} bytes" for n, size in ((1, 118), (2, 106), (3, 118))]
    first, second, third = text.split("\n\n")
    assert walk_of(first.split("\n", 1)[1]) == TABLE_0 + TABLE_1
    assert value(second, "actions") == "vm2"
    assert value(third, "end") == "dropped: no action outputs it"


def test_packets_of_a_file_can_be_chosen(traced, capture):
    def numbers(*options):
        return re.findall(r"^frame (\d)", traced.swctl("trace", "vm1", capture, *options), re.M)

    assert numbers("--count", 2) == ["1", "2"]
    assert numbers("--skip", 1) == ["2", "3"]
    assert numbers("--skip", 1, "--count", 1) == ["2"]
    assert traced.switch.refused("trace", "vm1", capture, "--skip", 3).endswith("3 frames, and 3 to skip: none is left")


def test_a_file_may_be_pcapng_and_come_on_standard_input(traced, run_dir):
    path = os.path.join(run_dir, "frames.pcapng")
    writer = PcapNgWriter(path)
    writer.write(tcp(dport=80))
    writer.close()
    for stdin in (None, path):
        with open(path, "rb") as f:
            done = subprocess.run(
                [program("swctl"), "--run-dir", traced.switch.run_dir, "trace", "vm1", "-" if stdin else path],
                stdin=f, capture_output=True, text=True, timeout=20, check=True,
            )  # fmt: skip
        assert done.stdout.startswith(f"frame 1 of {'<stdin>' if stdin else path}: 118 bytes\npacket ")


def test_json_is_the_result_and_for_files_a_line_each(traced, capture):
    told = traced.json("trace", FLOW)
    step = told["steps"][0]
    assert step["rule"]["match"] == "tcp,in_port=vm1,tp_dst=80" and step["rule"]["cookie"] == "0x7"
    assert step["near"]["priority"] == 20 and step["near_by"] == "tp_dst"
    lines = [json.loads(line) for line in traced.swctl("--json", "trace", "vm1", capture).splitlines()]
    assert [line["number"] for line in lines] == [1, 2, 3]
    assert [line["actions"] for line in lines] == ["push_vlan(vid=5,pcp=0),vm2", "vm2", "drop"]


def test_a_miss_and_a_rule_of_lower_priority_are_told(traced):
    missed = traced.swctl("trace", "in_port=vm2,arp")
    assert "table 0    no rule matches" in missed and value(missed, "end") == "dropped: table 0 has no rule for it"
    lower = traced.swctl("trace", FLOW.replace("10.2.2.2", "10.3.0.1"))
    assert "  near     priority=3,ip,nw_dst=10.2.2.0/24 actions=group:1 (differs in nw_dst)" in lower
    traced.set_flows("priority=3,ip,actions=vm2", "priority=1,actions=drop")
    assert "  near     priority=1 actions=drop (of lower priority)" in traced.swctl("trace", FLOW)


def test_a_loop_of_resubmits_is_told(traced):
    traced.set_flows("in_port=vm1,actions=resubmit(,0)")
    text = traced.swctl("trace", FLOW)
    assert value(text, "end").startswith("dropped: resubmits nested more than 64 deep")
    assert max(map(len, walk_of(text))) < 100


@pytest.mark.parametrize(
    "words, status, text",
    [
        (["nope", "00"], 1, "port nope: no such port; list-ports shows them"),
        (["in_port=nope"], 1, '"nope": no such port'),
        (["tcp"], 1, "the flow names no in_port: add in_port=PORT"),
        (["in_port=vm1,tcp,colour=red"], 1, '"colour": unknown field'),
        (["vm1", "0g"], 2, '"0g" is neither a file that is there nor bytes in hexadecimal'),
        (["vm1", "/nonexistent.pcap"], 2, '"/nonexistent.pcap" is neither a file that is there'),
        (["vm1", "123"], 2, "3 digits"),
        (["vm1", "0011"], 1, "2 bytes are no Ethernet frame"),
        (["vm1", "00" * 9729], 1, "longer than 9728 bytes"),
        (["vm1", "/dev/null"], 1, "/dev/null: not a pcap or pcapng file"),
        (["vm1"], 2, "behind a port's name stands a frame"),
        ([], 2, "a packet is missing"),
        (["--count", "1", "in_port=vm1"], 2, "for a file's frames"),
        (["--time", "1", "in_port=vm1"], 2, "trace takes no --time"),
        (["--ct-state", "est,nwe", "in_port=vm1"], 1, 'ct_state "nwe": no such state; there are new, est, rel, rpl, inv,'),
        (["--ct-state"], 2, "--ct-state needs a value"),
    ],
)
def test_a_mistake_is_named(traced, words, status, text):
    assert text in traced.switch.refused("trace", *words, status=status)


def test_a_truncated_file_is_told_up_to_where_it_ends(traced, capture):
    with open(capture, "r+b") as f:
        f.truncate(os.path.getsize(capture) - 20)
    done = traced.switch.run("trace", "vm1", capture)
    assert done.returncode == 1
    assert re.findall(r"^frame (\d)", done.stdout, re.M) == ["1", "2"]
    assert done.stderr.startswith(f"swctl: {capture}: damaged: ") and done.stderr.count("\n") == 1


# Connection tracking: a trace goes on behind ct, as the packet does.

FIREWALL = [  # README's
    "table=0,ip,actions=ct(table=1)",
    "table=1,ip,in_port=vm1,ct_state=+trk+new,actions=ct(commit),output:vm2",
    "table=1,ip,ct_state=+trk+est,actions=NORMAL",
]
A, B = fresh_macs()
ASKED = raw(udp(l2=eth(src=A, dst=B), sport=4001, dport=53))
ANSWER = raw(udp(l2=eth(src=B, dst=A), l3=ip4(src=IP_DST, dst=IP_SRC), sport=53, dport=4001))


@pytest.fixture
def firewall(traced):
    traced.set_flows(*FIREWALL)
    yield traced
    traced.set_flows()
    traced.swctl("ct", "flush")


def told_and_seen(net, port, frame, receivers, *states):
    """The trace's ends, pass by pass, when the packet then goes to the receivers by the megaflows that the trace told."""
    told = net.json("trace", port, frame.hex(), *(word for s in states for word in ("--ct-state", s)))
    walks = [told, *told["passes"]]
    dropped = net.switch.drops().get((port, "flow-drop"), 0)
    getattr(net, port).send(frame)
    for receiver in receivers:
        assert getattr(net, receiver).recv() == frame
    if not receivers:
        net.switch.wait_drop(port, "flow-drop", dropped)
    have = net.switch.megaflows()
    for w in walks:
        assert (w["megaflow"], w["actions"]) in [(f["match"], f["actions"]) for f in have]
    return [w["end"] for w in walks]


def test_a_trace_ends_where_packets_of_new_and_established_connections_go(firewall):
    done = ["goes on", "done"]
    assert told_and_seen(firewall, "vm2", ANSWER, []) == ["goes on", "table 1 has no rule for it"]
    assert told_and_seen(firewall, "vm1", ASKED, ["vm2"]) == done
    assert told_and_seen(firewall, "vm2", ANSWER, ["vm1", "vm3", "vm4"], "est,rpl") == done  # NORMAL knows no A
    assert told_and_seen(firewall, "vm1", ASKED, ["vm2"], "+trk+est") == done


def test_a_trace_says_what_it_assumed_of_a_connection(firewall):
    text = firewall.swctl("trace", "vm1", ASKED.hex())
    assert value(text, "pass 2") == "ct: goes on in table 1 as +new+trk; --ct-state est,rpl for another"
    assert "\n  action   ct(table=1)\n  note     goes on in pass 2\nend        goes on\n" in text
    assert text.count("\nmegaflow ") == text.count("\nactions ") == 2
    assert "as +est+rpl+trk\n" in firewall.swctl("trace", "vm2", ANSWER.hex(), "--ct-state", "est,rpl")


def test_each_frame_of_a_file_is_traced_behind_ct(firewall, run_dir):
    path = os.path.join(run_dir, "answers.pcap")
    wrpcap(path, [Ether(ANSWER), Ether(ANSWER)])
    lines = firewall.swctl("--json", "trace", "vm2", path, "--ct-state", "est").splitlines()
    assert [json.loads(line)["passes"][0]["end"] for line in lines] == ["done", "done"]


# Live packets.


def call(net, method, **params):
    with net.switch.rpc_socket() as sock:
        sock.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")
        return json.loads(sock.makefile().readline())


class Live:
    """swctl dp trace in the background; its trace has begun when this returns."""

    def __init__(self, net, port, *options):
        self.net = net
        self.process = subprocess.Popen(
            [program("swctl"), "--run-dir", net.switch.run_dir, "dp", "trace", port, *map(str, options)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        net.switch.wait(self.has_begun, f"trace of {port}")

    def has_begun(self):
        """Asks for a trace that nothing has come of yet."""
        assert self.process.poll() is None, self.process.communicate()
        return any("result" in call(self.net, "dp.trace_read", trace=n) for n in range(1, 9))

    def interrupt(self):
        """Returns when it has ended."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=20)

    def packets(self, status=0):
        """Its text, packet by packet, and the line at the end."""
        out, err = self.process.communicate(timeout=20)
        assert (self.process.returncode, err) == (status, "")
        *packets, end = out.rstrip("\n").split("\n\n")
        return packets, end


def test_a_miss_and_a_hit_are_told_with_the_tables_and_the_output(traced, newcomer):
    traced.set_flows(*(rule.replace("in_port=vm1", "in_port=new") for rule in RULES))
    live = Live(traced, "new", "--count", 2)
    newcomer.send(raw(tcp(dport=80)))
    traced.vm2.recv()
    traced.switch.wait(lambda: traced.switch.megaflows("in_port(new)", "dst=80"), "megaflow")
    newcomer.send(raw(tcp(dport=80)))
    traced.vm2.recv()
    (miss, hit), end = live.packets()
    assert end == "2 packets: all packets are told"
    for n, text in ((1, miss), (2, hit)):
        assert value(text, f"packet {n}") == "118 bytes at new"
        assert "\n".join(TABLE_0 + TABLE_1).replace("vm1", "new") in text
        assert "tcp,in_port=new" in text.splitlines()[1]
    assert value(miss, "lookup") == "miss" and value(miss, "went") == "to swctld, which decides"
    assert value(hit, "lookup").startswith("hit ") and "dst=80" in value(hit, "lookup")
    assert "\n           actions push_vlan(vid=5,pcp=0),vm2\n" in hit
    assert value(hit, "went") == "output to vm2"


def test_a_live_packet_is_told_with_the_connection_that_it_met(firewall):
    net = firewall
    net.vm1.send(ASKED)
    net.vm2.recv()
    net.vm2.send(ANSWER)  # opens the connection for good, and teaches NORMAL where B is
    net.vm1.recv()
    net.vm1.send(ASKED)
    net.vm2.recv()
    live = Live(net, "vm1")
    net.vm1.send(ASKED)
    net.vm2.recv()
    (text,), _ = live.packets()
    assert value(text, "pass 2") == "ct: goes on in table 1 as +est+trk, as swd told"
    assert value(text, "again").startswith("hit ") and value(text, "went") == "output to vm2"
    assert "\nmegaflow" not in text  # those of the lookups are what the tables give


@pytest.mark.parametrize(
    "packet, dst, went",
    [
        (tcp(dport=81), "dst=81", "dropped at vm1: flow-drop (the flow says drop)"),
        (udp(dport=3000), "dst=3000", "dropped at down: port-down (output port has no peer or no link)"),
    ],
    ids=["rule", "port"],
)
def test_a_drop_has_its_reason(traced, packet, dst, went):
    frame = raw(packet)
    traced.vm1.send(frame)
    traced.switch.wait(lambda: traced.switch.megaflows(dst), "megaflow")
    live = Live(traced, "vm1")
    traced.vm1.send(frame)
    (text,), _ = live.packets()
    assert value(text, "lookup").startswith("hit ") and value(text, "went") == went


def test_json_is_a_line_a_packet_and_one_for_the_end(traced):
    traced.vm1.send(raw(udp()))
    traced.vm2.recv()
    megaflow = traced.switch.wait(lambda: traced.switch.megaflows("dst=2000"), "megaflow")[0]["match"]
    live = Live(traced, "vm1", "--json", "--count", 2)
    for _ in range(2):
        traced.vm1.send(raw(udp()))
        traced.vm2.recv()
    out, _ = live.process.communicate(timeout=20)
    first, second, end = map(json.loads, out.splitlines())
    assert (first["index"], second["index"]) == (0, 1)
    assert first["frame"] == raw(udp()).hex() and first["bytes"] == len(raw(udp()))
    assert first["lookups"] == [{"hit": True, "megaflow": megaflow, "actions": "vm2"}]
    assert first["events"] == [{"kind": "output", "port": "vm2", "packets": 1}]
    assert first["trace"]["actions"] == "vm2"
    assert end == {"end": "all packets are told"}


def test_packets_are_printed_as_they_come(traced):
    live = Live(traced, "vm1", "--count", 2, "--time", 20)
    traced.vm1.send(raw(udp()))
    assert live.process.stdout.readline() == "packet 1   106 bytes at vm1\n"
    assert live.process.poll() is None
    live.process.send_signal(signal.SIGINT)
    assert live.process.stdout.read().endswith("\n\n1 packet: stopped\n")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_trace_in_swd_too(traced, how):
    live = Live(traced, "vm1", "--count", 9, "--time", 600)
    live.process.send_signal(how)
    assert live.packets() == ([], "0 packets: stopped")
    Live(traced, "vm1").interrupt()  # the port is free


def test_a_reader_that_goes_away_ends_the_trace(traced):
    live = Live(traced, "vm1", "--count", 9, "--time", 600)
    live.process.stdout.close()
    traced.vm1.send(raw(udp()))
    assert live.process.wait(20) == 1
    assert live.process.stderr.read() == "swctl: cannot write the output: Broken pipe\n"
    Live(traced, "vm1").interrupt()


def test_a_trace_ends_when_its_time_is_over(traced):
    assert traced.swctl("dp", "trace", "vm2", "--time", 1) == "0 packets: the time is over\n"


def test_a_live_traces_mistakes_are_named(traced):
    refused = traced.switch.refused
    live = Live(traced, "vm1", "--time", 600)
    assert "port vm1 is being traced: one trace at a time" in refused("dp", "trace", "vm1")
    live.process.send_signal(signal.SIGINT)
    live.packets()
    assert "port nope: no such port; list-ports shows them" in refused("dp", "trace", "nope")
    assert "count 65: a trace takes 1 to 64 packets" in refused("dp", "trace", "vm1", "--count", 65)
    assert "--time takes seconds, 1 to 600" in refused("dp", "trace", "vm1", "--time", 601, status=2)
    assert "PORT is missing" in refused("dp", "trace", status=2)
    assert '"vm2" is one word too many' in refused("dp", "trace", "vm1", "vm2", status=2)


def test_reading_a_trace_is_no_command(traced):
    assert "trace-read" not in traced.swctl("help") and "trace_read" not in traced.swctl("help", "--markdown")
    assert "is not a command" in traced.switch.refused("dp", "trace_read", "1", status=2)


@pytest.mark.parametrize(
    "method, params, text",
    [
        ("dp.trace_read", {"trace": 8}, "there is no such trace; dp.trace starts one"),
        ("dp.trace_read", {"trace": -1}, "there is no such trace"),
        ("dp.trace_read", {"trace": "1"}, "parameter trace must be a whole number"),
        ("dp.trace", {"port": "vm1", "count": 1.5}, "parameter count must be a whole number"),
        ("dp.trace", {"port": "vm1", "time_ms": 0}, "time_ms 0"),
        ("trace", {}, "a flow or a frame is wanted"),
        ("trace", {"frame": "00"}, "parameter in_port is missing"),
        ("trace", {"flow": "in_port=vm1", "ct_state": "est"}, "parameter ct_state must be an array of strings"),
        ("trace", {"flow": "in_port=vm1", "ct_state": [1]}, "parameter ct_state must be an array of strings"),
        ("trace", {"flow": "in_port=vm1", "ct_state": ["new"] * 33}, "more than 32"),
        ("trace", {"in_port": "vm1", "frame": "0 0"}, "frame: not hexadecimal"),
    ],
)
def test_bad_parameters_are_refused(traced, method, params, text):
    assert text in call(traced, method, **params)["error"]["message"]
