"""`eng ckpt inspect`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..common import show_examples
from ..table import print_table, size_text
from .common import add_trust, checkpoint_errors, read, weights_of

TEXT_WIDTH = 70


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `eng ckpt inspect`."""
    parser.add_argument("path", help="a checkpoint: a file, or the folder of a sharded one")
    parser.add_argument(
        "--weights",
        nargs="?",
        const="",
        metavar="REGEX",
        help="list the tensors of the model whose names match (default: all)",
    )
    parser.add_argument(
        "--config", action="store_true", help="print the configuration that it was trained with"
    )
    add_trust(parser)
    show_examples(
        parser,
        "eng ckpt inspect epoch_12.pth",
        "eng ckpt inspect epoch_12.pth --weights '^backbone'",
        "eng ckpt inspect epoch_12.pth --config > config.py",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what is asked for."""
    with checkpoint_errors():
        state = read(options.path, trust=options.trust, map_location="meta")
        if options.config:
            print(_config(state, options.path))
        elif options.weights is not None:
            _print_weights(weights_of(state), re.compile(options.weights))
        elif all(hasattr(value, "element_size") for value in state.values()):
            _print_weights(state, re.compile(""))  # bare weights: each of them is an entry
        else:
            _print_overview(state)
    return 0


def _config(state: Mapping[str, Any], path: str) -> str:
    text = state.get("meta", {}).get("cfg")
    if not text:
        raise ValueError(f"{path} holds no configuration (under `meta.cfg`)")
    return str(text).rstrip("\n")


def _print_overview(state: Mapping[str, Any]) -> None:
    rows = []
    for name, part in state.items():
        tensors = list(tensors_in(part))
        size = size_text(sum(tensor.numel() * tensor.element_size() for tensor in tensors)) if tensors else ""
        rows.append([name, str(len(tensors) or ""), size, _describe(part)])
    print_table(["entry", "tensors", "size", "what"], rows, numbers=["tensors", "size"])
    meta = state.get("meta")
    if isinstance(meta, Mapping):
        print("\nmeta")
        for name, value in meta.items():
            print(f"  {name}: {_short(value)}")


def tensors_in(value: Any) -> Iterator[Any]:
    """Every tensor at any depth."""
    if hasattr(value, "element_size"):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from tensors_in(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from tensors_in(part)


def _describe(part: Any) -> str:
    if isinstance(part, Mapping):
        tensors = [value for value in part.values() if hasattr(value, "element_size")]
        if tensors and len(tensors) == len(part):
            kinds = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in tensors})
            return f"{sum(tensor.numel() for tensor in tensors):,} numbers of {', '.join(kinds)}"
        return _short(", ".join(map(str, part)))
    if isinstance(part, (list, tuple)):
        return f"{len(part)} of {', '.join(sorted({type(one).__name__ for one in part})) or 'nothing'}"
    return _short(part)


def _short(value: Any) -> str:
    text = str(value)
    first, _, rest = text.partition("\n")
    lines = rest.count("\n") + 1
    shown = first if len(first) <= TEXT_WIDTH else f"{first[: TEXT_WIDTH - 3]}..."
    return f"{shown} ... ({lines} more lines)" if rest.strip() else shown


def _print_weights(weights: Mapping[str, Any], pattern: re.Pattern[str]) -> None:
    chosen = {name: tensor for name, tensor in weights.items() if pattern.search(name)}
    rows = [
        [
            name,
            "x".join(map(str, tensor.shape)) or "scalar",
            str(tensor.dtype).removeprefix("torch."),
            f"{tensor.numel():,}",
        ]
        for name, tensor in chosen.items()
    ]
    if rows:
        print_table(["name", "shape", "type", "numbers"], rows, numbers=["numbers"])
    total = sum(tensor.numel() for tensor in chosen.values())
    print(f"\n{len(chosen)} of {len(weights)} tensors, {total:,} numbers")
