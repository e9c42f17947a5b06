"""The settings of the schedules: which rule each family steps, and with which arguments.

`begin`, `end`, `last_step`, `by_epoch` and `verbose` mean the same in all of them, see `ParamScheduler`. For
the learning rate and the momentum the same families have shorter names, in `names.py`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from eng_optim.errors import SettingError
from eng_optim.schedule import rules
from eng_optim.schedule.epochs import INF
from eng_optim.schedule.rule_scheduler import RuleScheduler
from eng_optim.schedule.rules import Rule
from eng_optim.schedule.scheduler import AnyOptimizer
from eng_optim.schedule.units import Count


class ConstantParamScheduler(RuleScheduler):
    """`factor` times the value while active, the value itself from the last active step on.

    Counts epochs; with `by_epoch=False` iterations, all of them.

    Raises `ValueError` if `factor` is not in [0, 1].
    """

    _computed: Mapping[str, str] = {"total_iters": "end"}

    def __init__(
        self,
        optimizer: AnyOptimizer,
        param_name: str,
        factor: float = 1.0 / 3,
        begin: Count = 0,
        end: Count = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        given = self._numbers(by_epoch, begin=begin, end=end)
        self.factor = _fraction("factor", factor)
        self.total_iters = given["end"] - given["begin"] - 1
        super().__init__(
            optimizer, param_name, given["begin"], given["end"], last_step, given["by_epoch"], verbose
        )

    def _rule(self) -> Rule:
        return partial(rules.constant, factor=self.factor, total=self.total_iters)


class LinearParamScheduler(RuleScheduler):
    """From `start_factor` times the value to `end_factor` times the value, reached at the last active step.

    Counts epochs; with `by_epoch=False` iterations, all of them.

    Raises `ValueError` if a factor is not in [0, 1].
    """

    _computed: Mapping[str, str] = {"total_iters": "end"}

    def __init__(
        self,
        optimizer: AnyOptimizer,
        param_name: str,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        begin: Count = 0,
        end: Count = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        given = self._numbers(by_epoch, begin=begin, end=end)
        self.start_factor = _fraction("start_factor", start_factor)
        self.end_factor = _fraction("end_factor", end_factor)
        self.total_iters = given["end"] - given["begin"] - 1
        super().__init__(
            optimizer, param_name, given["begin"], given["end"], last_step, given["by_epoch"], verbose
        )

    def _rule(self) -> Rule:
        return partial(rules.linear, start=self.start_factor, end=self.end_factor, total=self.total_iters)


class StepParamScheduler(RuleScheduler):
    """`gamma` times the value every `step_size` steps.

    Counts epochs; with `by_epoch=False` iterations, all of them.
    """

    counts = ("step_size",)

    def __init__(
        self,
        optimizer: AnyOptimizer,
        param_name: str,
        step_size: Count,
        gamma: float = 0.1,
        begin: Count = 0,
        end: Count = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        given = self._numbers(by_epoch, step_size=step_size, begin=begin, end=end)
        self.step_size: int = given["step_size"]
        self.gamma = gamma
        super().__init__(
            optimizer, param_name, given["begin"], given["end"], last_step, given["by_epoch"], verbose
        )

    def _rule(self) -> Rule:
        return partial(rules.step, gamma=self.gamma, size=self.step_size)


class MultiStepParamScheduler(RuleScheduler):
    """`gamma` times the value at each of the `milestones`; one that is given twice counts twice.

    Counts epochs; with `by_epoch=False` iterations, all of them.
    """

    counts = ("milestones",)

    def __init__(
        self,
        optimizer: AnyOptimizer,
        param_name: str,
        milestones: Iterable[Count],
        gamma: float = 0.1,
        last_step: int = -1,
        begin: Count = 0,
        end: Count = INF,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        given = self._numbers(by_epoch, milestones=list(Counter(milestones).elements()), begin=begin, end=end)
        self.milestones: Counter[int] = Counter(given["milestones"])
        self.gamma = gamma
        super().__init__(
            optimizer, param_name, given["begin"], given["end"], last_step, given["by_epoch"], verbose
        )

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "milestones": sorted(self.milestones.elements())}

    def ignored_settings(self, state_dict: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        milestones = Counter(state_dict["milestones"])  # a Counter in MMEngine's states
        return super().ignored_settings({**state_dict, "milestones": sorted(milestones.elements())})

    def _resume(self) -> None:
        self.milestones = Counter(self.milestones)
        super()._resume()

    def _rule(self) -> Rule:
        return partial(rules.multi_step, gamma=self.gamma, milestones=sorted(self.milestones.elements()))


class ExponentialParamScheduler(RuleScheduler):
    """`gamma` times the value at every step.

    Counts epochs; with `by_epoch=False` iterations, all of them.
    """

    def __init__(
        self,
        optimizer: AnyOptimizer,
        param_name: str,
        gamma: float,
        begin: Count = 0,
        end: Count = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        self.gamma = gamma
        super().__init__(optimizer, param_name, begin, end, last_step, by_epoch, verbose)

    def _rule(self) -> Rule:
        return partial(rules.exponential, gamma=self.gamma)


class CosineAnnealingParamScheduler(RuleScheduler):
    """Down to `eta_min` in half a cosine wave over `T_max` steps (all active ones by default), and up again
    after it.

    The floor is `eta_min`, or `eta_min_ratio` times each group's initial value.
    Counts epochs; with `by_epoch=False` iterations, all of them.

    Raises `SettingError` if both floors are given.
    """

    counts = ("T_max",)

    def __init__(
        self,
        optimizer: AnyOptimizer,
        param_name: str,
        T_max: Count | None = None,
        eta_min: float | None = None,
        begin: Count = 0,
        end: Count = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
        eta_min_ratio: float | None = None,
    ) -> None:
        given = self._numbers(by_epoch, T_max=T_max, begin=begin, end=end)
        if eta_min is not None and eta_min_ratio is not None:
            raise SettingError("the floor is `eta_min` or `eta_min_ratio`, not both")
        self.T_max: int = given["T_max"] or given["end"] - given["begin"]
        self._computed = {} if given["T_max"] else {"T_max": "end"}
        self.eta_min = 0.0 if eta_min is None and eta_min_ratio is None else eta_min
        self.eta_min_ratio = eta_min_ratio
        super().__init__(
            optimizer, param_name, given["begin"], given["end"], last_step, given["by_epoch"], verbose
        )

    def _rule(self) -> Rule:
        return partial(rules.cosine, period=self.T_max)

    def _floors(self) -> list[float]:
        if self.eta_min_ratio is not None:
            return [base * self.eta_min_ratio for base in self.base_values]
        return [self.eta_min or 0.0] * len(self.base_values)


class PolyParamScheduler(RuleScheduler):
    """Down to `eta_min` along a polynomial of degree `power`, reached at the last active step.

    Counts epochs; with `by_epoch=False` iterations, all of them.
    """

    _computed: Mapping[str, str] = {"total_iters": "end"}

    def __init__(
        self,
        optimizer: AnyOptimizer,
        param_name: str,
        eta_min: float = 0,
        power: float = 1.0,
        begin: Count = 0,
        end: Count = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        given = self._numbers(by_epoch, begin=begin, end=end)
        self.eta_min = eta_min
        self.power = power
        self.total_iters = given["end"] - given["begin"] - 1
        super().__init__(
            optimizer, param_name, given["begin"], given["end"], last_step, given["by_epoch"], verbose
        )

    def _rule(self) -> Rule:
        return partial(rules.polynomial, power=self.power, total=self.total_iters)

    def _floors(self) -> list[float]:
        return [self.eta_min] * len(self.base_values)


class InverseSqrtParamScheduler(RuleScheduler):
    """A straight warm-up over `warmup` steps, then down with the inverse square root of the step.

    `timescale` is the number of steps after which the value has fallen to 1/sqrt(2); by default as many as
    the warm-up has (at least 1), which is the schedule of the original transformer.
    Counts epochs; with `by_epoch=False` iterations, all of them.
    """

    counts = ("warmup", "timescale")

    def __init__(
        self,
        optimizer: AnyOptimizer,
        param_name: str,
        warmup: Count = 0,
        timescale: Count | None = None,
        start_factor: float = 0.0,
        begin: Count = 0,
        end: Count = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        given = self._numbers(by_epoch, warmup=warmup, timescale=timescale, begin=begin, end=end)
        self.warmup: int = given["warmup"]
        self.timescale: int = max(self.warmup, 1) if timescale is None else given["timescale"]
        self._computed = {"timescale": "warmup"} if timescale is None else {}
        self.start_factor = _fraction("start_factor", start_factor)
        super().__init__(
            optimizer, param_name, given["begin"], given["end"], last_step, given["by_epoch"], verbose
        )

    def _rule(self) -> Rule:
        decay = partial(rules.inverse_sqrt, timescale=self.timescale)
        return partial(rules.warm_up, start=self.start_factor, total=self.warmup, then=decay)


class WSDParamScheduler(RuleScheduler):
    """Warm-up, stable, decay: up over `warmup` steps, level, and down to `end_factor` over the last `decay`
    ones.

    `total_steps` are all active ones by default; the decay then moves to the new end of a run that is resumed
    for longer. The decay is 'linear', 'cos' or 'sqrt' (steep at first).
    Counts epochs; with `by_epoch=False` iterations, all of them.

    Raises `ValueError` if warm-up and decay do not fit in, a factor is not in [0, 1], or the decay has no
    such curve.
    """

    counts = ("warmup", "decay", "total_steps")

    def __init__(
        self,
        optimizer: AnyOptimizer,
        param_name: str,
        warmup: Count,
        decay: Count,
        total_steps: Count | None = None,
        start_factor: float = 0.0,
        end_factor: float = 0.0,
        decay_strategy: str = "linear",
        begin: Count = 0,
        end: Count = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        given = self._numbers(
            by_epoch, warmup=warmup, decay=decay, total_steps=total_steps, begin=begin, end=end
        )
        self.warmup: int = given["warmup"]
        self.decay: int = given["decay"]
        self.total_steps: int = given["end"] - given["begin"] if total_steps is None else given["total_steps"]
        self._computed = {"total_steps": "end"} if total_steps is None else {}
        if decay_strategy not in rules.CURVES:
            raise ValueError(f"`decay_strategy` is one of {', '.join(rules.CURVES)}, not {decay_strategy!r}")
        self.start_factor = _fraction("start_factor", start_factor)
        self.end_factor = _fraction("end_factor", end_factor)
        self.decay_strategy = decay_strategy
        super().__init__(
            optimizer, param_name, given["begin"], given["end"], last_step, given["by_epoch"], verbose
        )

    def _rule(self) -> Rule:
        if self.warmup < 0 or self.decay < 0 or self.warmup + self.decay > self.total_steps:
            raise ValueError(
                f"{self.warmup} steps up and {self.decay} down do not fit into {self.total_steps}; shorten one of them"
            )
        decay = partial(
            rules.late_decay,
            stable=self.total_steps - self.warmup - self.decay,
            total=self.total_steps - self.warmup,
            end=self.end_factor,
            curve=rules.CURVES[self.decay_strategy],
        )
        return partial(rules.warm_up, start=self.start_factor, total=self.warmup, then=decay)


def _fraction(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"`{name}` is between 0 and 1, not {value}")
    return value
