"""The command as a whole: its help, what it imports, and its exit codes."""

import os
import signal
import subprocess
import sys
from importlib import import_module

import pytest

from eng_runner.cli import COMMANDS, make_parser
from eng_runner.cli.ckpt import COMMANDS as OF_CHECKPOINTS

HEAVY = ("torch", "numpy", "rich", "yaml", "matplotlib", "tensorboard")


def test_help_lists_every_command(said):
    """One line each, with examples and the exit codes below."""
    code, out, _ = said("--help")
    assert code == 0
    listed = [line.split()[0] for line in out.splitlines() if line.startswith("    ") and line[4] != " "]
    assert listed == list(COMMANDS)
    assert "eng check CONFIG" in out
    assert "exit codes" in out


@pytest.mark.parametrize(
    "command", [[name] for name in COMMANDS] + [["ckpt", name] for name in OF_CHECKPOINTS]
)
def test_help_of_each_command_is_short(command, said):
    """It fits a screen, and whatever is not merely a list of commands ends with examples."""
    code, out, _ = said(*command, "--help")
    assert code == 0
    assert len(out.splitlines()) <= 45
    assert "examples:" in out or "COMMAND" in out or command == ["env"]


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_loads_nothing_heavy(argument):
    """`eng --help` answers at once."""
    code = (
        "import sys\nfrom eng_runner.cli import main\n"
        f"try: main([{argument!r}])\nexcept SystemExit: pass\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_command_has_a_module():
    """Nothing is listed that is not there."""
    for name in COMMANDS:
        assert callable(import_module(f"eng_runner.cli.{name}").add_arguments)
    for name in OF_CHECKPOINTS:
        assert callable(import_module(f"eng_runner.cli.ckpt.{name}").run)
    assert make_parser().prog == "eng"


@pytest.mark.parametrize(
    "arguments", [[], ["trian"], ["train"], ["train", "nowhere.py"], ["ckpt", "ls", "nowhere"]]
)
def test_a_wrong_command_line_is_2(arguments, said):
    """And says so on stderr only."""
    code, out, err = said(*arguments)
    assert (code, out) == (2, "")
    assert err


def test_a_failed_run_is_1(process, config, tmp_path):
    """The traceback is shown: what failed is code."""
    done = process(
        "train", config, "--work-dir", tmp_path, "--no-check", "--cfg-options", "model.width=2",
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "shapes cannot be multiplied" in done.stderr


def test_a_reader_who_leaves_is_no_error(config):
    """`eng lr config.py | head -1` ends quietly."""
    shell = f"{sys.executable} -m eng_runner lr {config} --rows 2000; echo code $? >&2"
    done = subprocess.run(
        ["bash", "-c", f"({shell}) | head -1"], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert done.stdout.startswith("epoch")
    assert "Traceback" not in done.stderr
    assert done.stderr.split()[-1] in ("0", str(128 + signal.SIGPIPE))


def test_ctrl_c_outside_of_a_training_is_130(config):
    """No traceback: the person knows what they did."""
    code = (
        "import sys, signal\nfrom eng_runner import cli\nfrom eng_runner.cli import env\n"
        "env.distributions = lambda: signal.raise_signal(signal.SIGINT)\n"
        "sys.exit(cli.main(['env']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
