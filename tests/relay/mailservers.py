"""Exim and OpenSMTPD, as Debian packages them, run privately: own configuration, queue and mailboxes, ports on the loopback.

Debian lets only one mail server be installed at a time, so tools/setup.sh unpacks these two into PEERS and installs none.
Their users and folders are compiled in: each runs in a mount namespace of its own, where they exist. That needs root.
"""
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]
import ports  # noqa: E402

PEERS = pathlib.Path(os.environ.get("POSTROAD_PEERS", "/var/cache/postroad-peers"))
PEOPLE = ("carol", "dave")
NOBODY = pwd.getpwnam("nobody")
FIRST_USER = 64000      # number of the first user that a server's own /etc/passwd has more


def can_mount():
    """None, or why a private mount namespace cannot be had."""
    if os.geteuid() != 0:
        return "it needs root"
    done = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True)
    return None if done.returncode == 0 else f"no mount namespaces here: {done.stderr.strip()}"


class Server:
    """A mail server for `domain` with mailboxes of PEOPLE; for all other domains it hands mail to port `relay`."""
    name = package = program = ""
    users = ()          # compiled in
    mounts = ()         # folders that are empty ones of its own
    uid = gid = 0       # of the mailboxes

    @classmethod
    def missing(cls):
        """None, or why it cannot run here."""
        if not (PEERS / cls.program).exists():
            return f"it is not unpacked at {PEERS} (tools/setup.sh does that)"
        return can_mount()

    def __init__(self, directory, domain, relay):
        self.directory, self.domain, self.relay = pathlib.Path(directory), domain, relay
        self.smtp_port, = ports.take()
        self.mail, self.log = self.directory / "mail", self.directory / "server.log"
        self.process = None

    def start(self):
        for folder in (self.mail, *(self.mail / person for person in PEOPLE)):
            folder.mkdir(parents=True, exist_ok=True)
            os.chown(folder, self.uid, self.gid)
        for folder in (self.directory, *self.directory.parents):
            folder.chmod(folder.stat().st_mode | 0o011)
        for number, name in enumerate(("passwd", "group")):
            lines = pathlib.Path("/etc", name).read_text()
            for n, user in enumerate(self.users):
                lines += (f"{user}:x:{FIRST_USER + n}:{FIRST_USER + n}::/nonexistent:/usr/sbin/nologin\n", f"{user}:x:{FIRST_USER + n}:\n")[number]
            (self.directory / name).write_text(lines)
        self.configure()
        script = ["set -e", "mount --make-rprivate /"]
        script += [f"mount --bind {self.directory}/{name} /etc/{name}" for name in ("passwd", "group")]
        script += [f"mount -t tmpfs none {folder}" for folder in self.mounts] + self.before_start()
        script.append("exec " + self.command())
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(["unshare", "--mount", "sh", "-c", "\n".join(script)], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + 20
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.smtp_port), timeout=5) as s:
                    if s.recv(1):
                        return self
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise TimeoutError(f"{self.name} does not answer:\n{self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def stop(self):
        """It, and what it has started: they are one process group, made by us."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGTERM)
                self.process.wait(10)
            except ProcessLookupError:
                pass
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
            self.process = None

    def letters(self, person):
        return [path.read_bytes() for path in (self.mail / person).rglob("new/*")]

    def delivered(self):
        return sum(1 for _ in self.mail.rglob("new/*"))

    def before_start(self):
        return []


class Exim(Server):
    name, package, program = "Exim", "exim4-daemon-light", "usr/sbin/exim4"
    users = ("Debian-exim",)
    uid = gid = FIRST_USER      # with a configuration of one's own it gives up root

    def configure(self):
        for folder in ("spool", "log"):
            (self.directory / folder).mkdir(exist_ok=True)
            os.chown(self.directory / folder, self.uid, self.gid)
        (self.directory / "exim.conf").write_text(f"""
primary_hostname = mail.{self.domain}
domainlist ours = {self.domain}
exim_path = {PEERS}/{self.program}
spool_directory = {self.directory}/spool
log_file_path = {self.directory}/log/%slog
local_interfaces = 127.0.0.1
daemon_smtp_ports = {self.smtp_port}
host_lookup =
rfc1413_query_timeout = 0s
acl_smtp_rcpt = recipients
acl_smtp_data = accept
queue_run_max = 5
smtp_accept_max_per_host = 100
keep_environment =
deliver_drop_privilege = true
tls_advertise_hosts =
begin acl
recipients:
  require verify = recipient
  accept
begin routers
here:
  driver = accept
  domains = +ours
  local_parts = {" : ".join(PEOPLE)}
  transport = mailbox
nobody:
  driver = redirect
  domains = +ours
  allow_fail
  data = :fail: no such person
elsewhere:
  driver = manualroute
  route_list = * 127.0.0.1::{self.relay}
  self = send
  transport = out
begin transports
mailbox:
  driver = appendfile
  directory = {self.mail}/$local_part_data
  maildir_format
out:
  driver = smtp
  hosts_try_dane =
begin retry
* * F,1h,1s
""")

    def command(self):
        return f"{PEERS}/{self.program} -C {self.directory}/exim.conf -bdf -q1s"


class OpenSmtpd(Server):
    name, package, program = "OpenSMTPD", "opensmtpd", "usr/sbin/smtpd"
    users = ("opensmtpd", "opensmtpq")
    mounts = ("/var/spool", "/var/lib", "/run")
    uid, gid = NOBODY.pw_uid, NOBODY.pw_gid

    def configure(self):
        names = ", ".join(f'"{person}@{self.domain}" = "{person}"' for person in PEOPLE)
        homes = ", ".join(f'"{person}" = "{self.uid}:{self.gid}:{self.mail}/{person}"' for person in PEOPLE)
        (self.directory / "smtpd.conf").write_text(f"""
table names {{ {names} }}
table homes {{ {homes} }}
smtp max-message-size 50M
listen on 127.0.0.1 port {self.smtp_port} hostname mail.{self.domain}
action "mailbox" maildir "%{{user.directory}}" virtual <names> userbase <homes>
action "out" relay host "smtp://127.0.0.1:{self.relay}" helo mail.{self.domain}
match from any for domain "{self.domain}" action "mailbox"
match from any for any action "out"
""")

    def before_start(self):
        return ["mkdir -m 711 /var/spool/smtpd", "mkdir -p /var/lib/opensmtpd/empty",
                f"mount --bind {PEERS}/usr/libexec /usr/libexec"]

    def command(self):
        return f"{PEERS}/{self.program} -d -f {self.directory}/smtpd.conf"
