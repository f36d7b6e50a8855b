#!/usr/bin/env python3
"""SIGTERM while clients wait: each is told in the words of its protocol, and nothing half done is done.

SMTP says 421 (RFC 5321 §3.8), IMAP says BYE (RFC 9051 §7.1.5), POP3 closes without a word and without
removing anything (RFC 1939 §3, §6).
"""
import signal
import sys
import time
import unittest

import postroad_fixture as fixture
sys.path.insert(0, str(fixture.ROOT / "tests" / "attacks"))
from attack import PASSWORD, Wire  # noqa: E402


class Stopping(unittest.TestCase):
    def setUp(self):
        self.server = fixture.Postroad(settings={"auth.cleartext": True, "runtime.drain_wait": "20 s"})
        self.server.create().start()
        self.addCleanup(self.server.close)

    def wire(self, service, *commands):
        """A connection on which these have been said and answered."""
        wire = Wire(self.server.ports[service])
        self.addCleanup(wire.close)
        if service in ("imaps", "submissions"):
            wire.start_tls()
        if service.startswith("imap"):
            wire.line()
            for number, command in enumerate(commands):
                if command == b"IDLE":
                    self.assertTrue(wire.line(b"i IDLE").startswith(b"+ "))
                else:
                    self.assertIn(" OK", wire.tagged(b"a%d " % number + command))
        elif service == "pop3":
            wire.line()
            for command in commands:
                self.assertTrue(wire.line(command).startswith(b"+OK"))
        else:
            wire.reply()
            for command in commands:
                self.assertRegex(wire.reply(command), "^[23]")
        return wire

    def stop(self):
        self.server.process.send_signal(signal.SIGTERM)

    def test_smtp_says_421(self):
        transaction = (b"EHLO client.example.com", b"MAIL FROM:<a@example.com>", b"RCPT TO:<bob@demo.test>")
        waiting = [self.wire("smtp"), self.wire("smtp", b"EHLO client.example.com"), self.wire("smtp", *transaction),
                   self.wire("submission", b"EHLO client.example.com"), self.wire("submissions", b"EHLO client.example.com"),
                   self.wire("lmtp", b"LHLO client.example.com")]
        self.stop()
        for wire in waiting:
            self.assertEqual([line[:9] for line in wire.all_lines()], [b"421 4.3.2"])

    def test_imap_says_bye(self):
        login = f"LOGIN bob@demo.test {PASSWORD}".encode()
        waiting = [self.wire("imap"), self.wire("imap", login), self.wire("imap", login, b"SELECT INBOX"),
                   self.wire("imap", login, b"SELECT INBOX", b"IDLE"), self.wire("imap", login, b"IDLE"),
                   self.wire("imaps", login, b"SELECT INBOX", b"IDLE")]
        self.stop()
        for wire in waiting:
            self.assertEqual([line[:6] for line in wire.all_lines()], [b"* BYE "])

    def test_pop3_closes_and_removes_nothing(self):
        self.server.deliver("bob@demo.test", "Subject: kept\n\nx\n")
        login = (b"USER bob@demo.test", b"PASS " + PASSWORD.encode())
        waiting = [self.wire("pop3"), self.wire("pop3", login[0]), self.wire("pop3", *login, b"DELE 1")]
        self.stop()
        for wire in waiting:
            self.assertEqual(wire.all_lines(), [])
        self.server.restart()
        self.assertEqual(len(self.server.messages("bob@demo.test")), 1)

    def test_what_has_begun_is_ended_first(self):
        wire = self.wire("smtp", b"EHLO client.example.com", b"MAIL FROM:<a@example.com>", b"RCPT TO:<bob@demo.test>", b"DATA")
        wire.send(b"Subject: under way\r\n\r\n")
        half = self.wire("smtp")
        half.send(b"NOO")
        time.sleep(0.3)
        self.stop()
        time.sleep(0.5)
        self.assertRegex(wire.reply(b"x\r\n."), "^250 ")
        self.assertRegex(wire.reply(), r"^421 4\.3\.2")
        self.assertRegex(half.reply(b"P"), "^250 ")
        self.assertRegex(half.reply(), r"^421 4\.3\.2")
        wire.close()
        half.close()
        self.server.restart()
        self.assertEqual(len(self.server.messages("bob@demo.test")), 1)

    def test_it_does_not_take_long(self):
        held = [self.wire("imap", f"LOGIN bob@demo.test {PASSWORD}".encode(), b"IDLE") for _ in range(3)]
        begun = time.monotonic()
        self.stop()
        for wire in held:
            wire.all_lines()
            wire.close()
        self.server.process.wait(20)
        self.assertLess(time.monotonic() - begun, 5)


if __name__ == "__main__":
    fixture.need_binary("imap", "pop3s")
    unittest.main(verbosity=2, warnings="ignore")
