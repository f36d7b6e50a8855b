"""What the attack tests share: a raw connection, the rule that holds for all of them, and splitting of octets.

The numbers in the tests' names are those of the attack catalogue (durability.md §3). The universal rule: the process
stays up, no sanitizer speaks, memory stays bounded, nothing of the input reaches the log unescaped.
"""
import base64
import concurrent.futures
import contextlib
import json
import os
import pathlib
import socket
import ssl
import sys
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import postroad_fixture as fixture  # noqa: E402

PASSWORD = fixture.PASSWORD


def plain(user="alice@demo.test", password=PASSWORD, authzid=""):
    return base64.b64encode(f"{authzid}\0{user}\0{password}".encode()).decode()


class Wire:
    """A connection under full control of its octets."""

    def __init__(self, port, source=None, timeout=15):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout,
                                               source_address=(source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer, self.sender = b"", None

    def send_meanwhile(self, octets):
        """Sends while the caller reads on."""
        self.sender = threading.Thread(target=self.send, args=(octets,), daemon=True)
        self.sender.start()

    def send(self, octets):
        """Everything, as far as the server takes it."""
        with contextlib.suppress(OSError):
            self.socket.sendall(octets)

    def send_split(self, octets, cut):
        self.send(octets[:cut])
        time.sleep(0.002)
        self.send(octets[cut:])

    def line(self, octets=None):
        """The next line, or b"" when the server has closed."""
        if octets is not None:
            self.send(octets + b"\r\n")
        while b"\n" not in self.buffer:
            try:
                more = self.socket.recv(65536)
            except (ConnectionError, ssl.SSLEOFError):
                more = b""
            if not more:
                line, self.buffer = self.buffer, b""
                return line
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line + b"\n"

    def reply(self, octets=None):
        """The next SMTP reply: its last line as text, "" when the server has closed."""
        line = self.line(octets)
        while line[3:4] == b"-":
            line = self.line()
        return line.decode("latin-1").rstrip("\r\n")

    def tagged(self, octets):
        """An IMAP command's tagged answer, "" when the server has closed."""
        tag = octets.split(b" ")[0]
        line = self.line(octets)
        while line and not line.startswith((tag + b" ", b"* BYE")):
            line = self.line()
        return line.decode("latin-1").rstrip("\r\n")

    def all_lines(self, seconds=10):
        """Everything until the server closes."""
        end, lines = time.monotonic() + seconds, []
        while time.monotonic() < end:
            line = self.line()
            if not line:
                return lines
            lines.append(line)
        raise AssertionError(f"not closed within {seconds} s: {lines[-3:]}")

    def closed_within(self, seconds):
        self.socket.settimeout(seconds)
        try:
            while self.line():
                pass
            return True
        except TimeoutError:
            return False

    def start_tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket)

    def close(self):
        if self.sender:   # it must not write into whatever gets this descriptor next
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
            self.sender.join()
        with contextlib.suppress(OSError):
            self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class AttackTest(unittest.TestCase):
    """A server for the tests of a class; `settings` may be given by it."""
    settings, zones, accounts = {}, None, ("alice", "bob", "admin")

    @classmethod
    def setUpClass(cls):
        if "POSTROAD_PEER" in os.environ:
            cls.server = peer(cls.accounts)
            return
        cls.server = fixture.Postroad(settings=cls.settings, zones=cls.zones, accounts=cls.accounts)
        cls.server.create().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        self.rss_before = self.server.rss_kib()

    def tearDown(self):
        """The universal rule."""
        self.assertIsNone(self.server.process.poll(), "the server is gone:\n" + self.server.log_tail())
        self.server.check_log()
        for number, line in enumerate(self.server.log.read_bytes().splitlines(), 1):
            self.assertTrue(all(c >= 0x20 or c == 9 for c in line), f"log line {number} has a raw control: {line[:200]!r}")
            if line.startswith(b"{"):
                json.loads(line)

    def assertGrewLessThan(self, mib):
        grown = (self.server.rss_kib() - self.rss_before) >> 10
        # A sanitizer keeps freed memory in quarantine and shadows it: its numbers say little.
        self.assertLess(grown, mib if not sanitized(self.server) else mib + 400, "memory grew by MiB")

    # --- Conversations ---------------------------------------------------------------------------------

    def smtp(self, service="smtp", source=None, hello=True):
        wire = Wire(self.server.ports[service], source)
        self.assertTrue(wire.reply().startswith("220"))
        if hello:
            self.assertTrue(wire.reply(b"LHLO client.example.com" if service == "lmtp" else b"EHLO client.example.com").startswith("250"))
        return wire

    def transaction(self, recipient=b"bob@demo.test", data=True, service="smtp", source=None):
        """A connection after MAIL, RCPT and (if wanted) DATA's 354."""
        wire = self.smtp(service, source)
        self.assertTrue(wire.reply(b"MAIL FROM:<a@example.com>").startswith("250"))
        self.assertTrue(wire.reply(b"RCPT TO:<" + recipient + b">").startswith("250"))
        if data:
            self.assertTrue(wire.reply(b"DATA").startswith("354"))
        return wire

    def submission(self, user="alice@demo.test"):
        wire = self.smtp("submission")
        self.assertTrue(wire.reply(b"STARTTLS").startswith("220"))
        wire.start_tls()
        self.assertTrue(wire.reply(b"EHLO client.example.com").startswith("250"))
        said = wire.reply(b"AUTH PLAIN " + plain(user).encode())
        self.assertTrue(said.startswith("235"), said)
        return wire

    def imap(self, user=None):
        wire = Wire(self.server.ports["imaps" if user else "imap"])
        if user:
            wire.start_tls()
        self.assertTrue(wire.line().startswith(b"* OK"))
        if user:
            self.assertIn(" OK", wire.tagged(f'x LOGIN {user} {PASSWORD}'.encode()))
        return wire

    def mailbox(self, account, subject=None):
        """The account's messages, or those with this Subject."""
        found = self.server.messages(account)
        return found if subject is None else [m for m in found if b"\r\nSubject: " + subject in b"\r\n" + m.split(b"\r\n\r\n")[0]]

    def still_serves(self):
        """Another client is served as ever."""
        begun = time.monotonic()
        with self.smtp() as wire:
            self.assertTrue(wire.reply(b"NOOP").startswith("250"))
        self.assertLess(time.monotonic() - begun, 5)

    maxDiff = 2000


def sanitized(server):
    return getattr(server, "is_sanitized", None) or fixture.sanitized(getattr(server, "exe", None))


def peer(accounts):
    """Debian's Postfix and Dovecot in Postroad's place (POSTROAD_PEER=DIRECTORY), to try the tests themselves."""
    import types
    sys.path.insert(0, str(HERE.parent / "dialogues"))
    import play
    server = play.Peer(os.environ["POSTROAD_PEER"], accounts)
    server.process = types.SimpleNamespace(poll=lambda: None)
    server.rss_kib, server.check_log, server.log_tail = lambda: 0, lambda: None, lambda: ""
    server.is_sanitized = False
    server.log = pathlib.Path("/dev/null")
    server.data = pathlib.Path(os.environ["POSTROAD_PEER"])
    return server


def side_by_side(function, items, width=8):
    """Runs function(item) for all items, several at a time; the first failure is raised."""
    with concurrent.futures.ThreadPoolExecutor(width) as pool:
        for future in [pool.submit(function, item) for item in items]:
            future.result()


def main(*services):
    if "POSTROAD_PEER" not in os.environ:
        fixture.need_binary("pop3s", *services)
    unittest.main(module="__main__", verbosity=2, warnings="ignore")
