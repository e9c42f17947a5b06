"""The checks for accelerators run as they are written, on a CPU as a dry run."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu_road.py"


def gpu_road(*arguments):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=300
    )
    return done.returncode, done.stdout


def test_a_dry_run_says_what_it_did(tmp_path):
    """One line for each check, and the same as a table."""
    code, said = gpu_road("--cpu", "--report", str(tmp_path / "report.md"), "environment", "validation")
    assert (code, said.count("ok  ")) == (0, 2)
    assert "| validation | ok |" in (tmp_path / "report.md").read_text()


@pytest.mark.skipif(torch.accelerator.is_available(), reason="there is an accelerator")
def test_without_an_accelerator_nothing_counts_as_checked():
    """With what to do instead, and the exit code of a skipped test."""
    code, said = gpu_road()
    assert code == 77
    assert "--cpu" in said
