"""Checks which folder may include which, and that no banned function is called. Prints each breach; exit status 1 then."""

import pathlib
import re
import sys

# What port kinds in folders of their own may use of datapath/.
PORT_HEADERS = ["datapath/packet.h", "datapath/port.h", "datapath/memory_guard.h", "datapath/eventfd_kick.h", "datapath/stranger_fd.h"]

# folder: prefixes of project headers that it may include.
ALLOWED = {
    "flowtable": ["flowtable/"],
    "ctl": ["ctl/", "flowtable/"],
    "vhost": ["vhost/", *PORT_HEADERS, "flowtable/"],
    "memif": ["memif/", *PORT_HEADERS, "vhost/socket_path.h", "flowtable/"],
    "datapath": ["datapath/", "vhost/", "memif/", "ctl/", "flowtable/"],
}
# Folders below ctl/ are programs: the shared part of ctl/ and datapath/ must not reach into them, nor they into each other.
PROGRAMS = ["ctl/swctld/", "ctl/swctl/", "ctl/ovs/"]
# It is compiled inside Open vSwitch's tree, whose headers are in no folder of ours.
OVS = "ctl/ovs/"

BANNED = {
    "strcpy": "snprintf", "strcat": "snprintf", "sprintf": "snprintf", "vsprintf": "vsnprintf", "gets": "getline",
    "strtok": "strtok_r", "atoi": "strtoul", "atol": "strtoul", "alloca": "a bounded array", "rand": "rte_rand",
    "tmpnam": "mkstemp", "mktemp": "mkstemp",
}  # fmt: skip
BANNED_CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def may_include(path, header):
    folder = path.parts[0]
    if path.as_posix().startswith(OVS) and header.split("/")[0] not in ALLOWED:
        return True
    if not any(header.startswith(prefix) for prefix in ALLOWED[folder]):
        return False
    for program in PROGRAMS:
        if header.startswith(program) and not path.as_posix().startswith(program):
            return False
    return True


def breaches(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        include = INCLUDE.match(line)
        if include and not may_include(path, include.group(1)):
            yield f"{path}:{number}: {path.parts[0]}/ may not include {include.group(1)}"
        code = line.split("//")[0]
        banned = BANNED_CALL.search(code)
        if banned:
            yield f"{path}:{number}: {banned.group(1)}() is banned: use {BANNED[banned.group(1)]}"


def main():
    files = [p for folder in ALLOWED for p in sorted(pathlib.Path(folder).rglob("*.[ch]"))]
    found = [breach for path in files for breach in breaches(path)]
    print("\n".join(found) if found else f"include direction: {len(files)} files, no breach")
    sys.exit(1 if found else 0)


main()
