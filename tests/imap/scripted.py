#!/usr/bin/env python3
"""Plays the scripted tests of ImapTest against the server.   scripted.py [--only WORD] [--peer DIRECTORY] [-v]

The scripts are read where they lie (POSTROAD_SUITES/imap-scripted, their FORMAT.md tells how they are written) and are
not part of this project. Each runs in an account of its own. A script whose capabilities are not announced is skipped.
"""
import argparse
import os
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "dialogues")]
import play  # noqa: E402
import player  # noqa: E402
import postroad_fixture as fixture  # noqa: E402
from responses import Variables, parse, same_response  # noqa: E402

STATUS = re.compile(r'(?i)(ok|no|bad|"")(?:\s+(.*))?$', re.DOTALL)


class Failed(Exception):
    pass


class Script:
    """Header, and the lines of the body with their literals ({{{ ... }}}) put in as {n}CRLF."""

    def __init__(self, path):
        # One character an octet, so that literals count right; and line ends as they are.
        self.name, text = path.name, path.read_bytes().decode("latin-1")
        self.header, lines = {}, text.split("\n")
        while lines and (found := re.match(r"(\w+):\s*(.*)$", lines[0])):
            self.header[found[1]] = found[2]
            lines.pop(0)
        self.connections = int(self.header.get("connections", 1))
        self.state = self.header.get("state", "selected")
        box = path.with_suffix(".mbox")
        self.mails = mails(box if box.exists() else path.parent / "default.mbox")
        self.body = list(self._body(lines))

    def _body(self, lines):
        text, skipping = "", []
        for line in lines:
            if found := re.match(r"!(ifenv|ifnenv|else|endif)\b\s*(\w*)", line):
                if found[1] == "endif":
                    skipping.pop()
                elif found[1] == "else":
                    skipping[-1] = not skipping[-1]
                else:
                    skipping.append((found[2] in os.environ) != (found[1] == "ifenv"))
            elif not any(skipping):
                text += line + "\n"
        def literal(found):
            octets = found[2] if found[1] else re.sub(r"(?<!\r)\n", "\r\n", found[2])   # ~{{{: as it is (RFC 3516)
            return "%s{%d}\r\n%s" % (found[1], len(octets), octets)
        text = re.sub(r"(~?)\{\{\{\n(.*?)\n?\}\}\}", literal, text, flags=re.DOTALL)
        at = 0
        while at < len(text):
            end = at
            while True:   # a logical line goes on behind its literals
                line_end = text.index("\n", end)
                found = re.compile(r"\{(\d+)\}\r\n").search(text, end, line_end + 1)
                if not found:
                    break
                end = found.end() + int(found[1])
            line = text[at:line_end].rstrip(" ")
            if line and not line.startswith("#"):
                yield line
            at = line_end + 1


