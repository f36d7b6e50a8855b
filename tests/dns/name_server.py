"""A real name server (NSD) with zones of our own on a port of the loopback, and a relay before it that counts what
is asked and can keep silent or be slow. Nobody else is ever asked.

    test.            signed, the trust anchor; below it
    signed.test.     signed (NSEC), DS above            hashed.test.    the same with NSEC3
    insecure.test.   not signed, and no DS above        bogus.test.     signed, then one address was changed
    expired.test.    its signatures are of last year    broken.test.    its server has no data: SERVFAIL
"""
import datetime
import pathlib
import shutil
import socket
import socketserver
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
import ports  # noqa: E402

TOOLS = ["nsd", "ldns-keygen", "ldns-signzone"]

TOP = """$ORIGIN test.
$TTL 300
@ SOA ns.test. hostmaster.test. 1 3600 600 86400 2
@ NS ns.test.
ns A 127.0.0.1
"""
ZONE = """$ORIGIN {zone}.
$TTL 300
@ SOA ns.{zone}. hostmaster.{zone}. 1 3600 600 86400 2
@ NS ns
@ MX 20 mx2
@ MX 10 MX1
@ TXT "v=spf1 ip4:127.0.0.0/8" " -all"
ns A 127.0.0.1
mx1 A 127.0.0.10
mx2 AAAA 2001:db8::2
_25._tcp.mx1 TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
"""
INSECURE = """
null MX 0 .
short 2 A 127.0.0.20
one CNAME two
two CNAME three.signed.test.
away CNAME nowhere.signed.test.
round CNAME about
about CNAME round
both A 127.0.0.30
both AAAA 2001:db8::30
slow A 127.0.0.40
silent A 127.0.0.41
""" + "".join(f"many MX {n + 1} mx{n}.many\n" for n in range(80)) + \
    "".join(f'big TXT "{n:03} {"x" * 200}"\n' for n in range(40))
SIGNED = "three A 127.0.0.3\n"
REVERSE = """$ORIGIN 0.0.127.in-addr.arpa.
$TTL 300
@ SOA ns.test. hostmaster.test. 1 3600 600 86400 2
@ NS ns.test.
10 PTR Client.Insecure.Test.
"""
CHILDREN = ["signed.test", "hashed.test", "insecure.test", "bogus.test", "expired.test", "broken.test"]
HAVE_DS = ["signed.test", "hashed.test", "bogus.test", "expired.test"]


def missing():
    return [tool for tool in TOOLS if not (shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/usr/bin"))]


def tool(name):
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin")


class NameServer:
    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="postroad-dns-"))
        self.port, = ports.take()
        self._zones()
        zones = {"test": "test.signed", "insecure.test": "insecure.test", "broken.test": "absent",
                 "0.0.127.in-addr.arpa": "reverse", **{zone: f"{zone}.signed" for zone in HAVE_DS}}
        (self.home / "nsd.conf").write_text(f"""server:
  ip-address: 127.0.0.1@{self.port}
  username: ""
  chroot: ""
  zonesdir: "{self.home}"
  database: ""
  pidfile: "{self.home}/pid"
  xfrdfile: "{self.home}/xfrd.state"
  zonelistfile: "{self.home}/zone.list"
  cookie-secret-file: ""
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
""" + "".join(f'zone:\n  name: {name}\n  zonefile: "{file}"\n' for name, file in zones.items()))
        self.log = open(self.home / "log", "wb")
        self.process = subprocess.Popen([tool("nsd"), "-d", "-c", self.home / "nsd.conf"], stdout=self.log, stderr=self.log)
        self._wait()

    def _zones(self):
        write = lambda name, text: (self.home / name).write_text(text)
        for zone in CHILDREN:
            extra = INSECURE if zone == "insecure.test" else SIGNED if zone == "signed.test" else ""
            write(zone, ZONE.format(zone=zone) + extra)
        for zone in HAVE_DS:
            last_year = datetime.datetime.now() - datetime.timedelta(days=365)
            dates = ["-i", f"{last_year:%Y%m%d}000000", "-e", f"{last_year + datetime.timedelta(days=30):%Y%m%d}000000"]
            self._sign(zone, *(["-n"] if zone == "hashed.test" else []), *(dates if zone == "expired.test" else []))
        bogus = (self.home / "bogus.test.signed").read_text()
        assert "127.0.0.10" in bogus
        write("bogus.test.signed", bogus.replace("127.0.0.10", "127.0.0.66"))
        write("reverse", REVERSE)
        top = TOP + "".join(f"{zone}. NS ns.{zone}.\nns.{zone}. A 127.0.0.1\n" for zone in CHILDREN)
        top += "".join((self.home / f"{zone}.ds").read_text() for zone in HAVE_DS)
        write("test", top)
        self._sign("test")
        self.anchor = self.home / "test.ds"

    def _sign(self, zone, *options):
        run = lambda *command: subprocess.run(command, cwd=self.home, check=True, capture_output=True, text=True).stdout
        key = run(tool("ldns-keygen"), "-a", "ECDSAP256SHA256", "-k", zone).strip()
        run(tool("ldns-signzone"), *options, "-f", f"{zone}.signed", zone, key)
        (self.home / f"{key}.ds").rename(self.home / f"{zone}.ds")

    def _wait(self):
        question = struct.pack("!6H", 1, 0, 1, 0, 0, 0) + b"\4test\0" + struct.pack("!2H", 6, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(0.2)
            for _ in range(100):
                udp.sendto(question, ("127.0.0.1", self.port))
                try:
                    if udp.recv(4096)[3] & 15 == 0:
                        return
                except OSError:
                    pass
                if self.process.poll() is not None:
                    break
        raise RuntimeError("nsd does not answer: " + (self.home / "log").read_text(errors="replace"))

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.home, ignore_errors=True)


def question_of(packet):
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1").lower())
        at += 1 + packet[at]
    return ".".join(labels)


class Relay:
    """Stands before the name server: asked[name] counts datagrams, tcp counts connections."""

    def __init__(self, server, silent=(), slow=None):
        self.asked, self.tcp, self.silent, self.slow = {}, 0, set(silent), slow or {}
        relay, behind = self, ("127.0.0.1", server.port)

        class Datagram(socketserver.BaseRequestHandler):
            def handle(self):
                packet, to = self.request
                name = question_of(packet)
                relay.asked[name] = relay.asked.get(name, 0) + 1
                if name in relay.silent:
                    return
                time.sleep(relay.slow.get(name, 0))
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                    udp.settimeout(5)
                    udp.sendto(packet, behind)
                    to.sendto(udp.recv(65535), self.client_address)

        class Connection(socketserver.StreamRequestHandler):
            def handle(self):
                relay.tcp += 1
                with socket.create_connection(behind, 5) as onward, onward.makefile("rb") as answers:
                    while len(head := self.rfile.read(2)) == 2:
                        onward.sendall(head + self.rfile.read(struct.unpack("!H", head)[0]))
                        size = answers.read(2)
                        self.wfile.write(size + answers.read(struct.unpack("!H", size)[0]))

        self.port, = ports.take()
        self.servers = [socketserver.ThreadingUDPServer(("127.0.0.1", self.port), Datagram),
                        socketserver.ThreadingTCPServer(("127.0.0.1", self.port), Connection)]
        for one in self.servers:
            one.daemon_threads, one.block_on_close = True, False
            threading.Thread(target=one.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        for one in self.servers:
            one.shutdown()
            one.server_close()
