"""Debian's Postfix and Dovecot, run privately beside Postroad: own configuration, own queue, own mailboxes,
ports on the loopback, no systemd, nothing of the machine's own mail touched.

Both are tuned as their manuals ask for this kind of load and lose nothing they promise: fsync stays on.
Postfix needs root (its queue belongs to the user postfix); see `usable()`.
"""
import grp
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import time


def usable():
    """None, or the reason why the rivals cannot run here."""
    if os.geteuid() != 0:
        return "Postfix and Dovecot change users, so the comparison must be run as root"
    missing = [p for p in ("/usr/sbin/postfix", "/usr/sbin/dovecot") if not os.path.exists(p)]
    if missing:
        return f"missing {', '.join(missing)}: run SETUP=bench tools/setup.sh"
    return None


def free_ports(count, first=20000, last=31999):
    """Ports below the kernel's range for outgoing connections, so that no client can take one meanwhile."""
    import random
    ports = []
    while len(ports) < count:
        port = random.randint(first, last)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports


def wait_for(port, seconds=20, greeting=True):
    """Returns when a server greets at the port; raises TimeoutError with the last reason otherwise."""
    end, reason = time.monotonic() + seconds, "no try"
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as s:
                if not greeting or s.recv(1):
                    return
        except OSError as error:
            reason = error
        time.sleep(0.05)
    raise TimeoutError(f"no answer on port {port}: {reason}")


def read_pid(path, log, seconds=10):
    end = time.monotonic() + seconds
    while not (path.exists() and path.read_text().strip()):
        if time.monotonic() > end:
            raise TimeoutError(f"it did not start: see {log}")
        time.sleep(0.02)
    return int(path.read_text())


VMAIL = "nobody"  # owns the mailboxes; any user without privileges will do


