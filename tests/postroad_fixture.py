"""A Postroad of one's own: the real binary with a private configuration, data directory, ports and world.

    with Postroad() as server:
        server.ports["smtp"]; server.cli("account", "add", ...); server.messages("bob@demo.test")

The binary is POSTROAD_BIN, by default the one built with sanitizers. `demo.test` with alice, bob and admin
(password "postroad") exists from the start. DNS and the servers of the rest of the world are fakes of this
process; nothing leaves the loopback. Leaving the `with` stops the server by SIGTERM and fails if it did not
end well or a sanitizer spoke.
"""
import json
import os
import pathlib
import poplib
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time

import fake_dns
import ports
import smtp_sink

ROOT = pathlib.Path(__file__).resolve().parent.parent
PASSWORD = "postroad"
SKIPPED = 77  # ctest's SKIP_RETURN_CODE

# name: (service, tls) as in [[listener]]
LISTENERS = {
    "smtp": ("smtp", "starttls"), "submission": ("submission", "starttls"), "submissions": ("submission", "implicit"),
    "lmtp": ("lmtp", "none"), "imap": ("imap", "starttls"), "imaps": ("imap", "implicit"),
    "pop3": ("pop3", "starttls"), "pop3s": ("pop3", "implicit"), "http": ("http", "none"),
}


def sanitized(exe, known={}):
    """Whether the binary carries AddressSanitizer."""
    if exe not in known:
        known[exe] = exe is not None and b"__asan_init" in pathlib.Path(exe).read_bytes()
    return known[exe]


class TestFailure(Exception):
    """What a test found wrong, told so that a reader needs no log."""


def binary():
    """Path of the binary under test, or None when none has been built."""
    named = os.environ.get("POSTROAD_BIN")
    if named:
        if not os.path.exists(named):
            sys.exit(f"POSTROAD_BIN={named} does not exist")
        return pathlib.Path(named)
    for candidate in ("build/asan/postroad", "build/postroad"):
        if (ROOT / candidate).exists():
            return ROOT / candidate
    return None


def offered(exe):
    """Names of LISTENERS whose service is linked into the binary: while services are still being written, tests of the
    others run. A symbol of the service's namespace tells."""
    octets = pathlib.Path(exe).read_bytes()
    inside = {"smtp": b"5smtpd", "submission": b"5smtpd", "lmtp": b"5smtpd", "imap": b"5imapd", "pop3": b"5pop3d", "http": b"5httpd"}
    return tuple(name for name, (service, _) in LISTENERS.items() if inside[service] in octets)


def need_binary(*services):
    """Ends the script as skipped unless there is a binary with a command line and these services."""
    exe = binary()
    if os.environ.get("POSTROAD_WHOLE_TESTS") == "OFF":
        reason = "switched off (cmake -DPOSTROAD_WHOLE_TESTS=ON)"
    elif exe is None:
        reason = "no postroad has been built (POSTROAD_BIN, build/asan/postroad)"
    elif subprocess.run([exe, "domain", "--help"], capture_output=True).returncode != 0:
        reason = "this postroad has no command line yet"
    elif lacking := [service for service in services if service not in offered(exe)]:
        reason = f"this postroad has no {', '.join(lacking)} yet"
    else:
        return
    print("SKIPPED: " + reason)
    sys.exit(SKIPPED)


def toml_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml_value(v) for v in value) + "]"
    return json.dumps(str(value))


