#!/usr/bin/env python3
"""Attacks A3, A6, A7, A19-A29: too much, too slow, too many, and odd peers of our own client."""
import contextlib
import os
import pathlib
import socket
import ssl
import statistics
import subprocess
import sys
import threading
import time
import unittest

from attack import AttackTest, Wire, fixture, main, plain, side_by_side


def addresses(network, count):
    """Source addresses in 127.0.0.0/8: a /24 of our own for each `network`."""
    return [f"127.{network}.{i // 250}.{1 + i % 250}" for i in range(count)]


class Users(AttackTest):
    """What signed-in users and curious strangers try."""

    def test_A03_no_bare_line_end_leaves_us(self):
        """A body with false ends that came in legally (as BDAT octets, RFC 3030) goes out as one message."""
        for n, body in enumerate((b"x\r.\r\nMAIL FROM:<evil@example.com>\r\n", b"x\n.\nMAIL FROM:<evil@example.com>\n", b"\r\n.\r\r\n",
                                  b"a\rb\nc\r\n", b".\n.\n", b"ends in CR\r")):
            content = b"From: alice@demo.test\r\nSubject: out %d\r\n\r\n" % n + body
            with self.submission() as wire:
                wire.reply(b"MAIL FROM:<alice@demo.test>")
                wire.reply(b"RCPT TO:<out%d@elsewhere.test>" % n)
                wire.send(b"BDAT %d LAST\r\n" % len(content) + content)
                said = wire.reply()
            if said.startswith("250"):   # refusing it is as good
                self.assertEqual(len(self.server.sink.wait_for(f"out{n}@elsewhere.test")), 1)
        self.assertEqual(self.server.sink.wire_errors, [])
        self.assertFalse([m for m in self.server.sink.messages if m.sender == "evil@example.com"])

    def test_A19_nobody_sends_in_another_name(self):
        with self.submission() as wire:
            for sender in (b"bob@demo.test", b"nobody@demo.test", b"ceo@example.com", b"postmaster@demo.test"):
                self.assertRegex(wire.reply(b"MAIL FROM:<" + sender + b">"), r"^55[03] 5\.7\.1", sender)
            self.assertRegex(wire.reply(b"MAIL FROM:<alice@demo.test> AUTH=<bob@demo.test>"), r"^(250|501|55)")

    def test_A19_an_auth_parameter_is_not_believed(self):
        """RFC 4954 §5: from whom we do not trust, AUTH= is as AUTH=<>; it opens no door."""
        with self.smtp() as wire:
            said = wire.reply(b"MAIL FROM:<a@example.com> AUTH=alice@demo.test")
            if said.startswith("250"):
                self.assertRegex(wire.reply(b"RCPT TO:<x@elsewhere.test>"), r"^55\d 5\.7\.1")

    def test_A20_vrfy_and_expn_tell_nothing(self):
        with self.smtp() as wire:
            answers = {wire.reply(b"VRFY " + name)[:9] for name in (b"root", b"bob", b"nobody", b"bob@demo.test", b"nobody@demo.test", b"<bob@demo.test>")}
            self.assertEqual(len(answers), 1, answers)
            self.assertTrue(answers.pop().startswith("252"))
            self.assertEqual({wire.reply(b"EXPN " + name)[:3] for name in (b"all", b"bob", b"postmaster")}, {"502"})

    def test_A21_a_hundred_thousand_recipients(self):
        wire = self.smtp()
        wire.socket.settimeout(120)
        wire.reply(b"MAIL FROM:<a@example.com>")
        total, codes = 100_001, []

        def send():
            for first in range(0, total, 1000):
                wire.send(b"".join(b"RCPT TO:<bob+%d@demo.test>\r\n" % n for n in range(first, min(first + 1000, total))))
        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        for _ in range(total):
            said = wire.reply()
            if not said or said.startswith("421"):
                break
            codes.append(said[:9])
        accepted = sum(code.startswith("250") for code in codes)
        self.assertGreaterEqual(accepted, 100)
        self.assertLessEqual(accepted, 1000)
        self.assertLessEqual(set(codes[accepted:]), {"452 4.5.3"})
        if len(codes) == total:
            wire.reply(b"DATA")
            self.assertRegex(wire.reply(b"Subject: to many\r\n\r\nx\r\n."), "^250")
            self.assertEqual(len(self.server.wait_for_messages("bob@demo.test", 1)), 1)
        wire.close()
        self.assertGrewLessThan(16)

    def test_A25_who_does_not_read_is_not_fed_for_ever(self):
        with self.smtp() as wire:
            wire.socket.settimeout(3)
            lines, taken = b"HELP\r\n" * 10_000, 0
            with contextlib.suppress(OSError):
                while taken < 200 << 20:
                    taken += wire.socket.send(lines)
            self.assertLess(taken, 64 << 20, "it answered all of it into memory")
        self.assertGrewLessThan(6)
        self.still_serves()


