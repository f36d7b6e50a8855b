#!/usr/bin/env python3
"""The walls of cmake/library.cmake hold: each forbidden thing fails, and its permitted neighbour works."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("POSTROAD_SOURCE", pathlib.Path(__file__).parents[2]))
CXX = os.environ.get("CXX", "clang++-19")

HEAD = f"""cmake_minimum_required(VERSION 3.25)
project(scratch LANGUAGES CXX)
set(CMAKE_CXX_STANDARD 23)
add_library(postroad_flags INTERFACE)
set(POSTROAD_TESTS OFF)
include({SOURCE}/cmake/library.cmake)
"""

# A little house: queue uses mail, and store inside; smtpd uses queue.
HOUSE = """library(mail)
library(world/store)
library(engine/queue    USES mail   INSIDE store)
library(service/smtpd   USES queue)
"""
FILES = {
    "mail/mail.h": "#pragma once\ninline int mail() { return 1; }\n",
    "mail/mail.cc": '#include "mail/mail.h"\n',
    "world/store/store.h": "#pragma once\ninline int store() { return 1; }\n",
    "world/store/store.cc": '#include "store/store.h"\n',
    "engine/queue/queue.h": '#pragma once\n#include "mail/mail.h"\nint queue();\n',
    "engine/queue/queue.cc": '#include "queue/queue.h"\n#include "store/store.h"\nint queue() { return store(); }\n',
    "service/smtpd/smtpd.cc": "int smtpd() { return 0; }\n",
}


class Walls(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postroad_walls_"))
        self.addCleanup(shutil.rmtree, self.folder)
        for name, text in FILES.items():
            self.write(name, text)

    def write(self, name, text):
        path = self.folder / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run_cmake(self, *arguments):
        return subprocess.run(["cmake", *arguments], cwd=self.folder, text=True, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def configure(self, libraries):
        (self.folder / "CMakeLists.txt").write_text(HEAD + libraries)
        return self.run_cmake("-G", "Ninja", "-S", ".", "-B", "build", f"-DCMAKE_CXX_COMPILER={CXX}")

    def compiles(self, libraries=HOUSE):
        configured = self.configure(libraries)
        self.assertEqual(configured.returncode, 0, configured.stdout)
        return self.run_cmake("--build", "build")

    def assert_compiles(self, libraries=HOUSE):
        built = self.compiles(libraries)
        self.assertEqual(built.returncode, 0, built.stdout)

    def assert_no_such_file(self, header, libraries=HOUSE):
        built = self.compiles(libraries)
        self.assertNotEqual(built.returncode, 0, "it compiles")
        self.assertIn(f"'{header}' file not found", built.stdout)

    def test_a_header_of_what_is_used_is_seen_also_through_another(self):
        self.write("service/smtpd/smtpd.cc", '#include "queue/queue.h"\n#include "mail/mail.h"\n')
        self.assert_compiles()

    def test_a_header_of_what_is_not_used_is_no_such_file(self):
        self.write("world/store/store.cc", '#include "mail/mail.h"\n')
        self.assert_no_such_file("mail/mail.h")

    def test_a_header_of_what_stands_above_is_no_such_file(self):
        self.write("mail/mail.cc", '#include "queue/queue.h"\n')
        self.assert_no_such_file("queue/queue.h")

    def test_what_a_library_has_inside_its_users_do_not_see(self):
        self.write("service/smtpd/smtpd.cc", '#include "store/store.h"\n')
        self.assert_no_such_file("store/store.h")
        self.assert_compiles(HOUSE.replace("USES queue)", "USES queue   INSIDE store)"))

    def test_a_path_from_the_root_of_the_sources_is_no_such_file(self):
        self.write("service/smtpd/smtpd.cc", '#include "engine/queue/queue.h"\n')
        self.assert_no_such_file("engine/queue/queue.h")

    def test_a_folder_inside_a_library_is_a_library_of_its_own(self):
        self.write("mail/secret/secret.h", "\n")
        self.write("service/smtpd/smtpd.cc", '#include "mail/secret/secret.h"\n')
        self.assert_no_such_file("mail/secret/secret.h")

    def test_a_name_belongs_to_one_library(self):
        self.write("service/queue/other.cc", "\n")
        self.write("service/other/other.cc", "\n")
        refused = self.configure(HOUSE + "library(service/queue)\n")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("the name 'queue' belongs to another library", refused.stdout)
        self.assertEqual(self.configure(HOUSE + "library(service/other)\n").returncode, 0)

    def test_only_what_stands_below_can_be_used(self):
        lines = HOUSE.splitlines()
        upside_down = "\n".join([lines[0], lines[2], lines[1], lines[3]])
        refused = self.configure(upside_down)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("'store' does not stand below it", refused.stdout)
        self.assertEqual(self.configure(HOUSE).returncode, 0)

    def test_a_file_that_no_library_lists_is_not_compiled(self):
        self.write("service/imapd/imapd.cc", "this is not C++\n")
        self.assert_compiles()
        self.assertNotEqual(self.compiles(HOUSE + "library(service/imapd)\n").returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
