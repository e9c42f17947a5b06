"""The documented tutorials run as they stand and learn something."""

import re
import subprocess
import sys

import pytest
from road import ROOT, environment


@pytest.mark.parametrize(
    ("script", "at_least"),
    [
        ("fifteen_minutes.py", 90),
        ("runner_tutorial/train.py", 90),
        ("runner_tutorial/train_by_hand.py", 90),
    ],
)
def test_a_tutorial(script, at_least, tmp_path):
    """Run the script; the accuracy of the last validation is good."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / script)],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    accuracies = re.findall(r"accuracy: ([0-9.]+)", done.stdout)
    assert float(accuracies[-1]) >= at_least
