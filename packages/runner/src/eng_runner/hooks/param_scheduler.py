"""Moves the schedules: after an optimizer step, an epoch, or a validation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, final

from eng_registry import HOOKS

from ..engine.hook import Batch, Hook

if TYPE_CHECKING:
    from ..runner import Runner


Step = Callable[..., None]


@final
@HOOKS.register_module()
class ParamSchedulerHook(Hook):
    """Steps by-iteration schedules after each iteration in which the optimizer really stepped, by-epoch ones after each
    epoch, and those that need metrics (ReduceOnPlateau) also after each validation: the steps without metrics tell them
    where in the run they are, for their `begin` and `end`.
    """

    priority = "LOW"

    def __init__(self) -> None:
        self._by_iter: list[Step] = []
        self._by_epoch: list[Step] = []
        self._by_metric: list[Step] = []
        self._step_seen = 0

    def before_train(self, runner: Runner) -> None:
        """Sort the schedules by what moves them."""
        schedulers = _flat(runner.param_schedulers)
        self._by_iter = [scheduler.step for scheduler in schedulers if not scheduler.by_epoch]
        self._by_epoch = [scheduler.step for scheduler in schedulers if scheduler.by_epoch]
        self._by_metric = [
            scheduler.step for scheduler in schedulers if getattr(scheduler, "need_val_args", False)
        ]
        self._step_seen = runner.clock.step

    def takes_part(self, point: str, runner: Runner) -> bool:
        """A point without a schedule of its kind is left out."""
        return bool(self._by_iter) if point == "after_train_iter" else True

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Batch = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Step the by-iteration schedules if the optimizer stepped."""
        if runner.clock.step != self._step_seen:
            self._step_seen = runner.clock.step
            for step in self._by_iter:
                step()

    def after_train_epoch(self, runner: Runner) -> None:
        """Step the by-epoch schedules."""
        for step in self._by_epoch:
            step()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Step the schedules that follow a metric; a validation outside of a training moves nothing."""
        if metrics is not None and runner.clock.iter:
            for step in self._by_metric:
                step(metrics)


def _flat(schedulers: Any) -> list[Any]:
    if isinstance(schedulers, dict):
        return [scheduler for group in schedulers.values() for scheduler in group]
    if isinstance(schedulers, (list, tuple)):
        return list(schedulers)
    raise TypeError(
        f"`param_schedulers` should be a list or a dict of lists, not {type(schedulers).__name__}"
    )
