"""The outside world's mail server, for tests: takes every message and remembers it, when it came, and from whom.

    with SmtpSink() as sink: ...   # sink.port; sink.messages: list of Taken

`reply_to` may refuse: it is called with ("MAIL"|"RCPT"|"DATA"|"DOT", argument) and answers a reply line or None.
"""
import dataclasses
import socketserver
import threading
import time


@dataclasses.dataclass
class Taken:
    at: float            # time.time() when the 250 was sent
    sender: str
    recipients: list
    content: bytes       # as sent, dots unstuffed


class SmtpSink:
    def __init__(self, port=0, reply_to=lambda verb, argument: None):
        self.messages, self.lock, self.reply_to = [], threading.Lock(), reply_to
        self.wire_errors = []  # bare CR or LF seen in a message: must never come from us (attack 3)
        sink = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self):
                try:
                    sink.serve(self)
                except OSError:
                    pass

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 128

        self.server = Server(("127.0.0.1", port), Session)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def serve(self, session):
        def say(text):
            session.wfile.write(text.encode() + b"\r\n")

        say("220 sink.test")
        sender, recipients = None, []
        while line := session.rfile.readline(65536):
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            verb = text[:4].upper()
            special = self.reply_to(verb, text)
            if special:
                say(special)
            elif verb in ("EHLO", "LHLO"):
                say("250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES")
            elif verb == "MAIL":
                sender, recipients = text[text.find("<") + 1:text.rfind(">")], []
                say("250 2.1.0 ok")
            elif verb == "RCPT":
                recipients.append(text[text.find("<") + 1:text.rfind(">")])
                say("250 2.1.5 ok")
            elif verb == "DATA":
                if not recipients:
                    say("503 5.5.1 no recipients")
                    continue
                say("354 go on")
                content = self._content(session.rfile)
                if content is None:
                    return
                refusal = self.reply_to("DOT", text)
                if not refusal:
                    with self.lock:
                        self.messages.append(Taken(time.time(), sender, recipients, content))
                say(refusal or "250 2.0.0 taken")
            elif verb == "QUIT":
                say("221 2.0.0 bye")
                return
            else:
                say("250 2.0.0 ok")

    def _content(self, rfile):
        lines = []
        while line := rfile.readline():
            if line == b".\r\n":
                return b"".join(lines)
            if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
                self.wire_errors.append(line)
            lines.append(line[1:] if line.startswith(b".") else line)
        return None

    def to(self, recipient, after=0):
        """What came for this one, not counting the first `after` messages of all."""
        with self.lock:
            return [m for m in self.messages[after:] if recipient in m.recipients]

    def wait_for(self, recipient, count=1, seconds=20, after=0):
        end = time.monotonic() + seconds
        while len(found := self.to(recipient, after)) < count and time.monotonic() < end:
            time.sleep(0.02)
        return found

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
