#!/usr/bin/env python3
"""Mail between Postroad and the mail servers of others, as Debian packages them, in both directions.

What is sent arrives octet for octet, and a refusal becomes a report. Postfix runs privately beside us and needs root;
a server that is not installed is skipped and said to be.
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


def to_postfix(server, postfix):
    with smtplib.SMTP("127.0.0.1", server.ports["submission"], local_hostname="client.example.com", timeout=60) as smtp:
        smtp.starttls(context=fixture.unverified_tls())
        smtp.login("alice@demo.test", fixture.PASSWORD)
        for name, letter in LETTERS.items():
            options = ["BODY=8BITMIME"] if name == "eight" else []
            smtp.sendmail("alice@demo.test", ["carol@postfix.test", "dave@postfix.test"], letter, mail_options=options)
        smtp.sendmail("alice@demo.test", ["nobody@postfix.test"], LETTERS["plain"])
    wait("Postfix has all letters", lambda: postfix.delivered() >= 2 * len(LETTERS))
    for person in ("carol", "dave"):
        found = [path.read_bytes() for path in (postfix.mail / person / "new").glob("*")]
        for name in LETTERS:
            if not same_letter(name, found):
                raise fixture.TestFailure(f"{name} did not reach {person} at Postfix as it was")
    report = wait("a report on nobody@postfix.test",
                  lambda: [m for m in server.messages("alice@demo.test") if b"nobody@postfix.test" in m])[0]
    if b"Action: failed" not in report or b"5.1.1" not in report:
        raise fixture.TestFailure(f"the report does not say that there is no such mailbox:\n{report.decode()}")


def from_postfix(server, postfix):
    with smtplib.SMTP("127.0.0.1", postfix.smtp_port, local_hostname="client.example.com", timeout=60) as smtp:
        for name, letter in LETTERS.items():
            options = ["BODY=8BITMIME"] if name == "eight" else []
            smtp.sendmail("carol@postfix.test", ["bob@demo.test"], letter, mail_options=options)
    found = server.wait_for_messages("bob@demo.test", len(LETTERS), seconds=60)
    for name in LETTERS:
        if not same_letter(name, found):
            raise fixture.TestFailure(f"{name} did not come from Postfix as it was")


def main():
    fixture.need_binary("smtp", "submission", "pop3s")
    for program, package in (("/usr/sbin/exim4", "exim4"), ("/usr/sbin/smtpd", "opensmtpd")):
        print(f"SKIPPED: {package}: " + ("not tried here yet" if os.path.exists(program) else "not installed"))
    if os.geteuid() != 0 or not os.path.exists("/usr/sbin/postfix"):
        print("SKIPPED: Postfix: " + ("it needs root" if os.path.exists("/usr/sbin/postfix") else "not installed"))
        return fixture.SKIPPED
    with tempfile.TemporaryDirectory(prefix="postroad-peers-") as directory:
        directory = pathlib.Path(directory)
        there = rivals.Postfix(directory / "in", ["carol", "dave"], domain="postfix.test")
        settings = {"delivery.routes": [f"postfix.test smtp:127.0.0.1:{there.smtp_port}"], "delivery.retry": ["1 s"]}
        zones = {**fake_dns.WORLD, "postfix.test": {"A": ["127.0.0.1"]}}
        with fixture.Postroad(settings=settings, zones=zones) as server:
            back = rivals.Postfix(directory / "out", [], domain="other.test", relay=server.ports["smtp"])
            for postfix in (there, back):
                postfix.start()
            try:
                to_postfix(server, there)
                print(f"to Postfix: {len(LETTERS)} letters to two people each, octet for octet, and a refusal reported")
                from_postfix(server, back)
                print(f"from Postfix: {len(LETTERS)} letters, octet for octet")
            finally:
                for postfix in (there, back):
                    postfix.stop()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except fixture.TestFailure as failure:
        sys.exit(f"FAILED: {failure}")
