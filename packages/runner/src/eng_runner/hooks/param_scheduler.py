"""Moves the schedules: after an iteration, an epoch, or a validation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from eng_registry import HOOKS

from ..engine.aliases import Batch, Metrics
from ..engine.hook import Hook
from ..engine.run import Run, is_configured, schedulers_of

Step = Callable[..., None]


@final
@HOOKS.register_module()
class ParamSchedulerHook(Hook):
    """Steps schedules that count iterations (`by_epoch=False`) after each iteration, those that count epochs after each
    epoch, and those that follow a metric (ReduceOnPlateau) also after each validation.

    Every iteration counts, also one in which gradients are only accumulated; a schedule whose `unit` is `'step'` counts
    the steps that the optimizer really took. In a training by iterations an epoch is a pass over the loader. A schedule
    that follows a metric is stepped without metrics too, which tells it where in the run it is, for its `begin` and
    `end`.
    """

    priority = "LOW"

    def __init__(self) -> None:
        self._by_iter: list[Step] = []
        self._by_step: list[Step] = []
        self._by_epoch: list[Step] = []
        self._by_metric: list[Step] = []
        self._counts_passes = False
        self._passes = 0
        self._steps = 0

    def before_train(self, runner: Run) -> None:
        """Sort the schedules by what moves them; warn of those that never move."""
        schedulers: list[Any] = schedulers_of(runner.param_schedulers)
        by_step = [one for one in schedulers if getattr(one, "unit", None) == "step"]
        others = [one for one in schedulers if one not in by_step]
        self._by_step = [scheduler.step for scheduler in by_step]
        self._by_iter = [scheduler.step for scheduler in others if not scheduler.by_epoch]
        self._by_epoch = [scheduler.step for scheduler in others if scheduler.by_epoch]
        by_metric = [scheduler for scheduler in schedulers if getattr(scheduler, "need_val_args", False)]
        self._by_metric = [scheduler.step for scheduler in by_metric]
        self._counts_passes = getattr(runner.train_loop, "unit", "epoch") == "iter" and bool(self._by_epoch)
        self._passes, self._steps = self._passes_of(runner), runner.clock.step
        if by_metric and not is_configured(runner.val_loop):
            names = ", ".join(type(scheduler).__name__ for scheduler in by_metric)
            runner.logger.warning("%s follows a metric, and there is no validation: it never acts", names)

    def takes_part(self, point: str, runner: Run) -> bool:
        """Whether there is a schedule of the kind that the point steps."""
        inside = bool(self._by_iter or self._by_step or self._counts_passes)
        return inside if point == "after_train_iter" else True

    def after_train_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Step the schedules that count iterations, optimizer steps, or passes in a training by iterations."""
        for step in self._by_iter:
            step()
        if self._by_step:
            taken, self._steps = runner.clock.step - self._steps, runner.clock.step
            for step in self._by_step * taken:
                step()
        if self._counts_passes:
            passes, self._passes = self._passes, self._passes_of(runner)
            for step in self._by_epoch * (self._passes - passes):
                step()

    def _passes_of(self, runner: Run) -> int:
        """Return the passes over the loader that are complete; the last batch of a pass completes it."""
        return int(runner.clock.reading("epoch") + 1e-9)

    def after_train_epoch(self, runner: Run) -> None:
        """Step the schedules that count epochs."""
        if not self._counts_passes:
            for step in self._by_epoch:
                step()

    def after_val_epoch(self, runner: Run, metrics: Metrics | None = None) -> None:
        """Step the schedules that follow a metric; a validation outside of a training moves nothing."""
        if metrics and runner.clock.iter:
            for step in self._by_metric:
                step(metrics)
