"""How large a value is when everything that it shares is written out, found without writing it out."""

from __future__ import annotations

from typing import Any

from .errors import ConfigValueError
from .origin import Origin

__all__ = ["MAX_DEPTH", "MAX_WEIGHT", "check_weight", "too_deep", "weigh"]

MAX_DEPTH = 100
MAX_WEIGHT = 1_000_000


def weigh(value: Any, limit: int = MAX_WEIGHT) -> int:
    """The number of values in the value and characters in its texts; more than `limit` for a value that holds itself.

    A list that is in another one many times counts each time, as it does when it is copied, compared or printed.

    >>> row = ["x"] * 10
    >>> weigh([row] * 10)
    211
    """
    known: dict[int, int] = {}
    return weigh_part(value, known, limit)


def weigh_part(value: Any, known: dict[int, int], limit: int) -> int:
    if isinstance(value, (str, bytes)):
        return 1 + len(value)
    if isinstance(value, range):
        return min(value.__len__(), limit + 1) if abs(value.stop - value.start) <= limit else limit + 1
    if isinstance(value, dict):
        parts: Any = (part for pair in dict.items(value) for part in pair)
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = value
    else:
        return 1
    weight = known.get(id(value))
    if weight is None:
        known[id(value)] = limit + 1  # until it is known: what holds itself has no end
        weight = 1
        for part in parts:
            weight += weigh_part(part, known, limit)
            if weight > limit:
                break
        known[id(value)] = weight
    return weight


def is_deep(value: Any, depth: int = 0) -> bool:
    """Whether the value is nested deeper than `MAX_DEPTH`.

    >>> is_deep([[1]]), is_deep([1], depth=100)
    (False, True)
    """
    parts = (
        dict.values(value) if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    )
    return depth > MAX_DEPTH or any(
        is_deep(part, depth + 1)
        for part in parts
        if isinstance(part, (dict, list, tuple)) or depth == MAX_DEPTH
    )


def too_deep(origin: Origin) -> ConfigValueError:
    return ConfigValueError(
        f"the values are nested deeper than {MAX_DEPTH} levels; write them flatter", origin=origin
    )


def check_weight(value: Any, file: str) -> None:
    """Raise `ConfigValueError` for a configuration that would grow without bounds when it is copied or printed."""
    try:
        heavy = weigh(value) > MAX_WEIGHT
    except RecursionError:
        raise too_deep(Origin(file, 1)) from None
    if not heavy and is_deep(value):
        raise too_deep(Origin(file, 1))
    if heavy:
        raise ConfigValueError(
            f"the values hold themselves or each other so often that they are more than {MAX_WEIGHT:,}; "
            "write fewer references (in YAML, `*aliases`)",
            origin=Origin(file, 1),
        )
