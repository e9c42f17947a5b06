"""One small project, trained once for all commands."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eng_runner.cli import main

HERE = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """A folder with a configuration and the module that it imports."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("line_config.py", "line_parts.py"):
        shutil.copy(HERE / name, folder)
    return folder


@pytest.fixture(scope="session")
def config(project):
    """The configuration file."""
    return str(project / "line_config.py")


@pytest.fixture(scope="session")
def trained(project, config):
    """The work folder of a training of three epochs."""
    assert main(["train", config, "--work-dir", str(project / "run")]) == 0
    return project / "run"


@pytest.fixture
def said(capsys):
    """Run a command in this process; returns the exit code, its output and its errors."""

    def run(*arguments):
        capsys.readouterr()
        try:
            code = main(list(map(str, arguments)))
        except SystemExit as leaving:
            code = leaving.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def process():
    """Run a command as a process of its own."""

    def run(*arguments, **options):
        return subprocess.run(
            [sys.executable, "-m", "eng_runner", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=100,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            **options,
        )

    return run
