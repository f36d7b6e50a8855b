#!/usr/bin/env python3
"""tools/hardening.py sees each protection and each lack of it, on programs made for the purpose."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("POSTROAD_SOURCE", pathlib.Path(__file__).parents[2]))
CXX = os.environ.get("CXX", "clang++-19")
sys.path.insert(0, str(SOURCE / "tools"))
import hardening  # noqa: E402

PROGRAM = """
#include <cstdio>
#include <cstring>
int main(int argc, char** argv) {
  char text[16];
  std::memcpy(text, argv[0], static_cast<unsigned>(argc) * 8u);
  text[15] = 0;
  return std::puts(text);
}
"""
GOOD = ["-O2", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3", "-fstack-protector-strong", "-fPIE", "-pie",
        "-fcf-protection=full", "-Wl,-z,noexecstack,-z,relro,-z,now"]


class Hardening(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postroad_hardening_"))
        self.addCleanup(shutil.rmtree, self.folder)

    def lacks(self, *more, without=()):
        (self.folder / "p.cc").write_text(PROGRAM)
        flags = [f for f in GOOD if f not in without] + list(more)
        subprocess.run([CXX, "-fuse-ld=lld", *flags, "p.cc", "-o", "p"], cwd=self.folder, check=True, timeout=120)
        return hardening.missing(self.folder / "p")

    def test_a_hardened_program_lacks_nothing(self):
        self.assertEqual(self.lacks(), [])

    def test_each_lack_is_named(self):
        for word, more, without in [("PIE", ["-no-pie"], ["-fPIE", "-pie"]),
                                    ("RELRO", ["-Wl,-z,norelro"], []),
                                    ("BIND_NOW", ["-Wl,-z,lazy"], []),
                                    ("stack that is not executable", ["-Wl,-z,execstack"], []),
                                    ("RPATH", ["-Wl,-rpath,/opt"], []),
                                    ("stack protector", ["-fno-stack-protector"], []),
                                    ("fortified", ["-U_FORTIFY_SOURCE"], []),
                                    ("CET", ["-fcf-protection=none"], [])]:
            with self.subTest(word):
                faults = self.lacks(*more, without=without)
                self.assertTrue(any(word in fault for fault in faults), f"{word}: {faults}")

    @unittest.skipUnless(os.uname().machine == "x86_64", "flags of x86_64")
    def test_the_flags_of_the_release_are_those(self):
        flags = (SOURCE / "cmake/flags.cmake").read_text()
        release = flags[flags.index('STREQUAL "Release"'):flags.index("POSTROAD_FUZZ")]
        for flag in GOOD[1:]:
            for part in re.split(r",(?=-z)", flag.removeprefix("-Wl,")):
                self.assertIn(part, release)


if __name__ == "__main__":
    unittest.main(verbosity=2)
