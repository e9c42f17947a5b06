"""The `eng` command, one sub-command a file.

Nothing heavy is imported before a command runs: `eng --help` answers without loading torch. Exit codes: 0 done, 1 the
run failed, 2 the command line or the configuration is wrong, 128 + n stopped by signal n.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

COMMANDS = {
    "train": "train a model",
    "val": "validate a checkpoint",
    "test": "test a checkpoint",
    "predict": "write the predictions for a data set to a file",
    "check": "say everything that is wrong with a configuration, without training",
    "hooks": "list the hooks of a run in their order, or measure what they cost",
    "lr": "show the learning rate over a run, without training",
    "keys": "list the keys that a configuration may hold, and what each is for",
    "config": "show, explain, compare, check or convert a configuration",
    "ckpt": "list, verify, inspect, convert, publish or average checkpoints",
    "report": "write one HTML page about a run, or one that compares several",
    "env": "describe this machine and the installed packages",
    "completion": "print a script that completes commands and options in a shell",
}

EPILOG = """\
begin with:
  eng check CONFIG
  eng train CONFIG
  eng train CONFIG --resume

`eng COMMAND --help` shows the options of a command, with examples.
exit codes: 0 done, 1 the run failed, 2 the command line or the configuration is wrong, 128+n stopped by signal n
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    chosen = arguments[0] if arguments and arguments[0] in COMMANDS else None
    options = make_parser([] if chosen is None else [chosen]).parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:  # outside of a training, which saves and ends by itself
        print(file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:  # whoever read our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    return code


def make_parser(commands: Sequence[str] = tuple(COMMANDS)) -> argparse.ArgumentParser:
    """The parser of all commands, with the arguments of those that are named: only their modules are imported."""
    parser = argparse.ArgumentParser(
        prog="eng",
        description="Train PyTorch models: exactly resumable, checked before they start.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    made = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = made.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name in commands:
            import_module(f"{__name__}.{name}").add_arguments(command)
    return parser


class _Version(argparse.Action):
    """Looks the version up only when it is asked for: reading the metadata takes as long as all of the help."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from ..version import __version__

        print(f"eng-runner {__version__}")
        parser.exit()
