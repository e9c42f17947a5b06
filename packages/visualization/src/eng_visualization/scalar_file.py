"""The lines of ``scalars.json``, read in the order in which a run wrote them.

A line has a ``step``, and those of training also have the ``iter``. The step of a validation is its iteration too,
or its epoch where that was asked for. An epoch is never further than its iterations are, so a line that has no
``iter``, in a file where others have one, happened at its step if that is later than the line before it, else where
that did.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

__all__ = ["clock_of", "lines_up_to", "position_of", "records"]


def records(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """What the lines say; broken ones (a writer was killed) are left out.

    Example:
        >>> list(records(['{"loss": 0.5, "step": 1}', '{"loss": 0.'] ))
        [{'loss': 0.5, 'step': 1}]
    """
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            yield record


def position_of(record: dict[str, Any], clock: str, after: float = 0.0) -> float:
    """The iteration of a record that stands after one of the iteration `after`.

    Example:
        >>> position_of({"iter": 20, "step": 20}, "iter", after=10)
        20.0
        >>> position_of({"accuracy": 0.5, "step": 23}, "iter", after=20)
        23.0
        >>> position_of({"accuracy": 0.5, "step": 1}, "iter", after=20)
        20.0
    """
    if (own := _number(record.get(clock))) is not None:
        return own
    return max(float(after), _number(record.get("step")) or 0.0)


def _number(value: Any) -> float | None:
    """A position: a number that is neither infinite nor NaN."""
    try:
        return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
    except OverflowError:  # an integer of hundreds of digits
        return None


def clock_of(some: Iterable[dict[str, Any]]) -> str:
    """The key that places the records of a file: ``iter`` where there is one, else ``step``."""
    return "iter" if any("iter" in record for record in some) else "step"


def lines_up_to(lines: Sequence[str], step: float, *, validated: bool = True) -> Iterator[str]:
    """The lines before the first one of a later iteration than `step`; without `validated` not its validation either.

    Example:
        >>> train = ['{"iter": 10, "step": 10}', '{"acc": 0.5, "step": 1}', '{"iter": 20, "step": 20}']
        >>> list(lines_up_to(train, 10)) == train[:2]
        True
        >>> list(lines_up_to(['{"acc": 0.5, "step": 10}'], 10, validated=False))  # a start that came no further
        []
    """
    clock, at = clock_of(records(lines)), 0.0
    for line in lines:
        found = next(records([line]), None)
        if found is None:
            continue
        at = position_of(found, clock, at)
        if at > step or (not validated and at == step and "iter" not in found):
            return
        yield line
