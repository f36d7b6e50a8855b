#!/usr/bin/env python3
"""POP3: a maildrop of 10,000 messages of 4 KiB fetched and erased, Postroad beside Debian's Dovecot, in pairs.

    pop3.py [--rounds 3] [--messages 10000] [--only dovecot,postroad] [--json FILE]

The maildrops are filled by LMTP (the same generator for both), then one client says RETR and DELE for each message,
one at a time and with 50 in flight, and QUIT. Time and server CPU are those from the sign-in to the answer to QUIT.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import measure
import rivals

ACCOUNTS = ["u0"]
IN_FLIGHT = (1, 50)


class DovecotCase:
    name = "dovecot"

    def __init__(self, directory):
        self.server = rivals.Dovecot(directory / "dovecot", ACCOUNTS)

    def start(self):
        self.server.start()
        self.lmtp, self.pop3, self.pids = self.server.lmtp_port, self.server.pop3_port, self.server.pids

    def stop(self):
        self.server.stop()


class PostroadCase:
    name = "postroad"

    def __init__(self, directory, exe):
        import postroad_fixture
        self.server = postroad_fixture.Postroad(directory / "postroad", accounts=ACCOUNTS, exe=exe, settings={
            "log.level": "info", "auth.cleartext": True, "smtp.messages": 1_000_000, "runtime.cores": 0})

    def start(self):
        self.server.create().start()
        self.lmtp, self.pop3, self.pids = self.server.ports["lmtp"], self.server.ports["pop3"], [self.server.process.pid]

    def stop(self):
        self.server.close()


def once(case, messages, octets, in_flight):
    filled = measure.generate("--to", f"127.0.0.1:{case.lmtp}", "--lmtp", "--recipient", "u0@demo.test", "--clients", 10,
                              "--reuse", 1000, "--messages", messages, "--octets", octets)
    if filled["acknowledged"] != messages:
        raise RuntimeError(f"{case.name} took {filled['acknowledged']} of {messages}")
    before = measure.cpu_seconds(case.pids)
    done = subprocess.run([measure.tool("bench_pop3"), "--to", f"127.0.0.1:{case.pop3}", "--user", "u0@demo.test",
                           "--in-flight", str(in_flight)], capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    seen = json.loads(done.stdout)
    if seen["messages"] != messages:
        raise RuntimeError(f"{case.name} had {seen['messages']} of {messages}: what was erased came back, or mail is missing")
    return {**seen, "server_cpu_s": round(measure.cpu_seconds(case.pids) - before, 3)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--octets", type=int, default=4096)
    parser.add_argument("--only", default="dovecot,postroad")
    parser.add_argument("--directory")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    parent = pathlib.Path(arguments.directory or measure.ROOT / "build" / "bench")
    parent.mkdir(parents=True, exist_ok=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="pop3-", dir=parent))
    exe = measure.postroad_exe()
    cases = []
    if "dovecot" in arguments.only:
        if reason := rivals.usable():
            print("no rivals: " + reason)
        else:
            cases.append(DovecotCase(directory))
    if "postroad" in arguments.only:
        if exe is None:
            sys.exit("build/postroad is missing: make build")
        cases.append(PostroadCase(directory, exe))
    result = {"machine": measure.machine(), "runs": []}
    started = []
    try:
        for case in cases:
            case.start()
            started.append(case)
        for turn in range(arguments.rounds):
            for in_flight in IN_FLIGHT:
                for case in cases:
                    run = once(case, arguments.messages, arguments.octets, in_flight)
                    result["runs"].append({"round": turn, "server": case.name, **run})
                    print(f"round {turn + 1}  {in_flight:3} in flight  {case.name:9} {run['messages_per_second']:9.1f}/s  "
                          f"erased {run['erased_s']:.3f} s, server {run['server_cpu_s']:.2f} CPU s", flush=True)
    finally:
        for case in started:
            case.stop()
        shutil.rmtree(directory, ignore_errors=True)
    for in_flight in IN_FLIGHT:
        middle = {case.name: measure.median([r["erased_s"] for r in result["runs"]
                                             if r["server"] == case.name and r["in_flight"] == in_flight]) for case in cases}
        if {"dovecot", "postroad"} <= set(middle):
            middle["ratio of time"] = round(middle["postroad"] / middle["dovecot"], 3)
        result[f"{in_flight} in flight"] = middle
        print(f"{in_flight} in flight: {middle}")
    measure.write_result("pop3", result, arguments.json)


if __name__ == "__main__":
    main()