def mails(path):
    found = []
    for part in re.split(rb"^From ", path.read_bytes(), flags=re.MULTILINE)[1:]:
        first, _, content = part.partition(b"\n")
        date = re.search(rb"(\w{3}) +(\d+) (\d\d:\d\d:\d\d) (\d{4})(?: ([+-]\d{4}))?", first)
        when = f'"{int(date[2]):02d}-{date[1].decode()}-{date[4].decode()} {date[3].decode()} {(date[5] or b"+0000").decode()}"' if date else None
        if content.endswith(b"\n\n"):
            content = content[:-1]
        found.append((when, content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")))
    return found


class Client:
    def __init__(self, server, user):
        self.line = player.Connection("imap", server.ports["imap"], None, 20)
        self.number, self.gone, self.untagged = 0, [], []
        self.greeting = self.line.response()
        self.user = user

    def original(self, number):
        """The number a message had when the command began ($n in scripts)."""
        for gone in sorted(self.gone):
            number += gone <= number
        return number

    def send(self, tag, text):
        """One command; literals wait for the server's permission."""
        parts = re.split(r"(\{\d+\}\r\n)", text)
        octets, at = f"{tag} ".encode(), 0
        rest = text
        while found := re.search(r"\{(\d+)\}\r\n", rest):
            octets += rest[:found.end()].encode("latin-1")
            self.line.send(octets, player.Pace())
            said = self.read()
            if not said.startswith("+"):
                self.early = said
                return
            octets = rest[found.end():found.end() + int(found[1])].encode("latin-1")
            rest = rest[found.end() + int(found[1]):]
        self.early = None
        self.line.send(octets + rest.encode("latin-1") + b"\r\n", player.Pace())

    def read(self):
        """The next response that is not untagged; those that are, are kept."""
        while True:
            said = self.response()
            if said is None:
                raise Failed("the connection was closed")
            if not said.startswith("* "):
                return said
            items = parse(said[2:])
            mind = None
            if len(items) > 1 and isinstance(items[0], str) and items[0].isdigit() and str(items[1]).upper() in ("EXPUNGE", "FETCH"):
                mind = self.original(int(items[0]))
                if items[1].upper() == "EXPUNGE":
                    self.gone.append(mind)
            self.untagged.append((items, mind, said))

    def response(self):
        line = self.line.line()
        while line is not None and (found := re.search(r"\{(\d+)\}$", line)):
            literal = self.line.octets(int(found[1])).decode("latin-1")
            line += "\r\n" + literal + (self.line.line() or "")
        return line

    def command(self, text):
        self.number += 1
        tag = f"t{self.number}"
        self.begin()
        self.send(tag, text)
        return self.finish(tag)

    def begin(self):
        self.gone, self.untagged = [], []

    def finish(self, tag):
        said = self.early or self.read()
        self.early = None
        if not said.startswith(tag + " "):
            raise Failed(f"not the answer to {tag}: {said}")
        return said[len(tag) + 1:]


class Run:
    def __init__(self, server, script, account, verbose):
        self.script, self.verbose = script, verbose
        self.checks = 0
        name, _, domain = account.partition("@")
        self.variables = Variables(mailbox="imaptest", mailbox_url="imaptest", user=account, username=name, domain=domain, password=fixture.PASSWORD)
        self.clients = [Client(server, account) for _ in range(script.connections)]
        self.next_mail = 0

    def close(self):
        for client in self.clients:
            client.line.close()

    def must(self, client, text):
        said = client.command(self.variables.expand(text))
        if not said.upper().startswith("OK"):
            raise Failed(f"preparing: {text[:60]}: {said}")

    def prepare(self):
        state = self.script.state
        if state == "nonauth":
            return True
        for client in self.clients:
            self.must(client, "login $user $password")
        self.clients[0].command("capability")
        told = next((items for items, _, _ in self.clients[0].untagged if items and str(items[0]).upper() == "CAPABILITY"), [])
        offered = {str(word).upper() for word in told}
        self.lacking = [c for c in self.script.header.get("capabilities", "").split() if c.upper() not in offered]
        if self.lacking:
            return False
        if state in ("created", "appended", "selected"):
            self.must(self.clients[0], "create $mailbox")
        if state in ("appended", "selected"):
            wanted = self.script.header.get("messages", "all")
            for _ in range(len(self.script.mails) if wanted == "all" else int(wanted)):
                self.must(self.clients[0], self.append(""))
        if state == "selected":
            for client in self.clients:
                self.must(client, "select $mailbox")
        return True

    def append(self, to):
        when, content = self.script.mails[self.next_mail % len(self.script.mails)]
        self.next_mail += 1
        return "append " + (to or "$mailbox") + (f" {when}" if when else "") + " {%d}\r\n%s" % (len(content), content.decode("latin-1"))

    # --- The script --------------------------------------------------------------------------------------

    def take_client(self, line):
        if self.script.connections > 1 and (found := re.match(r"(\d+) (.*)$", line, re.DOTALL)):
            return self.clients[int(found[1]) - 1], found[2]
        return self.clients[0], line

    def play(self):
        lines, at = self.script.body, 0
        while at < len(lines):
            client, text = self.take_client(lines[at])
            begun = at
            at += 1
            try:
                if found := STATUS.match(text):
                    replies, at = self.untagged_lines(lines, at)
                    self.one(client, found[2] or "", replies, found[1], "")
                elif re.match(r"(?i)tag\w*\s", text):
                    at = self.pipelined(lines, begun)
                else:
                    replies, at = self.untagged_lines(lines, at)
                    _, done = self.take_client(lines[at])
                    found = STATUS.match(done)
                    at += 1
                    self.one(client, text, replies, found[1], found[2] or "")
            except Failed as failure:
                raise Failed(f"{self.script.name}: {lines[begun][:100]}\n      {failure}") from None

    def untagged_lines(self, lines, at):
        replies = []
        while at < len(lines):
            _, text = self.take_client(lines[at]) if lines[at][:1].isdigit() else (None, lines[at])
            if not text.startswith(("* ", "! ")):
                break
            replies.append(text)
            at += 1
        return replies, at

    def command_text(self, text):
        if found := re.fullmatch(r"(?i)append(\s+\S+)?", text):
            text = self.append((found[1] or "").strip())
        out = ""
        while found := re.search(r"\{(\d+)\}\r\n", text):   # literals are as they are, what is between them is not
            end = found.end() + int(found[1])
            out += self.variables.expand(text[:found.start()]) + text[found.start():end]
            text = text[end:]
        return out + self.variables.expand(text)

    def one(self, client, text, replies, status, prefix):
        client.number += 1
        tag = f"t{client.number}"
        self.variables["tag"] = tag
        client.begin()
        client.send(tag, self.command_text(text))
        said = client.finish(tag)
        self.compare(client, replies, said, status, prefix)

    def pipelined(self, lines, at):
        tags, client = [], None
        while at < len(lines):
            here, text = self.take_client(lines[at])
            found = re.match(r"(\S+) (.*)$", text, re.DOTALL)
            if text.startswith(("* ", "! ")) or not found or (tags and found[1] in tags):
                break
            client = here
            if not tags:
                client.begin()
            tags.append(found[1])
            client.send(found[1], self.command_text(found[2]))
            at += 1
        replies, at = self.untagged_lines(lines, at)
        waiting = dict.fromkeys(tags)
        while None in waiting.values():
            said = client.read()
            tag, _, rest = said.partition(" ")
            if tag not in waiting:
                raise Failed(f"not asked for: {said}")
            waiting[tag] = rest
        for tag in tags:
            _, text = self.take_client(lines[at])
            found = STATUS.match(text.partition(" ")[2])
            self.compare(client, replies, waiting[text.partition(" ")[0]], found[1], found[2] or "")
            replies = []
            at += 1
        return at

    def compare(self, client, replies, said, status, prefix):
        self.checks += 1
        if status != '""' and not said.upper().startswith(status.upper()):
            raise Failed(f"it answered: {said}")
        if prefix and not same_response(parse(prefix), parse(said.partition(" ")[2])[:len(parse(prefix))], self.variables):
            raise Failed(f"it answered: {said}")
        left = list(client.untagged)
        for reply in [r for r in replies if r.startswith("* ")]:
            self.checks += 1
            for heard in left:
                if self.same(reply[2:], heard):
                    left.remove(heard)
                    break
            else:
                # MOVE and COPY may say COPYUID in the tagged answer as well.
                if reply.lower().startswith("* ok [") and same_response(parse(reply[2:]), parse(said), self.variables):
                    continue
                raise Failed(f"not heard: {reply[:300]}\n      heard: " + "\n             ".join(h[2][:300] for h in client.untagged))
        for reply in [r for r in replies if r.startswith("! ")]:
            self.checks += 1
            for heard in client.untagged:
                if self.same(reply[2:], heard, Variables(self.variables)):
                    raise Failed(f"it was not to say: {heard[2][:300]}")

    def same(self, reply, heard, variables=None):
        wanted = parse(reply)
        items, mind, _ = heard
        if wanted and isinstance(wanted[0], str) and (found := re.fullmatch(r"\$(\d+)", wanted[0])):
            if mind != int(found[1]):
                return False
            wanted, items = wanted[1:], items[1:]
            if len(wanted) > 1 and wanted[0].upper() == "FETCH":
                wanted, items = ["0", *wanted], ["0", *items]
        return same_response(wanted, items, self.variables if variables is None else variables)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--peer", metavar="DIRECTORY")
    parser.add_argument("-v", action="store_true")
    arguments = parser.parse_args()
    folder = pathlib.Path(os.environ.get("POSTROAD_SUITES", fixture.ROOT.parent / "shared" / "suites")) / "imap-scripted"
    if not folder.is_dir():
        print(f"SKIPPED: there is no {folder}")
        return fixture.SKIPPED
    paths = [p for p in sorted(folder.iterdir()) if p.suffix == "" and p.name not in ("LICENSE",) and p.is_file() and arguments.only in p.name]
    accounts = [f"s{n}@demo.test" for n in range(len(paths))]
    if arguments.peer:
        server = play.Peer(arguments.peer, [a.split("@")[0] for a in accounts])
    else:
        fixture.need_binary("imap")
        server = fixture.Postroad(settings={"auth.cleartext": True}, accounts=[a.split("@")[0] for a in accounts]).create().start()
    passed = failed = skipped = checks = 0
    try:
        for path, account in zip(paths, accounts):
            run = Run(server, Script(path), account, arguments.v)
            try:
                if not run.prepare():
                    skipped += 1
                    print(f"skipped   {path.name}: no {' '.join(run.lacking)}")
                    continue
                run.play()
                passed += 1
                if arguments.v:
                    print(f"passed    {path.name} ({run.checks} checks)")
            except (Failed, player.Mismatch, OSError) as failure:
                failed += 1
                print(f"FAILED    {failure}")
            finally:
                checks += run.checks
                run.close()
    finally:
        server.close()
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    print(f"({checks} single checks)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
