"""When Python collects its garbage: at the same iteration on every rank, not in the middle of any."""

from __future__ import annotations

import gc
from typing import Any, final

from eng_registry import HOOKS

from ..engine.aliases import Batch
from ..engine.hook import Hook
from ..engine.interval import Cadence, Every
from ..engine.run import Run


@final
@HOOKS.register_module(gives_way=True)
class GarbageCollectionHook(Hook):
    """Switches the automatic collector off while training and collects every `interval` iterations instead.

    On many ranks the automatic collector pauses now one rank, now another, and all wait for each pause. `interval` may
    also be a text such as `'500 steps'`, but no time: each rank would have its own.
    """

    priority = "VERY_LOW"

    def __init__(self, interval: int | str = 1000) -> None:
        every = Every.parse(interval)
        if every.n <= 0 or every.of == "second":
            raise ValueError(f"`interval` is at least 1 and no time, not {interval!r}")
        self._cadence = Cadence(every)
        self._was_enabled = True

    def before_train(self, runner: Run) -> None:
        """Collect what the start has left, and take over."""
        self._cadence.start(runner.clock, getattr(runner.train_loop, "run_length", None))
        self._was_enabled = gc.isenabled()
        gc.disable()
        gc.collect()

    def after_train_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Collect the young generations, if it is time."""
        if self._cadence.due(runner.clock):
            gc.collect(1)

    def after_train_epoch(self, runner: Run) -> None:
        """Collect everything."""
        gc.collect()

    def after_train(self, runner: Run) -> None:
        """Hand the collector back."""
        self._give_back()

    def on_exception(self, runner: Run, exception: BaseException) -> None:
        """Hand the collector back."""
        self._give_back()

    def on_interrupt(self, runner: Run, reason: str) -> None:
        """Hand the collector back."""
        self._give_back()

    def _give_back(self) -> None:
        if self._was_enabled:
            gc.enable()
