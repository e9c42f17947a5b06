"""How often a whole run waits for its accelerator, as a table; no accelerator is needed.

    python benchmarks/host_reads.py

Tensors on the device `meta` stand for those of an accelerator, and every operator that would wait for a value of one is
counted. The tests of eng-runner hold these numbers (`packages/runner/tests/test_host_reads.py`).
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "packages" / "runner" / "tests"))

from waits_of_a_run import TABLE, measured

COLUMNS = {
    "quiet": "quiet iteration",
    "log": "log line",
    "save": "save",
    "val": "batch of a validation",
    "metrics": "metrics of a validation",
}


def main() -> None:
    """Print the table."""
    print(f"{time.strftime('%Y-%m-%d')}, torch {torch.__version__}\n")
    print(f"| run | {' | '.join(COLUMNS.values())} |")
    print(f"|---|{'---|' * len(COLUMNS)}")
    for name, (given, _) in TABLE.items():
        with tempfile.TemporaryDirectory() as folder:
            waits = measured(folder, **given)
        print(f"| {name} | {' | '.join(str(waits[phase].total()) for phase in COLUMNS)} |", flush=True)


if __name__ == "__main__":
    main()
