"""Clients that hand over, take away and mark messages, and write into the ledger what they were told.

Each is a thread that works until told to stop or until its connection dies. What a message contains follows from its
id, so that the audit can tell an altered one.
"""
import imaplib
import poplib
import random
import re
import socket
import threading
import time
import zlib

from ledger import ACKED, REFUSED, UNKNOWN

PASSWORD = "postroad"


def content(message, sender="sender@example.com", recipient="someone@demo.test"):
    """The octets of a message, CRLF line ends, a size of its own (mostly small, sometimes 100 KiB)."""
    seed = zlib.crc32(message.encode())
    lines = 1 + seed % 60 if seed % 16 else 1500
    body = "".join(f"{message} line {i} {'x' * (seed >> i % 16 & 31)}\r\n" for i in range(lines))
    return (f"From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: {message}\r\nMessage-ID: <{message}@crash.test>\r\n"
            f"Date: Sat, 01 Mar 2025 12:00:00 +0000\r\n\r\n{body}.dot\r\n{seed:08x}\r\n").encode()


def identify(octets):
    """(id, whether it is as it was sent): a server puts trace fields in front, and changes nothing else."""
    found = re.search(rb"^Message-ID: <([^@>]+)@crash\.test>", octets, re.MULTILINE | re.IGNORECASE)
    if not found:
        return "", False
    message = found[1].decode()
    start = octets.find(b"From: <")
    sent = content(message)
    # The sender and recipient fields differ between kinds of clients; the rest follows from the id.
    tail = sent[sent.index(b"Subject: "):]
    return message, start >= 0 and octets[start:].endswith(tail) and octets.count(b"Subject: " + message.encode()) == 1


class Refused(Exception):
    pass


class Line:
    """A connection that speaks in CRLF lines and SMTP replies."""

    def __init__(self, port, timeout=20):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def say(self, text):
        self.socket.sendall(text.encode() + b"\r\n")

    def reply(self):
        while True:
            line = self.file.readline()
            if not line.endswith(b"\n"):
                raise ConnectionError("closed")
            if line[3:4] != b"-":
                return int(line[:3]), line.decode("latin-1").rstrip()

    def expect(self, digit, text):
        self.say(text)
        code, said = self.reply()
        if code // 100 != digit:
            raise Refused(said)
        return said

    def close(self):
        self.file.close()
        self.socket.close()


class Client(threading.Thread):
    """One kind of client. `work` does one thing and returns; it may raise when the server dies."""

    def __init__(self, name, system, ledger, stop, seed):
        super().__init__(daemon=True, name=name)
        self.system, self.ledger, self.stop = system, ledger, stop
        self.random, self.count = random.Random(f"{seed}-{name}"), 0
        self.failure = None

    def run(self):
        while not self.stop.is_set():
            try:
                self.work()
            except (OSError, ConnectionError, Refused, imaplib.IMAP4.error, poplib.error_proto, EOFError, ValueError):
                if self.stop.wait(0.02):
                    return
            except Exception as error:  # a mistake of the harness must not look like a server that holds
                self.failure = error
                raise

    def next_message(self):
        self.count += 1
        return f"{self.name}-{self.count}"


