"""What is crashed: a Postroad, or a toy whose durability is known, to try the harness itself."""
import imaplib
import os
import pathlib
import poplib
import re
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import ports  # noqa: E402
import postroad_fixture as fixture  # noqa: E402
import work  # noqa: E402
from ledger import Row, View  # noqa: E402


class PostroadSystem:
    """`accounts` by what is done with them: delivered (only delivered to), collected (POP3), kept (IMAP), author."""
    patience = 20  # seconds in which what was acked must have arrived after a restart

    def __init__(self, directory, exe=None, settings=None, wrapper=()):
        names = {"delivered": ["d0", "d1", "d2"], "collected": ["p0", "p1"], "kept": ["i0", "i1"], "author": ["author"]}
        self.server = fixture.Postroad(directory, exe=exe, wrapper=wrapper, accounts=sum(names.values(), []), settings={
            "auth.cleartext": True, "delivery.retry": ["1 s"], "log.level": "info", **(settings or {})})
        self.accounts = {use: [f"{n}@{self.server.domain}" for n in list_] for use, list_ in names.items()}
        # What is collected and kept is delivered to as well, so that arrivals and removals meet.
        self.accounts["delivered"] += self.accounts["collected"]
        self.ports = self.server.ports
        self.sink = self.server.sink
        self.unique_ids = {}

    def create(self):
        self.server.create()

    def start(self):
        begun = time.monotonic()
        try:
            self.server.start(wait=False).wait_ready(120)   # sanitizers and a busy machine have their time
        except fixture.TestFailure:
            self.server.kill()
            raise
        return time.monotonic() - begun

    def kill(self):
        self.server.kill()

    def close(self):
        self.server.close()

    def settle(self, seconds=60):
        """Waits until the queue is empty: then every acked message is where it belongs."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            said = self.server.cli("queue", "list", "--json").stdout.strip()
            if said in ("", "[]") or re.search(r'"(data|items|entries|messages)":\s*\[\]', said):
                return True
            time.sleep(0.2)
        return False

    def view(self, account):
        return self.view_by_imap(account) if "imap" in self.ports else self.view_by_pop3(account)

    def view_by_pop3(self, account):
        """Unique-ids in the place of UIDs, numbered as they are first seen: each names one message for ever."""
        pop = poplib.POP3("127.0.0.1", self.ports["pop3"], timeout=60)
        try:
            pop.user(account)
            pop.pass_(work.PASSWORD)
            rows = []
            for line in pop.uidl()[1]:
                number, unique = line.split()
                message, intact = work.identify(b"\r\n".join(pop.retr(int(number))[1]) + b"\r\n")
                rows.append(Row(self.unique_ids.setdefault((account, unique), len(self.unique_ids) + 1), message, intact))
            return View(rows)
        finally:
            pop.close()   # without QUIT: nothing is erased

    def view_by_imap(self, account):
        imap = imaplib.IMAP4("127.0.0.1", self.ports["imap"], timeout=60)
        try:
            imap.login(account, work.PASSWORD)
            imap.untagged_responses.clear()
            imap.is_readonly = True   # else it takes READ-ONLY for an accident
            # CONDSTORE makes SELECT tell HIGHESTMODSEQ (RFC 7162 §3.1.8).
            imap._simple_command("EXAMINE", "INBOX", "(CONDSTORE)")
            imap.state = "SELECTED"
            told = {}
            for response in imap.untagged_responses.get("OK", []):
                if found := re.match(rb"\[(UIDVALIDITY|UIDNEXT|HIGHESTMODSEQ) (\d+)\]", response or b""):
                    told[found[1].decode()] = int(found[2])
            for name in ("UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ"):
                if (data := imap.untagged_responses.get(name)) and data[0]:
                    told[name] = int(data[0])
            exists, *more = map(int, imap.untagged_responses.get("EXISTS") or [0])
            if more:   # UIDNEXT and EXISTS must be of one moment
                raise fixture.TestFailure(f"{account}: EXAMINE says EXISTS {exists} and then {more}")
            found = work.fetch_rows(imap, whole=True) if exists else []
            rows = [Row(r["uid"], r["message"], r["intact"], r["flags"]) for r in found]
            if len(rows) != exists:
                raise fixture.TestFailure(f"{account}: EXISTS says {exists}, FETCH gave {len(rows)}")
            return View(rows, told.get("UIDVALIDITY"), told.get("UIDNEXT"), told.get("HIGHESTMODSEQ"))
        finally:
            imap.shutdown()

    def clear(self, account, ledger):
        """Removes all messages by POP3, so that mailboxes stay small in long runs. Part of the ledger like any client."""
        pop = poplib.POP3("127.0.0.1", self.ports["pop3"], timeout=60)
        pop.user(account)
        pop.pass_(work.PASSWORD)
        gone = []
        for number in range(1, pop.stat()[0] + 1):
            header = b"\r\n".join(pop.top(number, 0)[1])
            if found := re.search(rb"^Message-ID: <([^@>]+)@crash\.test>", header, re.MULTILINE | re.IGNORECASE):
                pop.dele(number)
                gone.append(found[1].decode())
        for message in gone:
            ledger.about_to_remove(message, account)
        pop.quit()
        for message in gone:
            ledger.removed(message, account, "acked")

    def arrivals(self):
        came = {}
        with self.sink.lock:
            for taken in self.sink.messages:
                message, intact = work.identify(taken.content)
                for recipient in taken.recipients:
                    came.setdefault((message if intact else f"altered {message}", recipient), []).append(taken.at)
        return came


class ToySystem:
    """A small SMTP server whose way of keeping mail is chosen: honest, or wrong in one known way (toy_server.py)."""
    patience = 1

    def __init__(self, directory, fault):
        self.directory, self.fault = pathlib.Path(directory), fault
        self.accounts = {"delivered": ["d0@demo.test", "d1@demo.test"], "collected": [], "kept": [], "author": []}
        self.ports = {"smtp": ports.take()[0]}
        self.process = self.sink = None

    def create(self):
        self.directory.mkdir(parents=True, exist_ok=True)

    def start(self):
        begun = time.monotonic()
        self.process = subprocess.Popen([sys.executable, str(HERE / "toy_server.py"), str(self.directory),
                                         str(self.ports["smtp"]), self.fault])
        end = time.monotonic() + 10
        while True:
            try:
                work.Line(self.ports["smtp"], 1).close()
                return time.monotonic() - begun
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def close(self):
        if self.process.poll() is None:
            self.kill()

    def settle(self, seconds=60):
        return True

    def view(self, account):
        rows = []
        for path in sorted((self.directory / account).glob("*.eml"), key=lambda p: int(p.stem)):
            message, intact = work.identify(path.read_bytes())
            rows.append(Row(int(path.stem), message, intact))
        uid_next = self.directory / account / "next"
        return View(rows, 1, int(uid_next.read_text() or 1) if uid_next.exists() else None)

    def arrivals(self):
        return {}
