"""swctl against a control server that this test plays: what is sent, what is printed, and every way to fail."""

import json
import os
import pathlib
import pty
import re
import shutil
import socket
import subprocess
import threading

import pytest
from fake_swctld import FakeSwctld
from switch import program

ROOT = pathlib.Path(__file__).resolve().parents[2]
READING = [
    ["list-ports"],
    ["show"],
    ["dump-flows"],
    ["dp", "show"],
    ["dp", "dump-flows"],
    ["stats"],
    ["drops"],
    ["pmd", "show"],
    ["pmd", "stats"],
    ["pmd", "rebalance", "--dry-run"],
    ["fdb", "show"],
    ["version"],
]


def swctl(*words, stdin=None, env=None, timeout=60):
    return subprocess.run(
        [program("swctl"), *map(str, words)],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
        timeout=timeout,
        check=False,
    )


@pytest.fixture
def daemon(run_dir):
    fake = FakeSwctld(run_dir)
    fake.run_dir = run_dir
    fake.swctl = lambda *words, **kw: swctl("--run-dir", run_dir, *words, **kw)
    yield fake
    fake.close()


def assert_fails(done, status, *texts):
    """Fails with one line on stderr that holds the texts, and says nothing on stdout."""
    assert done.returncode == status, done.stderr
    assert done.stdout == b""
    line = done.stderr.decode()
    assert line.startswith("swctl: ") and line.count("\n") == 1 and line.endswith("\n"), line
    for text in texts:
        assert text in line


# What is sent.


@pytest.mark.parametrize(
    "words, method, params",
    [
        (["add-port", "vm1", "type=vhost-user", "path=/s"], "port.add", {"name": "vm1", "kind": "vhost-user", "options": {"path": "/s"}}),
        (["del-port", "vm1"], "port.del", {"name": "vm1"}),
        (["add-flow", "tcp,tp_dst=80", "actions=drop"], "flow.add", {"flow": "tcp,tp_dst=80 actions=drop"}),
        (["del-flows"], "flow.del", {}),
        (["dump-flows", "in_port=vm1"], "flow.dump", {"match": "in_port=vm1", "as_text": True}),
        (["dump-flows", "--json", "--sort=nw_src"], "flow.dump", {"sort": "nw_src"}),
        (["--strict", "del-flows", "priority=1,tcp"], "flow.del", {"match": "priority=1,tcp", "strict": True}),
        (["mod-group", "group_id=1,type=all", "--may-create"], "group.mod", {"group": "group_id=1,type=all", "may_create": True}),
        (["dp", "dump-flows"], "dp.dump_flows", {}),
        (["drops", "vm1"], "drops", {"port": "vm1"}),
    ],
)
def test_a_command_is_one_json_rpc_request(daemon, words, method, params):
    done = daemon.swctl(*words)
    assert done.returncode == 0, done.stderr
    assert daemon.request == {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def test_add_flows_sends_standard_input_as_it_is(daemon):
    daemon.returns({"added": 2, "replaced": 0})
    done = daemon.swctl("add-flows", "-", stdin=b"# a\n\nactions=drop\ntcp,actions=drop")
    assert daemon.request["params"] == {"flows": "# a\n\nactions=drop\ntcp,actions=drop"}
    assert done.stdout == b"2 rules added\n"


def test_options_stand_before_or_behind_the_command_and_the_run_dir_in_the_environment(run_dir):
    daemon = FakeSwctld(run_dir)
    daemon.returns({"version": "x"})
    try:
        for words, env in [
            (["--run-dir", run_dir, "--json", "show"], {}),
            (["show", "--json", f"--run-dir={run_dir}"], {}),
            (["dp", "--json", "show"], {"SWD_RUN_DIR": run_dir}),
            (["--run-dir", run_dir, "show", "--json"], {"SWD_RUN_DIR": "/nonexistent"}),
        ]:
            done = swctl(*words, env=env)
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout) == {"version": "x"}
    finally:
        daemon.close()


# What is printed.


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_every_reading_command_prints_the_result_as_json(daemon, words):
    result = {"z": [1, 2.5, None], "a": {"text": "ä"}}
    daemon.returns(result)
    done = daemon.swctl("--json", *words)
    assert done.returncode == 0
    assert json.loads(done.stdout) == result
    assert done.stdout.startswith(b'{\n  "z"')


