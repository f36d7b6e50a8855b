#!/usr/bin/env python3
"""The message reader against Python's email package, on real and on damaged messages.

    differential.py MIME_DUMP [DIRECTORY] [--mutations N] [--seed S] [--show K]

Every .eml and .mbox message below DIRECTORY ($POSTROAD_SUITES) is read by both, as it is, with CRLF, and in N damaged forms. Compared are
the tree of parts, their octets after the transfer encoding, the subject, the addresses and the date. Disagreements are
counted by kind; `expected` says which of them are decisions of ours and why. Exit code 1 if an undamaged message
disagrees for a reason that is not expected.
"""
import argparse
import base64
import collections
import email
import email.header
import email.policy
import email.utils
import json
import os
import random
import subprocess
import sys
import tempfile

EXPECTED = {
    "boundary": "a delimiter line only has to begin with the boundary (RFC 2046 5.1.1); Python wants the whole line",
    "no-parts": "a multipart without a part is shown as text; Python keeps the type",
    "folded-boundary": "Python leaves the line end of a folded boundary in it",
    "empty-part": "two delimiters in a row: Python sees no part between them",
    "encoded-message": "an encoded message/rfc822 is not opened",
    "default-type": "an invalid type is text/plain for both, an absent subtype is text/plain only for text",
    "broken-header": "the rule where a header ends differs for lines that are no field",
}


def messages(directory):
    for folder, _, files in sorted(os.walk(directory)):
        for name in sorted(files):
            path = os.path.join(folder, name)
            data = open(path, "rb").read()
            if name.endswith(".eml"):
                yield path, data
            elif name.endswith(".mbox"):
                pieces = ("\n" + data.decode("latin-1")).split("\nFrom ")
                for i, piece in enumerate(pieces[1:]):
                    yield f"{path}#{i + 1}", piece.split("\n", 1)[1].encode("latin-1")


def crlf(data):
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def mutate(data, rng):
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if not data:
            break
        at = rng.randrange(len(data))
        kind = rng.randrange(6)
        if kind == 0:
            del data[at:at + rng.randint(1, 40)]
        elif kind == 1:
            data[at] = rng.choice(b"\r\n-:;\"=( \t\x00\xff")
        elif kind == 2:
            piece = data[at:at + rng.randint(1, 200)]
            to = rng.randrange(len(data) + 1)
            data[to:to] = piece
        elif kind == 3:
            data[at:at] = rng.choice([b"\r\n", b"\n", b"\r", b"--", b"\r\n\r\n", b"\r\n ", b"=?utf-8?q?", b"?="])
        elif kind == 4:
            del data[at:]
        else:
            end = data.find(b"\n", at)
            if end >= 0:
                del data[end:end + 1]
    return bytes(data)


def theirs(data):
    parsed = email.message_from_bytes(data, policy=email.policy.compat32)
    shape, bodies = [], []

    def walk(part, depth):
        kind = part.get_content_type()
        # Python opens message/delivery-status and message/external-body; in IMAP they have no parts.
        opened = part.is_multipart() and kind.startswith(("multipart/", "message/rfc822", "message/global"))
        children = part.get_payload() if opened else []
        shape.append((depth, kind if opened or not kind.startswith(("multipart/", "message/rfc822")) else "opaque"))
        if part.is_multipart() and not opened:
            bodies.append(None)
        elif not opened:
            payload = part.get_payload(decode=True)
            if payload is None:
                payload = str(part.get_payload()).encode("utf-8", "surrogateescape")
            bodies.append(payload)
        for child in children:
            walk(child, depth + 1)

    walk(parsed, 0)
    def text(name):
        value = parsed.get(name)
        return None if value is None else str(value)
    return {"shape": shape, "bodies": bodies, "date": text("date"), "from": text("from"), "to": text("to"),
            "subject": text("subject"), "parsed": parsed}


