#!/usr/bin/env python3
"""The player itself: what is as written passes, what is not fails, on the right line and in every pace."""
import pathlib
import socketserver
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import dialogue  # noqa: E402
import player  # noqa: E402


class Parrot:
    """A server that answers each line it knows; `script`: line -> answer (None closes)."""

    def __init__(self, greeting, script):
        class Session(socketserver.StreamRequestHandler):
            def handle(self):
                self.wfile.write(greeting)
                while line := self.rfile.readline():
                    answer = script.get(line.rstrip(b"\r\n"), b"500 5.5.2 what?\r\n")
                    if answer is None:
                        return
                    self.wfile.write(answer)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def __enter__(self):
        return self.server.server_address[1]

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


SMTP = (b"220 mail.demo.test\r\n", {
    b"EHLO me": b"250-mail.demo.test\r\n250-SIZE 1000\r\n250 PIPELINING\r\n", b"MAIL": b"250 2.1.0 ok\r\n",
    b"RCPT": b"550 5.1.1 no such user\r\n", b"BAD": b"nonsense\r\n", b"BARE": b"250 2.0.0 a\nb\r\n", b"QUIT": None})
IMAP = (b"* OK ready\r\n", {
    b"a SELECT": b"* 2 EXISTS\r\n* FLAGS (\\Seen)\r\na OK [READ-WRITE] done\r\n",
    b"b FETCH": b"* 1 FETCH (UID 7 BODY[] {9}\r\none\r\n* 2\n FLAGS ())\r\nb OK\r\n",
    b"c FETCH": b"* 1 FETCH (BODY[] {8}\r\none\r\ntwo)\r\nc OK\r\n", b"d UID 7": b"d OK\r\n"})
POP3 = (b"+OK ready\r\n", {b"LIST": b"+OK 2\r\n1 120\r\n2 200\r\n.\r\n"})


def play(service, served, text, pace=None, timeout=0.5):
    with Parrot(*served) as port:
        player.Player(dialogue.parse("test", text), service, {service: port}, None, pace, timeout).play()


class AsWritten(unittest.TestCase):
    def test_an_smtp_session_passes_in_every_pace(self):
        text = "S: 220\nC: EHLO me\nS: 250-PIPELINING\nS: 250-!STARTTLS\nS: 250\nC: MAIL\nC: RCPT\nS: 250 2.1.0\nS: 550\n" \
               "C: QUIT\nS: <closed>"
        for pace in [player.Pace(), player.OctetByOctet()] + [player.CutAt(i) for i in range(1, 25)]:
            play("smtp", SMTP, text, pace)

    def test_imap_responses_pass_in_any_order_with_literals_and_memory(self):
        play("imap", IMAP, "S: * OK\nC: a SELECT\nS: * FLAGS (\nS: * <number> EXISTS\nS: !* 1 EXPUNGE\nS: a OK [READ-WRITE]\n"
                           "C: c FETCH\nS: * 1 FETCH (BODY[] {<number>}\nS: one\nS: two)\nS: c OK")

    def test_what_is_remembered_can_be_said(self):
        play("pop3", POP3, "S: +OK\nC: LIST\nS: +OK\nS: ...\nS: 2 <number as size>\nS: .\nC: LIST\nS: +OK\nS: 1 120\nS: 2 ${size}$\nS: .")

    def test_silence_is_heard(self):
        play("smtp", SMTP, "S: 220\nRAW: EHLO m\nS: <silence>\nRAW: e\\r\\nMAIL\\r\\n\nS: 250\nS: 250 2.1.0")

    def test_repetition_counts(self):
        script = {b"RCPT %d" % n: b"250 2.1.5 %d\r\n" % n for n in range(20)}
        play("smtp", (b"220 x\r\n", script), "S: 220\nC*20: RCPT ${n}\nS*20: 250 2.1.5")


