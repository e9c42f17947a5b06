"""`eng ckpt average`: the mean of the last checkpoints of a training often does better than any one of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..common import WrongInput, show_examples
from ..table import short_path, size_text
from .common import add_trust, checkpoint_errors, is_checkpoint, read, weights_of

if TYPE_CHECKING:
    from torch import Tensor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `eng ckpt average`."""
    parser.add_argument("path", nargs="+", help="the checkpoints; or one folder, of which the last are taken")
    parser.add_argument("--last", type=int, default=5, metavar="N", help="how many of a folder (default: 5)")
    parser.add_argument("--out", required=True, metavar="FILE", help="the checkpoint to write")
    add_trust(parser)
    show_examples(
        parser,
        "eng ckpt average work_dirs/config --last 3 --out mean.pth",
        "eng ckpt average epoch_10.pth epoch_11.pth epoch_12.pth --out mean.pth",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Average and write; everything but the weights is left behind, except `meta` of the last one."""
    from eng_checkpoint import save_file

    with checkpoint_errors():
        paths = _chosen(options.path, last=options.last)
        states = (read(path, trust=options.trust) for path in paths)
        weights, meta = average(states, names=[str(path) for path in paths])
        meta["averaged"] = [path.name for path in paths]
        written = save_file({"meta": meta, "state_dict": weights}, options.out)
    print(
        f"{short_path(str(Path(options.out)))} ({size_text(written.bytes)}), the mean of {len(paths)}: "
        f"{', '.join(path.name for path in paths)}"
    )
    return 0


def _chosen(given: Sequence[str], *, last: int) -> list[Path]:
    paths = [Path(path) for path in given]
    if len(paths) == 1 and paths[0].is_dir() and not is_checkpoint(paths[0]):
        from eng_checkpoint import entries

        regular = [paths[0] / entry.name for entry in entries(paths[0]) if entry.kind == "regular"]
        paths = regular[-last:] if last > 0 else []
    if len(paths) < 2:
        found = ", ".join(map(str, paths)) or "none"
        print(f"error: an average takes at least two checkpoints; there is {found}", file=sys.stderr)
        raise WrongInput
    return paths


def average(states: Any, *, names: Sequence[str]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The mean of the weights of checkpoints, read one at a time, and the `meta` of the last.

    Floating-point tensors are averaged in double precision and keep their type; others, such as counters, are the
    last one's. Raises ValueError where names or shapes differ.
    """
    import torch

    sums: dict[str, Tensor] = {}
    last: dict[str, Tensor] = {}
    meta: dict[str, Any] = {}
    for name, state in zip(names, states, strict=True):
        weights, meta = weights_of(state), dict(state.get("meta", {}))
        if last and _shapes(weights) != _shapes(last):
            differing = sorted(set(_shapes(weights).items()) ^ set(_shapes(last).items()))[0][0]
            raise ValueError(f"{name} holds another model than {names[0]}: `{differing}` differs")
        last = weights
        for key, tensor in weights.items():
            if tensor.is_floating_point() or tensor.is_complex():
                wide = tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)
                sums[key] = sums[key] + wide if key in sums else wide
    count = len(names)
    return {key: (sums[key] / count).to(last[key].dtype) if key in sums else last[key] for key in last}, meta


def _shapes(weights: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in weights.items()}
