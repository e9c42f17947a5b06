"""The `eng` command, one sub-command a file.

Nothing heavy is imported before a command runs: `eng --help` answers without loading torch. Exit codes: 0 done, 1 the
run failed, 2 the command line or the configuration is wrong, 128 + n stopped by signal n.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {
    "train": "train a model",
    "val": "validate a checkpoint",
    "test": "test a checkpoint",
    "predict": "write the predictions for the test data to a file",
    "check": "say everything that is wrong with a configuration, without training",
    "hooks": "list the hooks of a run in their order, or measure what they cost",
    "lr": "show the learning rate over a run, without training",
    "config": "show, explain, compare, check or convert a configuration",
    "ckpt": "list, verify, inspect, convert, publish or average checkpoints",
    "report": "write one HTML page about a run, or one that compares several",
    "env": "describe this machine and the installed packages",
    "completion": "print a script that completes commands and options in a shell",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="eng", description="Train PyTorch models: exactly resumable, checked before they start."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = arguments[0] if arguments and arguments[0] in COMMANDS else None
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name == chosen:  # only the module of the command that runs is imported
            import_module(f"{__name__}.{name}").add_arguments(command)
    options = parser.parse_args(arguments)
    code: int = options.run(options)
    return code
