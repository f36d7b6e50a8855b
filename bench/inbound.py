#!/usr/bin/env python3
"""Inbound mail, durable, to mailboxes: Postroad beside Debian's Postfix (and Postfix + Dovecot), in pairs.

    inbound.py [--rounds 3] [--dovecot] [--octets 4096] [--only postfix,postroad] [--json FILE]

Each round runs the generator against the null sink, then each server, one after the other, all on the same file
system, with a new connection for each message (50 clients) and with reused connections and PIPELINING (200 clients). The
CPU of a server is that of all its processes, from the first message until the last one is in its mailbox.
"""
import argparse
import pathlib
import shutil
import sys
import tempfile
import time

import measure
import rivals

ACCOUNTS = [f"u{i}" for i in range(50)]
TO = ["--recipient", "u%d@demo.test", "--numbered", len(ACCOUNTS)]


class PostfixCase:
    name = "postfix"

    def __init__(self, directory):
        self.server = rivals.Postfix(directory / "postfix", ACCOUNTS)
        self.counted = 0

    def start(self):
        self.server.start()
        self.port, self.pids = self.server.smtp_port, self.server.pids

    def settle(self, messages):
        self.counted += messages
        return self.server.settle(self.counted) - self.counted + messages

    def stop(self):
        self.server.stop()


class PostfixDovecotCase:
    name = "postfix+dovecot"

    def __init__(self, directory):
        self.dovecot = rivals.Dovecot(directory / "dovecot", ACCOUNTS)
        self.directory = directory
        self.counted = 0

    def start(self):
        self.dovecot.start()
        self.postfix = rivals.Postfix(self.directory / "postfix-lmtp", ACCOUNTS, lmtp=self.dovecot.lmtp_port).start()
        self.port, self.pids = self.postfix.smtp_port, self.postfix.pids + self.dovecot.pids

    def settle(self, messages):
        self.counted += messages
        return self.dovecot.settle(self.counted) - self.counted + messages

    def stop(self):
        self.postfix.stop()
        self.dovecot.stop()


class PostroadCase:
    name = "postroad"

    def __init__(self, directory, exe):
        import postroad_fixture
        self.server = postroad_fixture.Postroad(directory / "postroad", accounts=ACCOUNTS, exe=exe, settings={
            "log.level": "info", "smtp.messages": 1_000_000, "runtime.cores": 0})

    def start(self):
        self.server.create().start()
        self.port, self.pids = self.server.ports["smtp"], [self.server.process.pid]

    def settle(self, messages):
        return messages  # one recipient each: in its mailbox when it is acknowledged

    def stop(self):
        self.server.close()


def once(case, messages, *arguments):
    """One run: what the generator saw, and what the server used until all was delivered."""
    before, begun = measure.cpu_seconds(case.pids), time.monotonic()
    seen = measure.generate("--to", f"127.0.0.1:{case.port}", *TO, "--messages", messages, *arguments)
    delivered = case.settle(seen["acknowledged"])
    cpu = measure.cpu_seconds(case.pids) - before
    if seen["acknowledged"] != messages or delivered < messages:
        raise RuntimeError(f"{case.name}: {seen['acknowledged']} of {messages} acknowledged, {delivered} delivered: {seen}")
    return {"messages_per_second": seen["messages_per_second"], "until_delivered_s": round(time.monotonic() - begun, 3),
            "delivered_per_second": round(messages / (time.monotonic() - begun), 1),
            "server_cpu_per_1000": round(cpu * 1000 / messages, 4),
            "generator_cpu_per_1000": seen["generator_cpu_per_1000"], "final_dot_ms": seen["final_dot_ms"]}


