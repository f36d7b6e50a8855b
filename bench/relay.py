#!/usr/bin/env python3
"""Mail relayed, durable in, out to a sink: Postroad beside Debian's Postfix, in pairs.

    relay.py [--rounds 3] [--octets 4096] [--only postfix,postroad] [--json FILE]

Relay: 50 clients hand over messages to one recipient each; the clock runs until the sink has taken all. Fan-out: ten
messages to 1,000 recipients at ten sites each. The CPU of a server is that of all its processes, from the first octet
until the sink has the last message. Postfix lets the generator's network relay; Postroad's clients sign in.
"""
import argparse
import pathlib
import shutil
import sys
import tempfile
import time

import measure
import rivals

SITES = [f"s{i}.test" for i in range(10)]
LETTERS = ["--recipient", "u%d@example.com", "--numbered", 50]
FAN_OUT = ["--recipient", *(f"u{n}@{SITES[n % len(SITES)]}" for n in range(1000)), "--recipients-per-message", 1000,
           "--messages", 10, "--clients", 1, "--reuse", 10]
WAYS = {"new connections": ["--clients", 50], "reused, pipelining": ["--clients", 50, "--reuse", 100, "--pipelining"]}


class Outside(measure.NullSink):
    """The servers of the rest of the world: takes everything and counts it."""

    def __init__(self, directory):
        self.log = directory / "outside.log"
        super().__init__("--log", self.log)
        self.read, self.messages, self.recipients = 0, 0, 0

    def count(self):
        with open(self.log, "rb") as log:
            log.seek(self.read)
            for line in log.readlines():
                if not line.endswith(b"\n"):
                    break
                self.read += len(line)
                self.messages += 1
                self.recipients += line.count(b"<") - 1
        return self.recipients

    def close(self):
        self.__exit__()


class PostfixCase:
    name = "postfix"

    def __init__(self, directory, outside):
        self.server = rivals.Postfix(directory / "postfix", [], relay=outside.port)

    def start(self):
        self.server.start()
        self.port, self.pids, self.sign_in = self.server.smtp_port, self.server.pids, []

    def stop(self):
        self.server.stop()


class PostroadCase:
    name = "postroad"

    def __init__(self, directory, outside, exe):
        import fake_dns
        import postroad_fixture
        zones = dict(fake_dns.WORLD)
        for site in SITES:
            zones |= {site: {"MX": [f"10 mx.{site}"]}, f"mx.{site}": {"A": ["127.0.0.1"]}}
        self.server = postroad_fixture.Postroad(directory / "postroad", accounts=["sender"], exe=exe, sink=outside, zones=zones, settings={
            "log.level": "info", "smtp.messages": 1_000_000, "auth.cleartext": True, "runtime.cores": 0})

    def start(self):
        self.server.create().start()
        self.port, self.pids = self.server.ports["submission"], [self.server.process.pid]
        self.sign_in = ["--auth", "sender@demo.test:postroad", "--sender", "sender@demo.test"]

    def stop(self):
        self.server.stop()
        self.server.dns.close()


