"""Plays a dialogue against a server: sends what the client says, compares what the server answers.

How the client's octets travel is a parameter (`pace`), for a server must not care: whole, one octet per
segment, or cut in two at a given place.
"""
import re
import socket
import ssl
import struct
import time

import dialogue as words

IMPLICIT_TLS = {"submissions", "imaps", "pop3s"}
KIND = {"smtp": "smtp", "submission": "smtp", "submissions": "smtp", "lmtp": "smtp",
        "pop3": "pop3", "pop3s": "pop3", "imap": "imap", "imaps": "imap"}


class Mismatch(Exception):
    pass


class Pace:
    """Whole: each of the client's turns is one write."""
    def __init__(self):
        self.total = 0

    def pieces(self, octets):
        self.total += len(octets)
        yield octets


class OctetByOctet(Pace):
    def pieces(self, octets):
        self.total += len(octets)
        for i in range(len(octets)):
            yield octets[i:i + 1]


class CutAt(Pace):
    """One cut in the whole dialogue, after `place` octets of the client's."""
    def __init__(self, place):
        super().__init__()
        self.place = place

    def pieces(self, octets):
        here = self.place - self.total
        self.total += len(octets)
        if 0 < here < len(octets):
            yield octets[:here]
            yield octets[here:]
        else:
            yield octets


