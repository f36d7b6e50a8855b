#!/usr/bin/env python3
"""The closing line of `make test` is true."""
import contextlib
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
from xml.sax.saxutils import escape

SOURCE = pathlib.Path(os.environ.get("POSTROAD_SOURCE", pathlib.Path(__file__).parents[2]))
sys.path.insert(0, str(SOURCE / "tools"))
import tally  # noqa: E402


class Tally(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postroad_tally_"))
        self.addCleanup(shutil.rmtree, self.folder)

    def closing_line(self, results, *programs, report=True):
        (self.folder / "results").write_text(results)
        cases = "".join(f'<testcase name="{name}" status="{status}"><system-out>{escape(out)}</system-out></testcase>'
                        for name, status, out in programs)
        if report:
            (self.folder / "r.xml").write_text(f"<testsuite>{cases}</testsuite>")
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            code = tally.main(self.folder / "results", [self.folder / "r.xml"])
        return said.getvalue().splitlines()[-1], code

    def test_counts_the_cases_of_each_kind_of_program(self):
        self.assertEqual(self.closing_line(
            "pass format\npass release build\n",
            ("mime", "run", "[==========] 30 tests ran.\n[  PASSED  ] 28 tests.\n[  SKIPPED ] 2 tests, listed below:\n"),
            ("walls", "run", "....\nRan 9 tests in 4.2s\n\nOK (skipped=1)\n"),
            ("dialogue", "run", "all well")), ("39 passed, 0 failed, 3 skipped", 0))

    def test_a_failed_case_fails(self):
        self.assertEqual(self.closing_line(
            "", ("mime", "fail", "[  PASSED  ] 5 tests.\n[  FAILED  ] 2 tests, listed below:\n 2 FAILED TESTS")),
            ("5 passed, 2 failed", 1))
        self.assertEqual(self.closing_line("", ("walls", "fail", "Ran 4 tests in 1s\n\nFAILED (failures=1, errors=1)\n")),
                         ("2 passed, 2 failed", 1))

    def test_a_program_that_broke_after_its_tests_fails(self):
        leak = "[  PASSED  ] 7 tests.\n==1==ERROR: LeakSanitizer: detected memory leaks"
        self.assertEqual(self.closing_line("", ("mime", "fail", leak)), ("7 passed, 1 failed", 1))

    def test_a_program_that_died_or_was_never_built_fails(self):
        self.assertEqual(self.closing_line("pass x\n", ("a", "fail", "Segmentation fault"), ("b", "notrun", "")),
                         ("1 passed, 2 failed", 1))

    def test_reads_what_ctest_writes(self):
        (self.folder / "CMakeLists.txt").write_text("""
cmake_minimum_required(VERSION 3.25)
project(scratch NONE)
enable_testing()
add_test(NAME good COMMAND true)
add_test(NAME absent COMMAND sh -c "exit 77")
set_tests_properties(absent PROPERTIES SKIP_RETURN_CODE 77)
add_test(NAME late COMMAND sleep 30)
set_tests_properties(late PROPERTIES TIMEOUT 1)
add_test(NAME never_built COMMAND no_such_program)
add_test(NAME crashed COMMAND sh -c "kill -SEGV $$$$")
""")
        run = {"cwd": self.folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["cmake", "-S", ".", "-B", "b"], check=True, **run)
        subprocess.run(["ctest", "--test-dir", "b", "--output-junit", self.folder / "r.xml"], **run)
        self.assertEqual(self.closing_line("", report=False), ("1 passed, 3 failed, 1 skipped", 1))

    def test_a_failed_check_fails(self):
        self.assertEqual(self.closing_line("fail format\npass build\nskip tidy\n"), ("1 passed, 1 failed, 1 skipped", 1))

    def test_no_report_and_no_test_is_no_success(self):
        self.assertEqual(self.closing_line("pass x\n", report=False), ("1 passed, 1 failed", 1))
        self.assertEqual(self.closing_line(""), ("0 passed, 0 failed", 1))


if __name__ == "__main__":
    unittest.main(verbosity=2)
