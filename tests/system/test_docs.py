"""What the documents list is what the code has."""

import pathlib
import re

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
    for page in ("README.md", "docs/architecture.md", "docs/control-protocol.md", "docs/flow-language.md"):
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