@pytest.mark.parametrize("words", [["add-flow", "actions=drop"], ["del-flows"], ["add-port", "a", "type=dpdk"]], ids=" ".join)
def test_a_command_that_changes_things_has_no_json_and_changes_nothing(daemon, words):
    assert_fails(daemon.swctl("--json", *words), 2, "--json")
    assert not daemon.server.requests


def test_a_huge_reply_arrives_whole(daemon):
    lines = [f"priority={i},nw_src=10.0.0.1,tcp,tp_dst={i % 65536} actions=drop" for i in range(300_000)]
    daemon.returns({"text": "\n".join(lines) + "\n"})
    done = daemon.swctl("dump-flows", "--no-stats")
    assert done.stdout.decode().splitlines() == lines


def test_a_huge_file_arrives_whole(daemon):
    text = "".join(f"priority={i},tcp,actions=drop # \"{i}\"\t\\\n" for i in range(100_000))
    daemon.returns({"added": 100_000, "replaced": 0})
    assert daemon.swctl("add-flows", "-", stdin=text.encode()).stdout == b"100000 rules added\n"
    assert daemon.request["params"] == {"flows": text}


def test_differences_end_with_status_2(daemon, run_dir):
    daemon.returns({"lines": ["-actions=drop", "+actions=NORMAL"]})
    done = daemon.swctl("diff-flows", "-", stdin=b"")
    assert done.returncode == 2 and done.stdout == b"-actions=drop\n+actions=NORMAL\n"
    daemon.returns({"lines": []})
    done = daemon.swctl("diff-flows", "-", stdin=b"")
    assert done.returncode == 0 and done.stdout == b""


def test_a_reply_in_single_bytes_arrives_whole(daemon):
    reply = json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"deleted": 7}}).encode() + b"\n"
    daemon.sends(*[bytes([b]) for b in reply])
    assert daemon.swctl("del-flows").stdout == b"7 rules deleted\n"


