"""Port numbers nobody else on this machine takes, while this process lives.

A server is configured some seconds before it binds its ports, so that a port was free a moment ago says little when
many tests run beside each other. Each number is therefore locked: an octet of one file, by POSIX record locks, which
the kernel releases when the process ends, however it ends.
"""
import fcntl
import os
import random
import socket
import tempfile
import threading

FIRST, LAST = 10000, 19999      # below the range the kernel takes for outgoing connections
_mine, _guard, _file = set(), threading.Lock(), None


def _locked(port):
    global _file
    if _file is None:           # kept open: closing any descriptor of the file would release all its locks
        path = os.path.join(tempfile.gettempdir(), "postroad-test-ports")
        _file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.lockf(_file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        return True
    except OSError:
        return False


def _free(port):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def take(count=1):
    """Ports of this process until it ends; none is given twice."""
    taken = []
    with _guard:
        for port in random.sample(range(FIRST, LAST + 1), LAST + 1 - FIRST):
            if port not in _mine and _locked(port):
                _mine.add(port)     # if somebody foreign is bound to it, it is never tried again
                if _free(port):
                    taken.append(port)
            if len(taken) == count:
                return taken
    raise OSError(f"no {count} ports are free between {FIRST} and {LAST}")