class Strangers(AttackTest):
    settings = {"limits.exempt": [], "limits.connections_per_ip": 10, "limits.connections_per_prefix": 30, "limits.connection_rate": "10000/min",
                "smtp.tarpit": "20 ms", "smtp.tarpit_most": "200 ms", "smtp.unknown_recipients": 20, "smtp.idle_commands": 100}

    def test_A22_guessing_recipients_gets_slow_and_ends(self):
        with self.smtp(source="127.22.0.1") as wire:
            wire.reply(b"MAIL FROM:<a@example.com>")
            waits, said = [], ""
            for n in range(5000):
                begun = time.monotonic()
                said = wire.reply(b"RCPT TO:<guess%d@demo.test>" % n)
                waits.append(time.monotonic() - begun)
                if not said.startswith("550 5.1.1"):
                    break
            self.assertRegex(said, r"^(421|$)")
            self.assertLessEqual(len(waits), 30)
            self.assertGreater(statistics.mean(waits[10:20]), statistics.mean(waits[:5]))

    def test_A23_commands_that_move_no_mail_are_counted(self):
        for command in (b"NOOP", b"RSET", b"HELP", b"VRFY bob"):
            with self.smtp(source="127.24.0.1") as wire:
                wire.send_meanwhile((command + b"\r\n") * 100_000)
                count = 0
                while (said := wire.reply()) and not said.startswith("421"):
                    count += 1
                    self.assertLess(count, 1000, command)

    def test_A26_one_address_and_one_neighbourhood_have_their_share(self):
        def greeting(source):
            wire = Wire(self.server.ports["smtp"], source)
            return wire, wire.reply()
        same = [greeting("127.26.0.1") for _ in range(15)]
        self.assertEqual(sum(said.startswith("220") for _, said in same), 10)
        self.assertTrue(all(said.startswith("421 4.7.0") or said.startswith("220") or said == "" for _, said in same), same)
        neighbours = [greeting(f"127.26.0.{2 + n}") for n in range(40)]
        self.assertEqual(sum(said.startswith("220") for _, said in neighbours), 20)   # 30 in the /24 with the first ten
        other, said = greeting("127.27.0.1")
        self.assertTrue(said.startswith("220"))
        for wire, _ in [*same, *neighbours, (other, "")]:
            wire.close()
        time.sleep(0.3)
        again, said = greeting("127.26.0.1")
        self.assertTrue(said.startswith("220"), said)
        again.close()


