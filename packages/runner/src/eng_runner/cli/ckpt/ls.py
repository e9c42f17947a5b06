"""`eng ckpt ls`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..common import WrongInput, show_examples
from ..table import print_table, size_text
from .common import checkpoint_errors, checkpoints_in

if TYPE_CHECKING:
    from eng_checkpoint import Entry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `eng ckpt ls`."""
    parser.add_argument("folder", nargs="?", default=".", help="the folder of a run (default: this one)")
    show_examples(parser, "eng ckpt ls work_dirs/config")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print one line for each checkpoint; only sizes are compared, `verify` reads the bytes."""
    from eng_checkpoint import entries

    folder = Path(options.folder)
    if not folder.is_dir():
        print(f"error: {folder} is no folder", file=sys.stderr)
        raise WrongInput
    with checkpoint_errors():
        listed = {folder / entry.name: entry for entry in entries(folder)}
        paths = checkpoints_in(folder)
    if not paths:
        print(f"no checkpoints in {folder}")
        return 0
    rows = [_row(path, listed.get(path)) for path in paths]
    columns = ["name", "kind", "epoch", "iter", "step", "size", "metrics", "state"]
    print_table(columns, rows, numbers=["epoch", "iter", "step", "size"])
    return 0


def _row(path: Path, entry: Entry | None) -> list[str]:
    size = _bytes(path)
    if entry is None:
        return [path.name, "", "", "", "", size_text(size or 0), "", "not listed"]
    metrics = "  ".join(f"{name} {value:.6g}" for name, value in entry.metrics.items())
    numbers = [str(entry.epoch), str(entry.iter), str(entry.step)]
    return [path.name, entry.kind, *numbers, size_text(entry.bytes), metrics, _state(size, entry)]


def _bytes(path: Path) -> int | None:
    """Bytes on the disk, of a folder those of all its files; None where there is nothing."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.exists() else None


def _state(size: int | None, entry: Entry) -> str:
    if size is None:
        return "missing"
    return "size right" if size in {version.bytes for version in entry.versions} else f"has {size:,} bytes"
