#!/usr/bin/env python3
"""What other people's suites expect of a message reader, asked of ours (POSTROAD_SUITES names the directory).

    suites.py MIME_DUMP

Header fields: the values of mime/fields with their expected parse. IMAP: the messages that the scripts of imap-mpt and
imap-scripted store, and the ENVELOPE, BODY and BODYSTRUCTURE they then want to see. Exit code 77 if there are none.
Cases we read differently on purpose stand in OURS, with the reason.
"""
import calendar
import json
import os
import re
import subprocess
import sys
import tempfile

SUITES = os.environ.get("POSTROAD_SUITES", "")

# The beginning of the header value, and why our answer is another.
OURS = {
    "addresses": [
        ("Pete(A nice", "a comment is the name only where there is no other"),
        ("A Group(Some people)", "the same"),
        ("(Empty list)", "the same"),
        ("Name (comment)", "the same"),
        ("Nathaniel Borenstein", "the same"),
        ("John Doe <jdoe@machine(comment)", "the same, and the blanks around a dot are no part of the domain"),
        ("Mary Smith <@node.test", "the blanks around a dot are no part of the domain"),
        ("test@test.com\n", "two fields"),
        ("\"=?ISO-8859-1?Q =?", "two fields"),
    ],
    "date": [
        (" 4 8 15 16", "six numbers are no date with a time"),
        ("Tue, 1 Jul 2003 ((invalid)", "parentheses that match are a comment, folded or not"),
    ],
    "type": [
        ("inline", "a disposition is read as one"), (" inline", "the same"), ("attachment", "the same"),
        ("test/", "a type needs a subtype (RFC 2045 5.1)"), ("=\n", "the same"), ("name=value", "the same"),
        ("text/\n", "text alone is text/plain"), ("text/;", "the same"), ("text/ ;", "the same"),
        ("text/plain/format", "a subtype has no slash"),
        ("application/pdf\n", "only the first of a value's pieces names its charset (RFC 2231 4.1)"),
        ("image/jpeg;\n   name=\"=?", "blanks between encoded words are not shown (RFC 2047 6.2)"),
        ("text/plain; name=  ", "an empty value is a value"),
        ("test/encoded", "a NUL is shown as U+FFFD"),
        ("malicious/attempt", "names with more stars than RFC 2231 has are no parameters"),
    ],
}


def read(dump, kind, values):
    lines = "".join(json.dumps(v.encode("utf-8").decode("latin-1")) + "\n" for v in values)
    out = subprocess.run([dump, "field", kind], input=lines.encode(), stdout=subprocess.PIPE, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def normal_addresses(expected):
    if expected is None:
        return []
    if "List" in expected:
        return [(m["name"], m["address"]) for m in expected["List"]]
    flat = []
    for group in expected["Group"]:
        if group["name"]:
            flat.append(("group", group["name"]))
        flat += [(m["name"], m["address"]) for m in group["addresses"]]
    return flat


def our_addresses(entries):
    return [("group", e["name"]) if e["kind"] == "group" else
            (e["name"] or None, (e["route"] + ":" if e["route"] else "") + e["local"] + ("@" + e["domain"] if e["domain"] else ""))
            for e in entries if e["kind"] != "end"]


def normal_date(e):
    if e is None:
        return None
    zone = (e["tz_hour"] * 60 + e["tz_minute"]) * (-1 if e["tz_before_gmt"] else 1)
    return calendar.timegm((e["year"], e["month"], e["day"], e["hour"], e["minute"], e["second"])) - zone * 60


def normal_type(e):
    if e is None:
        return None
    attributes = [a for a in e.get("attributes") or [] if not a[0].endswith("-language")]
    return [(e["c_type"] or "").lower(), (e["c_subtype"] or "").lower(), sorted(attributes)]


FIELDS = {
    "addresses": ("address", normal_addresses, our_addresses),
    "date": ("date", normal_date, lambda d: d and d["utc"]),
    "type": ("content_type", normal_type, lambda t: t and [t["type"], t["subtype"], sorted(t["parameters"])]),
}


def fields(dump):
    failed = 0
    for kind, (name, expect, ours) in FIELDS.items():
        path = os.path.join(SUITES, "mime/fields", name + ".json")
        if not os.path.exists(path):
            continue
        cases = json.load(open(path, encoding="utf-8"))
        agreed = 0
        for case, answer in zip(cases, read(dump, kind, [c["header"] for c in cases])):
            if expect(case["expected"]) == ours(answer):
                agreed += 1
            elif not any(case["header"].startswith(beginning) for beginning, _ in OURS[kind]):
                failed += 1
                print(f"{kind}: {case['header']!r}\n  expected {expect(case['expected'])}\n  got      {ours(answer)}")
        print(f"mime/fields/{name}: {agreed} of {len(cases)} as expected, {len(cases) - agreed} otherwise")
    return failed


def dumped(dump, octets):
    with tempfile.NamedTemporaryFile(suffix=".eml") as file:
        file.write(octets)
        file.flush()
        return json.loads(subprocess.run([dump, "message", file.name], stdout=subprocess.PIPE, check=True).stdout)


def james(dump):
    """imap-mpt: C: lines of an APPEND are the message; S: lines are patterns."""
    checked, failed = 0, 0
    folder = os.path.join(SUITES, "imap-mpt")
    for name in sorted(os.listdir(folder) if os.path.isdir(folder) else []):
        lines = open(os.path.join(folder, name), encoding="utf-8").read().split("\n")
        messages, i = [], 0
        while i < len(lines):
            line = lines[i]
            append = re.match(r"C: \S+ APPEND (\S+) .*?\{(\d+)\+?\}$", line)
            if append:
                size, octets = int(append.group(2)), b""
                while len(octets) < size and i + 1 < len(lines) and lines[i + 1].startswith("C:"):
                    i += 1
                    octets += lines[i][3:].encode("utf-8") + b"\r\n"
                messages.append((append.group(1), octets[:size]))
            fetch = re.match(r"S: \\\* (\d+) FETCH \\\((?:BODY \\\(.*)?(ENVELOPE|BODYSTRUCTURE) (.*)\\\)$", line)
            if fetch and fetch.group(2) == "BODYSTRUCTURE" and len(messages) >= int(fetch.group(1)):
                checked += 1
                got = dumped(dump, messages[int(fetch.group(1)) - 1][1])["bodystructure"]
                if not re.fullmatch(fetch.group(3), got):
                    failed += 1
                    print(f"{name} message {fetch.group(1)}\n  expected {fetch.group(3)}\n  got      {got}")
            if fetch and fetch.group(2) == "ENVELOPE":
                envelopes = [dumped(dump, octets)["envelope"] for _, octets in messages]
                checked += 1
                if not any(re.fullmatch(fetch.group(3), e) for e in envelopes):
                    # The first messages of the mailbox stand in another script.
                    if int(fetch.group(1)) <= 4 and name == "FetchEnvelope.test":
                        checked -= 1
                    else:
                        failed += 1
                        print(f"{name}: no message has the envelope {fetch.group(3)}\n  got {envelopes}")
            i += 1
    print(f"imap-mpt: {checked - failed} of {checked} structures as expected")
    return checked, failed


def main():
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    if not os.path.isdir(os.path.join(SUITES, "mime")):
        print("SKIPPED: POSTROAD_SUITES has no mime")
        return 77
    failed = fields(sys.argv[1])
    checked, more = james(sys.argv[1])
    return 1 if failed + more else 0


if __name__ == "__main__":
    sys.exit(main())
