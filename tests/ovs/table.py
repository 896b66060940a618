"""Reads the log of Open vSwitch's system-userspace-testsuite, and says how each test went: table.py LOG EXPECTED stock|swd

EXPECTED holds "NUMBER RESULT NAME" of each test with stock Open vSwitch ("stock" writes it). With "swd", exit status 1 when one
that passes there does not here.
"""

import re
import sys

RESULT = re.compile(r"^ *(\d+): (.*?) +(ok|skipped|FAILED|expected failure)(?: \(.*\))?$")
SHORT = {"ok": "pass", "skipped": "skip", "FAILED": "fail", "expected failure": "fail"}


def results(log):
    """{number: (result, name)}; names wrap to the next line when they are long."""
    found = {}
    with open(log, errors="replace") as lines:
        text = re.sub(r"\n(?= {5,}(?:ok|skipped|FAILED))", "", lines.read())
    for line in text.splitlines():
        match = RESULT.match(line)
        if match:
            found[int(match[1])] = SHORT[match[3]], match[2].strip()
    return found


def expected(path):
    with open(path) as lines:
        rows = (line.split(None, 2) for line in lines if line[0].isdigit())
        return {int(number): (result, name.strip()) for number, result, name in rows}


def count(results_, word):
    return sum(result == word for result, _ in results_.values())


def main():
    log, path, which = sys.argv[1:]
    ours = results(log)
    if not ours:
        sys.exit(f"ovs-tests: no test ran: see {log}")
    if which == "stock":
        with open(path, "w") as out:
            out.write("# Open vSwitch 3.1.0's system-userspace-testsuite with stock Open vSwitch, on Debian 12: tests/ovs/run.sh BUILD/ovs stock\n")
            out.writelines(f"{number} {result} {name}\n" for number, (result, name) in sorted(ours.items()))
    stock = expected(path)
    print(f"{'':>4} {'stock':6} {'here':6}")
    for number, (result, name) in sorted(ours.items()):
        print(f"{number:4} {stock.get(number, ('?',))[0]:6} {result:6} {name}")
    lost = [n for n, (result, _) in ours.items() if result != "pass" and stock.get(n, ("?",))[0] == "pass"]
    print(f"\n{count(ours, 'pass')} pass, {count(ours, 'fail')} fail, {count(ours, 'skip')} skipped; stock: {count(stock, 'pass')} pass of all {len(stock)}")
    if lost:
        print(f"pass with stock Open vSwitch and not here: {' '.join(map(str, lost))}")
    sys.exit(bool(lost))


main()
