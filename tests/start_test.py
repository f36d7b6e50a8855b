#!/usr/bin/env python3
"""What the server says when it cannot start: one line that tells what to do, and an exit code that a supervisor understands
(78: the configuration; starting again does not help. 1: what lies around it). Nothing is changed meanwhile."""
import hashlib
import os
import pathlib
import poplib
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

import ports
import postroad_fixture as fixture

FAILED, CONFIGURATION = 1, 78


class StartTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postroad-start-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.data = self.folder / "data"
        self.port, = ports.take()

    def configuration(self, more="", data=None, anchor=""):
        path = self.folder / "postroad.toml"
        path.write_text(f'hostname = "mail.demo.test"\ndata = "{data or self.data}"\n[[listener]]\nservice = "smtp"\n'
                        f'bind = ["127.0.0.1:{self.port}"]\n[store]\nreserve_most = "16 MiB"\n'
                        f'[dns]\ntrust_anchor = "{anchor}"\n{more}\n')
        return path

    def refused(self, config, code, *words, user=None):
        """The server does not start; answers the one line it says."""
        done = subprocess.run([fixture.binary(), "serve", "--config", config], capture_output=True, text=True, timeout=60, user=user)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        told = [line for line in (done.stdout + done.stderr).splitlines() if line and not line.startswith("{")]
        self.assertEqual(len(told), 1, told)
        for word in words:
            self.assertIn(word, told[0])
        return told[0]


