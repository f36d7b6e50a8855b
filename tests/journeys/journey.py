"""What the journeys share: a server of one's own, real clients found or skipped, their private homes.

A journey is the whole way with a program that people use: it sends, and the letter is where it belongs; it collects,
and has what was sent. Nothing of the programs' own is tested, so they are run as their manuals say.
"""
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import postroad_fixture as fixture  # noqa: E402

PASSWORD = fixture.PASSWORD


class Journey(unittest.TestCase):
    """One server for all tests of a class; each test takes accounts of its own (`self.account("name")`)."""
    settings = {}   # over those of a server as it comes out of the box
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        if "POSTROAD_PEER" in os.environ:
            sys.path.insert(0, str(HERE.parent / "dialogues"))
            import play
            cls.server = play.Peer(os.environ["POSTROAD_PEER"], ["alice", "bob", "admin"] + [f"j{n}" for n in range(40)])
            cls.certificate = cls.server.dovecot.directory / "cert.pem"
            cls.made = iter(f"j{n}@demo.test" for n in range(40))
            return
        cls.server = fixture.Postroad(settings={"auth.scram": "off", **cls.settings})
        cls.server.create().start()
        cls.certificate = cls.server.data / "tls" / "cert.pem"
        cls.made = None

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="postroad-journey-"))
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)

    def account(self, name):
        if self.made is not None:
            return next(self.made)
        address = f"{name}@demo.test"
        self.server.add_account(address)
        return address

    def port(self, service):
        if service not in self.server.ports:
            self.skipTest(f"the server under test has no {service}")
        return self.server.ports[service]

    def need(self, program):
        if shutil.which(program) is None:
            if "POSTROAD_ALL_CLIENTS" in os.environ:   # tools/test.sh has them all installed
                self.fail(f"{program} is not installed")
            self.skipTest(f"{program} is not installed (tools/setup.sh)")

    def write(self, name, text, mode=0o600):
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def run_client(self, *command, text=None, check=True, seconds=60, environment=None):
        """Runs a client in its own home; fails with what it said."""
        done = subprocess.run([str(part) for part in command], input=text, text=True, capture_output=True, timeout=seconds, cwd=self.home,
                              env={**os.environ, "HOME": str(self.home), "LC_ALL": "C.UTF-8", **(environment or {})})
        if check and done.returncode != 0:
            self.fail(f"{command[0]}: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def run_on_terminal(self, *command, seconds=40):
        """Runs a client that insists on a terminal; answers what it drew."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.home)
            os.execvpe(command[0], [str(part) for part in command],
                       {**os.environ, "HOME": str(self.home), "TERM": "xterm", "LC_ALL": "C.UTF-8", "LINES": "40", "COLUMNS": "120"})
        drawn, end = b"", time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([terminal], [], [], 0.2)[0]:
                try:
                    more = os.read(terminal, 65536)
                except OSError:
                    more = b""
                if not more:
                    break
                drawn += more
        else:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            os.close(terminal)
            drawn = re.sub(rb"\x1b[\[(?][0-9;?]*[A-Za-z]|\x1b.", b" ", drawn)
            self.fail(f"{command[0]} did not end within {seconds} s:\n{re.sub(rb' +', b' ', drawn)[-2000:].decode(errors='replace')}")
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
        return os.waitstatus_to_exitcode(status), drawn

    def assertHas(self, account, subject, part=""):
        """The account gets a message with this Subject that contains `part`."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            found = [m for m in self.server.messages(account) if f"\r\nSubject: {subject}\r\n".encode() in b"\r\n" + m]
            if found:
                self.assertIn(part.encode(), found[0])
                return found[0]
            time.sleep(0.1)
        self.fail(f"{account} did not get {subject!r}")


def main(*services):
    if "POSTROAD_PEER" not in os.environ:
        fixture.need_binary("pop3s", *services)
    unittest.main(module="__main__", verbosity=2, warnings="ignore")
