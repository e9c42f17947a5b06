"""`eng ckpt publish`."""

from __future__ import annotations

import argparse

from ..common import show_examples
from ..table import short_path, size_text
from .common import checkpoint_errors

KEYS = ["meta", "state_dict"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `eng ckpt publish`."""
    parser.add_argument("path", help="the checkpoint")
    parser.add_argument(
        "--keys",
        nargs="+",
        default=KEYS,
        metavar="KEY",
        help=f"the entries to keep (default: {' '.join(KEYS)})",
    )
    show_examples(
        parser,
        "eng ckpt publish best_accuracy_epoch_9.pth",
        "eng ckpt publish epoch_12.pth --keys state_dict",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the copy and print its name."""
    from ...hooks.publication import publish

    with checkpoint_errors():
        path = publish(options.path, keys=options.keys)
    print(f"{short_path(str(path))} ({size_text(path.stat().st_size)})")
    return 0
