"""The private names of MMEngine's checkpoint module that downstream packages import, on eng_checkpoint."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from eng_checkpoint import CheckpointLoader, load_state_dict

__all__ = [
    "_load_checkpoint",
    "_load_checkpoint_to_model",
    "_load_checkpoint_with_prefix",
    "load_from_http",
    "load_from_local",
    "load_from_torchvision",
]

Keys = Sequence[tuple[str, str]]
DEFAULT_KEYS: Keys = ((r"^module\.", ""),)


def _load_checkpoint(
    filename: str | Path, map_location: Any = None, logger: logging.Logger | None = None
) -> dict[str, Any]:
    """The checkpoint of a file, a URL or any other place, without running code of it."""
    return CheckpointLoader.load_checkpoint(filename, map_location, logger)


def _load_checkpoint_with_prefix(
    prefix: str, filename: str | Path, map_location: Any = None
) -> dict[str, Any]:
    """The weights whose names begin with `prefix`, without it. Raises `AssertionError` if there are none."""
    checkpoint = _load_checkpoint(filename, map_location)
    start = prefix.rstrip(".") + "."
    weights = checkpoint.get("state_dict", checkpoint)
    found = {name.removeprefix(start): value for name, value in weights.items() if name.startswith(start)}
    assert found, f"no weight of {filename} begins with `{start}`; the first is `{next(iter(weights), '')}`"
    return found


def _load_checkpoint_to_model(
    model: nn.Module,
    checkpoint: Mapping[str, Any],
    strict: bool = False,
    logger: logging.Logger | None = None,
    revise_keys: Keys = DEFAULT_KEYS,
) -> Mapping[str, Any]:
    """Put the weights of a loaded checkpoint into a model; returns the checkpoint. What does not fit is a warning.

    `revise_keys` are pairs of a pattern and its replacement for the names.
    """
    state: dict[str, Any] = {}
    for name, value in checkpoint.get("state_dict", checkpoint).items():
        for pattern, replacement in revise_keys:
            name = re.sub(pattern, replacement, name)
        state[name] = value
    load_state_dict(model, state, strict, logger)
    return checkpoint


def load_from_local(filename: str | Path, map_location: Any = None) -> dict[str, Any]:
    """The checkpoint of a local file; `FileNotFoundError` without one."""
    return _load_checkpoint(Path(filename).expanduser(), map_location)


def load_from_http(
    filename: str, map_location: Any = None, model_dir: str | None = None, progress: bool = False
) -> dict[str, Any]:
    """The checkpoint of a web server, which is downloaded once.

    `model_dir` and `progress` are taken for old callers' sake: the cache of eng_fileio is one for all.
    """
    return _load_checkpoint(filename, map_location)


def load_from_torchvision(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Weights of torchvision: `torchvision://resnet50`, or `torchvision://ResNet50_Weights.IMAGENET1K_V2`."""
    return _load_checkpoint(filename, map_location)
