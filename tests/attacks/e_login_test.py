#!/usr/bin/env python3
"""Attacks E73-E76 and E84-E89: IMAP before sign-in, POP3, SASL, passwords."""
import base64
import hashlib
import hmac
import os
import statistics
import threading
import time
import unittest

from attack import PASSWORD, AttackTest, Wire, main, plain, sanitized, side_by_side


class Imap(AttackTest):
    settings = {"auth.cleartext": True}

    def test_E73_literals_before_sign_in(self):
        for octets in (b"a LOGIN {2147483647}\r\n", b"a LOGIN {99999999999999999999}\r\n", b"a LOGIN {4294967296}\r\n", b"a LOGIN {-1}\r\n",
                       b"a LOGIN {9000+}\r\n" + b"x" * 9000, b"{8193}\r\n", b"a {100000000+}\r\n"):
            with self.imap() as wire:
                wire.socket.settimeout(5)
                wire.send(octets)
                said = wire.line()
                self.assertRegex(said, rb"^(a|\*) (BAD|NO|BYE)|^$", octets[:40])
                self.assertNotRegex(said, rb"^\+")

    def test_E73_a_million_empty_literals(self):
        with self.imap() as wire:
            wire.send_meanwhile(b"a LOGIN" + b" {0+}\r\n" * 1_000_000 + b"\r\n")
            said = wire.line()
            self.assertRegex(said, rb"^(a|\*) (BAD|NO|BYE)|^$")
        self.assertGrewLessThan(4)

    def test_E74_open_parentheses(self):
        with self.imap() as wire:
            self.assertRegex(wire.tagged(b"a NOOP " + b"(" * 4000), r"^(a BAD|\* BYE|$)")
        before = self.server.rss_kib()
        held = []
        for _ in range(500):
            wire = self.imap()
            wire.send(b"a NOOP " + b"(" * 4000)   # and no end of the line
            held.append(wire)
        time.sleep(0.5)
        each = (self.server.rss_kib() - before) / len(held)
        for wire in held:
            wire.close()
        if not sanitized(self.server):
            self.assertLess(each, 16, "KiB per connection that holds 4 KB of an unfinished line")

    def test_E74_nesting_after_sign_in(self):
        with self.imap("alice@demo.test") as wire:
            wire.tagged(b"a SELECT INBOX")
            for command in (b"b SEARCH " + b"(" * 3000 + b"ALL" + b")" * 3000, b"c SEARCH " + b"NOT " * 3000 + b"ALL",
                            b"d SEARCH " + b"OR ALL " * 3000 + b"ALL"):
                self.assertRegex(wire.tagged(command), r"^(. (BAD|NO)|\* BYE|$)")
                wire = self.imap("alice@demo.test")
                wire.tagged(b"a SELECT INBOX")

    def test_E75_a_hundred_thousand_literals(self):
        with self.imap("alice@demo.test") as wire:
            wire.tagged(b"a SELECT INBOX")
            wire.send_meanwhile(b"b SEARCH" + b" SUBJECT {1+}\r\nx" * 100_000 + b"\r\n")
            said = wire.line()
            while said and not said.startswith((b"b ", b"* BYE")):
                said = wire.line()
            self.assertRegex(said, rb"^(b (NO|BAD)|\* BYE|$)")
        self.assertGrewLessThan(6)

    def test_E75_one_large_literal(self):
        with self.imap("alice@demo.test") as wire:
            wire.tagged(b"a SELECT INBOX")
            self.assertRegex(wire.tagged(b"b SEARCH SUBJECT {100000000}"), r"^(b (NO|BAD)|\* BYE|$)")

    def test_E76_what_is_pipelined_behind_a_failed_login_is_not_obeyed(self):
        octets = b"a AUTHENTICATE PLAIN\r\n" + plain(password="wrong").encode() + b"\r\nb SELECT INBOX\r\n"

        def attempt(cut):
            with self.imap() as wire:
                wire.send_split(octets, cut)
                lines = [wire.line() for _ in range(3)]
                self.assertTrue(any(line.startswith(b"a NO") for line in lines) or b"" in lines, lines)
                self.assertFalse(any(line.startswith(b"b OK") for line in lines), lines)
        side_by_side(attempt, range(1, len(octets)), 16)

    def test_E76_what_is_pipelined_behind_a_login_is_obeyed(self):
        octets = b"a AUTHENTICATE PLAIN\r\n" + plain().encode() + b"\r\nb SELECT INBOX\r\n"
        with self.imap() as wire:
            wire.send(octets)
            said = wire.tagged(b"c NOOP")
            self.assertRegex(said, "^c OK")

    def test_E76_bad_base64(self):
        for bad in (b"====", b"A", b"AA=A", b"\xff\xff", b"AAAA AAAA", b"", b"A" * 20_000):
            with self.imap() as wire:
                wire.send(b"a AUTHENTICATE PLAIN\r\n")
                wire.line()
                self.assertRegex(wire.line(bad), rb"^(a (NO|BAD)|\* BYE)|^$", bad[:20])


