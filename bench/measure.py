"""What the benchmark scripts share: finding programs, CPU of process trees, memory, running the load generator."""
import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests")]
TICK = os.sysconf("SC_CLK_TCK")


def tool(name):
    """A program of bench/, from the release build."""
    directory = pathlib.Path(os.environ.get("BENCH_TOOLS", ROOT / "build/release/bench"))
    if not (directory / name).exists():
        sys.exit(f"{directory / name} is missing: cmake --build build/release --target {name}")
    return str(directory / name)


def postroad_exe():
    """The release binary; one with sanitizers would measure the sanitizers."""
    path = pathlib.Path(os.environ.get("POSTROAD_BIN", ROOT / "build/postroad"))
    return path if path.exists() else None


def process_table():
    """pid -> (parent, seconds of itself and of its dead children)."""
    table = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = pathlib.Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            table[int(entry)] = (int(fields[1]), sum(map(int, fields[11:15])) / TICK)
    return table


def tree(roots, table=None):
    """These processes and all their living descendants."""
    table = table or process_table()
    children = {}
    for pid, (parent, _) in table.items():
        children.setdefault(parent, []).append(pid)
    found, waiting = [], list(roots)
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def cpu_seconds(roots):
    table = process_table()
    return sum(table[pid][1] for pid in tree(roots, table) if pid in table)


def user_memory_kib(roots):
    """Private and proportional memory (PSS) of a process tree: what these processes cost the machine in user space."""
    total = 0
    for pid in tree(roots):
        try:
            for line in open(f"/proc/{pid}/smaps_rollup"):
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            pass
    return total


def generate(*arguments, timeout=600):
    """Runs bench_smtp; answers what it measured."""
    done = subprocess.run([tool("bench_smtp"), *map(str, arguments)], capture_output=True, text=True, timeout=timeout)
    if done.returncode not in (0, 1) or not done.stdout:
        raise RuntimeError(f"bench_smtp: {done.stderr}")
    return json.loads(done.stdout)


class NullSink:
    """How fast the generator can go against a server that does nothing."""

    def __init__(self, *arguments):
        import rivals
        self.port, = rivals.free_ports(1)
        self.process = subprocess.Popen([tool("bench_sink"), "--listen", f"127.0.0.1:{self.port}", *arguments],
                                        stdout=subprocess.PIPE, text=True)
        rivals.wait_for(self.port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate()


def median(values):
    return statistics.median(values) if values else None


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return {"cores": os.cpu_count(), "cpu": model, "kernel": os.uname().release}


def write_result(name, result, path=None):
    path = pathlib.Path(path) if path else ROOT / "build" / "bench" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(f"written: {path}")
