#!/usr/bin/env python3
"""Plays James' IMAP scripts against the server, by meaning.   mpt.py [--only WORD] [--peer DIRECTORY] [-v]

The scripts are read where they lie (POSTROAD_SUITES/imap-mpt) and are no part of this project. They hold regular
expressions for every octet that James says; what is compared here is what the protocol means by them: the tagged
status, the data of untagged responses in any order, flags and fetched items as sets. James' own words, MAILBOXID, its
separator and its user names are not. Prints how many single checks hold, and which do not.
"""
import argparse
import os
import pathlib
import re
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "dialogues")]
import play  # noqa: E402
import player  # noqa: E402
import postroad_fixture as fixture  # noqa: E402
from responses import parse  # noqa: E402
from scripted import Client, Failed  # noqa: E402

NOT_AUTHENTICATED = {"Authenticate", "AuthenticatePlain", "Login", "Logout", "BadTag", "NoTag", "IllegalTag", "Noop", "Check"}


def steps_of(path):
    """[(session, "C", [lines]) | (session, "S", [lines]) | (session, "WAIT", seconds)]"""
    steps, session, wait = [], "1", None
    for line in path.read_text(encoding="utf-8").split("\n"):
        if found := re.match(r"SESSION: (\w+)", line):
            session = found[1]
        elif found := re.match(r"WAIT (\d+)", line):
            steps.append((session, "WAIT", int(found[1]) / 1000))
        elif found := re.match(r"(C|S): ?(.*)$", line):
            what, text = found.groups()
            if steps and steps[-1][:2] == (session, what):
                steps[-1][2].append(text)
            else:
                steps.append((session, what, [text]))
    return steps


def units(lines):
    """Lines that belong to one response: a literal's lines follow the one that announces it."""
    found = []
    for line in lines:
        if re.match(r"(\\\*|\\\+|\*|\+|\w+ (OK|NO|BAD|\(OK))(?=[ \\(]|$)", line) or not found:
            found.append([line])
        else:
            found[-1].append(line)
    return found


def plain(expression):
    """A regular expression that stands for itself, as text; None when it is more than that."""
    text, at = "", 0
    while at < len(expression):
        c = expression[at]
        if c == "\\" and at + 1 < len(expression):
            if expression[at + 1].isalnum():
                return None
            text += expression[at + 1]
            at += 2
        elif c in ".*+?|^$[]{}()":
            return None
        else:
            text += c
            at += 1
    return text


def normal(items):
    """What a response says, without what the protocol leaves open: order of flags and items, case of words, NIL for ""."""
    out = []
    for i, item in enumerate(items):
        before = items[i - 1].upper() if i and isinstance(items[i - 1], str) else ""
        if isinstance(item, list):
            inner = normal(item)
            if before in ("FLAGS", "LIST", "LSUB", "PERMANENTFLAGS"):
                inner = sorted((x for x in inner if x not in ("\\recent", "\\hasnochildren", "\\haschildren", "\\marked", "\\unmarked", "\\subscribed")), key=str)
            elif before == "FETCH" or (i == 2 and str(items[0]).upper() == "STATUS"):
                inner = sorted((inner[k:k + 2] for k in range(0, len(inner), 2)), key=str)
            out.append(inner)
        else:
            out.append(re.sub(r"\s+", " ", item).strip().lower() if isinstance(item, str) else item)
    return out


