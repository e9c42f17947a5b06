"""What the commands on checkpoints share: their arguments, reading files and folders, and errors in plain words."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..common import WrongInput

SHARDED = ".metadata"
"""The file that makes a folder one sharded checkpoint, by torch.distributed.checkpoint's own rule."""


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Let a command read pickles that build more than plain data."""
    parser.add_argument(
        "--trust", action="store_true", help="let the file run code: only for files that you made yourself"
    )


@contextmanager
def checkpoint_errors() -> Iterator[None]:
    """Turn what is wrong with a checkpoint or a path into its message and exit code 2."""
    from eng_checkpoint import CheckpointError

    try:
        yield
    except (CheckpointError, OSError, KeyError, ValueError) as error:
        text = error.args[0] if isinstance(error, KeyError) else error
        print(f"error: {text}", file=sys.stderr)
        raise WrongInput from error


def read(path: str | Path, *, trust: bool = False, map_location: Any = "cpu") -> dict[str, Any]:
    """A checkpoint as plain data, its bytes verified."""
    from eng_checkpoint import load_file

    return load_file(path, map_location=map_location, trust=trust)


def is_checkpoint(path: Path) -> bool:
    """Whether a path is one checkpoint: a file, or the folder of a sharded one."""
    return path.is_file() or (path / SHARDED).is_file()


def checkpoints_in(folder: Path) -> list[Path]:
    """Every checkpoint of a folder: those of its manifest in their order, then files that look like one."""
    from eng_checkpoint import entries

    listed = [folder / entry.name for entry in entries(folder)]
    others = [*folder.glob("*.pth"), *folder.glob("*.pt"), *folder.glob("*.safetensors")]
    others += [path.parent for path in folder.glob(f"*/{SHARDED}")]
    return listed + sorted(path for path in others if path not in listed)


def weights_of(state: dict[str, Any]) -> dict[str, Any]:
    """The named tensors of a checkpoint: its `state_dict`, or itself where it holds nothing but tensors."""
    weights: dict[str, Any] = state.get("state_dict", state)
    if not all(hasattr(value, "dtype") for value in weights.values()):
        raise ValueError(f"there is no `state_dict`; there is {', '.join(state) or 'nothing'}")
    return weights
