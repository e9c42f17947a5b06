"""When to validate: a pure function of the clock, so that it means the same after a resume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from ..clock import Clock, Unit
from ..interval import Every
from ..length import RunLength


@dataclass(frozen=True, slots=True)
class Calendar:
    """The validations of a training: every `interval` from `begin` on, and after the last epoch or iteration.

    `unit` is what an int counts, `'epoch'` or `'iter'`; a string such as `'500 steps'` or `'0.5 epochs'` names its own.
    `dynamic` is a list of (milestone, interval): from that count on (1-based) the other interval holds.

    >>> calendar = Calendar.parse(5, begin=1, unit="epoch", dynamic=[(11, 2)])
    >>> [epoch for epoch in range(1, 13) if calendar.due(Clock(epoch=epoch), Clock(epoch=epoch - 1), last=epoch == 12)]
    [5, 10, 12]
    """

    every: Every
    unit: Unit
    begin: int
    milestones: tuple[int, ...] = ()
    intervals: tuple[int, ...] = ()

    @classmethod
    def parse(
        cls, interval: int | str, *, begin: int, unit: Unit, dynamic: Sequence[tuple[int, int]] | None = None
    ) -> Calendar:
        """Read what `val_interval`, `val_begin` and `dynamic_intervals` say; ValueError or TypeError if they cannot."""
        every = Every.parse(interval, of=unit)
        if every.of == "second":
            raise ValueError(
                f"val_interval={interval!r}: a validation is due after a count, which a resumed run reaches again; "
                "write '500 iters', '2 epochs' or '10k samples'"
            )
        if dynamic and every.of != unit:
            raise ValueError(f"`dynamic_intervals` count {unit}s, but val_interval={interval!r} does not")
        milestones, intervals = calc_dynamic_intervals(int(every.n), dynamic)
        return cls(every, unit, begin, tuple(milestones), tuple(intervals))

    @property
    def counts_own_unit(self) -> bool:
        """Whether it is enough to look at the end of each epoch (or iteration)."""
        return self.every.of == self.unit and self.every.is_whole

    def in_run(self, length: RunLength) -> Calendar:
        """Return the same calendar with an interval that is a part of the run in iterations."""
        every = self.every.in_run(length)
        return self if every is self.every else replace(self, every=every, intervals=(int(every.n),))

    def due(self, now: Clock, before: Clock, *, last: bool) -> bool:
        """Whether to validate at `now`, when `before` was the clock one epoch or iteration earlier."""
        done = now.epoch if self.unit == "epoch" else now.iter
        if last:
            return done >= self.begin
        if not self.counts_own_unit:
            under_way = done + (self.unit == "epoch")
            unit: Any = self.every.of  # seconds were refused, parts of the run are iterations
            return under_way >= self.begin and self.every.due(now.reading(unit), before=before.reading(unit))
        if done < self.begin:
            return False
        interval = self.intervals[0]
        for milestone, changed in zip(self.milestones, self.intervals, strict=True):
            if done >= milestone:
                interval = changed
        return interval > 0 and done % interval == 0


def first_validation(calendar: Calendar, length: RunLength) -> int | None:
    """Return after how many iterations the first validation comes; None if that is not known.

    >>> first_validation(Calendar.parse(2, begin=1, unit="epoch"), RunLength(iters_per_epoch=10).for_epochs(5))
    20
    """
    per_epoch = length.iters_per_epoch
    size = {"iter": 1, "step": length.accumulative_counts, "epoch": per_epoch}.get(calendar.every.of)
    if size is None or calendar.every.n <= 0:
        return length.iters
    begin = (calendar.begin - 1) * (per_epoch or 1) if calendar.unit == "epoch" else calendar.begin - 1
    interval = calendar.every.n * size
    first = ceil(interval * max(1, ceil((begin + 1) / interval)))
    return first if length.iters is None else min(first, length.iters)


def calc_dynamic_intervals(
    start_interval: int, dynamic_intervals: Sequence[tuple[int, int]] | None = None
) -> tuple[list[int], list[int]]:
    """Milestones and the intervals that hold from each of them on; the first milestone is 0.

    >>> calc_dynamic_intervals(5, [(11, 2)])
    ([0, 11], [5, 2])
    """
    pairs: list[Any] = [(0, start_interval), *(dynamic_intervals or [])]
    if not all(_is_pair(pair) for pair in pairs):
        raise TypeError(
            f"`dynamic_intervals` is a list of (milestone, interval) pairs, not {dynamic_intervals!r}"
        )
    return [milestone for milestone, _ in pairs], [interval for _, interval in pairs]


def _is_pair(value: object) -> bool:
    """Two whole numbers; a list counts too, since YAML and JSON have no tuples."""
    return (
        isinstance(value, (tuple, list)) and len(value) == 2 and all(isinstance(part, int) for part in value)
    )
