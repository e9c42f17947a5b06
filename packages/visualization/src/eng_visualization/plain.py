"""Tensors, arrays and numpy numbers to plain Python values."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["as_mapping", "flat_items", "numbers", "plain"]

logger = logging.getLogger(__name__)


def plain(value: Any) -> Any:
    """Numbers and lists for tensors and arrays of any kind; what is neither stays as it is.

    Example:
        >>> import numpy as np
        >>> plain(np.float32(0.5)), plain(np.arange(3)), plain("text")
        (0.5, [0, 1, 2], 'text')
    """
    if isinstance(value, (int, float, str, bool)) and type(value).__module__ == "builtins":
        return value
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    if hasattr(value, "tolist"):
        values = value.tolist()
        # one element is a number, whatever its shape
        while isinstance(values, list) and len(values) == 1:
            values = values[0]
        return values
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def flat_items(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings and lists, each with its dotted path.

    Example:
        >>> dict(flat_items({"a": {"b": 1}, "c": [2, {"d": 3}]}))
        {'a.b': 1, 'c.0': 2, 'c.1.d': 3}
    """
    items: Any = ()
    if isinstance(config, Mapping):
        items = config.items()
    elif isinstance(config, (list, tuple)):
        items = enumerate(config)
    else:
        yield prefix, config
    for key, value in items:
        yield from flat_items(value, f"{prefix}.{key}" if prefix else str(key))


def numbers(scalars: Mapping[str, Any], where: str) -> dict[str, float]:
    """Those of the scalars that are numbers; the others are named in a warning and left out.

    Example:
        >>> numbers({"loss": 0.5, "steps": 3}, "a tracker")
        {'loss': 0.5, 'steps': 3}
    """
    values = {name: plain(value) for name, value in scalars.items()}
    for name, value in values.items():
        if not isinstance(value, (int, float)):
            logger.warning("%r is a %s and no number: %s cannot show it", name, type(value).__name__, where)
    return {name: value for name, value in values.items() if isinstance(value, (int, float))}


def as_mapping(config: Any) -> dict[str, Any]:
    """The plain nested dict of a configuration object, or of a mapping."""
    return dict(config.to_dict() if hasattr(config, "to_dict") else config)