def once(case, outside, messages, deliveries, *arguments):
    """One run: what the generator saw, and what the server used until the sink had taken all."""
    had = outside.count()
    before, begun = measure.cpu_seconds(case.pids), time.monotonic()
    seen = measure.generate("--to", f"127.0.0.1:{case.port}", *case.sign_in, *arguments)
    if seen["acknowledged"] != messages:
        raise RuntimeError(f"{case.name}: {seen['acknowledged']} of {messages} acknowledged: {seen}")
    end = begun + 600
    while outside.count() < had + deliveries and time.monotonic() < end:
        time.sleep(0.01)
    took, cpu = time.monotonic() - begun, measure.cpu_seconds(case.pids) - before
    if outside.recipients != had + deliveries:
        raise RuntimeError(f"{case.name}: {outside.recipients - had} of {deliveries} deliveries after {took:.0f} s")
    return {"deliveries_per_second": round(deliveries / took, 1), "accepted_per_second": seen["messages_per_second"],
            "server_cpu_per_1000": round(cpu * 1000 / deliveries, 4), "final_dot_ms": seen["final_dot_ms"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--octets", type=int, default=4096)
    parser.add_argument("--messages", type=int, default=1500, help="per run of Postfix; Postroad gets four times as many")
    parser.add_argument("--only", default="postfix,postroad")
    parser.add_argument("--directory", help="where queues lie (default: a new one under build/)")
    parser.add_argument("--json")
    arguments = parser.parse_args()

    parent = pathlib.Path(arguments.directory or measure.ROOT / "build" / "bench")
    parent.mkdir(parents=True, exist_ok=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="relay-", dir=parent))
    size = ["--octets", arguments.octets]
    result = {"machine": measure.machine(), "octets": arguments.octets, "runs": []}
    started = []
    with Outside(directory) as outside:
        try:
            if "postfix" in arguments.only:
                if reason := rivals.usable():
                    print("no rivals: " + reason)
                else:
                    started.append(PostfixCase(directory, outside))
            if "postroad" in arguments.only and (exe := measure.postroad_exe()):
                started.append(PostroadCase(directory, outside, exe))
            if not started:
                sys.exit("nothing to measure")
            for case in started:
                case.start()
                once(case, outside, 300, 300, *LETTERS, *size, "--messages", 300, "--clients", 50)
            for turn in range(arguments.rounds):
                for way, how in WAYS.items():
                    with measure.NullSink() as sink:
                        alone = measure.generate("--to", f"127.0.0.1:{sink.port}", *LETTERS, *size, "--messages", 10000, *how)
                    result["runs"].append({"round": turn, "way": way, "server": "null sink",
                                           "deliveries_per_second": alone["messages_per_second"]})
                    for case in started:
                        messages = arguments.messages * (4 if case.name == "postroad" else 1)
                        note(result, turn, way, case, once(case, outside, messages, messages, *LETTERS, *size, *how,
                                                           "--messages", messages, "--run", f"{turn}{way[0]}"))
                for case in started:
                    note(result, turn, "fan-out", case, once(case, outside, 10, 10000, *FAN_OUT, *size, "--run", f"{turn}f"))
        finally:
            for case in started:
                case.stop()
    shutil.rmtree(directory, ignore_errors=True)
    summarize(result)
    measure.write_result(f"relay-{arguments.octets}", result, arguments.json)


def note(result, turn, way, case, run):
    result["runs"].append({"round": turn, "way": way, "server": case.name, **run})
    print(f"round {turn + 1}  {way:20} {case.name:10} {run['deliveries_per_second']:9.1f}/s  "
          f"{run['server_cpu_per_1000']:7.3f} CPU s per 1000 deliveries", flush=True)


def summarize(result):
    result["summary"] = {}
    for way in dict.fromkeys(run["way"] for run in result["runs"]):
        runs = [run for run in result["runs"] if run["way"] == way]
        line = {}
        for server in dict.fromkeys(run["server"] for run in runs):
            own = [run for run in runs if run["server"] == server]
            line[server] = {field: measure.median([run[field] for run in own if field in run])
                            for field in ("deliveries_per_second", "server_cpu_per_1000")}
        if {"postfix", "postroad"} <= line.keys():
            of = {(run["server"], run["round"]): run for run in runs}
            turns = sorted({run["round"] for run in runs})
            line["ratios"] = {  # the median of the pairs
                "cpu": round(measure.median([of["postfix", t]["server_cpu_per_1000"] / of["postroad", t]["server_cpu_per_1000"] for t in turns]), 2),
                "rate": round(measure.median([of["postroad", t]["deliveries_per_second"] / of["postfix", t]["deliveries_per_second"] for t in turns]), 2)}
        result["summary"][way] = line
        print(f"{way}: " + "; ".join(f"{k} {v}" for k, v in line.items()))


if __name__ == "__main__":
    main()
