#!/usr/bin/env python3
"""Kills the server in the middle of its work, again and again, and counts what it had promised and did not keep.

    run.py --cycles 100                     on the binary under test (POSTROAD_BIN)
    run.py --cycles 100 --powercut          what was not synced is lost too (FUSE)
    run.py --cycles 20 --toy early          on a toy with a known fault
    run.py --cycles 20 --control            on a binary that breaks its promise (tests/CMakeLists.txt): must find it out

SIGTERM ends it after the cycle under way. Prints a table and, last, one JSON object. Exit 0: every promise kept; 1: not; 77: nothing to try.
"""
import argparse
import json
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import postroad_fixture as fixture  # noqa: E402
import systems  # noqa: E402
import work  # noqa: E402
from ledger import Ledger  # noqa: E402

BROKEN_PROMISES = ("lost", "refused but there", "duplicate", "resurrected", "altered", "stranger", "flag lost",
                   "uid regression", "does not start")
KEEP_AT_MOST = 300  # messages in a mailbox before the audit clears it


def clients_of(system, ledger, stop, seed):
    """The clients of one cycle; their names, and so their messages' ids, are their own."""
    made = []

    def add(kind, count, *arguments):
        made.extend(kind(f"{seed}{kind.__name__[0].lower()}{len(made)}", system, ledger, stop, seed, *arguments)
                    for _ in range(count))

    add(work.SmtpClient, 3)
    if "lmtp" in system.ports:
        add(work.ChunkingClient, 2)
        add(work.LmtpClient, 2)
    if "submission" in system.ports:
        add(work.SubmissionClient, 2)
    for account in system.accounts["collected"]:
        add(work.Pop3Client, 1, account)
    for account in system.accounts["kept"] if "imap" in system.ports else ():
        add(work.ImapClient, 1, account)
    return made


def mailboxes(system):
    return list(dict.fromkeys(system.accounts["delivered"] + system.accounts["collected"] + system.accounts["kept"]))


def audit(system, ledger, clear=True):
    """All mailboxes, after a restart. What is acked and still on its way gets some patience to arrive."""
    for account in mailboxes(system):
        end = time.monotonic() + system.patience
        view = system.view(account)
        while ledger.missing(account, view) and time.monotonic() < end:
            time.sleep(0.05)
            view = system.view(account)
        ledger.audit(account, view)
        if clear and len(view.rows) > KEEP_AT_MOST and hasattr(system, "clear"):
            system.clear(account, ledger)


def crash(system, cycles, shortest, longest, seed, tell=print, enough=lambda: False):
    """Runs the cycles, or until it is `enough`; answers (ledger, kill times, statistics)."""
    ledger, dice, kills = Ledger(), random.Random(seed), []
    inside, slowest = 0, 0.0
    system.create()
    system.start()
    for cycle in range(cycles):
        if enough():
            break
        before = sum(n for name, n in ledger.counts.items() if name.endswith("unknown"))
        stop = threading.Event()
        clients = clients_of(system, ledger, stop, f"{seed}c{cycle}")
        for client in clients:
            client.start()
        busy_since, acked = time.monotonic(), ledger.counts["acked"] + ledger.counts["relay acked"]
        time.sleep(dice.uniform(shortest, longest))
        while ledger.counts["acked"] + ledger.counts["relay acked"] < acked + 10 and time.monotonic() < busy_since + 10:
            time.sleep(0.005)   # on a busy machine: a kill before the work has begun proves nothing
        begun = time.time()
        system.kill()
        kills.append((begun, time.time()))   # a power cut takes its time, in which the server still speaks
        stop.set()
        for client in clients:
            client.join(30)
            if client.is_alive():
                raise fixture.TestFailure(f"client {client.name} hangs after the kill")
            if client.failure:
                raise client.failure
        inside += sum(n for name, n in ledger.counts.items() if name.endswith("unknown")) > before
        try:
            slowest = max(slowest, system.start())
            audit(system, ledger)
        except fixture.TestFailure as failure:
            lines = str(failure).splitlines()
            ledger.wrong("does not start", f"{lines[0]} {lines[-1]}")
        if ledger.violations:
            tell(f"cycle {cycle + 1}: {len(ledger.violations)} violations; the first: {ledger.violations[0]}")
            break
        if (cycle + 1) % 10 == 0:
            tell(f"cycle {cycle + 1}: {ledger.counts['acked']} acked, {ledger.counts['unknown']} unknown, 0 violations", flush=True)
    if not ledger.violations:
        if not system.settle():
            ledger.wrong("stuck", "the queue does not become empty")
        audit(system, ledger, clear=False)
        ledger.audit_relay(system.arrivals(), kills)
    return ledger, kills, {"kills": len(kills), "kills_inside_a_write": inside, "slowest_start_s": round(slowest, 3),
                           "widest_rfc1047_window_s": round(ledger.widest_window, 3)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--shortest", type=float, default=0.05, help="seconds from start to kill")
    parser.add_argument("--longest", type=float, default=3.0)
    parser.add_argument("--seed", default=None)
    parser.add_argument("--toy", help="a fault of toy_server.py")
    parser.add_argument("--powercut", action="store_true")
    parser.add_argument("--control", action="store_true", help="the server breaks its promise: exit 0 only if that is found")
    arguments = parser.parse_args()
    seed = arguments.seed or f"{random.randrange(10**6):06d}"

    directory = pathlib.Path(tempfile.mkdtemp(prefix="postroad-crash-"))
    if arguments.toy:
        system = systems.ToySystem(directory / "toy", arguments.toy)
    else:
        fixture.need_binary("pop3")
        if arguments.powercut:
            import powercut
            if reason := powercut.missing():
                print(reason)
                sys.exit(fixture.SKIPPED if "not built" in reason else 1)
            system = powercut.PowerCutSystem(directory)
        else:
            system = systems.PostroadSystem(directory / "server")
    begun, ended = time.monotonic(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    try:
        ledger, _, statistics = crash(system, arguments.cycles, arguments.shortest, arguments.longest, seed, enough=ended.is_set)
    finally:
        system.close()
    for name in sorted(set(ledger.counts) | {*BROKEN_PROMISES, "stuck"}):
        print(f"{name:32} {ledger.counts[name]}")
    for sentence in ledger.violations[:20]:
        print("  " + sentence)
    print(json.dumps({"seed": seed, **statistics, "seconds": round(time.monotonic() - begun, 1), **ledger.counts}))
    if not ledger.violations:
        shutil.rmtree(directory, ignore_errors=True)
    else:
        print(f"kept to be looked at: {directory}")
    found = sum(ledger.counts[name] for name in BROKEN_PROMISES)
    return int(bool(ledger.violations)) if not arguments.control else int(not found)


if __name__ == "__main__":
    sys.exit(main())
