"""What the integration tests share: the repository, the example, and the environment of a started process."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIGITS = ROOT / "examples" / "digits" / "config.py"


def environment(**more):
    """The environment of a started process: one thread, output as it comes."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", **more}
