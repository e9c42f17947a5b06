"""The lines of ``scalars.json``, read in the order in which a run wrote them.

A line has a ``step``, and those of training also have the ``iter``, since the step of a validation is the epoch
where training counts epochs. So a line that has no ``iter``, in a file where others have one, happened when the
line before it did.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

__all__ = ["lines_up_to", "position_of", "records"]


def records(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """What the lines say; broken ones (a writer was killed) are left out.

    Example:
        >>> list(records(['{"loss": 0.5, "step": 1}', '{"loss": 0.'] ))
        [{'loss': 0.5, 'step': 1}]
    """
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record


def position_of(record: dict[str, Any], key: str) -> float | None:
    """The iteration of a record, if it says one."""
    at = record.get(key)
    return at if isinstance(at, (int, float)) else None


def clock_of(some: Iterable[dict[str, Any]]) -> str:
    """The key that places the records of a file: ``iter`` where there is one, else ``step``."""
    return "iter" if any("iter" in record for record in some) else "step"


def lines_up_to(lines: Sequence[str], step: float) -> Iterator[str]:
    """The lines before the first one of a later iteration than `step`.

    Example:
        >>> train = ['{"iter": 10, "step": 10}', '{"acc": 0.5, "step": 1}', '{"iter": 20, "step": 20}']
        >>> list(lines_up_to(train, 10)) == train[:2]
        True
    """
    key = clock_of(records(lines))
    for line in lines:
        found = next(records([line]), None)
        if found is None:
            continue
        at = position_of(found, key)
        if at is not None and at > step:
            return
        yield line
