"""Moves the schedules: after an iteration, an epoch, or a validation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from eng_registry import HOOKS

from ..engine.aliases import Batch, Metrics
from ..engine.hook import Hook
from ..engine.run import Run, schedulers_of

Step = Callable[..., None]


@final
@HOOKS.register_module()
class ParamSchedulerHook(Hook):
    """Steps schedules that count iterations (`by_epoch=False`) after each iteration, those that count epochs after each
    epoch, and those that follow a metric (ReduceOnPlateau) also after each validation.

    Every iteration counts, also one in which gradients are only accumulated. A schedule that follows a metric is
    stepped without metrics too, which tells it where in the run it is, for its `begin` and `end`.
    """

    priority = "LOW"

    def __init__(self) -> None:
        self._by_iter: list[Step] = []
        self._by_epoch: list[Step] = []
        self._by_metric: list[Step] = []

    def before_train(self, runner: Run) -> None:
        """Sort the schedules by what moves them."""
        schedulers: list[Any] = schedulers_of(runner.param_schedulers)
        self._by_iter = [scheduler.step for scheduler in schedulers if not scheduler.by_epoch]
        self._by_epoch = [scheduler.step for scheduler in schedulers if scheduler.by_epoch]
        self._by_metric = [
            scheduler.step for scheduler in schedulers if getattr(scheduler, "need_val_args", False)
        ]

    def takes_part(self, point: str, runner: Run) -> bool:
        """Whether there is a schedule of the kind that the point steps."""
        return bool(self._by_iter) if point == "after_train_iter" else True

    def after_train_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Step the schedules that count iterations."""
        for step in self._by_iter:
            step()

    def after_train_epoch(self, runner: Run) -> None:
        """Step the schedules that count epochs."""
        for step in self._by_epoch:
            step()

    def after_val_epoch(self, runner: Run, metrics: Metrics | None = None) -> None:
        """Step the schedules that follow a metric; a validation outside of a training moves nothing."""
        if metrics is not None and runner.clock.iter:
            for step in self._by_metric:
                step(metrics)
