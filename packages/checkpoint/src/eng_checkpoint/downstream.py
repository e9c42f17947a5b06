"""Three names that libraries on top of MMEngine import although they begin with an underscore.

New code says `CheckpointLoader.load_checkpoint`, `load_weights`.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from .file import MapLocation
from .load import DEFAULT_KEYS, revised
from .sources import CheckpointLoader
from .state_dict import load_state_dict


def _load_checkpoint(
    filename: str | Path, map_location: MapLocation = None, logger: object = None
) -> dict[str, Any]:
    """The checkpoint behind `filename`."""
    return CheckpointLoader.load_checkpoint(filename, map_location, logger)


def _load_checkpoint_with_prefix(
    prefix: str, filename: str | Path, map_location: MapLocation = None, logger: object = None
) -> dict[str, Any]:
    """The weights whose names begin with `prefix.`, without it; AssertionError when there are none."""
    checkpoint = CheckpointLoader.load_checkpoint(filename, map_location, logger)
    state = checkpoint.get("state_dict", checkpoint)
    start = prefix.removesuffix(".") + "."
    part = OrderedDict((k.removeprefix(start), v) for k, v in state.items() if k.startswith(start))
    if not part:
        tops = sorted({name.partition(".")[0] for name in state})
        raise AssertionError(f"no weight in {filename} begins with {start!r}; they begin with {tops}")
    return part


def _load_checkpoint_to_model(
    model: nn.Module,
    checkpoint: Mapping[str, Any],
    strict: bool = False,
    logger: logging.Logger | None = None,
    revise_keys: Sequence[tuple[str, str]] = DEFAULT_KEYS,
) -> Mapping[str, Any]:
    """Load the weights of a checkpoint that was read already; returns it."""
    load_state_dict(model, revised(checkpoint.get("state_dict", checkpoint), revise_keys), strict, logger)
    return checkpoint