class SmtpClient(Client):
    """Hands messages over by SMTP or LMTP, several on a connection, to one or several accounts."""
    service, hello, per_recipient = "smtp", "EHLO", False

    def recipients(self):
        accounts = self.system.accounts["delivered"]
        return self.random.sample(accounts, self.random.choice([1, 1, 1, 2, len(accounts)]))

    def begin(self, line):
        line.expect(2, f"{self.hello} crash.example.com")

    def work(self):
        line = Line(self.system.ports[self.service])
        try:
            code, said = line.reply()
            if code != 220:
                raise Refused(said)
            self.begin(line)
            for _ in range(self.random.choice([1, 5, 50])):
                if self.stop.is_set():
                    break
                self.hand_over(line, self.next_message(), self.recipients())
        finally:
            line.close()

    def hand_over(self, line, message, recipients, sender="sender@example.com"):
        fates = dict.fromkeys(recipients, REFUSED)   # until the final dot is sent nothing may come of it
        try:
            line.expect(2, f"MAIL FROM:<{sender}>")
            accepted = []
            for recipient in recipients:
                line.say(f"RCPT TO:<{recipient}>")
                if line.reply()[0] // 100 == 2:
                    accepted.append(recipient)
            line.expect(3, "DATA")
            octets = content(message, sender, recipients[0])
            octets = re.sub(rb"^\.", b"..", octets, flags=re.MULTILINE)
            cut = self.random.randrange(len(octets))
            line.socket.sendall(octets[:cut])
            fates.update(dict.fromkeys(accepted, UNKNOWN))
            line.socket.sendall(octets[cut:] + b".\r\n")
            for recipient in accepted if self.per_recipient else accepted[:1]:
                code = line.reply()[0]
                fate = ACKED if code // 100 == 2 else REFUSED
                fates.update({recipient: fate} if self.per_recipient else dict.fromkeys(accepted, fate))
            if REFUSED in fates.values():
                line.expect(2, "RSET")
        finally:
            self.record(message, fates)

    def record(self, message, fates):
        for recipient, fate in fates.items():
            self.ledger.handed_over(message, recipient, fate)


class LmtpClient(SmtpClient):
    service, hello, per_recipient = "lmtp", "LHLO", True


