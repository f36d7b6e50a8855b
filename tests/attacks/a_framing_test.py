#!/usr/bin/env python3
"""Attacks A1-A18: how octets become commands and messages, in SMTP and LMTP."""
import os
import random
import ssl
import time
import unittest

from attack import AttackTest, Wire, main, side_by_side

# A1: what somebody, somewhere, takes for the end of a message.
FALSE_ENDS = [b"\n.\n", b"\r.\r", b"\r.\n", b"\n.\r", b"\n.\r\n", b"\r\n.\n", b"\r.\r\n", b"\r\n.\r", b"\r\n\0.\r\n",
              b"\r\n.\0\r\n", b"\r\n.\r\r\n"]
STRANGER = "127.200.0.1"   # not in [limits] exempt
SMUGGLED = b"MAIL FROM:<evil@example.com>\r\nRCPT TO:<bob@demo.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"


class Framing(AttackTest):
    settings = {"limits.message": "1 MiB"}
    accounts = ("alice", "bob", "admin", "carol", "dora")

    def one_smuggling_attempt(self, service, false_end, cut):
        octets = b"Subject: outer\r\n\r\nbody" + false_end + SMUGGLED
        with self.transaction(service=service) as wire:
            wire.send_split(octets, cut)
            first = wire.reply()
            bare = b"\r" in false_end.replace(b"\r\n", b"") or b"\n" in false_end.replace(b"\r\n", b"")
            told = f"{false_end!r} cut at {cut}: {first!r}"
            if bare:
                self.assertRegex(first, r"^5\d\d ", told)
                rest = wire.all_lines()
                self.assertEqual(rest, [], told)
            else:
                self.assertRegex(first, r"^(250|5\d\d) ", told)
                # What followed was part of the message: NOOP is the next command, not the second.
                self.assertRegex(wire.reply(b"NOOP"), r"^(250|$)", told)

    def test_A01_smuggling_inbound(self):
        for service in ("smtp", "lmtp"):
            cases = [(service, end, cut) for end in FALSE_ENDS for cut in range(15, 15 + 8 + len(end) + 3)]
            cases += [(service, end, cut) for end in FALSE_ENDS[:3] for cut in range(1, 23 + len(end) + len(SMUGGLED))]
            side_by_side(lambda case: self.one_smuggling_attempt(*case), cases)
        self.assertEqual(self.mailbox("bob@demo.test", b"smuggled"), [])

    def test_A02_bare_line_feeds_in_commands_are_one_bad_line(self):
        def attempt(case):
            octets, cut = case
            with self.smtp() as wire:
                wire.send_split(octets, cut)
                self.assertRegex(wire.reply(), r"^500 5\.5\.2", f"{octets!r} cut at {cut}")
                wire.send(octets)
                wire.send(b"NOOP\r\n")
                answers = [line[:3] for line in [wire.line(), wire.line()] if line]
                self.assertNotIn(b"250", answers[:1], "the second time it may close, but never obey")
        lines = [b"MAIL FROM:<a@example.com>\nRCPT TO:<bob@demo.test>\r\n", b"MAIL FROM:<a@example.com>\rRCPT TO:<bob@demo.test>\r\n",
                 b"NOOP\nNOOP\r\n", b"NOOP\r\r\n", b"NO\rOP\r\n"]
        side_by_side(attempt, [(line, cut) for line in lines for cut in range(1, len(line))])

    def test_A02_a_line_ended_by_a_bare_line_feed_is_no_command(self):
        with self.smtp() as wire:
            wire.send(b"MAIL FROM:<a@example.com>\n")
            time.sleep(0.2)
            wire.send(b"NOOP\r\n")
            self.assertRegex(wire.reply(), r"^500 5\.5\.2")

    def test_A04_dots_at_buffer_edges_come_out_as_they_went_in(self):
        def message(edge, shift, dots):
            head = b"Subject: edge %d %d %d\r\n\r\n" % (edge, shift, dots)
            filler = b"f" * 60 + b"\r\n"
            room = edge + shift - len(head)
            body = filler * (room // len(filler))
            body += b"g" * max(0, room - len(body) - 2) + b"\r\n"
            return head + body + b"." * dots + b"\r\n" + b"." * dots + b"x\r\nend\r\n"
        sent = [message(edge, shift, dots) for edge in (4096, 8192, 16384, 65536) for shift in (-3, -2, -1, 0, 1, 2, 3) for dots in (1, 2, 3)]

        def hand_over(octets):
            with self.transaction(b"carol@demo.test") as wire:
                stuffed = octets.replace(b"\r\n.", b"\r\n..")
                wire.send(stuffed + b".\r\n")
                self.assertRegex(wire.reply(), "^250")
        side_by_side(hand_over, sent)
        kept = {m[m.index(b"Subject: edge"):] for m in self.server.wait_for_messages("carol@demo.test", len(sent))}
        altered = [m.split(b"\r\n")[0] for m in sent if m not in kept]
        self.assertEqual(altered, [])

    def test_A05_plaintext_before_tls_is_never_obeyed_after_it(self):
        def smtp(cut):
            octets = b"STARTTLS\r\nMAIL FROM:<x@example.com>\r\nRCPT TO:<bob@demo.test>\r\n"
            with self.smtp() as wire:
                wire.send_split(octets, cut)
                if not wire.reply().startswith("220"):
                    return
                try:
                    wire.buffer = b""
                    wire.start_tls()
                except (ssl.SSLError, OSError):
                    return   # closed: as good
                if wire.reply(b"EHLO client.example.com").startswith("250"):
                    self.assertRegex(wire.reply(b"RCPT TO:<bob@demo.test>"), r"^503", f"cut at {cut}")
        side_by_side(smtp, range(1, 60))

    def test_A05_plaintext_before_tls_in_pop3_and_imap(self):
        for service, octets, probe, refusal in (
                ("pop3", b"STLS\r\nUSER alice@demo.test\r\n", b"PASS postroad", b"-ERR"),
                ("imap", b"a STARTTLS\r\nb LOGIN alice@demo.test postroad\r\n", b"c SELECT INBOX", b"c BAD")):
            for cut in range(1, len(octets)):
                with Wire(self.server.ports[service]) as wire:
                    wire.line()
                    wire.send_split(octets, cut)
                    first = wire.line()
                    if not first.startswith((b"+OK", b"a OK")):
                        continue
                    wire.buffer = b""
                    try:
                        wire.start_tls()
                    except (ssl.SSLError, OSError):
                        continue
                    answer = wire.line(probe)
                    self.assertTrue(answer == b"" or answer.startswith(refusal), f"{service} cut at {cut}: {answer!r}")

    def test_A08_who_pipelines_the_message_behind_data_is_refused(self):
        with self.transaction(data=False, source=STRANGER) as wire:
            wire.send(b"DATA\r\nSubject: early\r\n\r\nx\r\n.\r\n")
            self.assertRegex(wire.reply(), r"^(421|503|554) ")
            self.assertTrue(wire.closed_within(5))
        self.assertEqual(self.mailbox("bob@demo.test", b"early"), [])

    def test_A08_who_pipelines_behind_ehlo_is_refused(self):
        with self.smtp(hello=False, source=STRANGER) as wire:
            wire.send(b"EHLO client.example.com\r\nMAIL FROM:<a@example.com>\r\n")
            replies = [wire.reply(), wire.reply()]
            self.assertTrue(any(r[:3] in ("421", "503", "554", "") for r in replies), replies)

    def test_A09_bdat_grammar(self):
        def attempt(case):
            line, cut = case
            with self.transaction(data=False) as wire:
                wire.send_split(line + b"\r\n" + SMUGGLED, cut)
                self.assertRegex(wire.reply(), r"^(501|503|552|554) ", case)
                self.assertEqual(wire.all_lines(), [], "what follows cannot be told from commands")
        lines = (b"BDAT -1 LAST", b"BDAT 18446744073709551616 LAST", b"BDAT 99999999999999999999999999 LAST", b"BDAT 0x10",
                 b"BDAT +5", b"BDAT 5 LAST LAST", b"BDAT 5.0", b"BDAT", b"BDAT 18446744073709551615", b"BDAT LAST")
        side_by_side(attempt, [(line, cut) for line in lines for cut in range(1, len(line) + 4)])
        self.assertEqual(self.mailbox("bob@demo.test", b"smuggled"), [])

    def test_A09_commands_within_a_chunk_are_octets_of_the_message(self):
        octets = b"BDAT 19\r\nSubject: chunk\r\n\r\nRBDAT 11 LAST\r\nSET\r\nQUIT\r\n.NOOP\r\n"

        def attempt(cut):
            with self.transaction(b"dora@demo.test", data=False) as wire:
                wire.send_split(octets, cut)
                self.assertRegex(wire.reply(), r"^250 2\.0\.0 19 octets", cut)
                self.assertRegex(wire.reply(), r"^250 2\.0\.0 Queued", cut)
                self.assertRegex(wire.reply(), r"^500", "the dot is the first octet behind the chunk")
        side_by_side(attempt, range(1, len(octets)))
        kept = self.server.wait_for_messages("dora@demo.test", len(octets) - 1)
        self.assertEqual({m.split(b"\r\n\r\n", 1)[1] for m in kept}, {b"RSET\r\nQUIT\r\n"})

    def test_A09_the_octet_behind_a_chunk_is_a_command(self):
        for cut in range(1, len(b"BDAT 5 LAST\r\nabc\r\nXNOOP\r\n")):
            with self.transaction(data=False) as wire:
                wire.send_split(b"BDAT 5 LAST\r\nabc\r\nXNOOP\r\n", cut)
                self.assertRegex(wire.reply(), r"^250", cut)
                self.assertRegex(wire.reply(), r"^500", cut)

    def test_A09_bdat_then_data_and_rset_within_chunks(self):
        with self.transaction(data=False) as wire:
            wire.send(b"BDAT 4\r\nab\r\n")
            self.assertRegex(wire.reply(), r"^250")
            self.assertRegex(wire.reply(b"DATA"), r"^503")
            self.assertRegex(wire.reply(b"RSET"), r"^250")
            self.assertRegex(wire.reply(b"BDAT 0 LAST"), r"^503")
            wire.send(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<bob@demo.test>\r\nBDAT 0 LAST\r\n")
            self.assertRegex(wire.reply(), r"^250")
            self.assertRegex(wire.reply(), r"^250")
            self.assertRegex(wire.reply(), r"^(250|5\d\d)")

    def test_A10_close_notify_within_a_chunk(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        for with_clear_octet in (True, False):
            with self.smtp() as wire:
                wire.reply(b"STARTTLS")
                incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                tls = context.wrap_bio(incoming, outgoing)

                def move(step):
                    while True:
                        try:
                            result = step()
                            wire.socket.sendall(outgoing.read())
                            return result
                        except ssl.SSLWantReadError:
                            wire.socket.sendall(outgoing.read())
                            incoming.write(wire.socket.recv(65536))
                move(tls.do_handshake)
                for command in (b"EHLO c.example.com\r\n", b"MAIL FROM:<a@example.com>\r\n", b"RCPT TO:<bob@demo.test>\r\n"):
                    move(lambda: tls.write(command))
                    move(lambda: tls.read(65536))
                move(lambda: tls.write(b"BDAT 1000 LAST\r\n" + b"Subject: cut off\r\n\r\n" + b"x" * 480))
                try:
                    tls.unwrap()
                except ssl.SSLError:
                    pass
                wire.send(outgoing.read() + (b"x" if with_clear_octet else b""))
                self.assertTrue(wire.closed_within(10))
        self.assertEqual(self.mailbox("bob@demo.test", b"cut off"), [])

    def flood(self, wire, most_mib):
        """Sends until the server closes; answers how many MiB it took."""
        block, taken = b"x" * 65536, 0
        wire.socket.settimeout(10)
        while taken < most_mib << 20:
            try:
                taken += wire.socket.send(block)
            except OSError:
                break
        return taken / (1 << 20)

    def test_A11_a_refused_chunk_is_not_read_for_ever(self):
        with self.smtp() as wire:
            wire.send(b"BDAT 1000000000000\r\n")
            self.assertLess(self.flood(wire, 100), 20)   # limits.message is 1 MiB; the rest is in socket buffers
        self.still_serves()

    def test_A12_a_line_without_end(self):
        for begin in (b"", b"EHLO client.example.com\r\nNOOP "):
            with self.smtp(hello=False) as wire:
                wire.send(begin)
                self.assertLess(self.flood(wire, 100), 20)
                said = [line[:3] for line in wire.all_lines()]
                self.assertTrue(not said or said[-1] in (b"500", b"421"), said)
        self.assertGrewLessThan(4)

    def test_A13_xtext(self):
        with self.smtp() as wire:
            for envid in (b"a+0D+0AX", b"a+zz", b"a+", b"a+2", b"a=b", b"+0a", b"x" * 10240):
                self.assertRegex(wire.reply(b"MAIL FROM:<a@example.com> ENVID=" + envid), r"^(501 5\.5\.4|500 )", envid[:40])
            self.assertRegex(wire.reply(b"MAIL FROM:<a@example.com> ENVID=a+2Bb"), "^250")
            for orcpt in (b"rfc822;x+00", b"rfc822", b"rfc822;", b";x", b"rfc822;a+0D+0Ab"):
                self.assertRegex(wire.reply(b"RCPT TO:<bob@demo.test> ORCPT=" + orcpt), r"^501 5\.5\.4", orcpt)

    def test_A13_a_plus_sign_survives_relay_exactly(self):
        heard = []
        self.server.sink.reply_to = lambda verb, text: heard.append(text)
        try:
            with self.submission() as wire:
                self.assertRegex(wire.reply(b"MAIL FROM:<alice@demo.test> ENVID=a+2Bb"), "^250")
                self.assertRegex(wire.reply(b"RCPT TO:<plus@elsewhere.test> ORCPT=rfc822;x+2By@elsewhere.test"), "^250")
                wire.reply(b"DATA")
                self.assertRegex(wire.reply(b"Subject: plus\r\n\r\nx\r\n."), "^250")
            self.assertEqual(len(self.server.sink.wait_for("plus@elsewhere.test")), 1)
        finally:
            self.server.sink.reply_to = lambda verb, text: None
        for word in ("ENVID=", "ORCPT="):   # only where the sink offers DSN; then unchanged
            for text in heard:
                if word in text:
                    self.assertRegex(text, r"(ENVID=a\+2Bb|ORCPT=rfc822;x\+2By@elsewhere\.test)")

    def test_A14_a_line_end_in_a_quoted_local_part(self):
        def attempt(case):
            octets, cut = case
            with self.transaction(data=False) as wire:
                wire.send_split(octets, cut)
                self.assertRegex(wire.reply(), r"^50[01] ", case)
                if octets.count(b"\r\n") > 1:
                    self.assertRegex(wire.reply(), r"^50[01] ", case)
        lines = (b'RCPT TO:<"a\r\nDATA"@demo.test>\r\n', b'RCPT TO:<"a\\\r\nDATA"@demo.test>\r\n', b'RCPT TO:<"a\nDATA"@demo.test>\r\n',
                 b'RCPT TO:<"a\rDATA"@demo.test>\r\n', b'RCPT TO:<"a\\\nDATA"@demo.test>\r\n')
        side_by_side(attempt, [(octets, cut) for octets in lines for cut in range(1, len(octets))])

    def test_A15_parameters_without_measure(self):
        with self.smtp() as wire:
            for parameters in (b"SIZE=99999999999999999999", b"SIZE=-1", b"SIZE=1 SIZE=1", b"FOO=1", b"=1", b"SIZE", b"BODY=",
                               b"SIZE=" + b"9" * 3000, b" ".join(b"X%d=1" % i for i in range(700)), b"SIZE=1\0", b"SMTPUTF8=\xff"):
                self.assertRegex(wire.reply(b"MAIL FROM:<a@example.com> " + parameters), r"^(50[01]|552|555) ", parameters[:60])
            self.assertRegex(wire.reply(b"MAIL FROM:<a@example.com> SIZE=1"), "^250")

    def test_A16_a_message_larger_than_it_said(self):
        def used():
            total = 0
            for folder, _, files in os.walk(self.server.data):
                for name in files:
                    try:
                        total += os.stat(os.path.join(folder, name)).st_blocks * 512
                    except FileNotFoundError:
                        pass
            return total
        before = used()
        line = b"y" * 998 + b"\r\n"

        def lie(_):
            with self.smtp() as wire:
                self.assertRegex(wire.reply(b"MAIL FROM:<a@example.com> SIZE=10"), "^250")
                wire.reply(b"RCPT TO:<bob@demo.test>")
                wire.reply(b"DATA")
                wire.send(b"Subject: lie\r\n\r\n" + line * 3000 + b".\r\n")
                self.assertRegex(wire.reply(), r"^552 5\.3\.4")
        side_by_side(lie, range(20))
        self.assertEqual(self.mailbox("bob@demo.test", b"lie"), [])
        end = time.monotonic() + 20
        while used() - before > 8 << 20 and time.monotonic() < end:
            time.sleep(0.5)
        self.assertLess((used() - before) >> 20, 8, "MiB of refused messages are kept on disk")

    def test_A17_octets_that_are_no_characters(self):
        with self.smtp() as wire:
            for path in (b"\xff@demo.test", b"\xc0\xaf@demo.test", b"\xed\xa0\x80@demo.test", b"a@xn--", b"a@xn--\xff.test", b"a@xn--a-0000000.test",
                         b"a@" + b"x" * 64 + b".test", b"a@" + b".".join([b"x" * 60] * 5), b"a@demo..test", b"a@.test", b"x" * 65 + b"@-demo.test",
                         b"\x01@demo.test", b"a\0b@demo.test"):
                for parameter in (b"", b" SMTPUTF8"):
                    self.assertRegex(wire.reply(b"MAIL FROM:<" + path + b">" + parameter), r"^(50[01]|55[03]) ", path)

    def test_A18_tricks_to_make_us_relay(self):
        with self.smtp() as wire:
            wire.reply(b"MAIL FROM:<a@example.com>")
            for path in (b"u%elsewhere.test@demo.test", b"elsewhere.test!u@demo.test", b"elsewhere.test!u", b"@demo.test:u@elsewhere.test",
                         b'"u@elsewhere.test"@demo.test', b"u@elsewhere.test@demo.test", b"u@[127.0.0.1]", b"u@[IPv6:::1]",
                         b"u@0x7f.1", b"u@2130706433", b"u@elsewhere.test.", b"u@elsewhere.test%demo.test", b'"u"@elsewhere.test',
                         b"u@localhost", b"u@mail.demo.test.elsewhere.test", b"u%elsewhere.test", b"u@demo.test:25", b"u@demo.test@"):
                self.assertRegex(wire.reply(b"RCPT TO:<" + path + b">"), r"^(50[01]|55[0-6]) ", path)
        self.assertEqual(self.server.sink.to("u@elsewhere.test"), [])

    def test_A18_any_octets_at_all(self):
        """Random lines of a fixed seed: an answer to each, or a clean close."""
        dice = random.Random(18)
        words = [b"MAIL FROM:", b"RCPT TO:", b"<", b">", b"@", b"demo.test", b"a", b'"', b"\\", b"DATA", b"BDAT 3", b" LAST", b"RSET", b"EHLO x",
                 b" SIZE=1", b"\0", b"\xff", b"\t", b"AUTH PLAIN ", b"STARTTLS ", b"VRFY ", b"(", b"%", b":", b"=", b";", b"+0A"]
        def lines(seed):
            own = random.Random(seed)
            with self.smtp() as wire:
                for _ in range(40):
                    line = b"".join(own.choice(words) for _ in range(own.randrange(1, 9)))
                    if line.upper().startswith((b"DATA", b"BDAT", b"STARTTLS", b"AUTH")):
                        continue
                    if not wire.reply(line):
                        return
        side_by_side(lines, [dice.random() for _ in range(60)])


class Greeting(AttackTest):
    settings = {"smtp.greeting_pause": "500 ms", "limits.exempt": []}

    def test_A08_who_speaks_before_the_greeting_is_no_mail_server(self):
        with Wire(self.server.ports["smtp"], "127.9.9.9") as wire:
            wire.send(b"EHLO client.example.com\r\n")
            said = wire.reply()
            self.assertRegex(said, r"^(421|503|554|220)")
            if said.startswith("220"):
                said = wire.reply()
                self.assertRegex(said, r"^(421|503|554)")
            self.assertTrue(wire.closed_within(5))

    def test_A08_who_waits_is_greeted(self):
        with self.smtp(source="127.9.9.8") as wire:
            self.assertRegex(wire.reply(b"QUIT"), "^221")


if __name__ == "__main__":
    main("imap")
