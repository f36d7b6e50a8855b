#!/usr/bin/env python3
"""Memory: what an idle connection costs, and whether 1,000 messages of 25 MB at once fit into 512 MiB.

    memory.py idle [--connections 10000]     user memory per connection, plain and TLS, SMTP, POP3 and IMAP
    memory.py flood [--messages 1000]        in a cgroup of 512 MiB (needs root); else only measured

Idle: the growth of the server's Rss as /proc/PID/smaps_rollup tells it, after a first hundred connections have warmed
its pools. Flood: taken or shed with 452 and 421, never killed; whatever was acknowledged must be there.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import measure

CGROUP_V1, CGROUP_V2 = pathlib.Path("/sys/fs/cgroup/memory"), pathlib.Path("/sys/fs/cgroup")


def rss_kib(pid):
    for line in open(f"/proc/{pid}/smaps_rollup"):
        if line.startswith("Rss:"):
            return int(line.split()[1])


def memory_cgroup(mib):
    """A cgroup with that limit, or None where none can be made: (where to write a pid, files to read afterwards)."""
    name = f"postroad-bench-{os.getpid()}"
    try:
        if (CGROUP_V1 / "memory.limit_in_bytes").exists():
            group = CGROUP_V1 / name
            group.mkdir()
            (group / "memory.limit_in_bytes").write_text(str(mib << 20))
        elif (CGROUP_V2 / "cgroup.controllers").exists() and "memory" in (CGROUP_V2 / "cgroup.controllers").read_text():
            group = CGROUP_V2 / name
            group.mkdir()
            (group / "memory.max").write_text(str(mib << 20))
        else:
            return None
        return group
    except OSError:
        return None


class Held:
    """Connections that bench_idle holds open."""

    def __init__(self, port, count, *arguments):
        self.process = subprocess.Popen([measure.tool("bench_idle"), "--to", f"127.0.0.1:{port}", "--connections", str(count),
                                         *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("bench_idle could not hold them")
        self.told = json.loads(line)

    def __enter__(self):
        return self.told

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def start(directory, exe, settings=None, **more):
    import postroad_fixture
    server = postroad_fixture.Postroad(directory, exe=exe, settings={"log.level": "warning", "runtime.cores": 0, **(settings or {})}, **more)
    server.create().start()
    return server


def idle(exe, connections, directory):
    results = {}
    for name, port, *how in (("smtp plain", "smtp"), ("submission TLS", "submissions", "--tls"), ("pop3 plain", "pop3"),
                             ("pop3 TLS", "pop3s", "--tls"), ("imap plain", "imap"), ("imap TLS", "imaps", "--tls")):
        # A server of its own for each: what one leaves in the allocator would hide what the next one costs.
        server = start(directory / port, exe)
        try:
            pid = server.process.pid
            with Held(server.ports[port], 100, *how):
                pass
            time.sleep(0.5)
            before = rss_kib(pid)
            with Held(server.ports[port], connections, *how) as told:
                time.sleep(1)
                grown = rss_kib(pid) - before
                each = grown * 1024 / max(told["connections"], 1)
                results[name] = {**told, "octets_per_connection": round(each)}
                print(f"{name:16} {told['connections']:6} held, {told['failed']} failed, {each / 1024:6.2f} KiB each", flush=True)
        finally:
            server.close()
    return results


def flood(exe, messages, directory):
    group = memory_cgroup(512)
    if group is None:
        print("no memory cgroup can be made here: measuring the peak only")
    server = start(directory, exe, {"limits.message": "50 MiB", "smtp.messages": 100000})
    try:
        pid = server.process.pid
        if group is not None:
            (group / "cgroup.procs").write_text(str(pid))
        seen = measure.generate("--to", f"127.0.0.1:{server.ports['smtp']}", "--recipient", "bob@demo.test", "--clients", messages,
                                "--messages", messages, "--octets", 25_000_000, "--patience", 120, timeout=1800)
        alive = server.process.poll() is None
        peak = server.rss_kib("VmHWM") if alive else None
        kept = 0
        if alive:
            pop = server.pop3("bob@demo.test")
            kept = pop.stat()[0]
            pop.quit()
        result = {**seen, "limit_mib": 512 if group is not None else None, "alive": alive, "peak_rss_mib": peak and peak >> 10,
                  "kept": kept, "lost": max(0, seen["acknowledged"] - kept)}
        print(json.dumps(result, indent=1))
        return result
    finally:
        server.close()
        if group is not None:
            time.sleep(0.5)
            group.rmdir()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["idle", "flood"])
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--directory")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    exe = measure.postroad_exe()
    if exe is None:
        sys.exit("build/postroad is missing: make build")
    parent = pathlib.Path(arguments.directory or measure.ROOT / "build" / "bench")
    parent.mkdir(parents=True, exist_ok=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="memory-", dir=parent))
    try:
        run = idle(exe, arguments.connections, directory) if arguments.what == "idle" else flood(exe, arguments.messages, directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    measure.write_result(f"memory-{arguments.what}", {"machine": measure.machine(), **run}, arguments.json)


if __name__ == "__main__":
    main()