class Configuration(StartTest):
    def test_an_unknown_key_is_told_with_its_line_and_the_nearest_key(self):
        config = self.configuration('[limits]\nrecipents = 5\n')
        self.refused(config, CONFIGURATION, str(config), "recipents", "recipients")

    def test_a_wrong_type_is_told_with_what_is_expected(self):
        self.refused(self.configuration('[limits]\nmessage = true\n'), CONFIGURATION, "limits.message", "50 MiB")

    def test_what_is_no_toml_is_told_with_its_line(self):
        self.assertRegex(self.refused(self.configuration('[limits\n'), CONFIGURATION), r"postroad\.toml:\d+")

    def test_a_configuration_that_is_not_there(self):
        self.refused(self.folder / "none.toml", CONFIGURATION, "none.toml")

    def test_a_missing_certificate(self):
        config = self.configuration(f'[tls]\ncertificate = "{self.folder}/cert.pem"\nkey = "{self.folder}/key.pem"\n')
        self.refused(config, CONFIGURATION, f"{self.folder}/cert.pem", "tls.certificate")

    def test_a_certificate_that_is_none(self):
        for name in ("cert", "key"):
            (self.folder / f"{name}.pem").write_text("nonsense\n")
        config = self.configuration(f'[tls]\ncertificate = "{self.folder}/cert.pem"\nkey = "{self.folder}/key.pem"\n')
        self.refused(config, CONFIGURATION, f"{self.folder}/cert.pem")

    def test_a_trust_anchor_that_cannot_be_read(self):
        config = self.configuration(anchor=self.folder / "root.key")
        self.refused(config, CONFIGURATION, "dns.trust_anchor", f"{self.folder}/root.key", "dns-root-data")

    def test_a_port_in_use(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", self.port))
            other.listen()
            self.refused(self.configuration(), FAILED, f"127.0.0.1:{self.port}", "another program", "choose another port")

    def test_an_address_that_is_not_this_machines(self):
        config = self.configuration()
        config.write_text(config.read_text().replace("127.0.0.1", "192.0.2.1"))
        self.refused(config, FAILED, "192.0.2.1", "no such address")


class Data(StartTest):
    def test_a_file_where_the_directory_should_be(self):
        self.data.write_text("a letter to my aunt\n")
        self.refused(self.configuration(), CONFIGURATION, str(self.data), "`data`")
        self.assertEqual(self.data.read_text(), "a letter to my aunt\n")

    def test_a_directory_that_may_not_be_written(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, to be somebody else")
        self.folder.chmod(0o755)
        self.data.mkdir(0o755)
        config = self.configuration(more="[runtime]\nsandbox = false\n")
        config.chmod(0o644)
        nobody = 65534
        if subprocess.run([fixture.binary(), "--help"], capture_output=True, user=nobody).returncode != 0:
            self.skipTest("the binary lies where others may not look")
        self.refused(config, CONFIGURATION, str(self.data), "`data`", user=nobody)

    def test_a_directory_with_somebody_elses_files(self):
        self.data.mkdir()
        (self.data / "thesis.tex").write_text("x")
        self.refused(self.configuration(), CONFIGURATION, "thesis.tex", "empty directory")
        self.assertEqual([p.name for p in self.data.iterdir()], ["thesis.tex"])

    def test_a_second_server_on_one_directory(self):
        with fixture.Postroad(listeners=("smtp",)) as server:
            self.refused(self.configuration(data=server.data, more="[runtime]\nsandbox = false\n"), FAILED, str(server.data), "in use",
                         "another")
            self.assertEqual(server.cli("status").returncode, 0)


class Damaged(StartTest):
    """A store with mail, and something done to it."""

    def setUp(self):
        super().setUp()
        server = fixture.Postroad(self.folder / "server", listeners=("smtp", "lmtp", "pop3s"))
        self.server = server.create().start()
        self.addCleanup(server.close)
        for n in range(20):
            server.deliver("bob@demo.test", f"Subject: data {n}\n\n" + ("z" * 70 + "\n") * 400)  # more than what rides in the log
        server.stop()
        self.store = server.data / "store"

    def files(self, where):
        return {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in (self.store / where).rglob("*") if p.is_file()}

    def whole_messages(self):
        """How many of bob's can be collected; the others are refused in words, never handed out as if they were right."""
        pop, whole = self.server.pop3("bob@demo.test"), 0
        for number in range(1, pop.stat()[0] + 1):
            try:
                self.assertEqual(pop.retr(number)[1].count(b"z" * 70), 400)
                whole += 1
            except poplib.error_proto as error:
                self.assertRegex(str(error), "damaged|removed")
        pop.quit()
        return whole

    def assertOffered(self, file, where):
        """Refused with the file; what is damaged is left as it was; repair makes a store that serves. (Where keys/ is whole,
        its log has been folded into tables as at every start.)"""
        before = self.files(where)
        told = self.refused(self.server.config, FAILED, str(file), "repair")
        self.assertEqual({p: d for p, d in self.files(where).items() if p in before}, before)
        saved = self.folder / "saved"
        done = self.server.cli("repair", str(saved), seconds=120)
        self.assertIn(f"mv {saved}/store", done.stdout)
        self.assertEqual({p: d for p, d in self.files(where).items() if p in before}, before)
        shutil.move(self.store, self.folder / "store.damaged")
        shutil.move(saved / "store", self.store)
        self.server.start()
        return told

    def test_a_segment_that_ends_too_early(self):
        segment = max((self.store / "segments").iterdir(), key=lambda p: p.stat().st_size)
        with open(segment, "r+b") as f:
            f.truncate(30_000)
        self.assertRegex(self.assertOffered(segment, "segments"), r"offset 30000")
        self.assertIn(self.whole_messages(), range(1, 20))

    def test_a_segment_that_is_gone(self):
        segment = max((self.store / "segments").iterdir(), key=lambda p: p.stat().st_size)
        segment.unlink()
        self.assertOffered(segment, "segments")

    def test_a_flipped_bit_in_a_body_is_found_by_verify_with_file_and_offset(self):
        segment = max((self.store / "segments").iterdir(), key=lambda p: p.stat().st_size)
        octets = bytearray(segment.read_bytes())
        octets[40_000] ^= 4
        segment.write_bytes(octets)
        done = self.server.cli("verify", check=False)
        self.assertEqual(done.returncode, FAILED, done.stderr)
        self.assertRegex(done.stdout, rf"{segment}.*\b\d+\b")
        self.server.start()      # one body is no reason to keep the others from their owners
        self.assertEqual(self.whole_messages(), 19)

    def test_a_flipped_bit_in_the_log_of_what_was_committed(self):
        logs = sorted((self.store / "keys").glob("*.log"), key=lambda p: p.stat().st_size)
        if not logs or logs[-1].stat().st_size < 1000:
            self.skipTest("nothing is left in the log")
        octets = bytearray(logs[-1].read_bytes())
        octets[len(octets) // 3] ^= 4
        logs[-1].write_bytes(octets)
        self.assertRegex(self.assertOffered(logs[-1].name, "keys"), r"offset \d+")

    def test_a_store_of_a_release_to_come(self):
        format_file = self.store / "FORMAT"
        format_file.write_text(re.sub(r"epoch(\W+)\d+", r"epoch\g<1>9999", format_file.read_text()))
        self.refused(self.server.config, FAILED, str(format_file), "later release")


if __name__ == "__main__":
    fixture.need_binary("pop3s", "lmtp")
    unittest.main(verbosity=2)
