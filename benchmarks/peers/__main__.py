"""The table: what one training costs in each engine, in one environment, beside the raw loop.

    nox -s peers                       # makes the environment, then runs this
    python -m peers [NAME ...]         # in the folder `benchmarks`, with every engine installed

Each number comes from processes of their own, with one thread:

- calls: Python and C calls of one iteration (`sys.setprofile`), the difference of a run of 400 iterations and one of
  200, so that start and end cancel out; it does not depend on what else the machine does.
- CPU: seconds of one iteration, likewise (3000 and 1000 iterations), the least of some turns, in which all engines
  come after each other.
- first: from the start of the process to the end of its first iteration, on the wall clock, the least of some turns.
- import: CPU seconds of importing what the script imports, beyond `import torch`, in percent of that.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

NAMES = [
    "raw",
    "eng_bare",
    "eng",
    "ignite_engine",
    "fabric",
    "accelerate_loop",
    "mmengine",
    "lightning_trainer",
]
TURNS = 5
IMPORTS = {
    "raw": "import torch",
    "eng": "from eng_runner import Runner",
    "ignite_engine": "from ignite.engine import Engine",
    "fabric": "from lightning.fabric import Fabric",
    "accelerate_loop": "from accelerate import Accelerator",
    "mmengine": "import torch; from mmengine.runner import Runner",
    "lightning_trainer": "from lightning.pytorch import Trainer",
}
QUIET = {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3"}


def measured(code: str, marker: str) -> float:
    """The number behind `marker` in what a process prints that runs `code`."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[1], env={**os.environ, **QUIET},
        capture_output=True, text=True,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith(marker)]
    if not lines:
        raise SystemExit(f"{code}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return float(lines[-1].split()[1])


CALLS = """
import importlib, sys
train = importlib.import_module("peers.{name}").train
train(400)
def count(iterations):
    calls = 0
    def note(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")
    sys.setprofile(note)
    try:
        train(iterations)
    finally:
        sys.setprofile(None)
    return calls
short = count(200)
print("\\nRESULT", (count(400) - short) / 200)
"""

CPU = """
import importlib, time
train = importlib.import_module("peers.{name}").train
train(100)
def seconds(iterations):
    start = time.process_time()
    train(iterations)
    return time.process_time() - start
short = seconds(1000)
print("\\nRESULT", (seconds(3000) - short) / 2000)
"""

FIRST = """
import importlib
train = importlib.import_module("peers.{name}").train
from peers.workload import FirstIterationDone, Net
Net.stop_at_second_call = True
try:
    train(4)
except FirstIterationDone:
    pass
import os; os._exit(0)
"""

IMPORT = """
import time
{statement}
print("\\nRESULT", time.process_time())
"""


def first_iteration(name: str) -> float:
    """Seconds from the start of a process to the end of its first iteration."""
    start = time.monotonic()
    return measured(FIRST.format(name=name), "FIRST") - start


def main() -> None:
    names = sys.argv[1:] or NAMES
    calls = {name: measured(CALLS.format(name=name), "RESULT") for name in names}
    cpu, first, imports = ({name: float("inf") for name in names} for _ in range(3))
    for _ in range(TURNS):
        for name in names:
            cpu[name] = min(cpu[name], measured(CPU.format(name=name), "RESULT"))
            first[name] = min(first[name], first_iteration(name))
            if name in IMPORTS:
                statement = IMPORT.format(statement=IMPORTS[name])
                imports[name] = min(imports[name], measured(statement, "RESULT"))
    print("| engine | calls | / raw | CPU ms | / raw | first s | / raw | import |")
    print("|---|---|---|---|---|---|---|---|")
    for name in names:
        added = f"{imports[name] / imports['raw'] - 1:+.0%}" if name in IMPORTS else ""
        print(
            f"| {name} | {calls[name]:.0f} | {calls[name] / calls['raw']:.2f} "
            f"| {cpu[name] * 1e3:.3f} | {cpu[name] / cpu['raw']:.2f} "
            f"| {first[name]:.2f} | {first[name] / first['raw']:.2f} | {added} |"
        )


if __name__ == "__main__":
    main()
