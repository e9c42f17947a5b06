"""`eng ckpt verify`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..common import WrongInput, show_examples
from ..table import short_path
from .common import checkpoint_errors, checkpoints_in, is_checkpoint


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `eng ckpt verify`."""
    parser.add_argument("path", nargs="+", help="a checkpoint, or a folder: all checkpoints in it")
    show_examples(parser, "eng ckpt verify work_dirs/config", "eng ckpt verify work_dirs/config/epoch_12.pth")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """One line for each checkpoint; exit code 1 if any of them is not what was written."""
    paths = [found for path in options.path for found in _find(Path(path))]
    verdicts = [_verdict(path) for path in paths]
    for path, verdict in zip(paths, verdicts, strict=True):
        print(f"{short_path(str(path))}: {verdict or 'whole'}")
    broken = sum(verdict is not None for verdict in verdicts)
    if broken:
        print(f"{broken} of {len(paths)} cannot be used", file=sys.stderr)
    return 1 if broken else 0


def _find(path: Path) -> list[Path]:
    if is_checkpoint(path):
        return [path]
    with checkpoint_errors():
        found = checkpoints_in(path) if path.is_dir() else []
    if not found:
        print(f"error: {path} is no checkpoint and no folder with any", file=sys.stderr)
        raise WrongInput
    return found


def _verdict(path: Path) -> str | None:
    """What is wrong with a checkpoint, or None. It is loaded too, without its tensors: a digest that is right says
    that the bytes are those that were written, not that they can be read."""
    from eng_checkpoint import CheckpointError, CorruptCheckpointError, load_file

    try:
        load_file(path, map_location="meta", verify="full")
    except CorruptCheckpointError as error:
        return error.reason
    except FileNotFoundError:
        return "missing"
    except CheckpointError as error:
        return str(error)
    return None
