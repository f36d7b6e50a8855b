#!/usr/bin/env python3
"""Attacks E77, E79, E80, E82, E84, E90: what a signed-in user, or two, may try on mailboxes."""
import threading

from attack import PASSWORD, AttackTest, Wire, main, plain, side_by_side


class Pop3(AttackTest):
    settings = {"auth.cleartext": True}

    def pop3(self, *commands, user="bob@demo.test"):
        wire = Wire(self.server.ports["pop3"])
        wire.line()
        for command in (b"USER " + user.encode(), b"PASS " + PASSWORD.encode(), *commands):
            said = wire.line(command)
            self.assertTrue(said.startswith(b"+OK"), said)
        return wire

    def test_E84_numbers_without_measure(self):
        self.server.deliver("bob@demo.test", "Subject: only\n\nx\n")
        with self.pop3() as wire:
            for command in (b"RETR 99999999999", b"RETR 18446744073709551617", b"RETR 4294967297", b"RETR 0", b"RETR -1", b"TOP 1 -1", b"TOP 0 1",
                            b"DELE 4294967297", b"LIST 4294967297", b"UIDL 18446744073709551617"):
                self.assertTrue(wire.line(command).startswith(b"-ERR"), command)
            self.assertTrue(wire.line(b"NOOP").startswith(b"+OK"))

    def test_E84_two_sessions(self):
        with self.pop3(user="alice@demo.test"), Wire(self.server.ports["pop3"]) as second:
            second.line()
            second.line(b"USER alice@demo.test")
            self.assertTrue(second.line(b"PASS " + PASSWORD.encode()).startswith(b"-ERR [IN-USE]"))
        self.pop3(b"QUIT", user="alice@demo.test").close()   # the lock went with its session

    def test_E84_who_drops_after_dele_has_deleted_nothing(self):
        """At every split of DELE and QUIT: unless all of QUIT came, nothing goes."""
        octets = b"DELE 1\r\nQUIT\r\n"
        self.server.deliver("admin@demo.test", "Subject: stays\n\nx\n")
        for cut in range(1, len(octets)):
            with self.pop3(user="admin@demo.test") as wire:
                wire.send(octets[:cut])
            self.assertEqual(len(self.mailbox("admin@demo.test", b"stays")), 1, octets[:cut])
        with self.pop3(user="admin@demo.test") as wire:
            wire.send(octets)
            self.assertTrue(wire.line().startswith(b"+OK") and wire.line().startswith(b"+OK"))
        self.assertEqual(self.mailbox("admin@demo.test", b"stays"), [])

    def test_E84_killed_at_quit(self):
        """C14: after +OK it is gone for ever, without an answer it is there or gone as a whole."""
        for n in range(3):
            self.server.deliver("bob@demo.test", f"Subject: kill {n}\n\nx\n")
        before = len(self.server.messages("bob@demo.test"))
        wire = self.pop3(b"DELE 1", b"DELE 2")
        threading.Timer(0.002, self.server.kill).start()
        said = wire.line(b"QUIT")
        wire.close()
        while self.server.process is not None:
            pass
        self.server.start()
        left = len(self.server.messages("bob@demo.test"))
        self.assertIn(left, (before - 2,) if said.startswith(b"+OK") else (before, before - 1, before - 2))


class Imap(AttackTest):
    def test_E77_search_programs_without_measure(self):
        with self.imap("alice@demo.test") as wire:
            wire.tagged(b"a SELECT INBOX")
            for command in (b"b SEARCH " + b"1:*," * 900 + b"1", b"b SEARCH SUBJECT {100000+}\r\n" + b"x" * 100_000, b"b UID SEARCH 1:4294967295"):
                self.assertRegex(wire.tagged(command), r"^b (OK|NO|BAD)")
        self.still_serves()

    def test_E79_fetch_without_measure(self):
        self.server.deliver("alice@demo.test", "Subject: fetched\n\n" + "y" * 60 + "\n")
        with self.imap("alice@demo.test") as wire:
            wire.tagged(b"a SELECT INBOX")
            for items in (b"(" + b" ".join([b"BODY.PEEK[]"] * 300) + b")", b"BODY.PEEK[" + b"1." * 500 + b"1]", b"BODY.PEEK[]<4294967295.4294967295>",
                          b"BODY.PEEK[]<18446744073709551616.1>", b"BODY.PEEK[4294967296]"):
                self.assertRegex(wire.tagged(b"b FETCH 1 " + items), r"^b (OK|NO|BAD)", items[:40])
        self.assertGrewLessThan(8)

    def test_E80_names_never_become_paths(self):
        outside = self.server.directory / "outside"
        with self.imap("alice@demo.test") as wire:
            for name in (b"../../outside", b"..", b"/etc/passwd", b"a/../../outside", b"&AC8-etc", b"&", b"&AAA", b"&AAAA-", b"a\\b", b"~root", b"a/" * 900 + b"a"):
                self.assertRegex(wire.tagged(b'b CREATE "' + name.replace(b"\\", b"\\\\") + b'"'), r"^b (OK|NO|BAD)", name[:40])
            self.assertRegex(wire.tagged(b'c LIST "" "' + b"*%" * 400 + b'x"'), r"^c (OK|NO|BAD)")
        self.assertFalse(outside.exists())
        self.assertEqual([p for p in self.server.data.rglob("*") if p.name in ("outside", "passwd")], [])

    def test_E82_an_append_that_breaks_off_stores_nothing(self):
        with self.imap("bob@demo.test") as watch:
            head = b"a APPEND INBOX {40+}\r\n"
            octets = head + b"Subject: cut\r\n\r\n" + b"z" * 22 + b"\r\n\r\n"
            for cut in range(len(head), len(octets) - 1):   # the command ends with the CRLF behind the literal
                with self.imap("bob@demo.test") as wire:
                    wire.send(octets[:cut])
            with self.imap("bob@demo.test") as wire:
                self.assertRegex(wire.tagged(b"a APPEND INBOX {7+}\r\na: b\0\r\n"), r"^a (NO|BAD)", "NUL is for literal8 only")
            self.assertRegex(watch.line(b"s STATUS INBOX (MESSAGES)").decode(), r"MESSAGES 0")


class Tenants(AttackTest):
    settings = {"auth.cleartext": True}

    def test_E90_the_same_name_in_two_domains_is_two_people(self):
        self.server.cli("domain", "add", "other.test")
        self.server.cli("account", "add", "alice@other.test", "--password-stdin", text="another\n")

        def sign_in(case):
            user, password, wanted = case
            with self.smtp("submission", source="127.90.0.7") as wire:
                self.assertEqual(wire.reply(b"AUTH PLAIN " + plain(user, password).encode())[:3], wanted, case)
                if wanted == "235":
                    other = b"other.test" if user.endswith("demo.test") else b"demo.test"
                    self.assertRegex(wire.reply(b"MAIL FROM:<alice@" + other + b">"), r"^55[03] 5\.7\.1")
                    self.assertRegex(wire.reply(b"MAIL FROM:<" + user.encode() + b">"), "^250")
        good = [("alice@demo.test", PASSWORD, "235"), ("alice@other.test", "another", "235")]
        side_by_side(sign_in, good * 20)   # the cache of passwords is warm
        side_by_side(sign_in, [("alice@demo.test", "another", "535"), ("alice@other.test", PASSWORD, "535")] * 2 + good * 5)


if __name__ == "__main__":
    main("imap")
