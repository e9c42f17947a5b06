"""The records that a backend did not write: how many of which kind, and of which steps."""

from __future__ import annotations

from collections import Counter
from typing import Any

__all__ = ["DroppedRecords"]

_KINDS = {
    "add_scalar": ("record of scalars", "records of scalars"),
    "add_scalars": ("record of scalars", "records of scalars"),
    "add_image": ("image", "images"),
    "add_config": ("configuration", "configurations"),
    "add_graph": ("graph", "graphs"),
    "add_facts": ("record of facts", "records of facts"),
}
_POSITION_OF_STEP = {"add_scalar": 2, "add_scalars": 1, "add_image": 2}


class DroppedRecords:
    """Counts calls that were not carried out: of which kind, from which step to which.

    Example:
        >>> dropped = DroppedRecords()
        >>> dropped.add("add_scalar", ("loss", 0.5, 10))
        >>> dropped.add("add_scalars", ({"loss": 0.5}, 20))
        >>> dropped.add("add_image", ("cat", None, 20))
        >>> len(dropped), str(dropped)
        (3, '2 records of scalars, 1 image, of the steps 10 to 20')
    """

    def __init__(self) -> None:
        self._kinds: Counter[tuple[str, str]] = Counter()
        self._first: int | None = None
        self._last: int | None = None

    def add(self, method: str, args: tuple[Any, ...]) -> None:
        """One call of a backend's method with these arguments."""
        self._kinds[_KINDS.get(method, (method, method))] += 1
        position = _POSITION_OF_STEP.get(method, len(args))
        if position < len(args) and isinstance(step := args[position], int):
            self._first = step if self._first is None else min(self._first, step)
            self._last = step if self._last is None else max(self._last, step)

    def merged(self, other: DroppedRecords) -> DroppedRecords:
        """Both together."""
        both = DroppedRecords()
        both._kinds = self._kinds + other._kinds
        steps = [step for one in (self, other) for step in (one._first, one._last) if step is not None]
        both._first, both._last = min(steps, default=None), max(steps, default=None)
        return both

    def __len__(self) -> int:
        return self._kinds.total()

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {words[count > 1]}" for words, count in self._kinds.items())
        if self._first is None:
            return kinds
        if self._first == self._last:
            return f"{kinds}, of step {self._first}"
        return f"{kinds}, of the steps {self._first} to {self._last}"
