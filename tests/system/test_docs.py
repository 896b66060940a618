"""What the documents list is what the code has."""

import pathlib
import re
import subprocess

from switch import program

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_the_table_of_drop_reasons_is_the_codes():
    header = re.sub(r'[\s\\]+', " ", (ROOT / "datapath/drop.h").read_text()).replace('" "', "")
    code = re.findall(r'X\([A-Z_]+, "([a-z-]+)", (INPUT|OUTPUT), "([^"]*)"\)', header)
    section = (ROOT / "docs/architecture.md").read_text().split("## Where a packet is dropped")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([a-z-]+)` \| (input|output) \| (.*?) \|", section, re.M)
    assert len(code) > 5
    assert [(name, port) for name, port, _ in rows] == [(name, side.lower()) for name, side, _ in code]
    for (name, _, said), (_, _, text) in zip(rows, code):
        assert said.startswith(text) or text.startswith(said), f"{name}: {said!r}, in the code {text!r}"


def test_files_that_the_documents_name_exist():
    for page in ("README.md", "docs/architecture.md", "docs/control-protocol.md", "docs/flow-language.md", "docs/ports.md"):
        text = (ROOT / page).read_text()
        for name in re.findall(r"`([a-z_/]+\.[ch])`", text):
            found = list(ROOT.glob(f"*/{name}")) + list(ROOT.glob(f"ctl/*/{name}")) + list(ROOT.glob(name)) + list(ROOT.glob(f"ctl/{name}"))
            assert found, f"{page} names {name}"
        for link in re.findall(r"\]\(([^)#]+)\)", text):
            assert ((ROOT / page).parent / link).exists(), f"{page} links to {link}"


def test_every_method_is_in_the_control_protocols_page():
    methods = re.findall(r'^\s*X\("([a-z_.]+)",', (ROOT / "ctl/rpc_table.h").read_text(), re.M)
    rows = re.findall(r"^\| `([a-z_.]+)` \|", (ROOT / "docs/control-protocol.md").read_text(), re.M)
    assert methods and sorted(methods) == sorted(rows)


def help_of(*words):
    return subprocess.run([program("swctl"), "help", *words], capture_output=True, text=True, check=True).stdout


def kinds():
    """{kind: the keys of its options}, as swctl's help has them."""
    names = re.findall(r"^  (\S+)", help_of("add-port").split("\nKinds (")[1].split("\n", 1)[1], re.M)
    options = {name: re.findall(r"^  (\S+)", help_of("add-port", name).split("\nOptions:\n")[1].split("\n\n")[0], re.M) for name in names}
    return {name: [key for key in keys if key not in ("tag", "trunks")] for name, keys in options.items()}


def test_every_kind_of_port_has_a_section_with_its_options():
    """Of several headings that name a kind, the lowest is its own."""
    page = (ROOT / "docs/ports.md").read_text()
    sections = [part.split("\n", 1) for part in re.split(r"^##+ ", page, flags=re.M)[1:]]
    man = (ROOT / "docs/man/swctl.8").read_text().split(".Sh PORT KINDS")[1].split("\n.Sh")[0]
    assert len(kinds()) > 10
    for kind, keys in kinds().items():
        texts = [text for title, text in sections if kind in re.split(r",? and |, ", title.split(": ")[-1])]
        assert texts, f"no section of {kind}"
        for key in keys:
            assert re.search(rf"(?<![\w-]){key}=", texts[-1]), f"{kind}: {key}="
        assert re.search(rf"^\.It .*Cm type={kind}( |$)", man, re.M), kind


def test_every_example_of_a_port_is_taken(switch_factory):
    """By swctld, which checks the words; swd, which would look for the interfaces, is away."""
    switch = switch_factory(start=False)
    switch.start_swctld()
    lines = re.findall(r"^ +swctl (add-port .*type=.*)$", (ROOT / "docs/ports.md").read_text() + help_of("add-port"), re.M)
    lines += [re.search(r"^Example:\n  swctl (.*)$", help_of("add-port", kind), re.M)[1] for kind in kinds()]
    assert len(lines) > 20
    for line in lines:
        switch.swctl(*line.split())
        switch.swctl("del-port", line.split()[1])


def names_of(source, table, pattern):
    """The names in a table of the code's, each with another that stands for it."""
    text = (ROOT / source).read_text().split(table, 1)[1].split("\n};")[0]
    return [match.groups() for match in re.finditer(pattern, text)]


def test_every_field_and_action_is_in_the_manual_page():
    """A field under one of its names; of numbered registers the first and the last."""
    man = (ROOT / "docs/man/swctl.8").read_text().split(".Sh FLOWS")[1].split("\n.Sh")[0]
    fields, actions = ({*re.findall(r"\w+", text)} for text in man.split(".Em Actions"))
    taken = names_of("ctl/of_field_rows.c", "of_fields[OF_N_FIELDS]", r'\{"(\w+)",\s+(?:NULL|"(\w+)"),')
    taken = [names for names in taken if not re.match("(tcp|udp|sctp)_(src|dst)", names[0])]
    taken += [("reg0",), ("reg15",), ("xreg0",), ("xreg7",), ("xxreg0",), ("xxreg3",)]
    taken += names_of("ctl/of_field_rows.c", "of_protocols[]", r'\{"(\w+)",')
    done = names_of("ctl/of_actions.c", "action_row {", r'\{"(\w+)", (?:of_act_)?read_')
    done += names_of("ctl/of_act_ct.c", "argument_row {", r'\{"(\w+)", read_')
    refused = names_of("ctl/of_actions.c", "foreign[] = {", r'"(\w+)"')
    assert len(taken) > 70 and len(done) > 50 and len(refused) > 10
    assert [names for names in taken if not fields & {*names}] == []
    assert [names for names in done if not actions & {*names}] == []
    assert [names for names in refused if names[0] in actions - {"table"}] == []