class Slow(AttackTest):
    settings = {"smtp.command_wait": "10 s", "smtp.data_wait": "10 s", "tls.handshake_wait": "2 s", "limits.exempt": [],
                "limits.connections_per_ip": 5000, "limits.connections_per_prefix": 5000, "limits.connection_rate": "100000/min",
                "pop3.login_wait": "5 s", "imap.login_wait": "5 s"}

    def dribble(self, wire, octets, seconds, pause=0.5):
        """One octet at a time; answers after how many seconds the server ended it."""
        begun = time.monotonic()
        wire.socket.settimeout(pause)
        while time.monotonic() - begun < seconds:
            try:
                wire.socket.send(octets)
                if not wire.socket.recv(4096):
                    return time.monotonic() - begun
            except TimeoutError:
                continue
            except OSError:
                return time.monotonic() - begun
        self.fail(f"still open after {seconds} s of one octet each {pause} s")

    def test_A24_one_octet_at_a_time_is_too_slow(self):
        """A line, a message, a chunk, a TLS record and a login: each has a deadline as a whole."""
        def line():
            with self.smtp() as wire:
                self.dribble(wire, b"x", 20)

        def data():
            with self.transaction() as wire:
                wire.send(b"Subject: slow\r\n\r\n")
                self.dribble(wire, b"x", 45)

        def chunk():
            with self.transaction(data=False) as wire:
                wire.send(b"BDAT 100000 LAST\r\n")
                self.dribble(wire, b"x", 45)

        def record():
            with Wire(self.server.ports["submissions"]) as wire:
                wire.send(b"\x16\x03\x01\x02\x00")
                self.dribble(wire, b"\x00", 10)

        def login(service):
            with Wire(self.server.ports[service]) as wire:
                wire.line()
                self.dribble(wire, b"x", 15)

        idle = [self.smtp() for _ in range(300)]
        side_by_side(lambda work: work(), [line, data, chunk, record, lambda: login("pop3"), lambda: login("imap")], 6)
        self.still_serves()
        for wire in idle:
            wire.close()

    def test_A27_half_handshakes_do_not_stay(self):
        held = []
        for n in range(300):
            wire = Wire(self.server.ports["submissions" if n % 2 else "imaps"])
            wire.send(b"\x16\x03\x01\x00\xf4\x01\x00\x00\xf0\x03\x03" + b"r" * (n % 40))
            held.append(wire)
        begun = time.monotonic()
        for wire in held:
            self.assertTrue(wire.closed_within(10))
        self.assertLess(time.monotonic() - begun, 10)
        self.still_serves()


class FewFiles(unittest.TestCase):
    def test_A28_without_descriptors_it_waits_and_recovers(self):
        server = fixture.Postroad(wrapper=["prlimit", "--nofile=256:256"])
        with server:
            held = []
            for _ in range(400):
                with contextlib.suppress(OSError):
                    s = socket.create_connection(("127.0.0.1", server.ports["smtp"]), timeout=1)
                    held.append(s)
            time.sleep(1)
            before = server.cpu_seconds()
            time.sleep(2)
            self.assertLess(server.cpu_seconds() - before, 1.0, "it spins while it has no descriptors")
            self.assertIsNone(server.process.poll())
            for s in held:
                s.close()
            time.sleep(0.5)
            server.deliver("bob@demo.test", "Subject: after\n\nx\n")
            self.assertEqual(len(server.messages("bob@demo.test")), 1)


class OddServer:
    """A mail exchanger that answers each command with what `script` says; keeps what it heard."""

    def __init__(self, script, tls=None):
        self.script, self.tls, self.heard = script, tls, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(peer,), daemon=True).start()

    def talk(self, peer):
        peer.settimeout(20)
        with contextlib.suppress(OSError, ssl.SSLError):
            peer.sendall(self.script.get("CONNECT", b"220 odd\r\n"))
            file = peer.makefile("rb")
            in_data = False
            while line := file.readline():
                self.heard.append(line)
                if in_data:
                    if line != b".\r\n":
                        continue
                    in_data, verb = False, "DOT"
                else:
                    verb = line[:8].strip().upper().split()[0].decode("latin-1") if line.strip() else ""
                answer = self.script.get(verb, b"250 ok\r\n")
                if answer is None:
                    return
                peer.sendall(answer)
                in_data = verb == "DATA" and answer.startswith(b"354")
                if verb == "STARTTLS" and self.tls and answer.startswith(b"220"):
                    peer = self.tls.wrap_socket(peer, server_side=True)
                    file = peer.makefile("rb")
                    self.heard.append(b"(TLS)\r\n")

    def close(self):
        self.listener.close()


