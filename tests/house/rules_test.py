#!/usr/bin/env python3
"""The sources keep the rules of the house; and each rule is shown to bite on a planted fault."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import rules

SOURCE = pathlib.Path(os.environ.get("POSTROAD_SOURCE", pathlib.Path(__file__).parents[2]))


class TheSources(unittest.TestCase):
    def assert_none(self, faults):
        self.assertEqual(faults, [], "\n" + "\n".join(faults))

    def test_include_only_through_the_walls(self):
        self.assertGreater(len(rules.sources(SOURCE)), 20)
        self.assert_none(rules.include_faults(SOURCE))

    def test_use_no_forbidden_words(self):
        self.assert_none(rules.word_faults(SOURCE))

    def test_are_chapters_not_books(self):
        self.assert_none(rules.length_faults(SOURCE))

    def test_have_headers_that_are_read_once(self):
        self.assert_none(rules.header_faults(SOURCE))

    def test_cite_rfcs_in_the_one_form(self):
        said = subprocess.run([SOURCE / "tools/rfc-index", "--check"], text=True, capture_output=True)
        self.assertEqual((said.returncode, said.stdout.strip(), said.stderr), (0, "", ""))

    def test_read_every_setting(self):
        self.assertGreater(len(rules.SETTING.findall((SOURCE / "src/config/limits.h").read_text())), 20)
        self.assert_none(rules.setting_faults(SOURCE))

    def test_name_no_place_of_one_machine(self):
        listed = subprocess.run(["git", "ls-files"], cwd=SOURCE, text=True, capture_output=True)
        if listed.returncode != 0:
            self.skipTest("not a git work tree")
        files = [f for f in listed.stdout.splitlines() if not f.startswith("tests/house/rules")]
        self.assert_none(rules.place_faults(SOURCE, files))


class TheRules(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="postroad_rules_"))
        self.addCleanup(shutil.rmtree, self.root)

    def plant(self, name, text):
        path = self.root / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def test_find_settings_that_nobody_reads(self):
        self.plant("config/mail.h", 'struct Mail { int a, b, c, d; };\n'
                   'inline constexpr std::tuple table{Setting{"a", &Mail::a, ""}, Setting{"b", &Mail::b, ""},\n'
                   '  Setting{"c",\n &Mail::c, ""}, Setting{"d", &Mail::d, ""}};\n'
                   'struct Settings {\n  Mail mail;\n};\n')
        self.plant("config/check.cc", "bool ok = settings.mail.c == 1;\n")          # a check is no use
        self.plant("app/one.cc", "int a = settings.mail.a, other = post.c;\n")
        self.plant("app/two.cc", "int f(const config::Mail& m) { return m.b; }\n")
        self.plant("app/three_test.cc", "int f(const config::Mail& m) { return m.d; }\n")
        self.assertEqual([fault.split(":")[0] for fault in rules.setting_faults(self.root)], ["mail.c", "mail.d"])

    def test_find_includes_with_dots(self):
        self.plant("mail/a.cc", '#include "../base/b.h"\n#include "mail/c.h"\n')
        self.assertEqual(len(rules.include_faults(self.root)), 1)

    def test_find_includes_that_slip_past_the_wall(self):
        self.plant("base/crypto/hash.h", "\n")
        self.plant("base/a.cc", '#include "crypto/hash.h"\n')
        self.plant("mail/a.cc", '#include "crypto/hash.h"\n')
        self.assertEqual(len(rules.include_faults(self.root)), 1)

    def test_find_outside_headers_where_they_do_not_belong(self):
        for number, header in enumerate(["boost/asio.hpp", "openssl/ssl.h", "openssl/evp.h", "sodium.h",
                                         "rocksdb/db.h", "unbound.h", "seccomp.h", "toml++/toml.h", "CLI/CLI.hpp",
                                         "sys/socket.h"]):
            self.plant(f"service/smtpd/{number}.cc", f"#include <{header}>\n")
        self.assertEqual(len(rules.include_faults(self.root)), 10)

    def test_let_them_pass_where_they_do(self):
        self.plant("world/net/a.cc", "#include <boost/asio.hpp>\n#include <openssl/ssl.h>\n")
        self.plant("base/crypto/a.cc", "#include <openssl/evp.h>\n#include <sodium.h>\n")
        self.plant("world/store/a.cc", "#include <rocksdb/db.h>\n")
        self.plant("config/a.cc", "#include <toml++/toml.h>\n#include <sys/stat.h>\n")
        self.assertEqual(rules.include_faults(self.root), [])

    def test_find_forbidden_words_but_not_in_comments_and_texts(self):
        self.plant("mail/a.cc", 'system("id");\n// system("id")\nsay("execve(");\nco_spawn(x, detached);\n'
                                "catch (...) {}\nfile_system(x);\n")
        self.assertEqual(len(rules.word_faults(self.root)), 3)
        self.plant("mail/a.cc", "")
        self.plant("mail/a_test.cc", "execv(path, arguments);\nstd::regex r;\n")
        self.assertEqual(len(rules.word_faults(self.root)), 1)

    def test_find_long_files_open_headers_and_places(self):
        self.plant("mail/a.h", "\n" * 501)
        self.assertEqual(len(rules.length_faults(self.root)), 1)
        self.assertEqual(len(rules.header_faults(self.root)), 1)
        self.plant("mail/b.cc", "// see /" + "work/main\n// frame/work/x\n")
        self.assertEqual(len(rules.place_faults(self.root, ["src/mail/b.cc"])), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
