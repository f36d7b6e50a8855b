#!/usr/bin/env python3
"""Plays dialogues against the real server.   play.py smtp [pop3 ...] [--paces whole,octets,cuts] [--only WORD]

Each folder is a service; each file in it a conversation (README.md tells how they are written). Dialogues with
the same SETTINGs share a server, and run beside each other. Exit 0: all as written; 77: no binary to try.
With --peer ports come from Debian's Postfix and Dovecot instead, to try the player itself.
"""
import argparse
import concurrent.futures
import json
import pathlib
import re
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import dialogue  # noqa: E402
import player  # noqa: E402
import postroad_fixture as fixture  # noqa: E402


class World:
    """What GIVEN lines make and THEN lines look at, outside the conversation."""

    made, lock = {}, threading.Lock()  # accounts made by this run, and by which dialogue

    def __init__(self, server, name, service):
        self.server, self.name, self.service = server, name, service
        self.before = 0  # messages that the sink had when this turn began

    def begin(self):
        self.before = len(self.server.sink.messages)

    def given(self, text, body):
        if found := re.fullmatch(r"account (\S+?)(?: with password (.+))?", text):
            self.account(found[1], found[2] or fixture.PASSWORD)
        elif found := re.fullmatch(r"message to (\S+)(?: from (\S+))?:", text):
            self.server.deliver(found[1], body, sender=found[2] or "sender@example.com")
        elif found := re.fullmatch(r"(\d+) messages? to (\S+)", text):
            for n in range(int(found[1])):
                self.server.deliver(found[2], f"From: sender@example.com\nSubject: message {n + 1}\n\nBody {n + 1}.\n")
        elif text.startswith("postroad "):
            self.server.cli(*text.split()[1:])
        else:
            raise dialogue.Unreadable(f"no such GIVEN: {text}")

    def account(self, address, password):
        key = (id(self.server), address)
        with self.lock:
            owner = self.made.get(key)
            if owner not in (None, self.name):
                raise dialogue.Unreadable(f"{address} is used by {owner} too; dialogues run beside each other")
            self.made[key] = self.name
        if owner and self.service != "imap":
            self.server.empty(address, password)
            return
        if owner:   # IMAP sees more of an account than its messages: other mailboxes, and which UIDs were given out
            self.server.cli("account", "remove", address)
        self.server.add_account(address, password)

    def then(self, text, body):
        if found := re.fullmatch(r"(\S+) has (\d+) messages?", text):
            count = int(found[2])
            have = self.server.wait_for_messages(found[1], count) if count else self.server.messages(found[1])
            if len(have) != count:
                raise player.Mismatch(f"it has {len(have)}")
        elif found := re.fullmatch(r"(?:a|the) message of (\S+) (has|is|lacks):", text):
            have = self.server.wait_for_messages(found[1], 1)
            whole = body.replace("\n", "\r\n").encode()
            part = whole.removesuffix(b"\r\n")   # its last line may be the beginning of one
            fits = {"has": lambda m: part in m, "is": lambda m: m == whole, "lacks": lambda m: part not in m}
            if not any(fits[found[2]](m) for m in have):
                raise player.Mismatch("it is:\n" + have[-1].decode("utf-8", "backslashreplace"))
        elif found := re.fullmatch(r"the sink has (\d+) messages? to (\S+)", text):
            have = self.server.sink.wait_for(found[2], int(found[1]), after=self.before)
            if len(have) != int(found[1]):
                raise player.Mismatch(f"it has {len(have)}")
        elif found := re.fullmatch(r"the message to (\S+) in the sink has:", text):
            have = self.server.sink.wait_for(found[1], after=self.before)
            if not any(body.replace("\n", "\r\n").encode().removesuffix(b"\r\n") in m.content for m in have):
                raise player.Mismatch(f"it has {[m.content for m in have]}")
        elif text.startswith("postroad "):
            said = self.server.cli(*text.split()[1:]).stdout
            if body.strip() not in said:
                raise player.Mismatch(f"it said:\n{said}")
        else:
            raise dialogue.Unreadable(f"no such THEN: {text}")


