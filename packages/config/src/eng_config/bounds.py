"""The bounds on what a configuration that is not trusted may cost: bytes, files, steps, seconds, depth, size."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .errors import ConfigValueError, UntrustedConfigError
from .origin import Origin

__all__ = ["MAX_DEPTH", "MAX_WEIGHT", "Budget", "alike", "check_size", "check_weight", "too_deep", "weigh"]

MAX_DEPTH = 100
MAX_WEIGHT = 1_000_000
#: of one configuration, in all its files together; parsers need up to a thousand times as much memory
MAX_BYTES = 500_000
MAX_FILES = 1_000
#: keys of one dictionary that have the same hash
MAX_ALIKE = 1_000
MAX_STEPS = 1_000_000
MAX_SECONDS = 5.0


class Budget:
    """What is left of what one configuration that is not trusted may cost, over all its files."""

    __slots__ = ("bytes", "files", "seconds", "steps")

    def __init__(self) -> None:
        self.bytes = MAX_BYTES
        self.files = MAX_FILES
        self.steps = MAX_STEPS
        self.seconds = MAX_SECONDS

    def take_file(self, file: str, size: int, origin: Origin | None) -> None:
        """Take a file of that many bytes, or raise `UntrustedConfigError`; `origin` is the line that names it."""
        self.files -= 1
        self.bytes -= size
        if self.bytes < 0 or self.files < 0:
            raise UntrustedConfigError(
                f"`{file}` and what it is a base of are more than {MAX_BYTES:,} bytes or {MAX_FILES:,} files, which is "
                "not allowed in a file that is not trusted; read it with `trust=True` if it is yours",
                origin=origin or Origin(file, 1),
            )


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


def alike(keys: Iterable[Any]) -> bool:
    """Whether so many of the keys have the same hash that a dictionary of them takes quadratic time.

    The hash of a text is salted and cannot be chosen; that of a number, or of a tuple of numbers, can.
    """
    counts: dict[int, int] = {}
    for key in keys:
        if not isinstance(key, (str, bytes)):
            counts[hash(key)] = counts.get(hash(key), 0) + 1
    return max(counts.values(), default=0) > MAX_ALIKE


def check_size(text: str, file: str) -> None:
    """Raise `ConfigValueError` for a text that has grown out of proportion by what was put into it."""
    if len(text) > MAX_BYTES:
        raise ConfigValueError(
            f"the text has more than {MAX_BYTES:,} characters with its references filled in; write fewer",
            origin=Origin(file, 1),
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
