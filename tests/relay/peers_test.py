#!/usr/bin/env python3
"""Mail between Postroad and the mail servers of others, as Debian packages them, in both directions.

What is sent arrives octet for octet, and a refusal becomes a report. Postfix, Exim and OpenSMTPD run privately beside
us, which needs root; a server that is not there is skipped and said to be.
"""
import os
import pathlib
import smtplib
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent.parent / "bench")]
import fake_dns  # noqa: E402
import mailservers  # noqa: E402
import ports  # noqa: E402
import postroad_fixture as fixture  # noqa: E402
import rivals  # noqa: E402

# Name: header and body; what a receiver must have of it to the octet.
LETTERS = {
    "plain": b"Subject: plain\r\n\r\nHello.\r\n",
    "dots": b"Subject: dots\r\n\r\n.\r\n..\r\n...x\r\n.\r\n",
    "eight": "Subject: eight\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
             "Content-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n".encode(),
    "empty": b"Subject: empty\r\n\r\n",
    "large": b"Subject: large\r\n\r\n" + b"".join(b".%06d and so on, line after line\r\n" % n for n in range(8000)),
}


def wait(what, condition, seconds=60):
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise fixture.TestFailure(f"after {seconds} s still not: {what}")
        time.sleep(0.2)
    return found


def body_of(octets):
    return octets.replace(b"\r\n", b"\n").partition(b"\n\n")[2]


def same_letter(name, found):
    """Among `found` is the letter, with its body as it was."""
    return any(b"Subject: " + name.encode() in message and body_of(message) == body_of(LETTERS[name]) for message in found)


def to_peer(server, peer):
    domain = peer.domain
    with smtplib.SMTP("127.0.0.1", server.ports["submission"], local_hostname="client.example.com", timeout=60) as smtp:
        smtp.starttls(context=fixture.unverified_tls())
        smtp.login("alice@demo.test", fixture.PASSWORD)
        for name, letter in LETTERS.items():
            options = ["BODY=8BITMIME"] if name == "eight" else []
            smtp.sendmail("alice@demo.test", [f"carol@{domain}", f"dave@{domain}"], letter, mail_options=options)
        smtp.sendmail("alice@demo.test", [f"nobody@{domain}"], LETTERS["plain"])
    wait("it has all letters", lambda: peer.delivered() >= 2 * len(LETTERS))
    for person in mailservers.PEOPLE:
        found = peer.letters(person)
        for name in LETTERS:
            if not same_letter(name, found):
                raise fixture.TestFailure(f"{name} did not reach {person} at {domain} as it was")
    report = wait(f"a report on nobody@{domain}",
                  lambda: [m for m in server.messages("alice@demo.test") if f"nobody@{domain}".encode() in m])[0]
    if b"Action: failed" not in report or b"Diagnostic-Code: smtp; 5" not in report:
        raise fixture.TestFailure(f"the report does not say that there is no such mailbox:\n{report.decode()}")


def from_peer(server, peer):
    with smtplib.SMTP("127.0.0.1", peer.smtp_port, local_hostname="client.example.com", timeout=60) as smtp:
        for name, letter in LETTERS.items():
            options = ["BODY=8BITMIME"] if name == "eight" else []
            smtp.sendmail(f"carol@{peer.domain}", ["bob@demo.test"], letter, mail_options=options)
    found = server.wait_for_messages("bob@demo.test", len(LETTERS), seconds=60)
    for name in LETTERS:
        if not same_letter(name, found):
            raise fixture.TestFailure(f"{name} did not come from {peer.domain} as it was")
    server.empty("bob@demo.test")


class Postfix:
    """Two of them, for one that hands everything on keeps nothing."""
    name = "Postfix"

    @staticmethod
    def missing():
        if not os.path.exists("/usr/sbin/postfix"):
            return "not installed (SETUP=bench tools/setup.sh)"
        return None if os.geteuid() == 0 else "it needs root"

    def __init__(self, directory, domain, relay):
        self.domain = domain
        self.there = rivals.Postfix(directory / "in", mailservers.PEOPLE, domain=domain)
        self.back = rivals.Postfix(directory / "out", [], domain="other.test", relay=relay)
        self.smtp_port = self.there.smtp_port

    def start(self):
        self.there.start()
        self.back.start()
        self.smtp_port = self.back.smtp_port

    def stop(self):
        self.there.stop()
        self.back.stop()

    def delivered(self):
        return self.there.delivered()

    def letters(self, person):
        return [path.read_bytes() for path in (self.there.mail / person / "new").glob("*")]


def main():
    fixture.need_binary("smtp", "submission", "pop3s")
    kinds = []
    for kind in (Postfix, mailservers.Exim, mailservers.OpenSmtpd):
        if reason := kind.missing():
            print(f"SKIPPED: {kind.name}: {reason}")
        else:
            kinds.append(kind)
    if not kinds:
        return fixture.SKIPPED
    with tempfile.TemporaryDirectory(prefix="postroad-peers-") as directory:
        port, = ports.take()
        peers = [kind(pathlib.Path(directory) / kind.name, kind.name.lower() + ".test", port) for kind in kinds]
        settings = {"delivery.routes": [f"{peer.domain} smtp:127.0.0.1:{peer.smtp_port}" for peer in peers],
                    "delivery.retry": ["1 s"]}
        zones = {**fake_dns.WORLD, **{peer.domain: {"A": ["127.0.0.1"]} for peer in peers}}
        server = fixture.Postroad(settings=settings, zones=zones)
        server.ports["smtp"] = port
        with server:
            for peer in peers:
                peer.start()
                try:
                    to_peer(server, peer)
                    print(f"to {peer.name}: {len(LETTERS)} letters to two people each, octet for octet, and a refusal reported")
                    from_peer(server, peer)
                    print(f"from {peer.name}: {len(LETTERS)} letters, octet for octet")
                finally:
                    peer.stop()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except fixture.TestFailure as failure:
        sys.exit(f"FAILED: {failure}")