class Peer:
    """Postfix and Dovecot in the place of Postroad; knows only what they can be asked for."""

    def __init__(self, directory, accounts):
        sys.path.insert(0, str(HERE.parent.parent / "bench"))
        import rivals
        if reason := rivals.usable():
            sys.exit("SKIPPED: " + reason)
        self.dovecot = rivals.Dovecot(pathlib.Path(directory) / "dovecot", accounts).start()
        self.sink = fixture.smtp_sink.SmtpSink()
        self.postfix = rivals.Postfix(pathlib.Path(directory) / "postfix", accounts, lmtp=self.dovecot.lmtp_port, relay=self.sink.port,
                                      sign_in=self.dovecot).start()
        self.ports = {"smtp": self.postfix.smtp_port, "submission": self.postfix.submission_port,
                      "submissions": self.postfix.submissions_port, "lmtp": self.dovecot.lmtp_port, "imap": self.dovecot.imap_port,
                      "imaps": self.dovecot.imaps_port, "pop3": self.dovecot.pop3_port, "pop3s": self.dovecot.pop3s_port}

    def cli(self, *arguments, **_):
        raise dialogue.Unreadable(f"Postfix has no `postroad {' '.join(arguments)}`")

    def add_account(self, address, password):
        """They were all made before the start, for Postfix and Dovecot read their users from files."""

    deliver, messages = fixture.Postroad.deliver, fixture.Postroad.messages
    empty, wait_for_messages = fixture.Postroad.empty, fixture.Postroad.wait_for_messages
    pop3 = fixture.Postroad.pop3

    def close(self):
        self.postfix.stop()
        self.dovecot.stop()
        self.sink.close()


def read_folder(folder, only):
    defaults = {}
    if (folder / "settings").exists():
        defaults = dialogue.parse(f"{folder.name}/settings", (folder / "settings").read_text()).settings
    found = []
    for path in sorted(folder.glob("*.txt")):
        if only in path.stem:
            read = dialogue.parse(f"{folder.name}/{path.name}", path.read_text())
            read.settings = {**defaults, **read.settings}
            found.append((folder.name, read))
    if not found:
        sys.exit(f"no dialogues in {folder}")
    return found


def source_of(name):
    """An address of its own for each dialogue, so that limits per address do not mix them."""
    import zlib
    n = zlib.crc32(name.encode())
    return f"127.{64 + n % 60}.{n >> 8 & 255}.{n >> 16 & 253 | 1}"


def play_all_paces(server, service, played, paces, timeout):
    """Plays one dialogue in every way of sending; answers how often. Raises Mismatch."""
    world = World(server, played.name, service)
    source = source_of(played.name) if sys.platform == "linux" else None

    def once(pace):
        world.begin()
        try:
            player.Player(played, service, server.ports, world, pace, timeout, source).play()
        except player.Mismatch as wrong:
            told = {player.CutAt: "cut after octet", player.OctetByOctet: "octet by octet"}.get(type(pace), "")
            place = f" {pace.place}" if isinstance(pace, player.CutAt) else ""
            raise player.Mismatch(f"{wrong}" + (f"\n    (sent {told}{place})" if told else "")) from None
        return pace

    total = once(player.Pace()).total if "whole" in paces else 0
    count = 1
    if "octets" in paces and total <= 20000:
        once(player.OctetByOctet())
        count += 1
    if "cuts" in paces and played.split:
        for place in range(1, total):
            once(player.CutAt(place))
            count += 1
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--only", default="", help="only files with this in their name")
    parser.add_argument("--paces", default="whole,octets,cuts")
    parser.add_argument("--timeout", type=float, default=15)
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--peer", metavar="DIRECTORY", help="try Debian's Postfix and Dovecot, started in DIRECTORY")
    arguments = parser.parse_args()
    if not arguments.peer:
        fixture.need_binary("pop3s", *(pathlib.Path(folder).name for folder in arguments.folders))

    groups = {}
    for folder in arguments.folders:
        path = pathlib.Path(folder) if "/" in folder else HERE / folder
        for service, played in read_folder(path, arguments.only):
            groups.setdefault(json.dumps(played.settings, sort_keys=True), []).append((service, played))

    failures, count, begun = [], 0, time.monotonic()
    for settings, members in groups.items():
        if arguments.peer:
            named = {step.text.split()[1].split("@")[0] for _, played in members for step in played.steps
                     if step.what == "GIVEN" and step.text.startswith("account ")}
            server = Peer(arguments.peer, sorted(named | {"alice", "bob", "admin"}))
        else:
            server = fixture.Postroad(settings=json.loads(settings)).create().start()
        try:
            with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
                running = {pool.submit(play_all_paces, server, service, played, arguments.paces.split(","),
                                       arguments.timeout): played for service, played in members}
                for future in concurrent.futures.as_completed(running):
                    name = running[future].name
                    try:
                        count += future.result()
                        print(f"as written   {name}", flush=True)
                    except Exception as wrong:
                        failures.append(name)
                        told = "" if isinstance(wrong, player.Mismatch) else type(wrong).__name__ + ": "
                        print(f"NOT SO       {name}\n    {told}{wrong}", flush=True)
        finally:
            try:
                server.close()
            except fixture.TestFailure as wrong:
                failures.append("the server's end")
                print(f"NOT SO       the server's end\n    {wrong}", flush=True)
    played = sum(len(members) for members in groups.values())
    print(f"{played - len(failures)} of {played} dialogues as written ({count} conversations, "
          f"{time.monotonic() - begun:.1f} s)")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
