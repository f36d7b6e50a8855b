"""A mail server of one page, for trying the crash ledger on: toy_server.py DIRECTORY PORT FAULT

honest   a message is on disk, under its final name, before 250 is said
lazy     as honest, without fsync: no kill -9 can tell, a power cut can
early    250 is said first, the message is written a little later: what kill -9 hits in between is lost
forgets  every 8th message is acked and never written
refused  every 8th message is answered 451 and kept all the same
doubles  every 8th message is written twice
swaps    at each start the first two messages of a mailbox change their UIDs
"""
import os
import pathlib
import socketserver
import sys
import threading
import time

ROOT, PORT, FAULT = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
lock, counter = threading.Lock(), [0]


def keep(account, octets):
    folder = ROOT / account
    with lock:
        folder.mkdir(exist_ok=True)
        numbers = [int(p.stem) for p in folder.glob("*.eml")]
        uid = max(numbers, default=0) + 1
        if (folder / "next").exists():
            uid = max(uid, int((folder / "next").read_text() or 1))
        for name, data in (("next", str(uid + 1).encode()), (f"{uid}.eml", octets)):
            with open(folder / "tmp", "wb") as f:
                f.write(data)
                f.flush()
                if FAULT != "lazy":
                    os.fsync(f.fileno())
            os.rename(folder / "tmp", folder / name)
        if FAULT != "lazy":
            for changed in (folder, ROOT):   # the names too
                fd = os.open(changed, os.O_RDONLY)
                os.fsync(fd)
                os.close(fd)


class Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        try:
            self.talk()
        except OSError:
            pass

    def talk(self):
        self.say("220 toy")
        recipients = []
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"MAIL":
                recipients = []
                self.say("250 ok")
            elif verb == b"RCPT":
                recipients.append(line[line.index(b"<") + 1:line.index(b">")].decode())
                self.say("250 ok")
            elif verb == b"DATA":
                self.say("354 go on")
                self.take(recipients)
            else:
                self.say("250 ok")

    def take(self, recipients):
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                return
            lines.append(line[1:] if line.startswith(b".") else line)
        octets = b"Received: by toy\r\n" + b"".join(lines)
        with lock:
            counter[0] += 1
            odd = counter[0] % 8 == 0
        answer = "250 kept"
        if FAULT == "early":
            threading.Thread(target=lambda: (time.sleep(0.03), [keep(r, octets) for r in recipients]), daemon=True).start()
        elif not (FAULT == "forgets" and odd):
            for recipient in recipients:
                keep(recipient, octets)
        if FAULT == "doubles" and odd:
            keep(recipients[0], octets)
        if FAULT == "refused" and odd:
            answer = "451 not now"
        self.say(answer)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


if FAULT == "swaps":
    for box in ROOT.iterdir():
        first = sorted(box.glob("*.eml"), key=lambda p: int(p.stem))[:2]
        if len(first) == 2:
            first[0].rename(box / "swap")
            first[1].rename(first[0])
            (box / "swap").rename(first[1])
Server(("127.0.0.1", PORT), Session).serve_forever()
