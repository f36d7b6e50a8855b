#!/usr/bin/env python3
"""Adds up what the tests said, and says it in one line: N passed, N failed[, N skipped].

  tools/tally.py RESULTS JUNIT...
  tools/tally.py --failed JUNIT      the end of what each failed program said, nothing else

RESULTS holds a line "pass|fail|skip NAME" for each check that is not a test program; the others are
reports of `ctest --output-junit`. A program of GoogleTest or unittest counts with its own cases, another one
as one; exit code 77, where the test says so, is "skipped". A program that failed counts at least one failure, whatever it printed; so does a report that is
missing. Exit 1 if anything failed or nothing passed.
"""
import re
import sys
import xml.etree.ElementTree as xml


def number(pattern, text):
    found = re.findall(pattern, text)
    return int(found[-1]) if found else None


def cases(output):
    """(passed, failed, skipped) as the program says, or None if it does not."""
    passed = number(r"\[  PASSED  \] (\d+) tests?\.", output)
    if passed is not None:
        return (passed, number(r"\[  FAILED  \] (\d+) tests?, listed below", output) or 0,
                number(r"\[  SKIPPED \] (\d+) tests?, listed below", output) or 0)
    ran = number(r"(?m)^Ran (\d+) tests? in", output)
    if ran is not None:
        last = re.findall(r"(?m)^(?:OK|FAILED)(?: \((.*)\))?$", output)
        said = dict(part.split("=") for part in last[-1].split(", ")) if last and last[-1] else {}
        failed = int(said.get("failures", 0)) + int(said.get("errors", 0))
        skipped = int(said.get("skipped", 0))
        return max(ran - failed - skipped, 0), failed, skipped
    return None


def of_report(path):
    total = [0, 0, 0]
    try:
        programs = xml.parse(path).getroot().findall("testcase")
    except (OSError, xml.ParseError) as problem:
        print(f"  {path}: {problem}")
        return [0, 1, 0]
    for program in programs:
        status = program.get("status")
        said = cases(program.findtext("system-out") or "")
        if status == "run":
            passed, failed, skipped = said or (1, 0, 0)
        elif status == "disabled" or program.find("skipped[@message='SKIP_RETURN_CODE=77']") is not None:
            passed, failed, skipped = 0, 0, 1
        else:
            passed, failed, skipped = said or (0, 1, 0)
            failed = max(failed, 1)
        if failed:
            print(f"  FAILED: {program.get('name')}")
        elif skipped:
            print(f"  skipped: {program.get('name')} ({skipped})")
        for i, count in enumerate((passed, failed, skipped)):
            total[i] += count
    return total


def of_results(path):
    total = [0, 0, 0]
    with open(path) as lines:
        for line in lines:
            word, name = line.rstrip("\n").split(" ", 1)
            total[["pass", "fail", "skip"].index(word)] += 1
            if word == "fail":
                print(f"  FAILED: {name}")
    return total


def tell_failed(path, lines=40):
    for program in xml.parse(path).getroot().findall("testcase"):
        if program.get("status") == "fail":
            said = (program.findtext("system-out") or "(nothing)").rstrip().splitlines()[-lines:]
            print("\n".join([f"--- {program.get('name')} failed; the end of what it said:", *said]))


def main(results, reports):
    totals = [of_results(results)] + [of_report(report) for report in reports]
    passed, failed, skipped = (sum(t[i] for t in totals) for i in range(3))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    if sys.argv[1] == "--failed":
        sys.exit(tell_failed(sys.argv[2]))
    sys.exit(main(sys.argv[1], sys.argv[2:]))
