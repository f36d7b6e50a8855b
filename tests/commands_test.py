#!/usr/bin/env python3
"""The command line without a server: every command works on a data directory of its own, as an administrator types it."""
import http.client
import json
import pathlib
import shutil
import smtplib
import stat
import subprocess
import sys
import tempfile
import time
import unittest

import ports
import postroad_fixture as fixture
import smtp_sink

DONE, FAILED, USAGE, NO_SERVER, CONFIGURATION = 0, 1, 2, 69, 78


class CommandTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postroad-commands-"))
        self.config = self.folder / "postroad.toml"
        port = ports.take()[0]
        self.config.write_text(f'hostname = "mail.demo.test"\ndata = "{self.folder}/data"\n[[listener]]\n'
                               f'service = "smtp"\nbind = ["127.0.0.1:{port}"]\n')

    def tearDown(self):
        shutil.rmtree(self.folder)

    def say(self, *words, code=DONE, text=None):
        done = subprocess.run([fixture.binary(), *words, "--config", self.config], input=text or "", text=True,
                              capture_output=True, timeout=120)
        self.assertEqual(done.returncode, code, f"{words}\n{done.stdout}{done.stderr}")
        if code not in (DONE, CONFIGURATION):
            self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        return done

    def told(self, *words, text=None):
        return json.loads(self.say(*words, "--json", text=text).stdout)

    def people(self):
        self.say("domain", "add", "demo.test")
        self.say("account", "add", "alice@demo.test", "--password-stdin", text="postroad\n")