class Connection:
    def __init__(self, service, port, source, timeout):
        self.service, self.kind, self.timeout = service, KIND[service], timeout
        self.buffer, self.heard = b"", []
        bind = (source, 0) if source else None
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout, source_address=bind)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if service in IMPLICIT_TLS:
            self.start_tls()

    def start_tls(self):
        if self.buffer:
            raise Mismatch(f"octets in the clear before TLS: {self.buffer!r}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket)

    def send(self, octets, pace):
        pieces = list(pace.pieces(octets))
        for i, piece in enumerate(pieces):
            try:
                self.socket.sendall(piece)
            except OSError:
                return  # it has closed; what it said before is still to be read
            if i + 1 < len(pieces):
                time.sleep(0.0003 if len(pieces) > 2 else 0.002)

    def fill_buffer(self, timeout):
        """More octets, or False at the end of the stream. Raises TimeoutError."""
        self.socket.settimeout(timeout)
        try:
            more = self.socket.recv(65536)
        except ssl.SSLWantReadError:
            raise TimeoutError from None
        except (ConnectionResetError, ssl.SSLError, BrokenPipeError):
            return False
        self.buffer += more
        return bool(more)

    def line(self):
        """The next line without CRLF, or None when the server has closed."""
        end = time.monotonic() + self.timeout
        while b"\r\n" not in self.buffer:
            try:
                if not self.fill_buffer(max(0.01, end - time.monotonic())):
                    if self.buffer:
                        raise Mismatch(f"closed within a line: {self.buffer!r}")
                    return None
            except TimeoutError:
                raise Mismatch(f"nothing more within {self.timeout} s; heard {self.buffer!r}") from None
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        if b"\n" in line or b"\r" in line:
            raise Mismatch(f"a bare CR or LF from the server: {line!r}")
        text = line.decode("utf-8", "backslashreplace")
        self.heard.append(text)
        return text

    def octets(self, count):
        while len(self.buffer) < count:
            if not self.fill_buffer(self.timeout):
                raise Mismatch("closed within a literal")
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def response(self):
        """An IMAP response with its literals, lines joined by CRLF."""
        line = self.line()
        while line is not None and (found := re.search(r"\{(\d+)\}$", line)):
            literal = self.octets(int(found[1])).decode("utf-8", "backslashreplace")
            self.heard.append(literal)
            line += "\r\n" + literal + (self.line() or "")
        return line

    def close(self, reset=False):
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Player:
    """`ports`: service -> port. `world`: has given(text, body) and then(text, body), which may raise Mismatch."""

    def __init__(self, played, service, ports, world=None, pace=None, timeout=15, source=None):
        self.played, self.service, self.ports, self.world = played, service, ports, world
        self.pace, self.timeout, self.source = pace or Pace(), timeout, source
        self.connections, self.values, self.turn, self.turn_of = {}, {}, b"", None

    def play(self):
        steps, at = self.played.steps, 0
        try:
            while at < len(steps):
                step = steps[at]
                try:
                    at = self.one(steps, at)
                except (Mismatch, words.Unreadable, OSError) as error:
                    heard = self.connections[step.connection].heard[-5:] if step.connection in self.connections else []
                    told = "".join(f"\n      heard: {line}" for line in heard)
                    raise Mismatch(f"line {step.line}: {step.what}: {step.text}\n    {error}{told}") from None
            self.flush()
        finally:
            for connection in self.connections.values():
                connection.close()

    def one(self, steps, at):
        step = steps[at]
        if step.what in ("C", "RAW"):
            connection = self.connection(step)
            if self.turn_of is not connection:
                self.flush()
                self.turn_of = connection
            text = words.fill(step.text, self.values)
            for n in range(step.times):
                numbered = text.replace("${n}", str(n))
                self.turn += numbered.encode() + b"\r\n" if step.what == "C" else words.raw_octets(numbered)
            return at + 1
        self.flush()
        if step.what == "S":
            return self.answers(steps, at)
        if step.what == "CONNECT":
            self.connections[step.connection] = self.open(step.text, step.source)
        elif step.what == "TLS":
            self.connection(step).start_tls()
        elif step.what in ("CLOSE", "RESET"):
            self.connection(step).close(reset=step.what == "RESET")
            del self.connections[step.connection]
        elif step.what == "SHUTDOWN":
            self.connection(step).socket.shutdown(socket.SHUT_WR)
        elif step.what == "WAIT":
            time.sleep(float(step.text))
        elif step.what == "GIVEN":
            self.world.given(words.fill(step.text, self.values), step.body)
        elif step.what == "THEN":
            self.world.then(words.fill(step.text, self.values), words.fill(step.body, self.values))
        return at + 1

    def flush(self):
        if self.turn:
            octets, self.turn = self.turn, b""
            self.turn_of.send(octets, self.pace)
        self.turn_of = None

    def open(self, service, source=None):
        if service not in self.ports:
            raise Mismatch(f"the server under test has no {service}")
        return Connection(service, self.ports[service], source or self.source, self.timeout)

    def connection(self, step):
        if step.connection not in self.connections:
            self.connections[step.connection] = self.open(self.service)
        return self.connections[step.connection]

    # --- What the server says --------------------------------------------------------------------------

    def answers(self, steps, at):
        """Compares one run of S: lines of one connection; answers where the next step is."""
        end = at
        while end < len(steps) and steps[end].what == "S" and steps[end].connection == steps[at].connection:
            end += 1
        connection = self.connection(steps[at])
        expected = [s for s in steps[at:end] for _ in range(s.times)]
        while expected:
            if expected[0].text in ("<closed>", "<silence>"):
                self.nothing(connection, expected.pop(0))
            elif connection.kind == "smtp":
                expected = self.smtp_reply(connection, expected)
            elif connection.kind == "pop3":
                expected = self.pop3_line(connection, expected)
            else:
                expected = self.imap_responses(connection, expected)
        return end

    def nothing(self, connection, step):
        if step.text == "<silence>":
            if not connection.buffer:
                try:
                    if not connection.fill_buffer(0.3):
                        raise Mismatch("it closed, but was to wait in silence")
                except TimeoutError:
                    return
            raise Mismatch(f"it was to wait in silence, but said {connection.buffer!r}")
        line = connection.line()
        if line is not None:
            raise Mismatch(f"it was to close, but said: {line}")

    def smtp_reply(self, connection, expected):
        """`250-x` lines may come in any order among others; `250-!x` must not come; the last line is `250 x`."""
        lines, present, absent = [], [], []
        while re.match(r"\d{3}-", expected[0].text):
            text = expected.pop(0).text
            (absent if text[4:5] == "!" else present).append(text[:4] + text[4:].lstrip("!"))
        last = expected.pop(0).text
        while True:
            line = connection.line()
            if line is None:
                raise Mismatch(f"it closed, but was to say: {last}")
            if not re.match(r"[2-5]\d\d(?:[ -]|$)", line):
                raise Mismatch(f"not a reply: {line}")
            lines.append(line)
            if line[3:4] != "-":
                break
        if len({line[:3] for line in lines}) > 1:
            raise Mismatch(f"one reply with several codes: {lines}")
        listed = [line[:3] + "-" + line[4:] for line in lines]
        for text in present:
            if not any(words.matches(text, line, self.values) for line in listed):
                raise Mismatch(f"no line {text} in the reply:\n      " + "\n      ".join(lines))
        for text in absent:
            if any(words.matches(text, line, {}) for line in listed):
                raise Mismatch(f"the reply has a line {text}")
        if not words.matches(last, lines[-1], self.values):
            raise Mismatch(f"it said: {lines[-1]}")
        return expected

    def pop3_line(self, connection, expected):
        """Line by line; `...` skips lines up to the one that comes next in the file."""
        step = expected.pop(0)
        skipping = step.text == "..."
        if skipping:
            if not expected:
                raise Mismatch("`...` needs a line to stop at")
            step = expected.pop(0)
        while True:
            line = connection.line()
            if line is None:
                raise Mismatch(f"it closed, but was to say: {step.text}")
            if words.matches(step.text, line, self.values):
                return expected
            if not skipping:
                raise Mismatch(f"it said: {line}")

    def imap_responses(self, connection, expected):
        """Untagged responses before a tagged one (or `+`) may come in any order, and others between them.
        `!* ...` must not come. A line that begins neither with `*`, `+` nor a tag continues the one before."""
        units, untagged = [], re.compile(r"[*!]|/\(?\\\*")
        while expected and expected[0].text not in ("<closed>", "<silence>"):
            text = expected.pop(0).text
            starts = re.match(r"(!?\* |!?\*$|\+|/|\w+ (OK|NO|BAD)\b)", text)
            if not starts and units:
                units[-1] += "\r\n" + text
                continue
            if units and not untagged.match(units[-1]):
                expected.insert(0, words_step(text))
                break
            units.append(text)
        final = units.pop() if not untagged.match(units[-1]) else None
        wanted = [u for u in units if not u.startswith("!")]
        unwanted = [u[1:] for u in units if u.startswith("!")]
        said = []
        while wanted or final:
            response = connection.response()
            if response is None:
                raise Mismatch(f"it closed, but was to say: {(wanted + [final])[0]}")
            said.append(response)
            if response.startswith("* "):
                for text in unwanted:
                    if words.matches(text, response, {}):
                        raise Mismatch(f"it was not to say: {response}")
                for text in wanted:
                    if words.matches(text, response, self.values):
                        wanted.remove(text)
                        break
                continue
            if wanted:
                raise Mismatch(f"it did not say: {wanted[0]}\n      before: {response}")
            if final is None or not words.matches(final, response, self.values):
                raise Mismatch(f"it said: {response}")
            break
        return expected


def words_step(text):
    return words.Step(0, "S", text=text)
