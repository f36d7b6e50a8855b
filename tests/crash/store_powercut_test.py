#!/usr/bin/env python3
"""A second opinion on the store: its stories told on a file system that loses power (powercut_fs.cc), in another process.

The store's own test cuts power at thousands of places of a simulated disk; here the kernel, RocksDB's own file system
code and a real process lie between. CYCLES says how many cuts.
"""
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import powercut  # noqa: E402

PROGRAM = os.environ.get("STORE_TEST", "")


def child(which, **settings):
    return {"args": [PROGRAM, f"--gtest_filter=KillChild.*{which}*", "--gtest_also_run_disabled_tests"],
            "env": {**os.environ, **{f"POSTROAD_KILL_{key.upper()}": str(value) for key, value in settings.items()}}}


class Store(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="postroad-store-cut-")
        self.dice = random.Random(1)

    def tearDown(self):
        self.folder.cleanup()

    def tell(self, disk, seconds, **settings):
        """The lines the child reported until the power went."""
        ends = os.pipe()
        start = child("Tells", directory=disk.mount, **settings)
        process = subprocess.Popen(**start, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   preexec_fn=lambda: os.dup2(ends[1], 3), pass_fds=(3,) if ends[1] == 3 else (3, ends[1]))
        os.close(ends[1])
        lines, answered = [], threading.Event()

        def listen():
            with os.fdopen(ends[0]) as pipe:
                for line in pipe:
                    lines.append(line)
                    if line.startswith("a "):
                        answered.set()

        listener = threading.Thread(target=listen)
        listener.start()
        self.assertTrue(answered.wait(60), "the store answered nothing")
        time.sleep(seconds)
        # What was reported before the cut began was answered before it; of the rest nobody can tell.
        before = len(lines)
        disk.cut(self.dice.choice([0, self.dice.randrange(1, 1 << 60)]), process.kill)
        process.wait()
        listener.join()
        return lines[:before], lines[before:]

    def cycles(self, count, strict, **settings):
        """The first thing that is wrong, or None."""
        disk = powercut.Disk(pathlib.Path(self.folder.name) / f"disk{strict}", strict)
        known = []
        for cycle in range(count):
            disk.start()
            before, after = self.tell(disk, self.dice.uniform(0.05, 0.5), **settings)
            known += before + [line for line in after if line.startswith("t ")]
            reports = pathlib.Path(self.folder.name) / "reports"
            reports.write_text("".join(known))
            looked = subprocess.run(**child("Finds", directory=disk.live, reports=reports), capture_output=True, text=True)
            if looked.returncode != 0:
                return f"cycle {cycle}: {looked.stdout[-2000:]}{looked.stderr[-2000:]}"
        return None

    def test_nothing_that_was_answered_is_lost(self):
        count = int(os.environ.get("CYCLES", "6"))
        for strict in (False, True):
            with self.subTest(strict=strict):
                self.assertIsNone(self.cycles(count, strict))

    def test_a_store_that_answers_before_it_commits_is_found_out(self):
        self.assertIsNotNone(self.cycles(15, False, sabotage="1"))


if __name__ == "__main__":
    if not os.path.exists(PROGRAM):
        print("SKIPPED: STORE_TEST names no program")
        sys.exit(77)
    reason = powercut.missing()
    if reason:
        print(reason)
        sys.exit(77 if reason.startswith("SKIPPED") else 1)
    unittest.main()
