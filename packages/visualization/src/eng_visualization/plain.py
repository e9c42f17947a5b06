"""Tensors, arrays and numpy numbers to plain Python values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["flat_items", "plain"]


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