WAYS = {
    "new connections": ["--clients", 50],
    "reused, pipelining": ["--clients", 200, "--reuse", 100, "--pipelining"],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--octets", type=int, default=4096)
    parser.add_argument("--messages", type=int, default=3000, help="per run of a rival; Postroad gets five times as many")
    parser.add_argument("--dovecot", action="store_true", help="also Postfix delivering to Dovecot by LMTP")
    parser.add_argument("--only", default="", help="postfix, postfix+dovecot, postroad")
    parser.add_argument("--directory", help="where queues and mailboxes lie (default: a new one under build/)")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    wanted = arguments.only.split(",") if arguments.only else ["postfix", "postroad"] + ["postfix+dovecot"] * arguments.dovecot

    parent = pathlib.Path(arguments.directory or measure.ROOT / "build" / "bench")
    parent.mkdir(parents=True, exist_ok=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="inbound-", dir=parent))
    cases = []
    if reason := rivals.usable():
        print("no rivals: " + reason)
    else:
        cases += [PostfixCase(directory)] * ("postfix" in wanted) + [PostfixDovecotCase(directory)] * ("postfix+dovecot" in wanted)
    if "postroad" in wanted:
        exe = measure.postroad_exe()
        if exe is None:
            print("no Postroad: build/postroad is missing (make build)")
        else:
            cases.append(PostroadCase(directory, exe))
    if not cases:
        sys.exit("nothing to measure")

    size = ["--octets", arguments.octets]
    result = {"machine": measure.machine(), "octets": arguments.octets, "runs": []}
    started = []
    try:
        for case in cases:
            case.start()
            started.append(case)
            once(case, 500, *size)  # warm: processes forked, files made
        for turn in range(arguments.rounds):
            for way, how in WAYS.items():
                with measure.NullSink() as sink:
                    alone = measure.generate("--to", f"127.0.0.1:{sink.port}", *TO, "--messages", 10000, *size, *how)
                result["runs"].append({"round": turn, "way": way, "server": "null sink",
                                       "messages_per_second": alone["messages_per_second"],
                                       "generator_cpu_per_1000": alone["generator_cpu_per_1000"]})
                for case in cases:
                    messages = arguments.messages * (5 if case.name == "postroad" else 1)
                    run = once(case, messages, *size, *how, "--run", f"{turn}{way[0]}")
                    result["runs"].append({"round": turn, "way": way, "server": case.name, **run})
                    print(f"round {turn + 1}  {way:20} {case.name:16} {run['messages_per_second']:9.1f}/s  "
                          f"{run['server_cpu_per_1000']:7.3f} CPU s per 1000  p99 {run['final_dot_ms']['p99']:8.2f} ms", flush=True)
        for case in cases:
            top = measure.median([r["messages_per_second"] for r in result["runs"]
                                  if r["server"] == case.name and r["way"] == "new connections"])
            half = once(case, int(min(top * 5, 20000)), *size, "--clients", 200, "--rate", top / 2, "--run", "half")
            result["runs"].append({"way": "half rate", "server": case.name, **half})
            print(f"half rate {top / 2:8.1f}/s           {case.name:16} p50 {half['final_dot_ms']['p50']:.2f} "
                  f"p99 {half['final_dot_ms']['p99']:.2f} max {half['final_dot_ms']['max']:.2f} ms")
    finally:
        for case in started:
            case.stop()
        shutil.rmtree(directory, ignore_errors=True)
    summarize(result, [case.name for case in cases])
    measure.write_result(f"inbound-{arguments.octets}", result, arguments.json)


def summarize(result, names):
    result["summary"] = {}
    for way in WAYS:
        def of(server, field):
            return measure.median([r[field] for r in result["runs"] if r["server"] == server and r["way"] == way])
        line = {name: {"messages_per_second": of(name, "messages_per_second"), "server_cpu_per_1000": of(name, "server_cpu_per_1000"),
                       "p99_ms": measure.median([r["final_dot_ms"]["p99"] for r in result["runs"]
                                                 if r["server"] == name and r["way"] == way])} for name in names}
        line["null sink"] = {"messages_per_second": of("null sink", "messages_per_second")}
        if {"postfix", "postroad"} <= set(names):
            # The median of the pairs, not the ratio of two medians: the neighbours change from round to round.
            def ratio(over, under, field):
                runs = {(r["server"], r["round"]): r[field] for r in result["runs"] if r["way"] == way and field in r}
                rounds = sorted(turn for server, turn in runs if server == over)
                return round(measure.median([runs[over, turn] / runs[under, turn] for turn in rounds]), 3)
            line["ratios"] = {"cpu": ratio("postfix", "postroad", "server_cpu_per_1000"),
                              "rate": ratio("postroad", "postfix", "messages_per_second"),
                              "of null sink": ratio("postroad", "null sink", "messages_per_second")}
        result["summary"][way] = line
        print(f"{way}: " + "; ".join(f"{k} {v}" for k, v in line.items()))


if __name__ == "__main__":
    main()
