"""The commands, as `python -m eng_config` and inside of another program."""

import argparse
import json
import os
import subprocess
import sys

import pytest

from eng_config import add_cli_arguments
from eng_config.cli import main


@pytest.fixture
def cfg(on_disk):
    """A base and a child."""
    on_disk(base_py="lr = 0.1\noptimizer = dict(type='SGD', lr=lr)\n")
    return str(on_disk(cfg_py="_base_ = 'base.py'\noptimizer = dict(momentum=0.9)\n"))


def test_show(cfg, capsys):
    """The whole configuration, in any format, overrides and what follows from them included."""
    assert main(["show", cfg, "--cfg-options", "lr=0.5"]) == 0
    assert capsys.readouterr().out == "lr = 0.5\noptimizer = dict(lr=0.5, momentum=0.9, type='SGD')\n"
    assert main(["show", cfg, "--format", ".json"]) == 0
    assert json.loads(capsys.readouterr().out)["optimizer"]["momentum"] == 0.9


def test_explain(cfg, capsys):
    """Every place that set a value."""
    assert main(["explain", cfg, "optimizer.lr", "--cfg-options", "optimizer.lr=3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "optimizer.lr = 3"
    assert lines[1].split()[0].endswith("base.py:2")
    assert lines[2].split() == ["<command", "line>:1", "optimizer.lr=3"]


def test_diff(cfg, capsys):
    """Between two files."""
    assert main(["diff", cfg.replace("cfg.py", "base.py"), cfg]) == 0
    assert "+optimizer = dict(lr=0.1, momentum=0.9, type='SGD')" in capsys.readouterr().out
    assert main(["diff", cfg, cfg]) == 0
    assert capsys.readouterr().out == ""


def test_check_without_a_check(cfg, capsys):
    """Says that the file loads."""
    assert main(["check", cfg]) == 0
    assert capsys.readouterr().out == f"{cfg}: nothing is wrong\n"


def test_check_with_one(cfg, capsys):
    """Prints every problem."""
    parser = argparse.ArgumentParser()
    add_cli_arguments(parser, check=lambda config: ["one", ValueError("two")] if "lr" in config else [])
    options = parser.parse_args(["check", cfg])
    assert options.run(options) == 2
    assert capsys.readouterr().err == "error: one\nerror: two\n"


def test_custom_imports_are_for_a_check(on_disk, capsys):
    """It finds modules beside the file, as a training does; to print or compare a file nothing is imported."""
    on_disk(parts_of_mine_py="raise ImportError('was imported')\n")
    file = str(on_disk(cfg_py="custom_imports = dict(imports=['parts_of_mine'])\n"))
    before = list(sys.path)
    assert (
        main(["show", file]) == main(["explain", file, "custom_imports"]) == main(["diff", file, file]) == 0
    )
    assert main(["check", file]) == 2
    assert "was imported" in capsys.readouterr().err
    assert sys.path == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "nothing.py"], "error: there is no file `"),
        (["show", "{cfg}", "--cfg-options", "lr"], "error: <command line>:1: `lr` is no override"),
        (["explain", "{cfg}", "optimizer.rl"], "optimizer: no key `rl` (did you mean `lr`?)"),
        (["convert", "{cfg}", "out.txt"], "error: `out.txt` is of no known format"),
        (["convert", "{cfg}", "no/folder/out.py"], "No such file or directory: 'no/folder/out.py'"),
        (["show", "{hostile}", "--no-trust"], "error: {hostile}:1: calling `open` is not allowed"),
    ],
)
def test_a_mistake_is_its_message_and_exit_code_2(cfg, on_disk, capsys, arguments, message):
    """Without a traceback."""
    places = {"cfg": cfg, "hostile": str(on_disk(hostile_py="a = open('x')\n"))}
    assert main([argument.format(**places) for argument in arguments]) == 2
    assert message.format(**places) in capsys.readouterr().err


def test_as_a_program(cfg):
    """`python -m eng_config`."""
    done = subprocess.run(
        [sys.executable, "-m", "eng_config", "show", cfg, "--format", ".yaml"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[0] == "lr: 0.1"


def test_modules_beside_the_file_are_found(on_disk, capsys):
    """A base of a package beside the file, by every command, as in a training."""
    on_disk(presets_eng_test__sub__base_py="a = 1\n")
    head = (
        "from eng_config import read_base\nwith read_base():\n    from presets_eng_test.sub.base import a\n"
    )
    file = str(on_disk(cfg_py=head))
    for command in (["show", file], ["explain", file, "a"], ["diff", file, file], ["check", file]):
        assert main(command) == 0
    assert "a = 1" in capsys.readouterr().out


def test_a_console_without_all_letters(on_disk):
    """Output has escapes for those that it lacks, and Python reads them back."""
    file = on_disk(cfg_py="classes = ('\N{CJK UNIFIED IDEOGRAPH-732B}',)\n")
    done = subprocess.run(
        [sys.executable, "-m", "eng_config", "show", str(file)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.stdout == "classes = ('\\u732b', )\n"
