#!/usr/bin/env python3
"""Mail to a farm of misbehaving servers: every message arrives, or its sender is told; nothing twice, nothing lost.

At each step of the conversation (greeting, EHLO, MAIL, RCPT, DATA, final dot) there is a server that says 4yz, 5yz or
nonsense, says nothing, hangs up or resets, with PIPELINING, without, and with BDAT; each does so at first and behaves
later. Beside them stand one that takes the message and resets, and two that break TLS. Attacks 6 and 29.
"""
import pathlib
import smtplib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import farm as farms  # noqa: E402
import postroad_fixture as fixture  # noqa: E402

PATIENCE = 2  # seconds, of our client


def hosts():
    out = [farms.Host(step, kind) for step in farms.STEPS for kind in farms.KINDS]
    out += [farms.Host(step, kind, pipelining=False) for step in farms.STEPS for kind in ("4xx", "5xx", "drop", "garbage")]
    out += [farms.Host(step, kind, chunking=True) for step in ("mail", "rcpt", "dot") for kind in ("4xx", "5xx", "drop", "stall")]
    out += [farms.Host("dot", "taken-then-reset"), farms.Host("dot", "taken-then-reset", chunking=True)]
    out += [farms.Host("none", "half-tls", starttls="half"), farms.Host("none", "early-tls", starttls="early")]
    out += [farms.Host("none", "good", times=0, name="good")]
    return out


def refused_for_good(host):
    """5yz before MAIL speaks for the host, later for the message (RFC 5321 §3.1)."""
    return host.kind == "5xx" and host.step in ("mail", "rcpt", "data", "dot")


def send(server, token, recipients):
    with smtplib.SMTP("127.0.0.1", server.ports["submission"], local_hostname="client.example.com", timeout=60) as smtp:
        smtp.starttls(context=fixture.unverified_tls())
        smtp.login("alice@demo.test", fixture.PASSWORD)
        text = f"From: alice@demo.test\r\nTo: x@{token}.test\r\nSubject: {token}\r\n\r\n.{token}.\r\n..\r\n"
        refused = smtp.sendmail("alice@demo.test", recipients, text)
    if refused:
        raise fixture.TestFailure(f"submission refused {refused}")


def wait(what, condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise fixture.TestFailure(f"after {seconds} s still not: {what()}")
        time.sleep(0.2)


def reports(server):
    return [message.decode("utf-8", "replace") for message in server.messages("alice@demo.test")]


def main():
    fixture.need_binary("submission", "pop3s")
    slow = 4 if fixture.sanitized(fixture.binary()) else 1
    failures = []
    with farms.Farm(hosts(), PATIENCE) as farm:
        settings = {
            "delivery.port": farm.port, "delivery.retry": ["1 s"], "delivery.give_up_after": "10 min",
            "delivery.greeting_wait": f"{PATIENCE} s", "delivery.command_wait": f"{PATIENCE} s",
            "delivery.data_wait": f"{PATIENCE} s", "delivery.final_dot_wait": f"{PATIENCE} s", "delivery.connect_wait": "2 s",
        }
        with fixture.Postroad(settings=settings, zones=farm.zones()) as server:
            for host in farm.hosts:
                if host.name != "good":
                    send(server, host.name, [f"a@{host.domain()}", f"b@{host.domain()}"])
            begun = time.monotonic()
            send(server, "good", ["a@good.test"])
            wait(lambda: "the good server has its message", lambda: farm.copies(".good."), 20 * slow)
            print(f"the good server beside {len(farm.hosts) - 1} bad ones had its message after {time.monotonic() - begun:.2f} s")

            arriving = [host for host in farm.hosts if not refused_for_good(host)]
            refused = [host for host in farm.hosts if refused_for_good(host)]

            def missing():
                return [host.name for host in arriving if not farm.copies(f".{host.name}.")]
            wait(lambda: f"arrived: {missing()}", lambda: not missing(), 60 * slow)

            def untold():
                told = "".join(reports(server))
                return [host.name for host in refused if f"a@{host.domain()}" not in told]
            wait(lambda: f"reported: {untold()}", lambda: not untold(), 60 * slow)

            for host in arriving:
                copies = farm.copies(f".{host.name}.")
                # Nothing hides what was taken: a reset after the 250 is no reason to send again (C7).
                if len(copies) != 1:
                    failures.append(f"{host.name}: {len(copies)} copies")
                elif copies[0].recipients != [f"{n}@{host.domain()}" for n in ("a", "b")][:len(copies[0].recipients)]:
                    failures.append(f"{host.name}: to {copies[0].recipients}")
                elif not copies[0].content.endswith(f".{host.name}.\r\n..\r\n".encode()):
                    failures.append(f"{host.name}: altered: {copies[0].content[-80:]}")
            for host in refused:
                if farm.copies(f".{host.name}."):
                    failures.append(f"{host.name}: delivered although it was refused")
                about = [r for r in reports(server) if f"a@{host.domain()}" in r and "Action: failed" in r]
                if len(about) != 1:
                    failures.append(f"{host.name}: {len(about)} reports")
                elif host.step != "rcpt" and "5.7.1" not in about[0]:
                    failures.append(f"{host.name}: the report does not say why")
            if farm.wire_errors:
                failures.append(f"a bare CR or LF on the wire: {farm.wire_errors[0][:200]}")
    for failure in failures:
        print("FAILED: " + failure)
    print(f"{len(farm.hosts)} servers, {sum(host.sessions for host in farm.hosts)} sessions, {len(farm.taken)} messages taken, "
          f"{len(refused)} refusals reported, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except fixture.TestFailure as failure:
        sys.exit(f"FAILED: {failure}")
