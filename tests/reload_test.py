#!/usr/bin/env python3
"""SIGHUP (`systemctl reload postroad`): what can change while the server runs does, what cannot is named; no session ends."""
import json
import smtplib
import socket
import ssl
import subprocess
import time
import unittest

import ports
import postroad_fixture as fixture


class Reload(unittest.TestCase):
    def setUp(self):
        self.server = fixture.Postroad(listeners=("smtp", "submissions", "lmtp", "pop3s"))
        self.certificates = self.server.directory / "certificates"
        self.certificates.mkdir(parents=True)
        self.make_certificate("first.demo.test")
        self.server.settings |= {"tls.certificate": str(self.certificates / "cert.pem"), "tls.key": str(self.certificates / "key.pem")}
        self.server.create().start()
        self.addCleanup(self.server.close)

    def make_certificate(self, name):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                        "-subj", f"/CN={name}", "-keyout", self.certificates / "key.pem", "-out", self.certificates / "cert.pem"],
                       check=True, capture_output=True)

    def reload(self):
        """What the server tells of it."""
        before = self.told()
        self.server.reload()
        end = time.monotonic() + 10
        while len(told := self.told()) == len(before):
            self.assertLess(time.monotonic(), end, "nothing was told of the reload")
            time.sleep(0.02)
        return told[-1]

    def told(self):
        lines = (json.loads(line) for line in self.server.log.read_text().splitlines() if line.startswith("{"))
        return [line for line in lines if line["event"] == "server.reloaded"]

    def name_shown(self):
        with socket.create_connection(("127.0.0.1", self.server.ports["pop3s"]), timeout=10) as plain:
            with fixture.unverified_tls().wrap_socket(plain) as tls:
                text = ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True))
        return subprocess.run(["openssl", "x509", "-noout", "-subject"], input=text, text=True, capture_output=True).stdout

    def test_a_new_certificate_is_shown_and_a_session_goes_on(self):
        self.assertIn("first.demo.test", self.name_shown())
        pop = self.server.pop3("bob@demo.test")
        self.make_certificate("second.demo.test")
        self.assertEqual(self.reload()["problems"], [])
        self.assertIn("second.demo.test", self.name_shown())
        self.assertEqual(pop.stat()[0], 0)
        pop.quit()

    def test_a_certificate_that_is_none_leaves_the_old_one(self):
        (self.certificates / "cert.pem").write_text("nonsense\n")
        problems = self.reload()["problems"]
        self.assertEqual(len(problems), 1, problems)
        self.assertIn("cert.pem", problems[0])
        self.assertIn("first.demo.test", self.name_shown())

    def test_a_setting_changes_for_the_next_message(self):
        def refused(octets):
            with smtplib.LMTP("127.0.0.1", self.server.ports["lmtp"], timeout=30) as client:
                try:
                    return bool(client.sendmail("a@example.com", ["bob@demo.test"], "Subject: x\r\n\r\n" + ("x" * 70 + "\r\n") * (octets // 72)))
                except (smtplib.SMTPDataError, smtplib.SMTPSenderRefused):
                    return True
        self.assertFalse(refused(200_000))
        self.server.settings["limits.message"] = "100 KiB"
        told = self.reload()
        self.assertEqual((told["changed"], told["problems"]), (["limits.message"], []))
        self.assertTrue(refused(200_000))
        self.assertFalse(refused(50_000))

    def test_what_needs_a_restart_is_named_and_waits_for_it(self):
        old = self.server.ports["smtp"]
        self.server.ports["smtp"], = ports.take()
        self.assertEqual(self.reload()["changed"], ["listener (at the next start)"])
        socket.create_connection(("127.0.0.1", old), timeout=5).close()
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.server.ports["smtp"]), timeout=5)
        self.server.restart()
        socket.create_connection(("127.0.0.1", self.server.ports["smtp"]), timeout=5).close()

    def test_a_wrong_configuration_changes_nothing(self):
        self.server.settings["limits.message"] = True
        told = self.reload()
        self.assertEqual(told["changed"], [])
        self.assertIn("limits.message", told["problems"][0])
        self.server.settings["limits.message"] = "10 MiB"
        self.assertEqual(self.reload()["changed"], ["limits.message"])


if __name__ == "__main__":
    fixture.need_binary("pop3s", "lmtp")
    unittest.main(verbosity=2)
