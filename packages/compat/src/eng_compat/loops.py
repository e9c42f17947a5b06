"""The loops with the protected counters that subclasses of MMEngine's loops read and set.

Each counter is a view of the run's clock, so that a loop that sets one moves what schedules, intervals and
checkpoints read. Importing this module registers the loops under their documented names, in the place of those of
eng_runner.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from eng_registry import LOOPS
from eng_runner import EpochBasedTrainLoop as _EpochBasedTrainLoop
from eng_runner import IterBasedTrainLoop as _IterBasedTrainLoop

__all__ = [
    "EpochBasedTrainLoop",
    "IterBasedTrainLoop",
    "_InfiniteDataloaderIterator",
]


class _InfiniteDataloaderIterator:
    """Batches of a loader without end: after the last one the next pass begins."""

    def __init__(self, dataloader: Any) -> None:
        self._dataloader = dataloader
        self._iterator = iter(dataloader)
        self._epoch = 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._iterator)
        except StopIteration:
            self._epoch += 1
            if hasattr(self._dataloader, "set_position"):
                self._dataloader.set_position(self._dataloader.epoch + 1)
            self._iterator = iter(self._dataloader)
            return next(self._iterator)


class _Counters:
    """`_epoch` and `_iter`: indices of what is under way, settable."""

    runner: Any
    dataloader: Any
    calendar: Any
    val_interval: Any

    @property
    def _epoch(self) -> int:
        """Index of the epoch under way, from 0."""
        return int(self.runner.epoch)

    @_epoch.setter
    def _epoch(self, value: int) -> None:
        clock = self.runner.clock
        self.runner.epoch = value
        if clock.epoch != value:
            clock.epoch = value
            self.dataloader.set_position(value)

    @property
    def _iter(self) -> int:
        """Index of the iteration under way, from 0, over the whole run."""
        return int(self.runner.iter)

    @_iter.setter
    def _iter(self, value: int) -> None:
        self.runner.iter = value
        self.runner.clock.iter = value

    def _decide_current_val_interval(self) -> None:
        """Set `val_interval` to the interval that `dynamic_intervals` have in force now."""
        done = self._epoch if self.calendar.unit == "epoch" else self._iter
        for milestone, interval in zip(self.calendar.milestones, self.calendar.intervals, strict=True):
            if done + 1 >= milestone:
                self.val_interval = interval


class EpochBasedTrainLoop(_Counters, _EpochBasedTrainLoop):
    """Train by epochs; `_epoch`, `_iter`, `_max_epochs` and `_max_iters` may be read and set by a subclass."""

    @property
    def _max_epochs(self) -> int:
        return self.max_epochs

    @_max_epochs.setter
    def _max_epochs(self, value: int) -> None:
        self.run_length = self.run_length.for_epochs(value)

    @property
    def _max_iters(self) -> int:
        return self.max_iters

    @_max_iters.setter
    def _max_iters(self, value: int) -> None:
        self.run_length = replace(self.run_length, iters=value)


class IterBasedTrainLoop(_Counters, _IterBasedTrainLoop):
    """Train by iterations; `_iter`, `_max_iters` and `dataloader_iterator` may be read and set by a subclass."""

    @property
    def dataloader_iterator(self) -> Iterator[Any]:
        """Batches without end, pass after pass, from the loader's position on."""
        own: Iterator[Any] | None = vars(self).get("_dataloader_iterator")
        if own is None:
            own = self._dataloader_iterator = self._endless_batches()
        return own

    @dataloader_iterator.setter
    def dataloader_iterator(self, iterator: Iterator[Any]) -> None:
        self._dataloader_iterator = iterator

    def _endless_batches(self) -> Iterator[Any]:
        yield from self.batches()
        while True:
            yield from self.start_over()

    @property
    def _max_epochs(self) -> int:
        return 1

    @property
    def _max_iters(self) -> int:
        return self.max_iters

    @_max_iters.setter
    def _max_iters(self, value: int) -> None:
        self.run_length = replace(self.run_length, iters=value)


for _loop in (EpochBasedTrainLoop, IterBasedTrainLoop):
    LOOPS.register_module(name=_loop.__name__, force=True, module=_loop)