class NotAsWritten(unittest.TestCase):
    def fails(self, service, served, text, line):
        with self.assertRaises(player.Mismatch) as caught:
            play(service, served, text)
        self.assertIn(f"line {line}:", str(caught.exception))

    def test_a_wrong_code(self):
        self.fails("smtp", SMTP, "S: 220\nC: RCPT\nS: 250", 3)

    def test_a_wrong_enhanced_code(self):
        self.fails("smtp", SMTP, "S: 220\nC: MAIL\nS: 250 2.1.5", 3)

    def test_half_a_word_is_no_match(self):
        self.fails("smtp", SMTP, "S: 220\nC: MAIL\nS: 250 2.1", 3)

    def test_a_missing_line_of_a_reply(self):
        self.fails("smtp", SMTP, "S: 220\nC: EHLO me\nS: 250-STARTTLS\nS: 250", 3)

    def test_a_line_that_must_not_be_there(self):
        self.fails("smtp", SMTP, "S: 220\nC: EHLO me\nS: 250-!SIZE\nS: 250", 3)

    def test_an_answer_that_does_not_come(self):
        self.fails("smtp", SMTP, "S: 220\nC: MAIL\nS: 250\nS: 250", 3)

    def test_an_answer_too_many(self):
        self.fails("smtp", SMTP, "S: 220\nC: MAIL\nC: MAIL\nS: 250\nC: RCPT\nS: 550", 6)

    def test_a_server_that_stays(self):
        self.fails("smtp", SMTP, "S: 220\nC: MAIL\nS: 250\nS: <closed>", 3)

    def test_a_server_that_leaves(self):
        self.fails("smtp", SMTP, "S: 220\nC: QUIT\nS: 221", 3)

    def test_a_server_that_speaks_when_it_should_not(self):
        self.fails("smtp", SMTP, "S: 220\nC: MAIL\nS: <silence>", 3)

    def test_what_is_no_reply(self):
        self.fails("smtp", SMTP, "S: 220\nC: BAD\nS: 250", 3)

    def test_a_bare_line_feed_from_the_server(self):
        self.fails("smtp", SMTP, "S: 220\nC: BARE\nS: 250", 3)

    def test_a_pop3_line_out_of_place(self):
        self.fails("pop3", POP3, "S: +OK\nC: LIST\nS: +OK\nS: 2 200\nS: .", 3)

    def test_an_untagged_response_that_does_not_come(self):
        self.fails("imap", IMAP, "S: * OK\nC: a SELECT\nS: * 3 EXISTS\nS: a OK", 3)

    def test_an_untagged_response_that_must_not_come(self):
        self.fails("imap", IMAP, "S: * OK\nC: a SELECT\nS: !* 2 EXISTS\nS: a OK", 3)

    def test_a_literal_that_differs(self):
        self.fails("imap", IMAP, "S: * OK\nC: c FETCH\nS: * 1 FETCH (BODY[] {8}\nS: one\nS: too)\nS: c OK", 3)

    def test_a_tagged_answer_that_differs(self):
        self.fails("imap", IMAP, "S: * OK\nC: d UID 7\nS: d NO", 3)


class Reading(unittest.TestCase):
    def test_what_is_no_step_is_refused_with_its_line(self):
        for text in ("S 220", "X: 1", "    indented", "C1 :x"):
            with self.assertRaisesRegex(dialogue.Unreadable, "test:1"):
                dialogue.parse("test", text)

    def test_settings_and_bodies_are_read(self):
        read = dialogue.parse("test", "SETTING a.b = 3\nSETTING c = \"x y\"\nSPLIT\nGIVEN message to a:\n    one\n\n    two\nC: x")
        self.assertEqual(read.settings, {"a.b": 3, "c": "x y"})
        self.assertTrue(read.split)
        self.assertEqual(read.steps[0].body, "one\n\ntwo\n")

    def test_raw_octets(self):
        self.assertEqual(dialogue.raw_octets(r"a\r\n\x00\xff\\n"), b"a\r\n\x00\xff\\n")


if __name__ == "__main__":
    unittest.main()
