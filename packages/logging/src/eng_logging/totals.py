"""The totals of every value that a series ever had, also of those that it no longer keeps."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["Totals"]


class Totals:
    """The number of values, their sum, the sum of their counts, the least and the largest.

    Values are added one after another, so the sum does not depend on when they were read, or on a resume.
    """

    __slots__ = ("counts", "largest", "least", "length", "values")

    def __init__(
        self,
        length: float = 0,
        values: float = 0.0,
        counts: float = 0.0,
        least: float = math.inf,
        largest: float = -math.inf,
    ) -> None:
        self.length = int(length)
        self.values = values
        self.counts = counts
        self.least = least
        self.largest = largest

    def add(self, values: Sequence[float], counts: Sequence[float] | None) -> None:
        """Add values with their counts; ``None`` if each is one."""
        # not sum(), whose result depends on what is added in one call
        self.values = _added(self.values, values)
        self.counts = self.counts + len(values) if counts is None else _added(self.counts, counts)
        self.length += len(values)
        # NaN is neither least nor largest
        finite = values if self.values == self.values else [value for value in values if value == value]
        if finite:
            self.least = min(self.least, min(finite))
            self.largest = max(self.largest, max(finite))

    def numbers(self) -> tuple[float, ...]:
        """Return the arguments that make the same totals."""
        return (float(self.length), self.values, self.counts, self.least, self.largest)


def _added(total: float, values: Sequence[float]) -> float:
    for value in values:
        total += value
    return total