class Script:
    def __init__(self, server, path, account):
        self.server, self.path, self.account = server, path, account
        self.sessions, self.good, self.bad = {}, 0, []

    def session(self, name):
        if name not in self.sessions:
            client = Client(self.server, self.account)
            self.sessions[name] = client
            if self.path.stem not in NOT_AUTHENTICATED:
                client.command(f"LOGIN {self.account} {fixture.PASSWORD}")
        return self.sessions[name]

    def say(self, client, lines):
        text = "\r\n".join(lines).replace("imapuser password", f"{self.account} {fixture.PASSWORD}") + "\r\n"
        client.line.send(text.encode("utf-8"), player.Pace())

    def play(self):
        steps = steps_of(self.path)
        said = " ".join(line for _, what, lines in steps if what == "C" for line in lines)
        if not re.search(r"\b(SELECT|EXAMINE|CREATE)\b", said) and re.search(r"\b(FETCH|STORE|SEARCH|EXPUNGE|CHECK|COPY)\b", said):
            for session, what, lines in steps_of(self.path.parent / "SelectedStateSetup.test"):
                if what == "C":
                    self.say(self.session(session), lines)
                elif what == "S":
                    self.hear(self.session(session), lines, counted=False)
        for session, what, lines in steps:
            client = self.session(session)
            if what == "C":
                self.say(client, lines)
            elif what == "WAIT":
                time.sleep(lines)
            elif not self.hear(client, lines):
                return
        for client in self.sessions.values():
            client.line.close()

    def hear(self, client, lines, counted=True):
        """Compares one run of S: lines; False when the connection is of no more use."""
        expected = units(lines)
        finals = [u for u in expected if not u[0].startswith(("\\*", "*"))]
        heard, got = [], []
        client.line.timeout = 5
        try:
            while len(got) < len(finals):
                response = client.response()
                if response is None:
                    break
                (heard if response.startswith("* ") else got).append(response)
            if not finals:
                for _ in expected:
                    heard.append(client.response())
        except player.Mismatch:
            pass
        if not counted:
            return True
        for unit in expected:
            final = unit in finals
            candidates = got if final else heard
            match = next((c for c in candidates if c is not None and self.fits(unit, c, final)), None)
            if match is None:
                self.bad.append((" / ".join(unit)[:160], [str(c)[:160] for c in (got if final else heard)][:6]))
            else:
                candidates.remove(match)
                self.good += 1
        return len(got) + len([u for u in finals if u in expected]) >= len(finals) and (bool(got or heard) or not finals or self.good > 0)

    def fits(self, unit, response, final):
        line = unit[0]
        if final:
            if line.startswith(("\\+", "+")):
                return response.startswith("+")
            wanted = re.match(r"(\S+) \(?(OK|NO|BAD)", line)
            found = re.match(r"(\S+) (OK|NO|BAD)", response)
            return bool(wanted and found and wanted[2] == found[2] and (wanted[1] == found[1] or wanted[1].startswith("\\")))
        if found := re.match(r"\\?\* (OK|NO|BAD|BYE)(?: \\\[([A-Z]+))?", line):
            if found[2] in ("MAILBOXID",):
                return bool(re.match(r"\* OK", response))
            code = f" [{found[2]}" if found[2] else ""
            return response.upper().startswith(f"* {found[1]}{code}")
        whole = "\r\n".join(unit)
        if re.fullmatch(whole, response, re.IGNORECASE | re.DOTALL):
            return True
        text = plain(whole)
        if text is None:   # patterns inside: compare loosely, white space and case aside
            squeeze = lambda s: re.sub(r"[\s\"]+", "", s)
            return bool(re.fullmatch(re.sub(r'[\s"]+', "", whole), squeeze(response), re.IGNORECASE | re.DOTALL))
        return normal(parse(text[2:])) == normal(parse(response[2:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--peer", metavar="DIRECTORY")
    parser.add_argument("--least", type=float, default=90, help="per cent of the single checks that must hold")
    parser.add_argument("-v", action="store_true", help="tell each check that does not hold")
    arguments = parser.parse_args()
    folder = pathlib.Path(os.environ.get("POSTROAD_SUITES", fixture.ROOT.parent / "shared" / "suites")) / "imap-mpt"
    if not folder.is_dir():
        print(f"SKIPPED: there is no {folder}")
        return fixture.SKIPPED
    paths = [p for p in sorted(folder.glob("*.test")) if arguments.only in p.name and not p.name.startswith("SelectedState")]
    names = [f"m{n}" for n in range(len(paths))]
    if arguments.peer:
        server = play.Peer(arguments.peer, names)
    else:
        fixture.need_binary("imap")
        server = fixture.Postroad(settings={"auth.cleartext": True, "imap.separator": "."}, accounts=names).create().start()
    good = total = whole = 0
    try:
        for path, name in zip(paths, names):
            script = Script(server, path, f"{name}@demo.test")
            try:
                script.play()
            except (Failed, OSError, player.Mismatch, IndexError, re.error) as failure:
                script.bad.append((f"stopped: {failure}", []))
            good, total, whole = good + script.good, total + script.good + len(script.bad), whole + (not script.bad)
            if script.bad:
                print(f"{script.good:4} of {script.good + len(script.bad):4}  {path.stem}")
                for wanted, heard in script.bad if arguments.v else ():
                    print("        " + wanted + "".join("\n             heard " + h for h in heard))
    finally:
        server.close()
    share = 100 * good / max(total, 1)
    print(f"{whole} of {len(paths)} scripts whole, {good} of {total} single checks: {share:.1f} %")
    return 0 if share >= arguments.least else 1


if __name__ == "__main__":
    sys.exit(main())
