#!/usr/bin/env python3
"""The power-cut file system itself: what was synced is there, what was not is gone or torn, faults come when asked for."""
import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import powercut  # noqa: E402
import run  # noqa: E402


class Cut(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="postroad-cut-")
        self.disk = powercut.Disk(self.folder.name)
        self.disk.start()
        self.here = self.disk.mount

    def tearDown(self):
        self.disk.unmount()
        self.folder.cleanup()

    def write(self, name, octets, sync=False, mode=os.O_WRONLY | os.O_CREAT, offset=None):
        fd = os.open(self.here / name, mode, 0o600)
        os.pwrite(fd, octets, offset) if offset is not None else os.write(fd, octets)
        if sync:
            os.fsync(fd)
        os.close(fd)

    def sync_folder(self, path="."):
        fd = os.open(self.here / path, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)

    def cut(self, seed=0):
        self.disk.cut(seed)
        return {str(p.relative_to(self.disk.live)): p.read_bytes() for p in self.disk.live.rglob("*") if p.is_file()}

    def test_what_is_synced_survives_and_what_is_not_does_not(self):
        self.write("a", b"synced", sync=True)
        self.write("b", b"not synced")
        self.write("a", b" and more", mode=os.O_WRONLY | os.O_APPEND)
        self.assertEqual(self.cut(), {"a": b"synced"})

    def test_a_file_written_over_keeps_its_old_octets(self):
        self.write("a", b"0123456789", sync=True)
        self.write("a", b"XX", offset=4)
        self.assertEqual(self.cut(), {"a": b"0123456789"})

    def test_a_rename_without_sync_is_undone(self):
        self.write("a", b"old", sync=True)
        self.write("a.new", b"new", sync=True)
        os.rename(self.here / "a.new", self.here / "a")
        self.assertEqual(self.cut(), {"a": b"old", "a.new": b"new"})

    def test_a_rename_with_its_folder_synced_holds(self):
        self.write("a", b"old", sync=True)
        self.write("a.new", b"new", sync=True)
        os.rename(self.here / "a.new", self.here / "a")
        self.sync_folder()
        self.assertEqual(self.cut(), {"a": b"new"})

    def test_a_file_in_a_renamed_folder_is_found(self):
        os.mkdir(self.here / "x")
        self.write("x/a", b"1", sync=True)
        os.rename(self.here / "x", self.here / "y")
        self.write("y/b", b"2", sync=True)
        self.assertEqual(self.cut(), {"y/a": b"1", "y/b": b"2"})

    def test_a_removed_file_comes_back_unless_synced(self):
        self.write("a", b"1", sync=True)
        self.write("b", b"2", sync=True)
        os.unlink(self.here / "a")
        self.sync_folder()
        os.unlink(self.here / "b")
        self.write("c", b"the number of b may be given to c")
        self.assertEqual(self.cut(), {"b": b"2"})

    def test_a_renamed_name_without_content_is_the_classic_mistake_and_shows(self):
        """Write, rename, sync the folder, but never the file: the name is there and the content is not."""
        self.write("a.new", b"never synced")
        os.rename(self.here / "a.new", self.here / "a")
        self.sync_folder()
        self.assertEqual(self.cut(), {"a": b""})

    def test_a_torn_write_keeps_whole_sectors(self):
        self.write("a", b"o" * 4096, sync=True)
        self.write("a", b"n" * 4096, offset=0)
        found = self.cut(seed=7)["a"]
        sectors = [found[i:i + 512] for i in range(0, 4096, 512)]
        self.assertTrue(all(s in (b"o" * 512, b"n" * 512) for s in sectors))
        self.assertEqual(len(set(sectors)), 2, "with this seed some are old and some new")

    def test_life_goes_on_after_a_cut(self):
        self.write("a", b"1", sync=True)
        self.cut()
        self.disk.start()
        self.write("a", b"22", sync=True)
        self.assertEqual(self.cut(), {"a": b"22"})

    def test_faults_come_when_asked_for_and_heal(self):
        self.disk.control("fail write 3")
        for _ in range(2):
            self.write("a", b"x")
        with self.assertRaises(OSError):
            self.write("a", b"x")
        with self.assertRaises(OSError):
            self.write("a", b"x")
        self.disk.control("heal")
        self.disk.control("fail sync 1")
        with self.assertRaises(OSError):
            self.write("a", b"x", sync=True)


class Strict(Cut):
    """Names need an fsync of their folder; content behaves as above."""

    def setUp(self):
        super().setUp()
        self.disk.unmount()
        self.disk.strict = True
        self.disk.start()

    def write(self, name, octets, sync=False, **more):
        super().write(name, octets, sync, **more)
        if sync:
            self.sync_folder(pathlib.Path(name).parent)
            if "/" in name:
                self.sync_folder()

    def test_a_synced_file_without_its_name_is_gone(self):
        super().write("a", b"1", sync=True)
        self.assertEqual(self.cut(), {})


class Toys(unittest.TestCase):
    """The crash ledger with power cuts: an honest server passes, one that skips its fsync does not."""

    def violations(self, fault, strict):
        with tempfile.TemporaryDirectory(prefix="postroad-cut-") as directory:
            system = powercut.PowerCutToy(directory, fault, strict)
            try:
                ledger, _, _ = run.crash(system, 4, 0.3, 0.6, "toy", tell=lambda *_, **__: None)
            finally:
                system.close()
            self.assertGreaterEqual(ledger.counts["acked"], 10)
            return {v.split(":")[0] for v in ledger.violations}

    def test_an_honest_server_loses_nothing(self):
        self.assertEqual(self.violations("honest", False), set())
        self.assertEqual(self.violations("honest", True), set())

    def test_a_skipped_fsync_is_found(self):
        self.assertIn("lost", self.violations("lazy", False))


if __name__ == "__main__":
    if reason := powercut.missing():
        print(reason)
        sys.exit(77 if "not built" in reason else 1)
    unittest.main()
