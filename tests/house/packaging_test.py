#!/usr/bin/env python3
"""The systemd files are right as systemd reads them, and the sandbox is as tight as we say."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("POSTROAD_SOURCE", pathlib.Path(__file__).parents[2]))
UNIT = SOURCE / "packaging/postroad.service"
LOOSEST = 2.0  # of 10, durability.md §6, R15


def run(*command):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)


def exposure(unit):
    said = run("systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)).stdout
    return float(re.search(r"Overall exposure level for \S+ ([0-9.]+)", said).group(1))


class Packaging(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postroad_packaging_"))
        self.addCleanup(shutil.rmtree, self.folder)

    def unit(self, change):
        path = self.folder / "postroad.service"
        path.write_text(change(UNIT.read_text()))
        return path

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd is not installed")
    def test_the_unit_is_understood_to_the_last_line(self):
        # The program is not installed here; everything else is judged as it stands.
        def installed(text):
            return text.replace("ExecStart=/usr/bin/postroad", "ExecStart=/bin/true")
        said = run("systemd-analyze", "verify", "--man=no", str(self.unit(installed))).stdout
        self.assertNotIn("postroad.service", said)
        said = run("systemd-analyze", "verify", "--man=no",
                   str(self.unit(lambda text: installed(text) + "NoSuchKey=1\n"))).stdout
        self.assertIn("NoSuchKey", said)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd is not installed")
    def test_the_sandbox_is_tight(self):
        self.assertLessEqual(exposure(UNIT), LOOSEST)
        loose = self.unit(lambda text: re.sub(r"(?m)^(Protect|Restrict|SystemCall|Private).*\n", "", text))
        self.assertGreater(exposure(loose), LOOSEST)

    @unittest.skipUnless(shutil.which("systemd-sysusers"), "systemd is not installed")
    def test_user_and_folders_are_made(self):
        root = self.folder / "root"
        (root / "etc").mkdir(parents=True)
        users = run("systemd-sysusers", f"--root={root}", str(SOURCE / "packaging/postroad.sysusers"))
        self.assertEqual(users.returncode, 0, users.stdout)
        self.assertIn("postroad:", (root / "etc/passwd").read_text())
        if os.getuid() != 0:
            self.skipTest("only root may give folders away")
        folders = run("systemd-tmpfiles", "--create", f"--root={root}", str(SOURCE / "packaging/postroad.tmpfiles"))
        self.assertEqual(folders.returncode, 0, folders.stdout)
        self.assertEqual((root / "var/lib/postroad").stat().st_mode & 0o777, 0o700)

    def test_the_folders_of_the_unit_are_those_of_the_defaults(self):
        manual = (SOURCE / "docs/reference/configuration.md").read_text()
        self.assertIn("/etc/postroad/postroad.toml", UNIT.read_text())
        self.assertIn("`/etc/postroad/postroad.toml`", manual)
        self.assertIn('`"/var/lib/postroad"`', manual)
        self.assertIn("StateDirectory=postroad\n", UNIT.read_text())


if __name__ == "__main__":
    unittest.main(verbosity=2)
