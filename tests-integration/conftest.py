"""What the integration tests share: the repository, a small configuration, and running the `eng` command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DIGITS = ROOT / "examples" / "digits" / "config.py"


@pytest.fixture
def eng(tmp_path):
    """Run `eng ...` in an empty folder; returns the finished process. `check=False` to look at failures."""

    def run(*arguments, check=True, **options):
        command = [sys.executable, "-m", "eng_runner", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=300, env=environment(), **options
        )
        if check and done.returncode != 0:
            pytest.fail(
                f"{' '.join(command)} left with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            )
        return done

    return run


def environment(**more):
    """The environment of a started process: one thread, and warnings of our own code as they come."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", **more}


SHORT = ["epochs=3", "train_dataloader.num_workers=1"]
"""The digits example in a few seconds."""
