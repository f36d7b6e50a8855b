"""The rules of CONTRIBUTING.md that a machine can see, as functions of a source tree."""
import pathlib
import re

# Who may include what comes from outside (DESIGN §1): header pattern -> folders of src/.
ONLY_IN = [
    (r"boost/(asio|beast)", ["world/"]),
    (r"openssl/", ["world/", "base/crypto/"]),
    (r"(sodium|crypt|xxhash)\.h", ["base/crypto/"]),
    (r"rocksdb/", ["world/store/", "world/disk/"]),
    (r"unbound\.h", ["world/dns/"]),
    (r"(seccomp\.h|linux/(landlock|seccomp)\.h)", ["world/sandbox/"]),
    (r"toml\+\+/", ["config/"]),
    (r"CLI/", ["app/"]),
    (r"(sys/socket|sys/epoll|netinet/.*|netdb)\.h", ["world/", "app/"]),
]
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
COMMENT = re.compile(r'//.*|"(?:\\.|[^"\\])*"')
LONGEST_FILE = 500

# What is never written in the product; tests may where marked.
FORBIDDEN = [
    (re.compile(r"\b(system|popen|execv[pe]*|execl[pe]*|posix_spawnp?|wordexp)\s*\("), "no shell, no exec", False),
    (re.compile(r"\bcatch\s*\(\s*\.\.\.\s*\)"), "name what you catch", False),
    (re.compile(r"\bdetached\b|\.detach\s*\(\s*\)"), "nothing is detached: TaskGroup owns it", False),
    (re.compile(r"\bstd::(regex|rand|strtok)\b|\b(sprintf|strcpy|strcat|gets)\s*\("), "unbounded or slow", True),
]


def sources(root):
    src = root / "src"
    return sorted(p for p in src.rglob("*") if p.suffix in (".h", ".cc"))


def is_test(path):
    return path.stem.endswith("_test") or path.stem.endswith("_testing")


def include_faults(root):
    faults = []
    for path in sources(root):
        where = path.relative_to(root / "src").as_posix()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            quote, header = found.groups()
            at = f"src/{where}:{number}: {header}"
            if ".." in header.split("/"):
                faults.append(f"{at}: an include with .. goes around the walls")
            # "crypto/x.h" in src/base/y.cc would be found beside y.cc, not through the wall.
            if quote == '"' and (path.parent / header).exists():
                faults.append(f"{at}: found beside the file; say \"library/file.h\"")
            for pattern, folders in ONLY_IN:
                if re.match(pattern, header) and not any(where.startswith(f) for f in folders):
                    faults.append(f"{at}: only in src/{', src/'.join(folders)}")
    return faults


def word_faults(root):
    faults = []
    for path in sources(root):
        where = path.relative_to(root).as_posix()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            code = COMMENT.sub('""', line)
            for pattern, why, also_tests in FORBIDDEN:
                if pattern.search(code) and (also_tests or not is_test(path)):
                    faults.append(f"{where}:{number}: {pattern.search(code).group(0)}: {why}")
    return faults


def length_faults(root):
    faults = []
    for path in sources(root):
        lines = len(path.read_text(errors="replace").splitlines())
        if lines > LONGEST_FILE:
            faults.append(f"{path.relative_to(root)}: {lines} lines; look for the second chapter in it")
    return faults


def header_faults(root):
    faults = []
    for path in sources(root):
        if path.suffix == ".h" and "#pragma once" not in path.read_text(errors="replace"):
            faults.append(f"{path.relative_to(root)}: no #pragma once")
    return faults


SETTING = re.compile(r'Setting\{\s*"(\w+)",\s*&(\w+)::(\w+),')
SECTION = re.compile(r"^  (?:std::vector<)?(\w+)>? (\w+)(?: = [^;]*)?;", re.M)
ONE_CHOICE = {"store.engine"}  # there is nothing to decide; that it is the one is checked when the file is read


def setting_faults(root):
    """A setting that nobody reads is a promise that is not kept: each is read outside src/config as section.field, or
    as .field where a config::Section is at hand; or so by a function of a header of config."""
    config = root / "src/config"
    headers = {path: path.read_text() for path in sorted(config.glob("*.h"))}
    text = "\n".join(headers.values())
    sections = dict(SECTION.findall(text[text.index("struct Settings {"):]))
    readers = [path.read_text(errors="replace") for path in sources(root) if config not in path.parents and not is_test(path)]
    faults = []
    for _, kind, field in SETTING.findall(text):
        section = "settings" if kind == "Settings" else sections.get(kind, kind.lower())
        named = re.compile(rf"\b{section}_?\.{field}\b")
        typed, plain = re.compile(rf"\bconfig::{kind}\b"), re.compile(rf"\.{field}\b")
        if f"{section}.{field}" in ONE_CHOICE or any(named.search(h) for h in headers.values()):
            continue
        if not any(named.search(reader) or typed.search(reader) and plain.search(reader) for reader in readers):
            faults.append(f"{section}.{field}: nothing outside src/config reads it")
    return faults


def place_faults(root, files):
    """Paths and places of one machine have no business in the project."""
    pattern = re.compile(r"(?<![\w.])/(work|root|home/\w+)/(?!\.\.)")
    faults = []
    for name in files:
        path = root / name
        if path.suffix in (".png", ".ico", ".gz", ".bin") or "corpus" in path.parts or not path.is_file():
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if pattern.search(line):
                faults.append(f"{name}:{number}: a path of one machine")
    return faults
