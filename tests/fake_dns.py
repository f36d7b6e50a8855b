"""A name server for tests: answers from a table, over UDP and TCP, on the loopback. Everything it does not
know does not exist (NXDOMAIN), so no test can ever ask the real DNS by mistake.

    zones = {"example.com": {"MX": ["10 mx.example.com"]}, "mx.example.com": {"A": ["127.0.0.1"]}}
    with FakeDns(zones) as dns: ...   # dns.port

Instead of records a name may have a trouble: SERVFAIL, SILENCE (no answer at all), TRUNCATE (UDP says TC).
"""
import ipaddress
import socket
import socketserver
import struct
import threading

import ports

SERVFAIL, SILENCE, TRUNCATE = "SERVFAIL", "SILENCE", "TRUNCATE"
TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "TLSA": 52}
NAMES = {number: name for name, number in TYPES.items()}

# What the dialogues and attacks may rely on. `example.*` is the world outside; its mail goes to the sink.
WORLD = {
    **{f"example.{tld}": {"MX": [f"10 mx.example.{tld}"], "A": ["127.0.0.1"]} for tld in ("com", "org", "net")},
    **{f"mx.example.{tld}": {"A": ["127.0.0.1"]} for tld in ("com", "org", "net")},
    "client.example.com": {"A": ["127.0.0.1"]},
    "elsewhere.test": {"MX": ["10 mx.elsewhere.test"]},
    "mx.elsewhere.test": {"A": ["127.0.0.1"]},
    "address-only.test": {"A": ["127.0.0.1"]},
    "v6-only.test": {"AAAA": ["::1"]},
    "null-mx.test": {"MX": ["0 ."]},
    "no-mail.test": {"TXT": ["nothing here takes mail"]},
    "broken.test": SERVFAIL,
    "silent.test": SILENCE,
    "truncated.test": TRUNCATE,
}


def encode_name(name):
    labels = [label for label in name.strip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode("latin-1") for label in labels) + b"\0"


def read_name(packet, at):
    labels = []
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1"))
        at += 1 + packet[at]
    return ".".join(labels).lower(), at + 1


def rdata(kind, value):
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(value).packed
    if kind == "MX":
        preference, host = value.split()
        return struct.pack("!H", int(preference)) + encode_name(host)
    if kind == "TXT":
        parts = [value[i:i + 255].encode("latin-1") for i in range(0, len(value), 255)] or [b""]
        return b"".join(bytes([len(part)]) + part for part in parts)
    if kind == "TLSA":
        usage, selector, matching, digest = value.split()
        return bytes([int(usage), int(selector), int(matching)]) + bytes.fromhex(digest)
    return encode_name(value)


class FakeDns:
    def __init__(self, zones=None, port=0):
        self.zones = {name.lower(): records for name, records in (WORLD if zones is None else zones).items()}
        self.queries = []  # (name, type) as they came
        answer = self.answer

        class Udp(socketserver.BaseRequestHandler):
            def handle(self):
                packet, server = self.request
                reply = answer(packet, over_tcp=False)
                if reply:
                    server.sendto(reply, self.client_address)

        class Tcp(socketserver.BaseRequestHandler):
            def handle(self):
                size = self.request.recv(2, socket.MSG_WAITALL)
                if len(size) == 2:
                    packet = self.request.recv(struct.unpack("!H", size)[0], socket.MSG_WAITALL)
                    reply = answer(packet, over_tcp=True)
                    if reply:
                        self.request.sendall(struct.pack("!H", len(reply)) + reply)

        class TcpServer(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self.port = port or ports.take()[0]
        self.tcp = TcpServer(("127.0.0.1", self.port), Tcp)
        self.udp = socketserver.UDPServer(("127.0.0.1", self.port), Udp)
        self.threads = [threading.Thread(target=s.serve_forever, args=(0.05,), daemon=True) for s in (self.udp, self.tcp)]
        for thread in self.threads:
            thread.start()

    def answer(self, packet, over_tcp):
        if len(packet) < 17:
            return None
        identity, flags, questions = struct.unpack("!HHH", packet[:6])
        if questions != 1:
            return None
        name, at = read_name(packet, 12)
        number, = struct.unpack("!H", packet[at:at + 2])
        kind = NAMES.get(number, str(number))
        self.queries.append((name, kind))
        question = packet[12:at + 4]

        def reply(code=0, records=(), truncated=False):
            head = struct.pack("!HHHHHH", identity, 0x8480 | (flags & 0x0100) | code | (0x0200 if truncated else 0),
                               1, len(records), 0, 0)
            return head + question + b"".join(records)

        found = self.zones.get(name)
        if found == SILENCE:
            return None
        if found == SERVFAIL:
            return reply(code=2)
        if found == TRUNCATE:
            if not over_tcp:
                return reply(truncated=True)
            found = {"MX": ["10 mx.example.com"]}
        if found is None:
            # A name above an existing one exists too, without records (RFC 8020).
            exists = any(other.endswith("." + name) for other in self.zones) or name == ""
            return reply(code=0 if exists else 3)
        records = []
        for record_kind in (kind, "CNAME"):
            for value in found.get(record_kind, ()):
                data = rdata(record_kind, value)
                records.append(b"\xc0\x0c" + struct.pack("!HHIH", TYPES[record_kind], 1, 60, len(data)) + data)
            if records:
                break
        return reply(records=records)

    def close(self):
        for server in (self.udp, self.tcp):
            server.shutdown()
            server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
