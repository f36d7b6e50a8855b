#!/usr/bin/env python3
"""Letters are sent: by hand at telnet, by swaks, s-nail, msmtp, mutt, curl, python; to a neighbour and to a stranger."""
import smtplib
import socket
import ssl
import time
import urllib.parse

from journey import PASSWORD, Journey, fixture, main


class Sending(Journey):
    def test_a_person_at_telnet_sends_a_letter(self):
        """As the banner of `make run` shows it: typed line by line, one key after another, to port 25."""
        bob = self.account("telnet")
        with socket.create_connection(("127.0.0.1", self.port("smtp")), timeout=10) as s:
            file = s.makefile("rb")
            said = [file.readline()]
            for line in ("EHLO me.example.com", "MAIL FROM:<me@example.com>", f"RCPT TO:<{bob}>", "DATA"):
                for key in line + "\r\n":
                    s.sendall(key.encode())
                    time.sleep(0.001)
                said.append(file.readline())
                while said[-1][3:4] == b"-":
                    said.append(file.readline())
            for line in ("Subject: by hand", "", "Hello Bob.", "."):
                s.sendall(line.encode() + b"\r\n")
            said.append(file.readline())
            self.assertTrue(said[-1].startswith(b"250"), said)
            s.sendall(b"QUIT\r\n")
            self.assertTrue(file.readline().startswith(b"221"))
        self.assertHas(bob, "by hand", "Hello Bob.")

    def test_swaks_signs_in_over_starttls(self):
        self.need("swaks")
        bob = self.account("swaks")
        for port, tls, auth in (("submission", "--tls", "PLAIN"), ("submissions", "--tls-on-connect", "LOGIN")):
            self.run_client("swaks", "--server", f"127.0.0.1:{self.port(port)}", tls, "--auth", auth, "--auth-user", "alice@demo.test",
                            "--auth-password", PASSWORD, "--from", "alice@demo.test", "--to", bob, "--header", f"Subject: swaks {auth}",
                            "--body", "by swaks")
            self.assertHas(bob, f"swaks {auth}", "by swaks")

    def test_swaks_as_a_stranger_is_told_who_does_not_exist(self):
        self.need("swaks")
        port = self.port("smtp")
        said = self.run_client("swaks", "--server", f"127.0.0.1:{port}", "--from", "a@example.com", "--to", "nobody@demo.test", check=False)
        self.assertNotEqual(said.returncode, 0)
        self.assertRegex(said.stdout, r"<\*\* 550 5\.1\.1")

    def test_s_nail_sends(self):
        self.need("s-nail")
        bob = self.account("snail")
        user = urllib.parse.quote("alice@demo.test", safe="")
        self.run_client("s-nail", "-:/", "-S", "v15-compat", "-S", "sendwait", "-S", "tls-verify=ignore", "-S", "smtp-use-starttls",
                        "-S", "smtp-auth=plain", "-S", "from=alice@demo.test", "-S", f"mta=smtp://{user}:{PASSWORD}@127.0.0.1:{self.port('submission')}",
                        "-s", "by s-nail", bob, text="Hello from s-nail.\n")
        self.assertHas(bob, "by s-nail", "Hello from s-nail.")

    def test_msmtp_sends_with_plain_and_scram(self):
        self.need("msmtp")
        bob = self.account("msmtp")
        for method in ("plain", "login", "scram-sha-256"):
            rc = self.write("msmtprc", f"account default\nhost 127.0.0.1\nport {self.port('submission')}\ntls on\ntls_starttls on\n"
                            f"tls_certcheck off\nauth {method}\nuser alice@demo.test\npassword {PASSWORD}\nfrom alice@demo.test\n")
            said = self.run_client("msmtp", "-C", rc, bob, text=f"From: alice@demo.test\nTo: {bob}\nSubject: by msmtp {method}\n\nHello.\n", check=False)
            if method.startswith("scram") and said.returncode != 0:
                # SCRAM keys are kept for app passwords unless a domain asks for more (DESIGN §4): then it is refused as a wrong password is.
                self.assertRegex(said.stderr, r"(?i)(535|authentication|not supported|support for)")
                continue
            self.assertEqual(said.returncode, 0, said.stderr)
            self.assertHas(bob, f"by msmtp {method}", "Hello.")

    def test_mutt_sends(self):
        self.need("mutt")
        bob = self.account("muttsend")
        rc = self.write("muttrc", f'set smtp_url="smtp://alice@demo.test@127.0.0.1:{self.port("submission")}"\nset smtp_pass="{PASSWORD}"\n'
                        f'set ssl_starttls=yes ssl_force_tls=yes ssl_verify_host=no\nset certificate_file="{self.certificate}"\n'
                        'set from="alice@demo.test" use_from=yes realname="Alice" copy=no\n')
        self.run_client("mutt", "-n", "-F", rc, "-s", "by mutt", bob, text="Hello from mutt: Grüße.\n")
        self.assertHas(bob, "by mutt")

    def test_curl_sends(self):
        self.need("curl")
        bob = self.account("curl")
        letter = self.write("letter", f"From: alice@demo.test\r\nTo: {bob}\r\nSubject: by curl\r\n\r\nHello.\r\n.\r\n..dots\r\n")
        self.run_client("curl", "-sSk", "--ssl-reqd", f"smtp://127.0.0.1:{self.port('submission')}/client.example.com", "--user", f"alice@demo.test:{PASSWORD}",
                        "--mail-from", "alice@demo.test", "--mail-rcpt", bob, "-T", letter)
        self.assertHas(bob, "by curl", "Hello.\r\n.\r\n..dots\r\n")

    def test_python_sends_to_many_and_hears_who_was_refused(self):
        bob, carol = self.account("pya"), self.account("pyb")
        with smtplib.SMTP("127.0.0.1", self.port("submission"), timeout=30) as client:
            client.starttls(context=fixture.unverified_tls())
            client.login("alice@demo.test", PASSWORD)
            refused = client.sendmail("alice@demo.test", [bob, "nobody@demo.test", carol], "Subject: by python\r\n\r\nHello.\r\n")
        self.assertEqual(list(refused), ["nobody@demo.test"])
        self.assertEqual(refused["nobody@demo.test"][0], 550)
        self.assertHas(bob, "by python")
        self.assertHas(carol, "by python")

    def test_a_letter_to_a_stranger_goes_out_and_what_cannot_go_comes_back(self):
        with smtplib.SMTP_SSL("127.0.0.1", self.port("submissions"), context=fixture.unverified_tls(), timeout=30) as client:
            client.login("alice@demo.test", PASSWORD)
            client.sendmail("alice@demo.test", ["stranger@example.org"], "Subject: far away\r\n\r\nHello.\r\n")
            taken = self.server.sink.wait_for("stranger@example.org")
            self.assertEqual(len(taken), 1)
            self.assertIn(b"Subject: far away", taken[0].content)
            self.assertIn(b"Received: ", taken[0].content)
            self.server.sink.reply_to = lambda verb, text: "550 5.1.1 no such user here" if verb == "RCPT" and "gone@" in text else None
            try:
                client.sendmail("alice@demo.test", ["gone@example.org"], "Subject: to nobody\r\n\r\nHello.\r\n")
                end = time.monotonic() + 20
                mail = []
                while not any(b"gone@example.org" in m for m in mail):
                    self.assertLess(time.monotonic(), end, "no report came back")
                    time.sleep(0.2)
                    mail = self.server.messages("alice@demo.test")
            finally:
                self.server.sink.reply_to = lambda verb, text: None
            report = next(m for m in mail if b"gone@example.org" in m)
            for part in (b"Return-Path: <>", b"multipart/report", b"message/delivery-status", b"Status: 5.1.1", b"no such user here"):
                self.assertIn(part, report)

    def test_a_wrong_password_is_told_as_such(self):
        with smtplib.SMTP("127.0.0.1", self.port("submission"), timeout=30) as client:
            client.starttls(context=fixture.unverified_tls())
            with self.assertRaises(smtplib.SMTPAuthenticationError) as told:
                client.login("alice@demo.test", "wrong")
            self.assertEqual(told.exception.smtp_code, 535)


if __name__ == "__main__":
    main()