class ChunkingClient(SmtpClient):
    """BDAT, all in one burst."""

    def hand_over(self, line, message, recipients, sender="sender@example.com"):
        fates = dict.fromkeys(recipients, UNKNOWN)
        octets = content(message, sender, recipients[0])
        try:
            line.socket.sendall(f"MAIL FROM:<{sender}>\r\n".encode()
                                + b"".join(f"RCPT TO:<{r}>\r\n".encode() for r in recipients)
                                + f"BDAT {len(octets)} LAST\r\n".encode() + octets)
            line.reply()
            accepted = [r for r in recipients if line.reply()[0] // 100 == 2]
            code = line.reply()[0]
            for r in recipients:
                fates[r] = ACKED if r in accepted and code // 100 == 2 else REFUSED
            if code // 100 != 2:
                line.expect(2, "RSET")
        finally:
            self.record(message, fates)


class SubmissionClient(SmtpClient):
    """A signed-in user who writes to the world outside; the sink tells what went out."""
    service = "submission"

    def begin(self, line):
        import base64
        line.expect(2, "EHLO crash.example.com")
        login = base64.b64encode(f"\0{self.system.accounts['author'][0]}\0{PASSWORD}".encode()).decode()
        line.expect(2, "AUTH PLAIN " + login)

    def recipients(self):
        return [f"reader{self.random.randrange(5)}@{domain}"
                for domain in self.random.sample(["elsewhere.test", "example.org"], self.random.choice([1, 2]))]

    def hand_over(self, line, message, recipients, sender=None):
        super().hand_over(line, message, recipients, self.system.accounts["author"][0])

    def record(self, message, fates):
        for recipient, fate in fates.items():
            self.ledger.handed_to_relay(message, recipient, fate)


class Pop3Client(Client):
    """Collects an account that others deliver to, and erases part of what it collects."""

    def __init__(self, name, system, ledger, stop, seed, account):
        super().__init__(name, system, ledger, stop, seed)
        self.account = account

    def work(self):
        pop = poplib.POP3("127.0.0.1", self.system.ports["pop3"], timeout=20)
        marked, fate = [], REFUSED
        try:
            pop.user(self.account)
            pop.pass_(PASSWORD)
            for number in range(1, min(pop.stat()[0], 20) + 1):
                message, _ = identify(b"\r\n".join(pop.retr(number)[1]) + b"\r\n")
                if message and self.random.random() < 0.7:
                    pop.dele(number)
                    marked.append(message)
            if self.random.random() < 0.1:
                return      # a session that drops removes nothing
            for message in marked:
                self.ledger.about_to_remove(message, self.account)
            fate = UNKNOWN
            pop.quit()      # raises unless +OK
            fate = ACKED
        except poplib.error_proto as error:
            # -ERR to QUIT: some may be gone, none that was not marked (RFC 1939 §6).
            if fate == UNKNOWN and not str(error).startswith("b'-ERR"):
                raise
        finally:
            pop.close()
            for message in marked:
                self.ledger.removed(message, self.account, fate)
        self.stop.wait(0.05)


class ImapClient(Client):
    """Appends to, marks in and expunges from an account that is its own."""

    def __init__(self, name, system, ledger, stop, seed, account):
        super().__init__(name, system, ledger, stop, seed)
        self.account = account

    def work(self):
        imap = imaplib.IMAP4("127.0.0.1", self.system.ports["imap"], timeout=20)
        try:
            imap.login(self.account, PASSWORD)
            for _ in range(5):
                if self.stop.is_set():
                    return
                for _ in range(self.random.randrange(1, 6)):
                    self.append(imap)
                self.mark_and_expunge(imap)
        finally:
            imap.shutdown()

    def append(self, imap):
        message, fate = self.next_message(), UNKNOWN
        try:
            answer, data = imap.append("INBOX", None, None, content(message))
            fate = ACKED if answer == "OK" else REFUSED
            found = re.search(rb"APPENDUID (\d+) (\d+)", data[0] or b"")
            if fate == ACKED and found:
                self.ledger.appended_as(self.account, int(found[2]), message)
        finally:
            self.ledger.handed_over(message, self.account, fate)

    def mark_and_expunge(self, imap):
        imap.select("INBOX")
        rows = fetch_rows(imap)
        for row in self.random.sample(rows, min(3, len(rows))):
            if row["message"]:
                self.store(imap, row, "\\Flagged", self.random.random() < 0.5)
        doomed = [row for row in rows if row["message"] and self.random.random() < 0.3]
        if not doomed:
            return
        uids = ",".join(str(row["uid"]) for row in doomed)
        if imap.uid("STORE", uids, "+FLAGS.SILENT", "(\\Deleted)")[0] != "OK":
            return
        fate = UNKNOWN
        for row in doomed:
            self.ledger.about_to_remove(row["message"], self.account)
        try:
            fate = ACKED if imap.uid("EXPUNGE", uids)[0] == "OK" else REFUSED
        finally:
            for row in doomed:
                self.ledger.removed(row["message"], self.account, fate)

    def store(self, imap, row, flag, wanted):
        fate = UNKNOWN
        try:
            answer, _ = imap.uid("STORE", str(row["uid"]), "+FLAGS" if wanted else "-FLAGS", f"({flag})")
            fate = ACKED if answer == "OK" else REFUSED
        finally:
            self.ledger.flagged(row["message"], self.account, flag, wanted, fate)


def fetch_rows(imap, whole=False):
    """All messages of the selected mailbox: uid, message, intact (if whole), flags."""
    what = "(UID FLAGS BODY.PEEK[])" if whole else "(UID FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"
    answer, data = imap.fetch("1:*", what)
    rows = []
    if answer != "OK":
        return rows
    for i, part in enumerate(data):
        if not isinstance(part, tuple):
            continue
        after = data[i + 1] if i + 1 < len(data) and isinstance(data[i + 1], bytes) else b""
        told = part[0] + after
        message, intact = identify(part[1])
        rows.append({"uid": int(re.search(rb"UID (\d+)", told)[1]), "message": message, "intact": intact,
                     "flags": frozenset(re.search(rb"FLAGS \(([^)]*)\)", told)[1].decode().split())})
    return rows
