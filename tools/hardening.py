#!/usr/bin/env python3
"""Is this program hardened as durability.md §5 asks? Reads the ELF file; says what is missing, exit 1.

  tools/hardening.py build/release/postroad
"""
import re
import subprocess
import sys

READELF, OBJDUMP = "llvm-readelf-19", "llvm-objdump-19"


def read(*arguments):
    return subprocess.run([READELF, "-W", *arguments], text=True, capture_output=True, check=True).stdout


def missing(program):
    """A line for each protection that the program lacks."""
    header, dynamic = read("-h", program), read("-d", program)
    segments, symbols = read("-l", program), read("--dyn-syms", program)
    faults = []

    def need(holds, what):
        if not holds:
            faults.append(what)

    need(re.search(r"Type:\s+DYN", header) and re.search(r"FLAGS_1.*\bPIE\b", dynamic), "PIE: -fPIE -pie")
    need("GNU_RELRO" in segments, "RELRO: -Wl,-z,relro")
    need(re.search(r"BIND_NOW|FLAGS_1.*\bNOW\b", dynamic), "BIND_NOW: -Wl,-z,now")
    stack = re.search(r"GNU_STACK\s.*", segments)
    need(stack and "RWE" not in stack.group(0), "a stack that is not executable: -Wl,-z,noexecstack")
    need(not re.search(r"LOAD\s.*RWE", segments), "no segment both writable and executable")
    need("TEXTREL" not in dynamic, "no relocations in the code")
    need(not re.search(r"\((RPATH|RUNPATH)\)", dynamic), "no RPATH or RUNPATH")
    need("__stack_chk_fail" in symbols, "stack protector: -fstack-protector-strong")
    need(re.search(r"__\w+_chk\b(?<!__stack_chk)", symbols), "fortified libc calls: -D_FORTIFY_SOURCE=3 with -O2")
    if "X86-64" in header:
        # Not the IBT/SHSTK property of the whole file: Debian 12's crti.o has none, so no program there has it.
        main = subprocess.run([OBJDUMP, "-d", "--no-show-raw-insn", "--disassemble-symbols=main", program], text=True,
                              capture_output=True, check=True).stdout
        need(re.search(r"<main>:\s+\w+:\s+endbr64", main), "CET landing pads: -fcf-protection=full")
    return faults


def main():
    faults = [f"{program}: lacks {fault}" for program in sys.argv[1:] for fault in missing(program)]
    print("\n".join(faults) if faults else f"hardened: {' '.join(sys.argv[1:])}")
    return 1 if faults or len(sys.argv) < 2 else 0


if __name__ == "__main__":
    sys.exit(main())
