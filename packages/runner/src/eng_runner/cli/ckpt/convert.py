"""`eng ckpt convert`."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from ..common import show_examples
from ..table import short_path, size_text
from .common import add_trust, checkpoint_errors, read, weights_of

SAFETENSORS = ".safetensors"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `eng ckpt convert`."""
    parser.add_argument(
        "source", help="a file (.pth, .safetensors, also one of MMEngine) or a sharded folder"
    )
    parser.add_argument("target", help="the file to write: .pth, or .safetensors for the weights only")
    parser.add_argument("--weights", action="store_true", help="write only the weights, as `state_dict`")
    parser.add_argument(
        "--rename",
        nargs=2,
        action="append",
        default=[],
        metavar=("REGEX", "NAME"),
        help="replace a part of the names of the weights; may be given several times",
    )
    parser.add_argument("--force", action="store_true", help="replace the target if it is there")
    add_trust(parser)
    show_examples(
        parser,
        "eng ckpt convert epoch_12.pth weights.safetensors",
        "eng ckpt convert iter_5000/ whole.pth",
        "eng ckpt convert old.pth new.pth --weights --rename '^module\\.' ''",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read one, write the other."""
    from eng_checkpoint import save_file

    target = Path(options.target)
    with checkpoint_errors():
        if target.exists() and not options.force:
            raise FileExistsError(f"{target} is there already; --force replaces it")
        state = read(options.source, trust=options.trust)
        if options.weights or options.rename or target.suffix == SAFETENSORS:
            weights = renamed(weights_of(state), options.rename)
            only = options.weights or "state_dict" not in state
            state = {"state_dict": weights} if only else state | {"state_dict": weights}
        written = save_file(weights if target.suffix == SAFETENSORS else state, target)
    print(f"{short_path(str(target))} ({size_text(written.bytes)})")
    return 0


def renamed(weights: dict[str, Any], rules: list[list[str]]) -> dict[str, Any]:
    """Weights under other names; raises ValueError where two would get the same one.

    >>> renamed({"module.w": 1, "b": 2}, [[r"^module\\.", ""]])
    {'w': 1, 'b': 2}
    """
    result: dict[str, Any] = {}
    for old, value in weights.items():
        name = old
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        if name in result:
            raise ValueError(f"after renaming, two tensors are called `{name}`, the second was `{old}`")
        result[name] = value
    return result
