"""Reads the log of one of Open vSwitch's suites, and says how each test went: table.py LOG EXPECTED stock|swd system|unit

EXPECTED holds "NUMBER RESULT NAME" of each test with stock Open vSwitch ("stock" writes what it ran into it). With "swd", exit status 1 when one
that passes there does not here.
"""

import re
import sys

RESULT = re.compile(r"^ *(\d+): (.*?) +(ok|skipped|FAILED|expected failure)(?: \(.*\))?$")
SHORT = {"ok": "pass", "skipped": "skip", "FAILED": "fail", "expected failure": "fail"}
SUITES = {"system": "system-userspace-testsuite", "unit": "unit suite (the tests that start ovs-vswitchd)"}


def results(log):
    """{number: (result, name)}, and the numbers of those that failed and passed when tried again. Long names wrap to the next line."""
    found, again = {}, []
    with open(log, errors="replace") as lines:
        text = re.sub(r"\n(?= {5,}(?:ok|skipped|FAILED))", "", lines.read())
    if "Test results." not in text:
        sys.exit(f"ovs-tests: the suite did not come to its end: see {log}")
    for line in text.splitlines():
        match = RESULT.match(line)
        if match:
            number, result = int(match[1]), SHORT[match[3]]
            if result == "pass" and found.get(number, ("",))[0] == "fail":
                again.append(number)
            found[number] = result, match[2].strip()
    return found, again


def expected(path):
    with open(path) as lines:
        rows = (line.split(None, 2) for line in lines if line[0].isdigit())
        return {int(number): (result, name.strip()) for number, result, name in rows}


def counts(results_):
    words = [result for result, _ in results_.values()]
    return f"{words.count('pass')} pass, {words.count('fail')} fail, {words.count('skip')} skipped"


def main():
    log, path, which, suite = sys.argv[1:]
    ours, again = results(log)
    if not ours:
        sys.exit(f"ovs-tests: no test ran: see {log}")
    if which == "stock":
        known = expected(path) | ours
        with open(path, "w") as out:
            out.write(f"# Open vSwitch 3.1.0's {SUITES[suite]} with stock Open vSwitch, on Debian 12: tests/ovs/run.sh BUILD/ovs stock {suite}\n")
            out.writelines(f"{number} {result} {name}\n" for number, (result, name) in sorted(known.items()))
    stock = expected(path)
    print(f"{'':>4} {'stock':6} {'here':6}")
    for number, (result, name) in sorted(ours.items()):
        before = stock.get(number, ("?",))[0]
        if suite == "system" or result != "pass" or before != "pass":
            print(f"{number:4} {before:6} {result:6} {name}")
    lost = [n for n, (result, _) in ours.items() if result != "pass" and stock.get(n, ("?",))[0] == "pass"]
    print(f"\nstock: {counts({n: stock[n] for n in ours if n in stock})}, of these {len(ours)} tests of {len(stock)}")
    print(f"here:  {counts(ours)}")
    if again:
        print(f"failed first, passed when tried again: {' '.join(map(str, again))}")
    if lost:
        print(f"pass with stock Open vSwitch and not here: {' '.join(map(str, lost))}")
    sys.exit(bool(lost))


main()
