"""A farm of misbehaving mail servers: each has an address of its own in 127.0.2.0/24, and all listen on one port.

    with Farm([Host("greeting", "drop"), ...]) as farm: ...   # farm.port, farm.zones(), farm.taken

A host does what it was told for its first `times` sessions and behaves well afterwards. What it took with a 250 is
written down, so that nothing can be lost or doubled unnoticed.
"""
import dataclasses
import socket
import socketserver
import threading
import time

import ports

STEPS = ("greeting", "ehlo", "mail", "rcpt", "data", "dot")
KINDS = {
    "4xx": b"451 4.3.0 not now\r\n",
    "5xx": b"554 5.7.1 never\r\n",
    "drop": None,
    "reset": None,
    "stall": None,                                     # longer than the server's patience
    "garbage": b"\x00\xff HTTP/1.1 200 OK\r\n",
    "endless": b"250-and more\r\n" * 6000,             # 84 KB of one reply (attack 29)
    "bare": b"451\r\n",
    "octets": b"451 4.3.0 sent octet by octet\r\n",
}


@dataclasses.dataclass
class Host:
    step: str
    kind: str
    times: int = 1
    pipelining: bool = True
    chunking: bool = False
    starttls: str = ""      # "half": a go-ahead and then no TLS; "early": an answer in the same segment (attack 6)
    name: str = ""
    address: str = ""
    sessions: int = 0

    def domain(self):
        return f"{self.name}.test"


@dataclasses.dataclass
class Taken:
    host: Host
    recipients: list
    content: bytes
    at: float


class Farm:
    def __init__(self, hosts, patience):
        self.hosts, self.patience = hosts, patience
        self.taken, self.lock, self.wire_errors = [], threading.Lock(), []
        for number, host in enumerate(hosts):
            host.name = host.name or f"{host.step}-{host.kind}-{number}"
            host.address = f"127.0.2.{number + 1}"
        self.servers, self.stopping = [], threading.Event()

    def __enter__(self):
        self.port, = ports.take()
        for host in self.hosts:
            self.servers.append(self._listen(host))
        for server in self.servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for server in self.servers:
            server.shutdown()
        self._close()

    def _close(self):
        for server in self.servers:
            server.server_close()
        self.servers = []

    def zones(self):
        out = {}
        for host in self.hosts:
            out[host.domain()] = {"MX": [f"10 mx.{host.domain()}"]}
            out[f"mx.{host.domain()}"] = {"A": [host.address]}
        return out

    def copies(self, token):
        with self.lock:
            return [taken for taken in self.taken if token.encode() in taken.content]

    def _listen(self, host):
        farm = self

        class Session(socketserver.BaseRequestHandler):
            def handle(self):
                self.request.settimeout(30)
                try:
                    Conversation(farm, host, self.request).run()
                except (OSError, EOFError):
                    pass

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address, daemon_threads, request_queue_size = True, True, 128

        return Server((host.address, self.port), Session)


class Conversation:
    def __init__(self, farm, host, connection):
        self.farm, self.host, self.connection, self.buffer = farm, host, connection, b""
        with farm.lock:
            host.sessions += 1
            self.bad = host.sessions <= host.times

    def say(self, octets):
        self.connection.sendall(octets)

    def line(self):
        while b"\r\n" not in self.buffer:
            self.more()
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def more(self):
        piece = self.connection.recv(65536)
        if not piece:
            raise EOFError
        self.buffer += piece

    def misbehave(self, step):
        """True when the step has had its answer, if it can be called one."""
        kind = self.host.kind
        if not self.bad or step != self.host.step or kind == "taken-then-reset":
            return False
        if kind in ("drop", "reset"):
            if kind == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.connection.close()
            raise EOFError
        if kind == "stall":
            self.farm.stopping.wait(self.farm.patience * 3)
            raise EOFError
        if kind == "octets":
            for octet in KINDS[kind]:
                self.say(bytes([octet]))
                time.sleep(0.002)
        else:
            self.say(KINDS[kind])
        return True

    def answer(self, step, good):
        if not self.misbehave(step):
            self.say(good)
            return True
        return False

    def run(self):
        host = self.host
        self.answer("greeting", b"220 farm ESMTP\r\n")
        recipients, sender = [], False  # a MAIL that was refused begins nothing
        while True:
            line = self.line()
            verb = line[:4].upper()
            if verb == b"EHLO":
                offers = [b"farm"] + [b"PIPELINING"] * host.pipelining + [b"CHUNKING"] * host.chunking
                offers += [b"STARTTLS"] * (bool(host.starttls) and self.bad)
                reply = b"".join(b"250-" + o + b"\r\n" for o in offers) + b"250 ENHANCEDSTATUSCODES\r\n"
                self.answer("ehlo", reply)
            elif verb == b"HELO":
                self.answer("ehlo", b"250 farm\r\n")
            elif verb == b"STAR":
                self.say(b"220 go\r\n" + (b"250-farm\r\n250 AUTH PLAIN\r\n" if host.starttls == "early" else b""))
                if host.starttls == "half":
                    self.more()
                    self.say(b"this is not TLS\r\n")
                raise EOFError
            elif verb == b"MAIL":
                recipients, sender = [], self.answer("mail", b"250 2.1.0 ok\r\n")
            elif verb == b"RCPT":
                if not sender:
                    self.say(b"503 5.5.1 MAIL first\r\n")
                elif self.answer("rcpt", b"250 2.1.5 ok\r\n"):
                    recipients.append(line.split(b"<")[1].split(b">")[0].decode())
            elif verb == b"DATA":
                if not recipients:
                    self.say(b"554 5.5.1 no valid recipients\r\n")
                elif self.answer("data", b"354 go\r\n"):
                    self.data(recipients)
            elif verb == b"BDAT":
                octets = int(line.split()[1])
                while len(self.buffer) < octets:
                    self.more()
                content, self.buffer = self.buffer[:octets], self.buffer[octets:]
                if not recipients:
                    self.say(b"503 5.5.1 no valid recipients\r\n")
                else:
                    self.end(recipients, content)
            elif verb == b"QUIT":
                self.say(b"221 bye\r\n")
                return
            else:
                self.say(b"250 ok\r\n")

    def data(self, recipients):
        while not self.buffer.startswith(b".\r\n") and b"\r\n.\r\n" not in self.buffer:
            self.more()
        content, _, self.buffer = self.buffer.partition(b"\r\n.\r\n")
        self.end(recipients, content.replace(b"\r\n..", b"\r\n.") + b"\r\n")

    def end(self, recipients, content):
        without = content.replace(b"\r\n", b"")
        if b"\r" in without or b"\n" in without:
            self.farm.wire_errors.append(content)
        if self.misbehave("dot"):
            return
        with self.farm.lock:
            self.farm.taken.append(Taken(self.host, list(recipients), content, time.time()))
        self.say(b"250 2.0.0 taken\r\n")
        if self.bad and self.host.kind == "taken-then-reset":
            time.sleep(0.2)  # a reset throws away what has not left yet: the 250 has to be on its way for good
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.connection.close()
            raise EOFError