def test_output_that_cannot_be_written_is_a_failure(daemon):
    daemon.returns({"ports": []})
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [program("swctl"), "--run-dir", daemon.run_dir, "list-ports"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert b"cannot write the output" in done.stderr


# Refusals.


def test_a_refusal_is_one_line_and_status_1(daemon):
    daemon.refuses("port vm9: there is none; `swctl list-ports` lists them")
    assert_fails(daemon.swctl("del-port", "vm9"), 1, "port vm9: there is none")


def on_terminal(*words, **env):
    """stderr of swctl when that is a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [program("swctl"), *map(str, words)], stdout=subprocess.DEVNULL, stderr=theirs, env={**os.environ, "TERM": "dumb", **env}
    ) as process:
        os.close(theirs)
        text = b""
        try:
            while piece := os.read(ours, 4096):
                text += piece
        except OSError:  # EIO: the other side is closed
            pass
        process.wait()
    os.close(ours)
    return text.decode().replace("\r\n", "\n")


def test_a_mistake_in_a_flow_is_shown_with_a_caret_on_a_terminal(daemon):
    daemon.refuses('column 5: "tp_dts": unknown field; did you mean tp_dst?', column=5, word="tp_dts")
    words = ["--run-dir", daemon.run_dir, "add-flow", "tcp,tp_dts=80,actions=drop"]
    assert on_terminal(*words).splitlines() == [
        'swctl: column 5: "tp_dts": unknown field; did you mean tp_dst?',
        "  tcp,tp_dts=80,actions=drop",
        "      ^~~~~~",
    ]
    assert_fails(swctl(*words), 1, 'swctl: column 5: "tp_dts": unknown field; did you mean tp_dst?')


@pytest.mark.parametrize("from_stdin", [False, True])
def test_a_mistake_in_a_file_names_file_and_line(daemon, run_dir, from_stdin):
    lines = ["priority=1,actions=drop"] * 899 + ["priority=1,tpc,actions=drop"]
    daemon.refuses('line 900: column 12: "tpc": unknown field', line=900, column=12, word="tpc")
    path = pathlib.Path(run_dir, "rules.txt")
    path.write_text("\n".join(lines))
    name = "<stdin>" if from_stdin else str(path)
    done = daemon.swctl("add-flows", "-" if from_stdin else path, stdin=path.read_bytes() if from_stdin else None)
    assert_fails(done, 1, f'swctl: {name}:900: column 12: "tpc": unknown field')
    if not from_stdin:
        shown = on_terminal("--run-dir", daemon.run_dir, "add-flows", path)
        assert shown.splitlines()[1:] == ["  priority=1,tpc,actions=drop", "             ^~~"]


def test_colours_only_on_a_terminal_that_wants_them(daemon):
    daemon.refuses("no", column=1, word="x")
    words = ["--run-dir", daemon.run_dir, "add-flow", "x"]
    assert "\033[" in on_terminal(*words, TERM="xterm", NO_COLOR="")
    assert "\033[" not in on_terminal(*words, TERM="xterm", NO_COLOR="1")
    assert "\033[" not in on_terminal(*words, TERM="dumb", NO_COLOR="")
    assert b"\033[" not in swctl(*words).stderr


def test_terminal_control_in_a_refusal_is_not_passed_on(daemon):
    daemon.refuses("bad\033[2J\nname")
    assert_fails(daemon.swctl("del-port", "x"), 1, "bad [2J name")


# Wrong usage: status 2, and nothing is sent.


@pytest.mark.parametrize(
    "words, text",
    [
        ([], "a command is missing"),
        (["dunp-flows"], "did you mean dump-flows?"),
        (["dp"], "there are: dp trace, dp show, dp dump-flows"),
        (["add-flow", "actions=drop", "--strict"], "add-flow takes no --strict"),
        (["dump-flows", "--may-create"], "dump-flows takes no --may-create"),
        (["pmd", "hide"], '"pmd hide" is not a command'),
        (["--jsno", "show"], '"--jsno"'),
        (["show", "--run-dir"], "--run-dir needs a value"),
        (["show", "now"], '"now" is one word too many'),
        (["--timeout", "soon", "show"], "--timeout"),
        (["--interval", "0", "pmd", "stats"], "1 to 86400"),
        (["--interval", "1", "show"], "show takes no --interval"),
        (["--count", "1", "pmd", "stats"], "--count needs --interval"),
        (["add-port", "vm1", "vhost-user"], "did you mean type=vhost-user?"),
        (["add-port", "vm1"], "type=KIND is missing"),
        (["del-port"], "NAME is missing"),
        (["add-flows"], "FILE|- is missing"),
        (["completion", "fish"], "bash"),
        (["nic"], "nic list|bind|unbind"),
        (["nic", "list", "--strict"], "usage: swctl nic list [--json]"),
        (["nic", "list", "--interval", "1"], "usage: swctl nic list [--json]"),
        (["nic", "list", "--force"], "usage: swctl nic list [--json]"),
        (["nic", "bind", "00:1f.0", "x", "--json"], "usage: swctl nic bind ADDRESS [DRIVER] [--force]"),
        (["pmd", "set", "--force"], "pmd set takes no --force"),
        (["help", "nothing"], '"nothing"'),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_wrong_usage_is_one_line_and_status_2(run_dir, words, text):
    assert_fails(swctl(*words, env={"SWD_RUN_DIR": run_dir}), 2, text, "usage: swctl")


def test_a_file_that_is_not_there_is_status_1(daemon):
    assert_fails(daemon.swctl("add-flows", "/nonexistent"), 1, "/nonexistent: No such file or directory")
    assert_fails(daemon.swctl("add-flows", "-", stdin=b"a\nb\0\n"), 1, "<stdin>:2: not text")
    assert not daemon.server.requests


# A daemon that is not there, or ill.


def test_without_a_daemon_the_mend_is_named(run_dir):
    hint = f"cannot reach swctld at {run_dir}/control.sock: is it running? (systemctl start swctld, or give --run-dir)"
    assert_fails(swctl("--run-dir", run_dir, "show"), 1, hint)
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(f"{run_dir}/control.sock")
    stale.close()
    assert_fails(swctl("--run-dir", run_dir, "show"), 1, hint)


def test_version_tells_swctls_own_without_a_daemon(run_dir):
    done = swctl("--run-dir", run_dir, "version")
    assert done.returncode == 1 and b"cannot reach swctld" in done.stderr
    (own,) = done.stdout.decode().splitlines()
    assert own.split() == swctl("--version").stdout.decode().split()
    assert_fails(swctl("--run-dir", run_dir, "version", "--json"), 1, "cannot reach swctld")


def test_without_permission_the_mend_is_named(daemon, unprivileged):
    os.chmod(daemon.run_dir, 0o755)
    os.chmod(f"{daemon.run_dir}/control.sock", 0o600)
    done = unprivileged([program("swctl"), "--run-dir", daemon.run_dir, "show"])
    assert done.returncode == 1
    assert "no permission for" in done.stderr and "group" in done.stderr


def test_a_run_dir_with_a_path_too_long_for_a_socket_is_refused():
    assert_fails(swctl("--run-dir", "/tmp/" + "x" * 200, "show"), 1, "at most 107 bytes")


@pytest.mark.parametrize(
    "pieces, text",
    [
        ([], "without an answer"),
        ([b'{"jsonrpc": "2.0", "id": 1, "res'], "within its answer (after 32 bytes)"),
        ([b"220 mail.example ESMTP\n"], "is not swctld"),
        ([b"[1, 2]\n"], "is not swctld"),
        ([b"\n"], "is not swctld"),
        ([b"{}\n"], "neither a result nor an error"),
        ([b'{"error": "text"}\n'], "neither a result nor an error"),
        ([b'{"error": {"code": 1, "message": 7, "data": [1]}}\n'], "neither a result nor an error"),
        ([b'{"result": \xff}\n'], "is not swctld"),
        ([b"[" * 100_000 + b"\n"], "is not swctld"),
    ],
)
def test_an_answer_that_is_none_is_status_1(daemon, pieces, text):
    daemon.sends(*pieces)
    assert_fails(daemon.swctl("show"), 1, text)


def test_a_silent_daemon_is_given_up(daemon):
    release = threading.Event()

    def answer(request):
        release.wait(30)
        return []

    daemon.does(answer)
    assert_fails(daemon.swctl("--timeout", 1, "show"), 1, "no answer from swctld for 1 s", "--timeout")
    release.set()


def test_an_interval_shows_what_was_counted_in_it(daemon):
    asked = iter(range(100))

    def answer(request):
        n = next(asked)
        result = {"seconds": 1.0 * n, "pmds": [{"core": 5, "iterations": n, "copies": n * n}]}
        return [json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode() + b"\n"]

    daemon.does(answer)
    done = daemon.swctl("pmd", "stats", "--interval", 1, "--count", 2, "--json")
    assert done.returncode == 0
    got = [json.loads(line) for line in done.stdout.splitlines()]
    assert got == [{"seconds": 1.0, "pmds": [{"core": 5, "iterations": 1, "copies": n}]} for n in (1, 3)]


def test_an_interval_ends_with_the_daemon(daemon):
    asked = iter(range(2))

    def answer(request):
        if next(asked):
            return []
        return [b'{"jsonrpc": "2.0", "id": 1, "result": {}}\n']

    daemon.does(answer)
    assert_fails(daemon.swctl("pmd", "stats", "--interval", 1), 1, "without an answer")


def test_a_refusal_before_the_whole_request_was_read_is_shown(daemon):
    reply = json.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "line too long"}}).encode() + b"\n"
    daemon.does(lambda request: [reply], read_first=False)
    assert_fails(daemon.swctl("add-flows", "-", stdin=b"priority=1,actions=drop\n" * 200_000), 1, "line too long")


def test_a_refusal_is_read_while_the_daemon_reads_no_more(daemon):
    done = threading.Event()

    def answer(request):
        yield json.dumps({"error": {"code": -32600, "message": "too much"}}).encode() + b"\n"
        done.wait(30)

    daemon.does(answer, read_first=False)
    stdin = b"priority=1,actions=drop\n" * 200_000
    assert_fails(daemon.swctl("--timeout", 10, "add-flows", "-", stdin=stdin), 1, "too much")
    done.set()


def test_a_file_beyond_the_longest_request_is_refused_here(daemon):
    line = b"priority=1,tcp,actions=drop," + b"x" * 1000 + b"\n"
    assert_fails(daemon.swctl("add-flows", "-", stdin=line * 140_000), 1, "<stdin>: more than 128 MiB", "split")
    assert not daemon.server.requests


# Help, version, reference page, completion: all without a daemon.


def test_help_and_version_need_no_daemon(run_dir):
    env = {"SWD_RUN_DIR": run_dir}
    for words in (["--help"], ["help"], ["help", "dp", "show"], ["add-port", "--help"], ["--version"]):
        done = swctl(*words, env=env)
        assert done.returncode == 0 and done.stdout and not done.stderr, words
    assert swctl("--version").stdout.decode().startswith("swctl ")
    assert b"usage: swctl add-port NAME type=KIND [KEY=VALUE...]" in swctl("help", "add-port").stdout


def test_the_reference_page_is_what_swctl_prints():
    assert (ROOT / "docs/swctl-reference.md").read_bytes() == swctl("help", "--markdown").stdout


def test_the_packaged_completion_is_what_swctl_prints():
    assert (ROOT / "packaging/swctl.bash").read_bytes() == swctl("completion", "bash").stdout


def test_the_man_page_has_every_command_and_option():
    page = (ROOT / "docs/man/swctl.8").read_text()
    for command in re.findall(r"^## (.*)$", swctl("help", "--markdown").stdout.decode(), re.M):
        assert re.search(rf"^\.It Cm {command}\b", page, re.M), command
    for option in re.findall(r"^ +(?:-h, )?--([a-z-]+)", swctl("--help").stdout.decode(), re.M):
        assert re.search(rf"^\.It Fl (h , Fl )?-{option}\b", page, re.M), option


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
@pytest.mark.parametrize("page", ["swd", "swctld", "swctl"])
def test_man_pages_are_sound(page):
    done = subprocess.run(
        ["mandoc", "-Tlint", "-Wwarning", ROOT / f"docs/man/{page}.8"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and "warning" not in done.stdout.lower(), done.stdout


def complete(run_dir, *words):
    """What bash offers for the last of these words (split as bash splits them)."""
    script = (
        f'source "{ROOT}/packaging/swctl.bash"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
        '_swctl 2>/dev/null; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", script, "bash", program("swctl"), *words],
        capture_output=True,
        text=True,
        env={**os.environ, "SWD_RUN_DIR": run_dir},
        timeout=30,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    "words, offers",
    [
        (["add"], ["add-port", "add-flow", "add-flows", "add-group", "add-groups", "add-meter", "add-meters"]),
        (["dp", ""], ["trace", "show", "dump-flows"]),
        (["--no-"], ["--no-stats", "--no-names"]),
        (["del-flows", "in_port", "=", "v"], ["vm1", "vm2"]),
        (["--js"], ["--json"]),
        (["show", "--"], ["--run-dir", "--timeout", "--help", "--version", "--json"]),
        (["dp", "trace", "vm1", "--"], ["--run-dir", "--timeout", "--help", "--version", "--json", "--count", "--time"]),
        (["pmd", "set", "--core"], ["--core", "--cores"]),
        (["add-flow", "arp", "--"], ["--run-dir", "--timeout", "--help", "--version"]),
        (["nic", "bind", "--"], ["--run-dir", "--timeout", "--help", "--version", "--force"]),
        (["pmd", "--"], ["--run-dir", "--timeout", "--help", "--version"]),
        (["help", "n"], ["nic"]),
        (["help", "add-port", "n"], ["nic", "null"]),
        (["nic", ""], ["list", "bind", "unbind"]),
        (["pmd", "set", "--port", "v"], ["vm1", "vm2"]),
        (["pmd", "set", "--port", "=", "v"], ["vm1", "vm2"]),
        (["pmd", "--cores", "1", "s"], ["show", "stats", "set"]),
        (["--timeout", "=", "5", "dp", "s"], ["show"]),
        (["pmd", "set", "--cores", ""], []),
        (["add-port", "x", "type", "=", "bond", "mode", "=", "b"], ["balance"]),
        (["add-port", "x", "type", "=", "memif", "b"], ["buffer="]),
        (["help", "del"], ["del-port", "del-flows", "del-groups", "del-meters"]),
        (["del-port", ""], ["vm1", "vm2"]),
        (["--json", "stats", "vm"], ["vm1", "vm2"]),
        (["add-port", "x", "t"], ["type="]),
        (["add-port", "x", "type", "=", "v"], ["vhost-user", "virtio-user"]),
        (["add-port", "x", "type", "=", "vhost-user", "mode", "="], ["server", "client"]),
        (["add-flow", "in_port", "=", "v"], ["vm1", "vm2"]),
        (["add-flow", "tcp,in_port", "=", "vm1,actions", "=", "output", ":"], ["vm1", "vm2"]),
        (["add-flows", "x"], []),
        (["trace", "v"], ["vm1", "vm2"]),
        (["trace", "in_port", "=", "v"], ["vm1", "vm2"]),
        (["trace", "vm1", "x"], []),
        (["dp", "trace", "v"], ["vm1", "vm2"]),
    ],
    ids=lambda v: " ".join(v),
)
def test_completion_offers(daemon, words, offers):
    daemon.returns({"ports": [{"number": 1, "name": "vm1"}, {"number": 2, "name": "vm2"}]})
    assert sorted(complete(daemon.run_dir, *words)) == sorted(offers)


def test_completion_is_quiet_without_a_daemon(run_dir):
    assert complete(run_dir, "del-port", "") == []