class Directory(CommandTest):
    def test_commands_at_the_same_time_wait_for_each_other(self):
        """A shell's `&`, and a command just when the server starts: none is told that the data is in use."""
        self.people()
        with subprocess.Popen([fixture.binary(), "serve", "--config", self.config], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            try:
                commands = [subprocess.Popen([fixture.binary(), "domain", "list", "--config", self.config],
                                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(4)]
                for command in commands:
                    said, _ = command.communicate(timeout=60)
                    self.assertEqual((command.returncode, "demo.test" in said), (DONE, True), said)
            finally:
                server.terminate()

    def test_the_first_command_makes_the_data_directory_for_its_user_only(self):
        self.assertFalse((self.folder / "data").exists())
        self.assertEqual(self.told("domain", "add", "demo.test")["tenant"], "default")
        self.assertEqual(stat.S_IMODE((self.folder / "data").stat().st_mode) & 0o077, 0)
        self.assertEqual([d["name"] for d in self.told("domain", "list")["data"]], ["demo.test"])

    def test_tenants_and_domains(self):
        self.say("tenant", "add", "acme", "--quota", "2 GiB")
        self.assertEqual(self.told("tenant", "show", "acme")["quota_octets"], 2 << 30)
        self.say("tenant", "set", "acme", "--disable")
        self.assertFalse(self.told("tenant", "show", "acme")["enabled"])
        self.say("domain", "add", "acme.test", "--tenant", "acme", "--separators", "-")
        self.say("domain", "add", "other.test", "--alias-of", "acme.test", "--tenant", "acme")
        self.assertEqual(self.told("domain", "show", "other.test")["alias_of"], "acme.test")
        self.assertEqual(len(self.told("domain", "list", "--tenant", "acme")["data"]), 2)
        self.assertIn("acme.test", self.say("domain", "list").stdout)
        self.assertIn("domain", self.say("tenant", "remove", "acme", code=FAILED).stderr)
        for name in ("other.test", "acme.test"):
            self.say("domain", "remove", name)
        self.say("tenant", "remove", "acme")
        self.say("tenant", "show", "acme", code=FAILED)

    def test_accounts(self):
        self.people()
        for erase, days in (("on-retrieval", 0), ("7", 7), ("never", None)):
            self.say("account", "set", "alice@demo.test", "--pop3-erase", erase)
            told = self.told("account", "show", "alice@demo.test")
            self.assertEqual(told["pop3_erase"], "after-days" if days else erase)
        self.say("account", "set", "alice@demo.test", "--quota", "1 GiB", "--name", "Alice", "--administrator")
        told = self.told("account", "show", "alice@demo.test")
        self.assertEqual((told["quota_octets"], told["display_name"], told["administrator"]), (1 << 30, "Alice", True))
        self.assertIn("1.0 GiB", self.say("account", "show", "alice@demo.test").stdout)
        self.say("account", "password", "alice@demo.test", "--password-stdin", text="another\n")
        self.say("account", "password", "alice@demo.test", code=USAGE)
        self.say("account", "password", "alice@demo.test", "--password-stdin", text="", code=USAGE)
        self.say("account", "add", "alice@demo.test", code=FAILED)
        self.say("account", "add", "alice@elsewhere.test", code=FAILED)
        self.say("account", "set", "alice@demo.test", code=USAGE)
        self.say("account", "set", "alice@demo.test", "--quota", "plenty", code=USAGE)
        made = self.told("account", "app-password", "add", "alice@demo.test", "phone", "--scope", "imap")
        self.assertTrue(made["password"])
        self.assertIn("phone", self.say("account", "app-password", "list", "alice@demo.test").stdout)
        self.say("account", "app-password", "remove", "alice@demo.test", "phone")
        self.say("account", "remove", "alice@demo.test")
        self.assertEqual(self.told("account", "list")["data"], [])

    def test_a_hash_of_another_server_is_taken(self):
        self.say("domain", "add", "demo.test")
        self.say("account", "add", "bob@demo.test", "--hash-stdin", text="{SHA256}" + "A" * 43 + "=\n")
        self.say("account", "add", "eve@demo.test", "--hash-stdin", text="{ROT13}x\n", code=FAILED)

    def test_aliases_groups_and_keys(self):
        self.people()
        self.say("alias", "add", "sales@demo.test", "alice@demo.test")
        self.say("group", "add", "all@demo.test", "alice@demo.test", "x@elsewhere.test")
        self.assertEqual([a["address"] for a in self.told("alias", "list")["data"]], ["sales@demo.test"])
        self.assertEqual(len(self.told("group", "show", "all@demo.test")["targets"]), 2)
        self.say("alias", "set", "sales@demo.test", "--refuse")
        self.say("alias", "set", "sales@demo.test", code=USAGE)
        self.say("group", "remove", "all@demo.test")
        key = self.say("key", "add", "reader", "--scope", "directory.read", "--scope", "queue.read").stdout.strip()
        self.assertRegex(key, r"^postroad_[\w-]{43}$")
        self.assertEqual(self.told("key", "list")["data"][0]["scopes"], ["directory.read", "queue.read"])
        self.assertNotIn(key, self.say("key", "list").stdout)
        self.say("key", "remove", "reader")

    def test_a_hundred_accounts_are_listed_whole(self):
        self.say("domain", "add", "demo.test")
        for n in range(3):
            self.say("account", "add", f"a{n}@demo.test")
        listed = self.told("account", "list")
        self.assertEqual([a["address"] for a in listed["data"]], [f"a{n}@demo.test" for n in range(3)])
        self.assertFalse(listed["has_more"])


class Server(CommandTest):
    def test_the_queue_and_its_suspension_outlive_the_command(self):
        self.assertEqual(self.told("queue", "list")["data"], [])
        self.say("queue", "suspend")
        self.assertTrue(self.told("status")["queue"]["suspended"])
        self.assertIn("suspended", self.say("check").stdout)
        self.say("queue", "resume")
        self.assertFalse(self.told("status")["queue"]["suspended"])
        self.say("queue", "retry", code=USAGE)
        self.assertIn("--yes", self.say("queue", "retry", "--all").stdout)
        self.say("queue", "retry", "--all", "--yes")
        self.say("queue", "cancel", code=USAGE)
        self.say("queue", "cancel", "--domain", "a.example", "--older-than", "soon", code=USAGE)
        self.assertTrue(self.told("queue", "cancel", "--domain", "a.example", "--older-than", "2")["count_only"])
        self.assertEqual(self.told("queue", "cancel", "--sender", "<>", "--yes")["cancelled"], 0)
        self.say("queue", "cancel", "0000000000001", code=FAILED)
        self.say("why", "<nobody@demo.test>", code=FAILED)

    def test_a_second_opener_is_told_who_has_the_store(self):
        self.people()
        holder = subprocess.Popen([sys.executable, "-c", "import fcntl,sys\nf=open(sys.argv[1],'r+')\n"
                                   "fcntl.flock(f,fcntl.LOCK_EX)\nprint('held',flush=True)\nsys.stdin.read()",
                                   str(self.folder / "data/lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            holder.stdout.readline()
            held = subprocess.run([fixture.binary(), "domain", "list", "--config", self.config],
                                        capture_output=True, text=True, timeout=60)
            if held.returncode == DONE:
                self.skipTest("the store locks in another way")
            self.assertEqual(held.returncode, NO_SERVER, held.stderr)
        finally:
            holder.communicate()

    def test_a_control_socket_that_nobody_listens_on_means_offline(self):
        import socket
        self.people()
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(self.folder / "data/control.sock"))
        self.assertEqual(len(self.told("account", "list")["data"]), 1)

    def test_the_reference_pages_are_printed(self):
        for page, root in (("config", "configuration"), ("commands", "commands"), ("events", "events"), ("api", "api")):
            printed = self.say("docs", page).stdout
            if page != "events":  # events.md holds those of all libraries; so does the program when it has them all
                self.assertEqual(printed, (fixture.ROOT / f"docs/reference/{root}.md").read_text())
        self.say("docs", "secrets", code=USAGE)

    def test_a_letter_is_sent_and_the_dialogue_shown(self):
        sink = smtp_sink.SmtpSink()
        try:
            said = self.say("send", "--from", "a@demo.test", "--to", "b@demo.test", "--subject", "Grüße", "--text", ".dot",
                            "--server", f"127.0.0.1:{sink.port}").stdout
            self.assertIn("C: MAIL FROM:<a@demo.test>", said)
            self.assertRegex(said, r"(?m)^S: 250")
            mail = sink.wait_for("b@demo.test")[0].content
            self.assertIn(b"\r\n\r\n.dot\r\n", mail)
        finally:
            sink.close()
        self.say("send", "--from", "a@demo.test", "--to", "b@demo.test", "--server", f"127.0.0.1:{ports.take()[0]}",
                 code=FAILED)
        self.say("send", "--from", "a@demo.test\r\nRCPT TO:<x@y.test>", "--to", "b@demo.test", code=USAGE)


class Online(unittest.TestCase):
    """The same commands, answered by a running server; and the API over TCP."""

    def http(self, server, method, path, key=None, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", server.ports["http"], timeout=30)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None,
                               {"Authorization": f"Bearer {key}"} if key else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def test_a_running_server_answers_commands_and_the_api(self):
        with fixture.Postroad(listeners=("smtp", "lmtp", "http")) as server:
            told = lambda *words, **more: json.loads(server.cli(*words, "--json", **more).stdout)
            status = told("status")
            self.assertTrue(status["serving"])
            self.assertEqual({door["service"] for door in status["listeners"]}, {"smtp", "lmtp", "http"})
            server.cli("account", "add", "carol@demo.test", "--password-stdin", text="secret\n")
            self.assertIn("carol@demo.test", [a["address"] for a in told("account", "list")["data"]])

            server.deliver("carol@demo.test", "Message-ID: <one@example.com>\nSubject: one\n\nx\n")
            events = told("why", "<one@example.com>")["messages"][0]["events"]
            self.assertEqual([e["event"] for e in events if e["event"] in ("accepted", "delivered")], ["accepted", "delivered"])
            self.assertIn("delivered", server.cli("why", "one@example.com").stdout)
            self.assertEqual(told("account", "show", "carol@demo.test")["messages"], 1)
            server.cli("account", "remove", "carol@demo.test")
            self.assertEqual(server.cli("account", "show", "carol@demo.test", check=False).returncode, FAILED)

            self.assertEqual(self.http(server, "GET", "/healthz")[0], 200)
            self.assertEqual(self.http(server, "GET", "/api/v1/accounts")[0], 401)
            self.assertEqual(self.http(server, "GET", "/metrics")[0], 401)
            key = told("key", "add", "reader", "--scope", "directory.read", "--scope", "server.read")["key"]
            code, body = self.http(server, "GET", "/api/v1/accounts", key)
            self.assertEqual((code, len(json.loads(body)["data"])), (200, 3))
            self.assertIn(b"postroad_events_total", self.http(server, "GET", "/metrics", key)[1])
            code, body = self.http(server, "POST", "/api/v1/domains", key, {"name": "x.test"})
            self.assertEqual((code, json.loads(body)["name"]), (403, "forbidden"))
            server.cli("key", "remove", "reader")
            self.assertEqual(self.http(server, "GET", "/api/v1/accounts", key)[0], 401)
            document = json.loads(self.http(server, "GET", "/api/v1/openapi.json")[1])
            self.assertEqual(document["openapi"], "3.1.0")

            server.cli("queue", "suspend")
            server.restart()
            self.assertTrue(told("status")["queue"]["suspended"], "it outlives the process")
            server.cli("queue", "resume")


class Store(unittest.TestCase):
    """backup, verify, restore, repair."""

    def test_a_backup_brings_everything_back_and_the_queue_waits(self):
        with fixture.Postroad(listeners=("smtp", "submissions", "lmtp", "pop3s"), settings={"delivery.retry": ["1 s"]}) as server:
            for n in range(5):
                server.deliver("bob@demo.test", f"Subject: kept {n}\n\nx\n")
            server.sink.reply_to = lambda verb, text: "451 4.2.0 later" if verb == "RCPT" else None
            with smtplib.SMTP_SSL("127.0.0.1", server.ports["submissions"], context=fixture.unverified_tls(), timeout=30) as client:
                client.login("alice@demo.test", fixture.PASSWORD)
                client.sendmail("alice@demo.test", ["far@example.org"], "Subject: on its way\r\n\r\nx\r\n")
            made = json.loads(server.cli("backup", str(server.directory / "backups"), "--json").stdout)
            self.assertGreater(made["octets"], 1000)
            for words in (["verify"], ["repair", str(server.directory / "saved")], ["restore", made["file"]]):
                done = server.cli(*words, check=False)
                self.assertEqual(done.returncode, NO_SERVER, f"{words}: {done.stderr}")
                self.assertIn("in use", done.stderr)
            server.deliver("bob@demo.test", "Subject: after the backup\n\nx\n")
            server.stop()

            told = json.loads(server.cli("verify", "--json").stdout)
            self.assertTrue(told["good"] and told["wrong"] == [], told)
            done = server.cli("restore", made["file"], check=False)
            self.assertEqual(done.returncode, FAILED)
            self.assertIn("is there already", done.stderr)

            shutil.rmtree(server.data / "store")      # what a backup is for
            broken = server.directory / "broken.backup"
            broken.write_bytes(pathlib.Path(made["file"]).read_bytes()[:-100])
            done = server.cli("restore", str(broken), check=False)
            self.assertEqual(done.returncode, FAILED)
            self.assertFalse((server.data / "store").exists(), "half of a backup is no store")
            self.assertIn("queue resume", server.cli("restore", made["file"]).stdout)

            server.sink.reply_to = lambda verb, text: None
            server.start()
            self.assertEqual(len(server.messages("bob@demo.test")), 5)
            self.assertTrue(json.loads(server.cli("status", "--json").stdout)["queue"]["suspended"])
            self.assertEqual(len(json.loads(server.cli("queue", "list", "--json").stdout)["data"]), 1)
            time.sleep(2.5)                           # longer than the wait between two tries
            self.assertEqual([m for m in server.sink.messages if "far@example.org" in m.recipients], [])
            server.restart()                          # still held
            self.assertTrue(json.loads(server.cli("status", "--json").stdout)["queue"]["suspended"])
            server.cli("queue", "resume")
            self.assertEqual(len(server.sink.wait_for("far@example.org")), 1)


    def test_an_account_travels_as_a_file(self):
        with fixture.Postroad(listeners=("lmtp", "pop3s")) as server:
            for n in range(5):
                server.deliver("bob@demo.test", f"Subject: kept {n}\n\n" + ("x" * 70 + "\n") * 100)
            before, file = server.messages("bob@demo.test"), str(server.directory / "bob.archive")
            server.cli("export", "bob@demo.test", file)
            self.assertEqual(server.cli("import", "alice@demo.test", file, check=False).returncode, NO_SERVER)
            server.cli("account", "add", "carol@demo.test", "--password-stdin", text="postroad\n")
            server.stop()

            octets = pathlib.Path(file).read_bytes()
            for spoilt in (octets[:-50], octets[:5000] + b"?" + octets[5001:], b"From someone\n\nx\n"):
                done = subprocess.run([server.exe, "import", "carol@demo.test", "-", "--config", server.config], input=spoilt,
                                      capture_output=True, timeout=60)
                self.assertEqual(done.returncode, FAILED, done.stderr)
                self.assertIn(b"nothing was imported", done.stderr)
            self.assertIn("no account", server.cli("import", "nobody@demo.test", file, check=False).stderr)
            server.cli("import", "carol@demo.test", file)
            self.assertIn("already", server.cli("import", "carol@demo.test", file, check=False).stderr)
            server.start()
            self.assertEqual(server.messages("carol@demo.test"), before)
            self.assertEqual(server.messages("bob@demo.test"), before)


class Words(CommandTest):
    def test_wrong_usage_says_what_is_right(self):
        self.assertIn("account", self.say("acount", "list", code=USAGE).stderr)
        self.assertIn("remove", self.say("domain", "remvoe", "x", code=USAGE).stderr)
        self.say("domain", code=USAGE)
        self.say("domain", "add", code=USAGE)
        self.say("domain", "add", "demo.test", "--nonsense", code=USAGE)
        self.assertIn("ID is empty", self.say("why", "", code=USAGE).stderr)

    def test_a_wrong_configuration_is_78(self):
        self.config.write_text(self.config.read_text() + "\n[limitz]\n")
        self.assertIn("limits", self.say("domain", "list", code=CONFIGURATION).stderr)

    def test_help_is_no_error(self):
        for words in ([], ["account"], ["account", "add"]):
            done = subprocess.run([fixture.binary(), *words, "--help"], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, DONE)
            self.assertIn("--help", done.stdout)


if __name__ == "__main__":
    fixture.need_binary()
    unittest.main(verbosity=1)
