"""Less when nothing gets better: the one schedule that looks at a metric instead of the clock."""

from collections.abc import Mapping, Sequence
from math import inf, isinf
from typing import Any, ClassVar

from eng_optim.schedule.epochs import INF
from eng_optim.schedule.per_group import one_per_group
from eng_optim.schedule.scheduler import AnyOptimizer, ParamScheduler
from eng_optim.schedule.units import Count


class ReduceOnPlateauParamScheduler(ParamScheduler):
    """`factor` times the value once `monitor` has not become better for more than `patience` validations.

    `rule` says whether 'less' or 'greater' is better, and `threshold` by how much: as a part of the best
    value so far ('rel') or as a number ('abs'). After a reduction, `cooldown` validations do not count. The
    value does not go below `min_value` (one number, or one for each group), and a change of no more than
    `eps` is not made.

    Validations are counted, wherever in the run they are; without an `end` the schedule has none. `begin` and `end` are
    in epochs, with `by_epoch=False` in iterations, all of them. `step(metrics)` belongs after a validation, `step()`
    without metrics after each epoch or iteration: it only counts them for `begin` and `end`. Where that is not called,
    the validations before this one are counted instead.

    Raises `ValueError` for a setting that makes no sense.
    """

    need_val_args: ClassVar[bool] = True

    foreign = ("min_values", "rule_worse")

    def __init__(
        self,
        optimizer: AnyOptimizer,
        param_name: str,
        monitor: str = "loss",
        rule: str = "less",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_rule: str = "rel",
        cooldown: int = 0,
        min_value: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
        begin: Count = 0,
        end: Count = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        if factor >= 1.0:
            raise ValueError(f"`factor` is below 1, not {factor}")
        if threshold < 0.0:
            raise ValueError(f"`threshold` is not negative: {threshold}")
        _one_of("rule", rule, "less", "greater")
        _one_of("threshold_rule", threshold_rule, "rel", "abs")
        self.monitor = monitor
        self.rule = rule
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_rule = threshold_rule
        self.cooldown = cooldown
        self.eps = eps
        self.best = inf if rule == "less" else -inf
        self.num_bad_epochs = 0
        self.cooldown_counter = 0
        self.counts_epochs = False
        self.min_value = min_value
        super().__init__(optimizer, param_name, begin, end, last_step, by_epoch, verbose)
        self.min_value = one_per_group("min_value", min_value, len(self.base_values))

    def step(self, metrics: Mapping[str, Any] | None = None) -> None:
        """Count an epoch; with `metrics`, see whether the monitored one has become better.

        Raises `TypeError` if `metrics` is no mapping, `KeyError` if the monitored one is not in it.
        """
        now = self._global_step
        if metrics is None:
            self._global_step = now + 1 if self.counts_epochs else 1
            self.counts_epochs = True
            return
        if not isinstance(metrics, Mapping):
            raise TypeError(f"`metrics` is a mapping from names to numbers, not {type(metrics).__name__}")
        if not self.counts_epochs:
            self._global_step = now + 1
        if not self.begin <= now < self.end:
            return
        if self.monitor not in metrics:
            raise KeyError(f"`{self.monitor}` is monitored, but the metrics are {', '.join(metrics)}")
        self.last_step += 1
        self._observe(float(metrics[self.monitor]))
        self._slot.write(self._groups(), self._get_value())
        if self.verbose:
            self._say()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was; MMEngine's has the floors as `min_values`, and always counted epochs."""
        floors = state_dict.get("min_values", self.min_value)
        ours = {"counts_epochs": True, "min_value": floors, "base_values": self.base_values}
        super().load_state_dict({**ours, **state_dict})

    def is_better(self, value: float, best: float) -> bool:
        """Whether `value` is better than `best` by more than the threshold."""
        if isinf(best):  # nothing was measured yet
            limit = best
        elif self.threshold_rule == "abs":
            limit = best - self.threshold if self.rule == "less" else best + self.threshold
        else:
            limit = best * (1.0 - self.threshold) if self.rule == "less" else best * (1.0 + self.threshold)
        return value < limit if self.rule == "less" else value > limit

    def _start(self) -> None:
        """Wait for the first validation."""
        self._global_step += 1

    def _lengthen(self, settings: Mapping[str, Any]) -> None:
        """Take the settings: no validation was left out."""
        for name, value in settings.items():
            setattr(self, name, value)

    def _observe(self, value: float) -> None:
        if self.is_better(value, self.best):
            self.best = value
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0

    def _get_value(self) -> list[float]:
        values = self.get_last_value()
        if self.num_bad_epochs <= self.patience:
            return values
        self.cooldown_counter = self.cooldown
        self.num_bad_epochs = 0
        floors = one_per_group("min_value", self.min_value, len(values))
        reduced = [max(value * self.factor, floor) for value, floor in zip(values, floors, strict=True)]
        return [new if old - new > self.eps else old for old, new in zip(values, reduced, strict=True)]


def _one_of(name: str, value: str, *choices: str) -> None:
    if value not in choices:
        raise ValueError(f"`{name}` is {' or '.join(map(repr, choices))}, not {value!r}")