class Scram:
    """A client of RFC 5802 that can be told to cheat."""

    def __init__(self, user="alice@demo.test", password=PASSWORD, hash_name="sha256", gs2="n,,", binding=b""):
        self.user, self.password, self.hash = user, password, hash_name
        self.gs2, self.binding = gs2, binding   # RFC 5802 §6: what is bound to, and the octets of it
        self.nonce = base64.b64encode(os.urandom(18)).decode()
        self.bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={self.nonce}"

    def first(self):
        return (self.gs2 + self.bare).encode()

    def final(self, server_first, spoil=lambda proof: proof, nonce=None):
        fields = dict(part.split("=", 1) for part in server_first.decode().split(","))
        assert fields["r"].startswith(self.nonce)
        salted = hashlib.pbkdf2_hmac(self.hash, self.password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
        key = hmac.new(salted, b"Client Key", self.hash).digest()
        stored = hashlib.new(self.hash, key).digest()
        bound = base64.b64encode(self.gs2.encode() + self.binding).decode()
        without = f"c={bound},r={nonce or fields['r']}"
        auth = f"{self.bare},{server_first.decode()},{without}".encode()
        signature = hmac.new(stored, auth, self.hash).digest()
        proof = bytes(a ^ b for a, b in zip(key, signature))
        self.server_signature = hmac.new(hmac.new(salted, b"Server Key", self.hash).digest(), auth, self.hash).digest()
        return f"{without},p={base64.b64encode(spoil(proof)).decode()}".encode()


class Sasl(AttackTest):
    settings = {"auth.cleartext": True, "auth.failures_per_prefix": "100000/10 min", "auth.failures_per_account": "1000/10 min"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if hasattr(cls.server, "cli"):   # SCRAM needs a domain that wants it, and a password set since then
            cls.server.cli("domain", "set", cls.server.domain, "--scram", "yes")
            cls.server.cli("account", "password", "alice@demo.test", "--password-stdin", text=PASSWORD + "\n")

    def exchange(self, wire, mechanism, responses):
        """Plays responses (bytes, or functions of the challenge); answers the last reply."""
        said = wire.reply(b"AUTH " + mechanism)
        for response in responses:
            if not said.startswith("334"):
                return said
            challenge = base64.b64decode(said[4:])
            octets = response(challenge) if callable(response) else response
            said = wire.reply(base64.b64encode(octets))
        return said

    def test_E85_plain_in_all_wrong_shapes(self):
        for message in (b"\0alice@demo.test\0postroad\0", b"alice@demo.test\0postroad", b"\0\0\0", b"\0alice@demo.test\0", b"\0\0postroad", b"",
                        b"bob@demo.test\0alice@demo.test\0postroad", b"\0alice@demo.test\0postroad" + b"x" * 2000, b"\0" + b"a" * 2000 + b"\0x",
                        b"\0alice@demo.test\0post\nroad", b"\0alice@demo.test\0\xff\xfe"):
            with self.smtp("submission") as wire:
                said = self.exchange(wire, b"PLAIN", [message])
                self.assertRegex(said, r"^(501|535|500|504|421)", message[:40])
                self.assertRegex(wire.reply(b"MAIL FROM:<alice@demo.test>"), r"^(530|$|421)")

    def test_E85_a_megabyte_of_plain(self):
        with self.smtp("submission") as wire:
            wire.send(b"AUTH PLAIN " + b"A" * (1 << 20) + b"\r\n")
            self.assertRegex(wire.reply(), r"^(5\d\d|421|$)")
        self.assertGrewLessThan(4)

    def test_E85_scram_signs_in_and_the_server_proves_itself(self):
        for mechanism, name in ((b"SCRAM-SHA-256", "sha256"), (b"SCRAM-SHA-1", "sha1")):
            client = Scram(hash_name=name)
            with self.smtp("submission") as wire:
                final = []
                said = self.exchange(wire, mechanism, [client.first(), client.final, lambda challenge: final.append(challenge) or b""])
                self.assertRegex(said, r"^235")
                told = final[0] if final else base64.b64decode(said.split()[-1])
                self.assertEqual(told, b"v=" + base64.b64encode(client.server_signature))

    def test_E85_scram_plus_is_bound_to_the_connection(self):
        """RFC 5802 §6 with tls-server-end-point (RFC 5929 §4.1): who stands between has another certificate."""
        def attempt(mechanism, hash_name, gs2, spoil=lambda digest: digest):
            with self.smtp("submission") as wire:
                wire.reply(b"STARTTLS")
                wire.start_tls()
                wire.reply(b"EHLO client.example.com")
                digest = hashlib.sha256(wire.socket.getpeercert(binary_form=True)).digest()
                client = Scram(hash_name=hash_name, gs2=gs2, binding=spoil(digest) if gs2.startswith("p=") else b"")
                return self.exchange(wire, mechanism, [client.first(), client.final, b""])
        end_point = "p=tls-server-end-point,,"
        for mechanism, name in ((b"SCRAM-SHA-256-PLUS", "sha256"), (b"SCRAM-SHA-1-PLUS", "sha1")):
            self.assertRegex(attempt(mechanism, name, end_point), "^235", mechanism)
            self.assertRegex(attempt(mechanism, name, end_point, lambda digest: bytes(32)), "^535", "another certificate")
            self.assertRegex(attempt(mechanism, name, "n,,"), "^(535|501)", "-PLUS without a binding")
            self.assertRegex(attempt(mechanism, name, "p=tls-unique,,"), "^(535|501)", "a binding that TLS 1.3 does not have")
        # "y": the client could bind and was told that we cannot. We can, so somebody has lied to it.
        self.assertRegex(attempt(b"SCRAM-SHA-256", "sha256", "y,,"), "^535")
        self.assertRegex(attempt(b"SCRAM-SHA-256", "sha256", "n,,"), "^235")

    def test_E85_scram_tampered_with(self):
        for spoil in (lambda p: bytes([p[0] ^ 1]) + p[1:], lambda p: p[:-1], lambda p: b"", lambda p: p + b"\0", lambda p: bytes(len(p))):
            client = Scram()
            with self.smtp("submission") as wire:
                said = self.exchange(wire, b"SCRAM-SHA-256", [client.first(), lambda c: client.final(c, spoil)])
                self.assertRegex(said, r"^(535|501|504)")
        client = Scram()
        with self.smtp("submission") as wire:
            said = self.exchange(wire, b"SCRAM-SHA-256", [client.first(), lambda c: client.final(c, nonce="replayed")])
            self.assertRegex(said, r"^(535|501|504)")
        for first in (b"p=tls-unique,,n=a,r=x", b"y,,n=,r=", b"n,,m=x,n=a,r=b", b"n,a=bob@demo.test,n=alice@demo.test,r=x", b"n,,r=x", b"n,," + b"n=" * 900, b""):
            with self.smtp("submission") as wire:
                said = self.exchange(wire, b"SCRAM-SHA-256", [first, b"c=biws,r=x,p=AAAA"])
                self.assertRegex(said, r"^(535|501|504|500)", first[:40])

    def test_E85_another_mechanism_after_a_failure_starts_afresh(self):
        with self.smtp("submission") as wire:
            self.assertRegex(self.exchange(wire, b"SCRAM-SHA-256", [Scram().first(), b"*"]), r"^(501|535|504)")
            self.assertRegex(self.exchange(wire, b"LOGIN", [b"alice@demo.test", b"wrong"]), r"^535")
            self.assertRegex(self.exchange(wire, b"PLAIN", [b"\0alice@demo.test\0postroad"]), r"^235")

    def test_E86_names_that_are_commands_elsewhere(self):
        for name in ("a'--", "*)(uid=*", "%{env:HOME}", "../../etc/passwd", "alice@demo.test/../bob", "alice", "alice@demo.test\n", "a\0b", "' OR 1=1",
                     "${jndi:ldap://x}", "alice@demo.test*admin", "%n%n%n", "\xff", "alice@DEMO.test\u202e", "x" * 5000):
            octets = b"\0" + name.encode("utf-8") + b"\0postroad"
            with self.smtp("submission") as wire:
                self.assertRegex(self.exchange(wire, b"PLAIN", [octets]), r"^(501|535|454|500|421|$)", name)
            with Wire(self.server.ports["pop3"]) as wire:
                wire.line()
                answer = wire.line(b"USER " + name.encode("utf-8").replace(b"\n", b"").replace(b"\0", b""))
                if answer.startswith(b"+OK") and name not in ("alice@demo.test\n",):
                    self.assertRegex(wire.line(b"PASS postroad"), rb"^-ERR|^$", name)

    def test_E87_known_and_unknown_users_take_the_same_time(self):
        known, unknown = [], []
        for n in range(30):
            for waits, name in ((known, "bob@demo.test"), (unknown, f"b{n}b@demo.test")):
                with self.smtp("submission", source=f"127.87.{n}.{1 + len(waits) % 200}") as wire:
                    begun = time.perf_counter()
                    self.assertRegex(self.exchange(wire, b"PLAIN", [f"\0{name}\0wrong{n}".encode()]), r"^535")
                    waits.append(time.perf_counter() - begun)
        self.assertGreater(same_distribution(known, unknown), 0.001, (statistics.median(known), statistics.median(unknown)))

    def test_E89_a_megabyte_of_password_is_not_hashed(self):
        begun = time.monotonic()
        with Wire(self.server.ports["imap"]) as wire:
            wire.line()
            self.assertRegex(wire.tagged(b"a LOGIN alice@demo.test {1048576+}\r\n" + b"p" * 1048576), r"^(a (NO|BAD)|\* BYE|$)")
        self.assertLess(time.monotonic() - begun, 5)

    def test_E89_many_logins_at_once_leave_others_room(self):
        """A thousand wrong passwords wait for a bounded pool; whoever signed in before is served from the cache."""
        with self.smtp("submission") as wire:
            self.assertRegex(self.exchange(wire, b"PLAIN", [b"\0alice@demo.test\0postroad"]), r"^235")
        stop = threading.Event()

        def guess(n):
            while not stop.is_set():
                try:
                    with Wire(self.server.ports["submission"], f"127.89.{n}.1") as wire:
                        wire.reply()
                        wire.reply(b"EHLO client.example.com")
                        for k in range(3):
                            self.exchange(wire, b"PLAIN", [f"\0bob@demo.test\0wrong{n}-{k}".encode()])
                except OSError:
                    stop.wait(0.1)
        threads = [threading.Thread(target=guess, args=(n,), daemon=True) for n in range(100)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        waits = []
        for _ in range(20):
            begun = time.monotonic()
            with self.smtp("submission", source="127.90.0.1") as wire:
                self.assertRegex(self.exchange(wire, b"PLAIN", [b"\0alice@demo.test\0postroad"]), r"^235")
            waits.append(time.monotonic() - begun)
        stop.set()
        for thread in threads:
            thread.join(30)
        self.assertLess(sorted(waits)[-1], 2 if not sanitized(self.server) else 10)
        self.assertGrewLessThan(200)


class BruteForce(AttackTest):
    settings = {"auth.cleartext": True, "limits.exempt": [], "limits.connections_per_ip": 500, "limits.connections_per_prefix": 500, "auth.failures_per_prefix": "10/10 min",
                "auth.failures_per_account": "5/10 min", "limits.connection_rate": "100000/min"}

    def login(self, source, password, user="alice@demo.test"):
        with self.smtp("submission", source=source) as wire:
            return wire.reply(b"AUTH PLAIN " + plain(user, password).encode())

    def test_E88_one_address_that_guesses_is_stopped(self):
        said = [self.login("127.88.1.1", f"guess{n}", f"victim{n}@demo.test")[:3] for n in range(20)]
        self.assertIn(said[-1], ("421", "454", "535", ""))
        self.assertNotEqual(self.login("127.88.1.2", PASSWORD, "bob@demo.test")[:3], "235", "its neighbourhood must wait")
        self.assertEqual(self.login("127.88.200.1", PASSWORD, "bob@demo.test")[:3], "235", "others need not")

    def test_E88_an_owner_at_a_known_place_is_not_locked_out(self):
        self.assertEqual(self.login("127.88.2.1", PASSWORD)[:3], "235")
        for n in range(30):
            self.login(f"127.88.{10 + n}.1", f"guess{n}")
        self.assertEqual(self.login("127.88.2.1", PASSWORD)[:3], "235")


def same_distribution(a, b):
    """The Kolmogorov-Smirnov test of two samples: a p value."""
    import bisect
    import math
    a, b = sorted(a), sorted(b)
    d = max(abs(bisect.bisect_right(a, x) / len(a) - bisect.bisect_right(b, x) / len(b)) for x in a + b)
    n = math.sqrt(len(a) * len(b) / (len(a) + len(b)))
    x = (n + 0.12 + 0.11 / n) * d
    return max(0.0, min(1.0, 2 * sum((-1) ** (k - 1) * math.exp(-2 * k * k * x * x) for k in range(1, 101))))


if __name__ == "__main__":
    main("imap")