class OurClient(unittest.TestCase):
    """Our own client among odd servers: parsed or deferred, never a crash, never a lie."""

    def delivered_to(self, script, tls=None, wait=6, settings=None):
        """Sends one message to the odd server; answers (server's ears, state of the queue as text, alice's mail)."""
        odd = OddServer({"EHLO": b"250-odd\r\n250 8BITMIME\r\n", "DATA": b"354 go\r\n", **script}, tls)
        server = fixture.Postroad(settings={"delivery.port": odd.port, "auth.cleartext": True, "delivery.greeting_wait": "3 s",
                                            "delivery.command_wait": "3 s", "delivery.data_wait": "3 s", "delivery.final_dot_wait": "3 s",
                                            **(settings or {})})
        with server:
            with Wire(server.ports["submission"]) as wire:
                wire.reply()
                wire.reply(b"EHLO client.example.com")
                wire.reply(b"AUTH PLAIN " + plain().encode())
                wire.reply(b"MAIL FROM:<alice@demo.test>")
                wire.reply(b"RCPT TO:<odd@elsewhere.test>")
                wire.reply(b"DATA")
                self.assertRegex(wire.reply(b"From: alice@demo.test\r\nSubject: odd\r\n\r\nx\r\n."), "^250")
            end = time.monotonic() + wait
            while time.monotonic() < end and not odd.heard:
                time.sleep(0.05)
            time.sleep(min(wait, 2))
            queue = server.cli("queue", "list", "--json").stdout
            mail = server.messages("alice@demo.test")
            self.assertIsNone(server.process.poll())
        odd.close()
        return odd.heard, queue, mail

    def kept_or_told(self, queue, mail):
        """C4: nothing leaves the queue silently."""
        self.assertTrue("odd@elsewhere.test" in queue or any(b"odd@elsewhere.test" in m for m in mail), "gone without a word")

    def test_A29_odd_replies(self):
        odd = {"an enhanced code alone": {"RCPT": b"550 5.7.2\r\n"}, "a code alone": {"RCPT": b"250\r\n"},
               "no end of lines": {"EHLO": b"250-x\r\n" * 200_000 + b"250 x\r\n"}, "NUL": {"RCPT": b"550 5.1.1 a\0b\r\n"},
               "8-bit and ESC": {"RCPT": b"550 5.1.1 \xff\xfe \x1b[2J<script>\r\n"}, "garbage": {"MAIL": b"what?\r\n"},
               "HTTP": {"CONNECT": b"HTTP/1.1 400 Bad Request\r\n\r\n"}, "a line without end": {"CONNECT": b"220 " + b"x" * 300_000},
               "two codes": {"EHLO": b"250-a\r\n550 b\r\n"}, "a closed link": {"DATA": None}, "a closed link after the dot": {"DOT": None},
               "354 to MAIL": {"MAIL": b"354 go\r\n"}, "999": {"RCPT": b"999 x\r\n"}, "bare LF": {"CONNECT": b"220 odd\n"}}
        def attempt(name):
            heard, queue, mail = self.delivered_to(odd[name])
            with self.subTest(name):
                if name not in ("a code alone", "bare LF"):
                    self.kept_or_told(queue, mail)
                for message in mail:
                    self.assertNotIn(b"\0", message)
                    self.assertNotIn(b"\x1b", message)
        side_by_side(attempt, odd, 3)

    def test_A06_what_comes_before_tls_counts_for_nothing(self):
        with contextlib.ExitStack() as stack:
            import tempfile
            folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                            "/CN=mx.elsewhere.test", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, stderr=subprocess.DEVNULL)
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(folder / "cert.pem", folder / "key.pem")
            heard, queue, mail = self.delivered_to({
                "EHLO": b"250-odd\r\n250 STARTTLS\r\n", "STARTTLS": b"220 go\r\n250-injected\r\n250 AUTH PLAIN\r\n250 ok\r\n250 ok\r\n354 go\r\n250 took it\r\n"}, tls)
        said = b"".join(heard)
        if b"(TLS)" in said:   # it went on: then with a new EHLO, and never by the injected replies
            after = said.split(b"(TLS)\r\n", 1)[1]
            self.assertTrue(after == b"" or after.startswith(b"EHLO"), after)
        else:
            self.kept_or_told(queue, mail)
        self.assertNotIn(b"AUTH", said)

    @unittest.skip("MTA-STS and DANE are enforced by `trust`, which does not exist yet")
    def test_A07_starttls_cannot_be_stripped(self):
        pass


if __name__ == "__main__":
    main("imap")