def ours(dump, files):
    out = subprocess.run([dump, "message", *files], stdout=subprocess.PIPE, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def plain(octets):
    """Line ends and blanks at the edges are not what this compares."""
    return b"\n".join(line.rstrip() for line in octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")).strip()


def compare(data, mine, other):
    """The kinds of disagreement."""
    kinds = []
    anomalies = set(mine["anomalies"])
    shape = [(p["depth"], p["type"]) for p in mine["parts"]]
    if [kind for _, kind in shape] != [kind for _, kind in other["shape"]] or \
            [depth for depth, _ in shape] != [depth for depth, _ in other["shape"]]:
        if any("\n" in (p.get_param("boundary") or "") for p in other["parsed"].walk()):
            kinds.append("folded-boundary")
        elif anomalies & {"missing-delimiter", "missing-boundary"}:
            kinds.append("no-parts")
        elif "ambiguous-delimiter" in anomalies:
            kinds.append("boundary")
        elif "encoded-composite" in anomalies:
            kinds.append("encoded-message")
        elif "bad-content-type" in anomalies:
            kinds.append("default-type")
        elif anomalies & {"header-ended-by-line", "leading-continuation", "bad-utf8-in-header", "nul-in-header", "bare-cr"}:
            kinds.append("broken-header")
        elif any(p["header"] == p["end"] for p in mine["parts"]):
            kinds.append("empty-part")
        else:
            kinds.append("SHAPE")
        return kinds
    leaves = [p for p in mine["parts"] if p["kind"] == 0]
    for part, body in zip(leaves, other["bodies"]):
        if body is None:
            continue
        raw = data[part["start"]:part["end"]]
        encoding = part["encoding"].lower()
        if encoding in ("7bit", "8bit", "binary") and plain(raw) != plain(body):
            kinds.append("BODY")
            break
        if encoding == "base64" and not part["type"].startswith("text/"):
            try:
                mine_octets = base64.b64decode(part["body"])
            except ValueError:
                continue
            if mine_octets != body and len(body) > 0 and not plain(raw).startswith(plain(body)):
                kinds.append("BASE64")
                break
    if other["date"]:
        their_date = email.utils.parsedate_tz(other["date"])
        stamp = None
        if their_date:
            try:
                stamp = email.utils.mktime_tz(their_date)
            except (ValueError, OverflowError):
                stamp = None
        my_stamp = mine["date"]["utc"] if mine["date"] else None
        if stamp is not None and my_stamp is not None and stamp != my_stamp:
            kinds.append("DATE")
        elif (stamp is None) != (my_stamp is None):
            kinds.append("date-validity")
    for field in ("from", "to"):
        if other[field] is None or mine[field] is None:
            continue
        their = [a for _, a in email.utils.getaddresses([other[field].replace("\r", "").replace("\n", "")]) if a]
        my = [a["local"] + ("@" + a["domain"] if a["domain"] else "") for a in mine[field] if a["kind"] == "mailbox"]
        if [a.replace('"', "").lower() for a in their] != [a.replace('"', "").lower() for a in my]:
            kinds.append("addresses")
    return kinds


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("mime_dump")
    arguments.add_argument("directory", nargs="?", default=os.environ.get("POSTROAD_SUITES", ""))
    arguments.add_argument("--mutations", type=int, default=0)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--show", type=int, default=0, help="print so many disagreements of each kind")
    options = arguments.parse_args()
    if not os.path.isdir(options.directory):
        print("SKIPPED: no directory of messages")
        return 77
    rng = random.Random(options.seed)
    counts, shown, total, bad = collections.Counter(), collections.Counter(), 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        batch = []

        def flush():
            nonlocal total, bad
            files = []
            for i, (_, data, _) in enumerate(batch):
                files.append(os.path.join(scratch, f"{i}.eml"))
                open(files[-1], "wb").write(data)
            for (name, data, damaged), mine in zip(batch, ours(options.mime_dump, files)):
                total += 1
                try:
                    other = theirs(data)
                except Exception as error:  # Python's reader has its own limits
                    counts[f"python failed: {type(error).__name__}"] += 1
                    continue
                for kind in compare(data, mine, other):
                    counts[kind + (" (damaged)" if damaged else "")] += 1
                    if not damaged and kind not in EXPECTED:
                        bad += 1
                    if shown[kind] < options.show:
                        shown[kind] += 1
                        print(f"--- {kind} {name} {sorted(mine['anomalies'])}")
                        if kind in ("addresses", "DATE", "date-validity"):
                            print("   from", other["from"], "to", other["to"], "date", other["date"])
                            print("   ", json.dumps(mine["from"]), json.dumps(mine["to"]), mine["date"])
                        else:
                            print("   ours  ", [(p["depth"], p["type"]) for p in mine["parts"]])
                            print("   theirs", other["shape"])
                            if damaged:
                                keep = os.path.join(tempfile.gettempdir(), f"mime-differential-{kind}-{shown[kind]}.eml")
                                open(keep, "wb").write(data)
                                print("   kept as", keep)
            batch.clear()

        for name, data in messages(options.directory):
            variants = [(name, data, False), (name + " crlf", crlf(data), False)]
            variants += [(name + f" mutation {i}", mutate(crlf(data), rng), True) for i in range(options.mutations)]
            for variant in variants:
                batch.append(variant)
                if len(batch) == 200:
                    flush()
        flush()
    print(f"{total} messages read by both")
    for kind, n in counts.most_common():
        print(f"  {n:6} {kind}" + (f": {EXPECTED[kind.split(' ')[0]]}" if kind.split(" ")[0] in EXPECTED else ""))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