class Postfix:
    """SMTP in on `smtp_port`, delivered by virtual(8) to maildirs under `directory`/mail, or by LMTP to `lmtp`."""

    def __init__(self, directory, accounts, domain="demo.test", processes=100, lmtp=None, relay=None, sign_in=None):
        """relay: port of the outside world; sign_in: a Dovecot that knows the users, then submission is offered too."""
        self.directory = pathlib.Path(directory)
        self.accounts, self.domain, self.processes, self.lmtp, self.relay = accounts, domain, processes, lmtp, relay
        self.sign_in = sign_in
        self.smtp_port, self.submission_port, self.submissions_port = free_ports(3)
        self.mail = self.directory / "mail"
        self.etc = self.directory / "etc"

    def _configure(self):
        for d in (self.etc, self.directory / "queue", self.directory / "data"):
            d.mkdir(parents=True, exist_ok=True)
        self.mail.mkdir(exist_ok=True)
        uid, gid = pwd.getpwnam(VMAIL).pw_uid, pwd.getpwnam(VMAIL).pw_gid
        os.chown(self.mail, uid, gid)
        os.chown(self.directory / "data", pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postfix").gr_gid)
        for path in [self.directory, *self.directory.parents]:
            if not path.stat().st_mode & 0o001:
                path.chmod(path.stat().st_mode | 0o011)
        (self.etc / "mailboxes").write_text("".join(f"{a}@{self.domain} {a}/\n" for a in self.accounts))
        transport = "virtual" if self.lmtp is None else f"lmtp:inet:127.0.0.1:{self.lmtp}"
        relay = "" if self.relay is None else f"relayhost = [127.0.0.1]:{self.relay}\n"
        if self.relay is not None and self.sign_in is None:
            relay += "mynetworks = 127.0.0.0/8\n"
        submission = ""
        if self.sign_in is not None:
            options = ("-o smtpd_sasl_auth_enable=yes -o smtpd_sasl_type=dovecot -o smtpd_tls_security_level=may "
                       f"-o smtpd_sasl_path={self.sign_in.auth_socket} -o smtpd_tls_cert_file={self.sign_in.directory}/cert.pem "
                       f"-o smtpd_tls_key_file={self.sign_in.directory}/key.pem -o smtpd_tls_auth_only=no "
                       "-o smtpd_relay_restrictions=permit_sasl_authenticated,reject -o mynetworks=")
            submission = (f"127.0.0.1:{self.submission_port} inet n - n - - smtpd {options}\n"
                          f"127.0.0.1:{self.submissions_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes {options}\n")
        (self.etc / "main.cf").write_text(f"""compatibility_level = 3.6
queue_directory = {self.directory}/queue
data_directory = {self.directory}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.{self.domain}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
maillog_file = {self.directory}/mail.log
maillog_file_prefixes = {self.directory}
virtual_mailbox_domains = {self.domain}
virtual_mailbox_base = {self.mail}
virtual_mailbox_maps = texthash:{self.etc}/mailboxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_mailbox_limit = 0
virtual_transport = {transport}
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
mynetworks_style = host
# Tuned for throughput as TUNING_README and STRESS_README say; durability untouched.
default_process_limit = {self.processes}
smtpd_peername_lookup = no
in_flow_delay = 0
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_message_rate_limit = 0
smtpd_error_sleep_time = 0
qmgr_message_active_limit = 40000
qmgr_message_recipient_limit = 40000
default_destination_concurrency_limit = {self.processes}
initial_destination_concurrency = {self.processes}
virtual_destination_concurrency_limit = {self.processes}
lmtp_destination_concurrency_limit = {self.processes}
virtual_destination_recipient_limit = 50
disable_dns_lookups = yes
message_size_limit = 52428800
{relay}""")
        (self.etc / "master.cf").write_text(f"""127.0.0.1:{self.smtp_port} inet n - n - - smtpd
{submission}pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
local     unix  - n n - - local
virtual   unix  - n n - - virtual
lmtp      unix  - - n - - lmtp
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
""")

    def start(self):
        self._configure()
        self._postfix("start")
        self.pid = read_pid(self.directory / "queue/pid/master.pid", self.directory / "mail.log")
        wait_for(self.smtp_port)
        return self

    def _postfix(self, command, check=True):
        return subprocess.run(["/usr/sbin/postfix", "-c", str(self.etc), command], check=check,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @property
    def pids(self):
        return [self.pid]

    def stop(self):
        self._postfix("stop", check=False)

    def delivered(self):
        """Messages in the maildirs so far."""
        return sum(1 for _ in self.mail.glob("*/new/*"))

    def queued(self):
        """Messages accepted and not yet delivered."""
        return sum(1 for d in ("incoming", "active", "deferred", "maildrop")
                   for p in (self.directory / "queue" / d).rglob("*") if p.is_file())

    def settle(self, expected, seconds=120):
        """Waits until `expected` messages are delivered or nothing moves; answers how many are."""
        end, last, still = time.monotonic() + seconds, -1, 0
        while time.monotonic() < end:
            now = self.delivered()
            if now >= expected:
                return now
            still = still + 1 if now == last and self.queued() == 0 else 0
            if still > 20:
                return now
            last = now
            time.sleep(0.05)
        return self.delivered()

    def empty(self):
        shutil.rmtree(self.mail)
        self.mail.mkdir()
        os.chown(self.mail, pwd.getpwnam(VMAIL).pw_uid, pwd.getpwnam(VMAIL).pw_gid)


class Dovecot:
    """IMAP, POP3 and LMTP on the loopback; mailboxes in `format` (maildir, sdbox, mdbox), fsync always."""

    def __init__(self, directory, accounts, domain="demo.test", password="postroad", format="sdbox"):
        self.directory = pathlib.Path(directory)
        self.accounts, self.domain, self.password, self.format = accounts, domain, password, format
        self.lmtp_port, self.imap_port, self.imaps_port, self.pop3_port, self.pop3s_port = free_ports(5)
        self.mail = self.directory / "mail"
        self.auth_socket = self.directory / "run" / "sign-in"

    def start(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        self.mail.mkdir(exist_ok=True)
        (self.directory / "run").mkdir(exist_ok=True)
        owner = pwd.getpwnam(VMAIL)
        os.chown(self.mail, owner.pw_uid, owner.pw_gid)
        for path in [self.directory, *self.directory.parents]:
            if not path.stat().st_mode & 0o001:
                path.chmod(path.stat().st_mode | 0o011)
        (self.directory / "users").write_text("".join(
            f"{a}@{self.domain}:{{PLAIN}}{self.password}:{owner.pw_uid}:{owner.pw_gid}::{self.mail}/{a}::\n"
            for a in self.accounts))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "30", "-subj", "/CN=localhost", "-keyout", str(self.directory / "key.pem"),
                        "-out", str(self.directory / "cert.pem")], check=True, stderr=subprocess.DEVNULL)
        config = self.directory / "dovecot.conf"
        config.write_text(f"""protocols = imap pop3 lmtp
base_dir = {self.directory}/run
state_dir = {self.directory}/run
listen = 127.0.0.1
log_path = {self.directory}/dovecot.log
first_valid_uid = 1
first_valid_gid = 1
mail_location = {self.format}:%h/mail
mail_fsync = always
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_cache_size = 10M
ssl = yes
ssl_cert = <{self.directory}/cert.pem
ssl_key = <{self.directory}/key.pem
default_process_limit = 500
default_client_limit = 12000
mail_max_userip_connections = 0
login_trusted_networks = 127.0.0.0/8
protocol lmtp {{
  postmaster_address = postmaster@{self.domain}
}}
passdb {{
  driver = passwd-file
  args = username_format=%u {self.directory}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {self.directory}/users
}}
service auth {{
  unix_listener sign-in {{
    mode = 0666
  }}
}}
service lmtp {{
  process_min_avail = 4
  client_limit = 1
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {self.lmtp_port}
  }}
}}
service imap-login {{
  service_count = 0
  process_min_avail = 2
  inet_listener imap {{
    port = {self.imap_port}
  }}
  inet_listener imaps {{
    port = {self.imaps_port}
    ssl = yes
  }}
}}
service pop3-login {{
  service_count = 0
  process_min_avail = 2
  inet_listener pop3 {{
    port = {self.pop3_port}
  }}
  inet_listener pop3s {{
    port = {self.pop3s_port}
    ssl = yes
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
""")
        subprocess.run(["/usr/sbin/dovecot", "-c", str(config)], check=True, stdout=subprocess.DEVNULL)
        self.pid = read_pid(self.directory / "run/master.pid", self.directory / "dovecot.log")
        wait_for(self.lmtp_port)
        wait_for(self.imap_port)
        return self

    @property
    def pids(self):
        return [self.pid]

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        end = time.monotonic() + 10
        while time.monotonic() < end and os.path.exists(f"/proc/{self.pid}"):
            time.sleep(0.05)

    def delivered(self):
        return sum(1 for p in self.mail.rglob("*") if p.name.startswith("u.") or "new" in p.parts)

    def settle(self, expected, seconds=120):
        end = time.monotonic() + seconds
        while self.delivered() < expected and time.monotonic() < end:
            time.sleep(0.05)
        return self.delivered()
