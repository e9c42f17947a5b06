"""Warm-up before any schedule, as one schedule.

Two entries of a list with adjoining intervals say the same; here the second one need not know when it begins.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Self

from eng_optim.schedule.dummy_optimizer import DummyOptimizer
from eng_optim.schedule.epochs import INF, in_iterations
from eng_optim.schedule.rule_scheduler import RuleScheduler
from eng_optim.schedule.rules import Rule, warm_up
from eng_optim.schedule.scheduler import AnyOptimizer
from eng_optim.schedule.units import Count, counts_of
from eng_registry import PARAM_SCHEDULERS


class WarmUpParamScheduler(RuleScheduler):
    """From `start_factor` times the value to all of it over `warmup` steps, and on with the schedule `then`.

    `then` is the configuration of a schedule, counted from the end of the warm-up; its `end` is that of the
    whole. Without it the value stays.
    Counts epochs; with `by_epoch=False` iterations, all of them.

    Raises `TypeError` if `then` names a schedule that is no rule of the step alone.

    >>> import torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    >>> schedule = WarmUpParamScheduler(optimizer, "lr", warmup=2, then=dict(type="ExponentialLR", gamma=0.5))
    >>> values = []
    >>> for _ in range(5):
    ...     values += schedule.get_last_value()
    ...     optimizer.step()
    ...     schedule.step()
    >>> values
    [0.0, 0.5, 1.0, 0.5, 0.25]
    """

    counts = ("warmup",)

    def __init__(
        self,
        optimizer: AnyOptimizer,
        param_name: str,
        warmup: Count,
        then: Mapping[str, Any] | None = None,
        start_factor: float = 0.0,
        begin: Count = 0,
        end: Count = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        given = self._numbers(by_epoch, warmup=warmup, begin=begin, end=end, then=then)
        if not 0 <= start_factor <= 1:
            raise ValueError(f"`start_factor` is between 0 and 1, not {start_factor}")
        self.warmup: int = given["warmup"]
        self.then: dict[str, Any] | None = None if then is None else dict(given["then"])
        self.start_factor = start_factor
        super().__init__(
            optimizer, param_name, given["begin"], given["end"], last_step, given["by_epoch"], verbose
        )

    @classmethod
    def build_iter_from_epoch(cls, *args: Any, epoch_length: int | None = None, **kwargs: Any) -> Self:
        """Build the schedule from arguments in epochs, those of `then` too."""
        then = kwargs.get("then")
        if then is not None:
            kwargs["then"] = in_iterations(then, counts_of(then), epoch_length=epoch_length)
        return super().build_iter_from_epoch(*args, epoch_length=epoch_length, **kwargs)

    def step(self) -> None:
        if self.last_step == self.warmup:
            self._floor_values = self._floors()
        super().step()

    def _rule(self) -> Rule:
        if not 0 <= self.warmup < self.end - self.begin:
            raise ValueError(
                f"a warm-up of {self.warmup} steps does not fit into {self.end - self.begin}; shorten it"
            )
        then = self._after()
        rule: Rule = _always_one if then is None else then._rule()
        return partial(warm_up, start=self.start_factor, total=self.warmup, then=rule)

    def _floors(self) -> list[float]:
        """Return the floors in force for the next step: a warm-up begins below the floor of what follows it."""
        then = self._after() if self.last_step >= self.warmup else None
        return super()._floors() if then is None else then._floors()

    def _after(self) -> RuleScheduler | None:
        """Return the schedule after the warm-up, on an optimizer that stands in for ours."""
        if self.then is None:
            return None
        dummy = DummyOptimizer(self.optimizer.param_groups)
        self._slot.write(dummy.param_groups, self.base_values)
        end = INF if self.end == INF else self.end - self.begin - self.warmup
        schedule = PARAM_SCHEDULERS.build(
            {"end": end, **self.then, "by_epoch": self.by_epoch}, default_args={"optimizer": dummy}
        )
        if not isinstance(schedule, RuleScheduler):
            raise TypeError(
                f"after a warm-up goes a schedule that is a rule of the step, not {type(schedule).__name__}"
            )
        return schedule


def _always_one(k: int) -> float:
    return 1.0
