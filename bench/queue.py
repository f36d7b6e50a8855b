#!/usr/bin/env python3
"""A long queue: Postroad with a backlog for sites that do not answer.

    queue.py [--queued 100000] [--sites 1000] [--json FILE]

Fills the queue with mail for dead sites (each drops our packets, so every attempt waits for its time-out), and tells what that
costs: memory, the time from a start to the first delivery elsewhere, the time of `queue list`, the delay of a live site beside
the dead ones compared with an empty queue, and how fast the backlog leaves once the sites answer.
"""
import argparse
import json
import pathlib
import shutil
import smtplib
import socket
import sys
import tempfile
import time

import measure
from relay import Outside


class BlackHole:
    """Takes no connection and says nothing: the queue of its listener is full."""

    def __init__(self, address, port):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(0)
        self.fillers = []
        for _ in range(4):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex((address, port))
            self.fillers.append(s)

    def close(self):
        for s in (self.listener, *self.fillers):
            s.close()


class Office:
    """A Postroad, the world outside, and sites by the name dead0.test ... that are where `dead` says."""

    def __init__(self, directory, exe, sites):
        import fake_dns
        import postroad_fixture
        self.outside = Outside(directory)
        self.hole = BlackHole("127.0.0.2", self.outside.port)
        self.zones = dict(fake_dns.WORLD)
        for n in range(sites):
            self.zones |= {f"dead{n}.test": {"MX": [f"10 mx.dead{n}.test"]}, f"mx.dead{n}.test": {"A": ["127.0.0.2"]}}
        self.server = postroad_fixture.Postroad(directory / "postroad", accounts=["sender"], exe=exe, sink=self.outside, zones=self.zones, settings={
            "log.level": "warning", "smtp.messages": 1_000_000, "auth.cleartext": True, "runtime.cores": 0, "delivery.connect_wait": "5 s"})
        self.server.create().start()

    def fill(self, messages, sites):
        recipients = [f"u@dead{n}.test" for n in range(sites)]
        seen = measure.generate("--to", f"127.0.0.1:{self.server.ports['submission']}", "--auth", "sender@demo.test:postroad", "--sender",
                                "sender@demo.test", "--recipient", *recipients, "--messages", messages, "--clients", 50, "--reuse", 200,
                                "--pipelining", "--octets", 4096, timeout=1800)
        if seen["acknowledged"] != messages:
            raise RuntimeError(f"{seen['acknowledged']} of {messages} acknowledged")
        return seen["messages_per_second"]

    def delays(self, count, pause):
        """From the 250 to the sink's own, in ms, of one message after another to a live site."""
        sent = {}
        with smtplib.SMTP("127.0.0.1", self.server.ports["submission"], timeout=60) as smtp:
            smtp.login("sender@demo.test", "postroad")
            for n in range(count):
                name = f"live{time.time_ns()}.{n}@client.example.com"
                smtp.sendmail("sender@demo.test", ["u@example.com"], f"Message-ID: <{name}>\r\nFrom: sender@demo.test\r\n\r\n{'x' * 70}\r\n")
                sent[name] = time.time_ns()
                time.sleep(pause)
        found, end = {}, time.monotonic() + 60
        while len(found) < count and time.monotonic() < end:
            time.sleep(0.2)
            for line in self.outside.log.read_text().splitlines():
                when, name, *_ = line.split(" ")
                if name in sent:
                    found[name] = (int(when) - sent[name]) / 1e6
        if len(found) < count:
            raise RuntimeError(f"{count - len(found)} of {count} messages to a live site did not arrive")
        return sorted(found.values())

    def close(self):
        self.server.stop()
        self.server.dns.close()
        self.outside.close()
        self.hole.close()


def at(values, share):
    return round(values[min(len(values) - 1, int(len(values) * share))], 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queued", type=int, default=100_000)
    parser.add_argument("--sites", type=int, default=1000)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    exe = measure.postroad_exe()
    if exe is None:
        sys.exit("no Postroad: build/postroad is missing (make build)")
    parent = measure.ROOT / "build" / "bench"
    parent.mkdir(parents=True, exist_ok=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="queue-", dir=parent))
    result = {"machine": measure.machine(), "queued": arguments.queued, "sites": arguments.sites}

    def tell(name, value):
        result[name] = value
        print(f"{name}: {value}", flush=True)

    office = Office(directory, exe, arguments.sites)
    try:
        office.delays(20, 0.01)
        empty = office.delays(300, 0.02)
        tell("delay of a live site, empty queue, ms (p50, p95)", [at(empty, 0.5), at(empty, 0.95)])
        tell("rss, empty queue, MiB", office.server.rss_kib() // 1024)
        tell("accepted for dead sites per second", office.fill(arguments.queued, arguments.sites))
        tell("rss, backlog, MiB", office.server.rss_kib() // 1024)
        beside = office.delays(300, 0.02)
        tell("delay of a live site beside the dead, ms (p50, p95)", [at(beside, 0.5), at(beside, 0.95)])

        listed = []
        for _ in range(5):
            begun = time.monotonic()
            page = json.loads(office.server.cli("queue", "list", "--json").stdout)
            listed.append(time.monotonic() - begun)
        tell("queue list, first page, s", round(measure.median(listed), 3))
        if not page:
            raise RuntimeError("queue list shows nothing")

        office.server.stop()
        sent = f"first{time.time_ns()}@client.example.com"
        begun = time.monotonic()
        office.server.start()
        answering = time.monotonic() - begun
        with smtplib.SMTP("127.0.0.1", office.server.ports["submission"], timeout=60) as smtp:
            smtp.login("sender@demo.test", "postroad")
            smtp.sendmail("sender@demo.test", ["u@example.com"], f"Message-ID: <{sent}>\r\nFrom: sender@demo.test\r\n\r\nfirst\r\n")
        while sent not in office.outside.log.read_text() and time.monotonic() < begun + 120:
            time.sleep(0.01)
        tell("from the start to the first delivery, s (of it until all listeners answer)", [round(time.monotonic() - begun, 3), round(answering, 3)])
        tell("rss after the start, MiB", office.server.rss_kib() // 1024)
        again = office.delays(300, 0.02)
        tell("delay of a live site after the start, ms (p50, p95)", [at(again, 0.5), at(again, 0.95)])

        # The sites answer again.
        before = office.outside.count()
        for n in range(arguments.sites):
            office.server.dns.zones[f"mx.dead{n}.test"] = {"A": ["127.0.0.1"]}
        office.hole.close()
        begun = time.monotonic()
        office.server.stop()  # and forgets what it knows of their addresses
        office.server.start()
        office.server.cli("queue", "retry", "--all", seconds=300)
        end = time.monotonic() + 1200
        while office.outside.count() < before + arguments.queued and time.monotonic() < end:
            time.sleep(0.05)
        took = time.monotonic() - begun
        tell("drained per second", round((office.outside.recipients - before) / took, 1))
        tell("left behind", before + arguments.queued - office.outside.recipients)
        tell("CPU s per 1,000 drained", round(measure.cpu_seconds([office.server.process.pid]) * 1000 / arguments.queued, 3))
        tell("highest rss, MiB", office.server.rss_kib("VmHWM") // 1024)
    finally:
        office.close()
    shutil.rmtree(directory, ignore_errors=True)
    measure.write_result("queue", result, arguments.json)


if __name__ == "__main__":
    main()
