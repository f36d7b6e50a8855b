"""A Postroad whose data lies on a file system that loses power (powercut_fs.cc).

A "kill" is then a power cut: what was not synced is gone, or is there in part, sector by sector.
"""
import os
import pathlib
import random
import shutil
import subprocess
import time

import systems
from ledger import ACKED, REFUSED

PROGRAM = pathlib.Path(os.environ.get("POWERCUT_FS", systems.fixture.ROOT / "build/asan/tests/powercut_fs"))


def missing():
    """None, or why power cannot be cut here. Without /dev/fuse that is a failure, not a reason to pass."""
    if not PROGRAM.exists():
        return f"SKIPPED: {PROGRAM} is not built (libfuse3-dev was missing when CMake ran)"
    if not os.path.exists("/dev/fuse"):
        return "there is no /dev/fuse: power cannot be cut here, so this proves nothing"
    return None


class Disk:
    """LIVE seen through MOUNT; cut() leaves in LIVE what a disk would have."""

    def __init__(self, directory, strict=False):
        self.directory, self.strict = pathlib.Path(directory), strict
        self.live, self.objects, self.mount = (self.directory / name for name in ("live", "objects", "mount"))
        self.process = None

    def start(self):
        for folder in (self.live, self.mount):
            folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.objects, ignore_errors=True)
        self.process = subprocess.Popen([PROGRAM, self.live, self.objects, self.mount, *["--strict"] * self.strict])
        end = time.monotonic() + 10
        while not os.path.ismount(self.mount):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the file system could not be mounted")
            time.sleep(0.01)

    def control(self, line):
        fd = os.open(self.mount / ".control", os.O_WRONLY)
        try:
            os.write(fd, line.encode())
        except OSError:
            if not line.startswith("cut"):   # it answers a cut by ending
                raise
        finally:
            try:
                os.close(fd)
            except OSError:
                pass

    def cut(self, seed=0, kill=lambda: None):
        """`kill` ends whoever works on it, before MOUNT becomes an ordinary folder that can be written to."""
        survived = self.directory / "survived"
        self.control(f"cut {survived} {seed}")
        self.process.wait(60)
        kill()
        self.unmount()
        shutil.rmtree(self.live)
        survived.rename(self.live)

    def unmount(self):
        subprocess.run(["umount", "-l", self.mount], stderr=subprocess.DEVNULL)
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)


class PowerCutSystem(systems.PostroadSystem):
    def __init__(self, directory, strict=None):
        self.dice = random.Random(str(directory))
        self.disk = Disk(pathlib.Path(directory) / "disk", bool(strict if strict is not None else self.dice.random() < 0.5))
        super().__init__(pathlib.Path(directory) / "server", settings={"data": str(self.disk.mount / "data")})
        self.server.data = self.disk.mount / "data"

    def create(self):
        self.disk.start()
        super().create()

    def start(self):
        if not os.path.ismount(self.disk.mount):
            self.disk.start()
        return super().start()

    def kill(self):
        """Cuts the power. The server may still believe to run; nothing it writes from now on exists."""
        self.disk.cut(self.dice.choice([0, self.dice.randrange(1, 1 << 60)]), self.server.kill)

    def close(self):
        try:
            super().close()
        finally:
            self.disk.unmount()


class PowerCutToy(systems.ToySystem):
    def __init__(self, directory, fault, strict):
        self.disk = Disk(pathlib.Path(directory), strict)
        self.dice = random.Random(fault)
        super().__init__(self.disk.mount, fault)

    def create(self):
        self.disk.start()

    def start(self):
        if not os.path.ismount(self.disk.mount):
            self.disk.start()
        return super().start()

    def kill(self):
        self.disk.cut(self.dice.choice([0, 7, 8, 9]), super().kill)

    def close(self):
        if self.process.poll() is None:
            super().kill()
        self.disk.unmount()


def one_fault(test, system, what, after, ledger):
    """Hands messages over until the `after`-th write or sync fails for ever; then nothing may be acknowledged until a restart
    on a healthy disk, and then all that was acknowledged must be there, and nothing that was refused."""
    import threading
    import work
    system.create()
    system.start()
    system.disk.control(f"fail {what} {after}")
    client = work.SmtpClient("fault", system, ledger, threading.Event(), 1)
    account, fates = system.accounts["delivered"][0], []
    end = time.monotonic() + 30
    while time.monotonic() < end and len(fates) < 2000 and fates[-5:].count(REFUSED) < 5:
        try:
            line = work.Line(system.ports["smtp"])
            line.reply()
            line.expect(2, "EHLO crash.example.com")
            client.hand_over(line, client.next_message(), [account])
        except (OSError, ConnectionError, work.Refused):
            pass
        fates.append(ledger.fates.get((f"fault-{client.count}", account), REFUSED))
        if system.server.process.poll() is not None:
            break
    first = next((i for i, fate in enumerate(fates) if fate != ACKED), None)
    test.assertIsNotNone(first, f"{what} {after}: the fault was never met")
    test.assertNotIn(ACKED, fates[first:], f"{what} {after}: something was acknowledged after the disk had failed")
    system.server.process.kill()
    system.server.process.wait()
    system.disk.control("heal")
    system.start()
    ledger.audit(account, system.view(account))
    test.assertEqual(ledger.violations, [], f"{what} {after}")
