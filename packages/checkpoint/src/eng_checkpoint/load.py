"""Weights from any source into a model, and a checkpoint to any place."""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import nn

import eng_fileio

from .errors import StateMismatchError
from .file import MapLocation, save_file
from .sources import CheckpointLoader
from .state_dict import LoadReport, load_state_dict

DEFAULT_KEYS: Sequence[tuple[str, str]] = ((r"^module\.", ""),)


def load_weights(
    model: nn.Module,
    source: str | Path,
    *,
    strict: bool = True,
    revise_keys: Sequence[tuple[str, str]] = (),
    map_location: MapLocation = "cpu",
    trust: bool = False,
) -> LoadReport:
    """Load the weights of any source into a model, wrapped or bare: all of them, or an error that lists what is not.

    Args:
        strict: When false, what fits is loaded, and the report says what did not.
        revise_keys: Pairs of a regular expression and its replacement, applied to every name in this order.
        trust: Let the file run code.

    Raises:
        StateMismatchError: Something is missing, unexpected or of another shape; without `strict`, nothing fits.

    Example:
        >>> import tempfile, torch
        >>> path = Path(tempfile.mkdtemp(), "backbone.safetensors")
        >>> _ = save_file({"weight": torch.ones(1, 1)}, path)
        >>> load_weights(nn.Linear(1, 1), path, strict=False).missing
        ('bias',)
        >>> load_weights(nn.Linear(1, 1), path)
        Traceback (most recent call last):
        ...
        eng_checkpoint.errors.StateMismatchError: the weights do not fit Linear: 1 loaded
        1 missing in the file:
          bias
    """
    # mapped, since of a checkpoint of a training, with its optimizer, the weights are a third
    checkpoint = CheckpointLoader.load_checkpoint(source, map_location, trust=trust, mmap=True)
    return _fill(model, checkpoint, source, strict, None, revise_keys)


def load_checkpoint(
    model: nn.Module,
    filename: str | Path,
    map_location: MapLocation = None,
    strict: bool = False,
    logger: logging.Logger | None = None,
    revise_keys: Sequence[tuple[str, str]] = DEFAULT_KEYS,
    *,
    trust: bool = False,
    edit: Callable[[dict[str, Any]], dict[str, Any] | None] | None = None,
) -> dict[str, Any]:
    """`load_weights` as MMEngine has it: it returns the checkpoint, and what does not fit is a warning.

    Args:
        strict: Raise when anything is missing, unexpected or of another shape.
        revise_keys: Pairs of a regular expression and its replacement, applied to every name in this order.
        trust: Let the file run code.
        edit: Called with the checkpoint before anything is loaded; may change it, or return another one.

    Raises:
        StateMismatchError: With `strict`, when something does not fit; without, when nothing at all fits.

    Example:
        >>> import tempfile, torch
        >>> path = Path(tempfile.mkdtemp(), "model.pth")
        >>> _ = save_file({"state_dict": {"old.weight": torch.ones(1, 1), "old.bias": torch.ones(1)}}, path)
        >>> model = nn.Linear(1, 1)
        >>> _ = load_checkpoint(model, path, revise_keys=[(r"^old\\.", "")])
        >>> model.bias.item()
        1.0
    """
    checkpoint = CheckpointLoader.load_checkpoint(filename, map_location, trust=trust)
    if edit is not None:
        checkpoint = edit(checkpoint) or checkpoint
    _fill(model, checkpoint, filename, strict, logger, revise_keys)
    return checkpoint


def _fill(
    model: nn.Module,
    checkpoint: Mapping[str, Any],
    source: str | Path,
    strict: bool,
    logger: logging.Logger | None,
    revise_keys: Sequence[tuple[str, str]],
) -> LoadReport:
    state = revised(checkpoint.get("state_dict", checkpoint), revise_keys)
    report = load_state_dict(model, state, strict, logger)
    if state and not report.loaded:
        raise StateMismatchError(f"nothing in {source} fits {type(model).__name__}: {report}")
    return report


def revised(state_dict: Mapping[str, Any], revise_keys: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The same weights with every name rewritten by the pairs of pattern and replacement, in order."""

    def rename(name: str) -> str:
        for pattern, replacement in revise_keys:
            name = re.sub(pattern, replacement, name)
        return name

    renamed = OrderedDict((rename(name), value) for name, value in state_dict.items())
    metadata = getattr(state_dict, "_metadata", None)
    if metadata is not None:
        # a module's path has no dot at its end; the patterns speak of names, which go on after one
        paths = (
            (rename(f"{path}.").removesuffix(".") if path else "", item) for path, item in metadata.items()
        )
        renamed._metadata = OrderedDict(paths)  # type: ignore[attr-defined]  # torch carries versions so
    return renamed


def save_checkpoint(
    checkpoint: Mapping[str, Any],
    filename: str | Path,
    file_client_args: dict[str, Any] | None = None,
    backend_args: dict[str, Any] | None = None,
) -> None:
    """Write a checkpoint of plain data to any place that eng_fileio knows, whole or not at all.

    Args:
        file_client_args: The older name of `backend_args`.

    Raises:
        PlainDataError: It holds more than tensors and plain values.
    """
    if file_client_args is not None and backend_args is not None:
        raise ValueError("`file_client_args` is the older name of `backend_args`: give one of them")
    args = backend_args if file_client_args is None else file_client_args
    if args is None and "://" not in str(filename):
        save_file(checkpoint, filename)
        return
    with TemporaryDirectory() as folder:
        local = Path(folder, "checkpoint.pth")
        save_file(checkpoint, local)
        eng_fileio.copyfile_from_local(local, filename, backend_args=args)