class Postroad:
    def __init__(self, directory=None, settings=None, accounts=("alice", "bob", "admin"), domain="demo.test",
                 listeners=None, zones=None, wrapper=(), environment=None, sink=None, exe=None):
        """settings: {"section.key": value}, over the tests' own; wrapper: a command to run the binary under."""
        self.exe = pathlib.Path(exe) if exe else binary()
        self.own_directory = directory is None
        self.directory = pathlib.Path(directory or tempfile.mkdtemp(prefix="postroad-"))
        self.data = self.directory / "data"
        self.config = self.directory / "postroad.toml"
        self.log = self.directory / "server.log"
        self.lmtp_socket = self.directory / "lmtp.sock"
        self.domain, self.accounts, self.listeners = domain, list(accounts), listeners or offered(self.exe)
        self.dns = fake_dns.FakeDns(zones)
        self.sink = sink or smtp_sink.SmtpSink()
        self.ports = dict(zip(self.listeners, ports.take(len(self.listeners))))
        self.settings = {
            "hostname": f"mail.{domain}",
            "data": str(self.data),
            "dns.servers": [f"127.0.0.1:{self.dns.port}"],
            "dns.trust_anchor": "",
            "dns.answer_wait": "2 s",
            "limits.exempt": ["127.0.0.0/9"],   # who comes from 127.128.0.0/9 is a stranger
            "smtp.tarpit": "0 ms",
            "delivery.port": self.sink.port,
            "delivery.allow_private_networks": True,
            "log.level": "debug",
            "auth.scram": "plus",
            "store.reserve_most": "16 MiB",     # a test need not have ten gigabytes free
            "runtime.cores": 2,                 # what crosses from core to core is tested on every machine
            # LeakSanitizer traces its own process at the end, which the sandbox forbids.
            **({"runtime.sandbox": False} if sanitized(self.exe) else {}),
            **(settings or {}),
        }
        self.wrapper, self.environment = list(wrapper), environment or {}
        self.process = None
        self.restarts = 0

    # --- Life ------------------------------------------------------------------------------------------

    def write_config(self):
        top, sections = [], {}
        for key, value in self.settings.items():
            section, _, name = key.rpartition(".")
            line = f"{name} = {toml_value(value)}"
            (sections.setdefault(section, []) if section else top).append(line)
        text = "\n".join(top) + "\n"
        for name, port in self.ports.items():
            service, tls = LISTENERS[name]
            bind = [f"127.0.0.1:{port}"]
            if name == "lmtp":
                bind.append(f"unix:{self.lmtp_socket}")
            text += f'\n[[listener]]\nservice = "{service}"\nbind = {toml_value(bind)}\ntls = "{tls}"\n'
        for section, lines in sections.items():
            text += f"\n[{section}]\n" + "\n".join(lines) + "\n"
        self.config.write_text(text)

    def create(self):
        """Configuration, domain and accounts, before the first start (the command line works offline)."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.write_config()
        self.cli("domain", "add", self.domain)
        for name in self.accounts:
            self.add_account(f"{name}@{self.domain}")
        return self

    def start(self, wait=True):
        self.write_config()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*self.wrapper, str(self.exe), "serve", "--config", str(self.config)],
                                            stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.directory,
                                            env=self._environment())
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=30):
        """No listener answers until all do, so the last one to be tried settles it."""
        end = time.monotonic() + seconds
        for name, port in self.ports.items():
            while True:
                if self.process.poll() is not None:
                    raise TestFailure(f"the server ended with {self.process.returncode}:\n{self.log_tail()}")
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    if time.monotonic() > end:
                        raise TestFailure(f"{name} does not answer on port {port}:\n{self.log_tail()}") from None
                    time.sleep(0.01)

    def stop(self, seconds=30):
        """SIGTERM; fails unless the server drains, says 0 and no sanitizer spoke."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise TestFailure(f"SIGTERM did not end the server within {seconds} s:\n{self.log_tail()}") from None
        code, self.process = self.process.returncode, None
        self.check_log()
        if code != 0:
            raise TestFailure(f"the server ended with {code}:\n{self.log_tail()}")

    def kill(self):
        """SIGKILL: no flush, no farewell."""
        self.process.kill()
        self.process.wait()
        self.process = None
        self.restarts += 1

    def restart(self):
        self.stop()
        return self.start()

    def reload(self):
        self.write_config()
        self.process.send_signal(signal.SIGHUP)

    def close(self):
        try:
            self.stop()
        finally:
            if self.process is not None and self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.dns.close()
            self.sink.close()
        if self.own_directory and not os.environ.get("POSTROAD_KEEP"):
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        try:
            return self.create().start()
        except BaseException:
            if self.process is not None:
                self.process.kill()
                self.process.wait()
            self.dns.close()
            self.sink.close()
            raise

    def __exit__(self, kind, *_):
        if kind is None:
            self.close()
            return
        print(f"--- the end of the server's log ({self.log}) ---\n{self.log_tail()}", file=sys.stderr)
        self.own_directory = False  # keep it to be looked at
        try:
            self.close()
        except TestFailure as failure:
            print(failure, file=sys.stderr)

    def _environment(self):
        return {**os.environ, "ASAN_OPTIONS": "abort_on_error=0:exitcode=99:detect_leaks=1",
                "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1", **self.environment}

    # --- The command line ------------------------------------------------------------------------------

    def cli(self, *arguments, text=None, check=True, seconds=60):
        """Runs a subcommand; answers its CompletedProcess, or fails with what it said."""
        done = subprocess.run([str(self.exe), *arguments, "--config", str(self.config)], input=text, text=True,
                              capture_output=True, timeout=seconds, env=self._environment(), cwd=self.directory)
        if check and done.returncode != 0:
            raise TestFailure(f"postroad {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def add_account(self, address, password=PASSWORD):
        self.cli("account", "add", address, "--password-stdin", text=password + "\n")

    # --- Looking in ------------------------------------------------------------------------------------

    def log_tail(self, lines=40):
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def check_log(self):
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        found = re.search(r"(ERROR: \w+Sanitizer|runtime error:|WARNING: ThreadSanitizer|LeakSanitizer)", text)
        if found:
            raise TestFailure("a sanitizer spoke:\n" + text[found.start():found.start() + 4000])

    def rss_kib(self, field="VmRSS"):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise TestFailure(f"no {field} of the server")

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def deliver(self, recipient, content, sender="sender@example.com"):
        """Puts a message into a mailbox by LMTP; it is there when this returns."""
        if isinstance(content, str):
            content = content.replace("\r\n", "\n").replace("\n", "\r\n").encode()
        with smtplib.LMTP("127.0.0.1", self.ports["lmtp"], local_hostname="client.example.com", timeout=30) as lmtp:
            refused = lmtp.sendmail(sender, [recipient], content)
        if refused:
            raise TestFailure(f"LMTP refused {recipient}: {refused}")

    def messages(self, account, password=PASSWORD):
        """All messages of an account, as POP3 gives them (over TLS), each as bytes with CRLF."""
        pop = self.pop3(account, password)
        try:
            count, _ = pop.stat()
            return [b"\r\n".join(pop.retr(i + 1)[1]) + b"\r\n" for i in range(count)]
        finally:
            pop.quit()

    def empty(self, account, password=PASSWORD):
        """Erases all messages of an account."""
        pop = self.pop3(account, password)
        for i in range(pop.stat()[0]):
            pop.dele(i + 1)
        pop.quit()

    def pop3(self, account, password=PASSWORD):
        pop = poplib.POP3_SSL("127.0.0.1", self.ports["pop3s"], context=unverified_tls(), timeout=30)
        pop.user(account)
        pop.pass_(password)
        return pop

    def wait_for_messages(self, account, count, seconds=20):
        """Waits until an account has at least `count` messages; fails if it never does."""
        end = time.monotonic() + seconds
        while True:
            found = self.messages(account)
            if len(found) >= count:
                return found
            if time.monotonic() > end:
                raise TestFailure(f"{account} has {len(found)} messages after {seconds} s, not {count}")
            time.sleep(0.05)


def unverified_tls():
    import ssl
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
