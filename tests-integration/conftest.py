"""Running the `eng` command in an empty folder."""

import subprocess
import sys

import pytest
from road import environment


@pytest.fixture
def eng(tmp_path):
    """Run `eng ...` in an empty folder; returns the finished process. `check=False` to look at failures."""

    def run(*arguments, check=True):
        command = [sys.executable, "-m", "eng_runner", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=300, env=environment()
        )
        if check and done.returncode != 0:
            pytest.fail(
                f"{' '.join(command)}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            )
        return done

    return run
