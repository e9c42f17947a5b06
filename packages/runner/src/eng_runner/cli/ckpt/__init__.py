"""`eng ckpt`: what can be done with checkpoints without a run, one command a file."""

from __future__ import annotations

import argparse
from importlib import import_module

COMMANDS = {
    "ls": "list the checkpoints of a folder, the newest last",
    "verify": "read every byte and compare it with what was written",
    "inspect": "show what a checkpoint holds, without running any code in it",
    "convert": "write the same content as .pth or .safetensors, from one file or a sharded folder",
    "publish": "copy the entries that others need, under a name with their digest",
    "average": "average the weights of several checkpoints",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The commands of `eng ckpt`."""
    commands = parser.add_subparsers(dest="action", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        import_module(f"{__name__}.{name}").add_arguments(command)
