"""Cosine annealing with warm restarts, as in SGDR (Loshchilov and Hutter, 2016).

A restart begins at the initial values and so forgets what was before it; within a period the value moves from
where it is, like every rule.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from eng_optim.errors import SettingError
from eng_optim.schedule.epochs import INF
from eng_optim.schedule.rules import cosine
from eng_optim.schedule.scheduler import AnyOptimizer, ParamScheduler
from eng_optim.schedule.units import Count


class CosineRestartParamScheduler(ParamScheduler):
    """A cosine down to the floor in each of the `periods`, from `restart_weights[i]` times the initial value.

    The floor is `eta_min`, or `eta_min_ratio` times the initial value. After the last period the value stays.
    Counts epochs; with `by_epoch=False` iterations, all of them.

    Raises `SettingError` unless there are as many weights as periods, and exactly one floor.
    """

    counts = ("periods",)
    foreign = ("cumulative_periods",)

    def __init__(
        self,
        optimizer: AnyOptimizer,
        param_name: str,
        periods: Sequence[Count],
        restart_weights: Sequence[float] = (1,),
        eta_min: float | None = None,
        eta_min_ratio: float | None = None,
        begin: Count = 0,
        end: Count = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        given = self._numbers(by_epoch, periods=periods, begin=begin, end=end)
        if (eta_min is None) == (eta_min_ratio is None):
            raise SettingError("the floor is exactly one of `eta_min` and `eta_min_ratio`")
        if len(periods) != len(restart_weights):
            raise SettingError(
                f"{len(periods)} periods need as many restart weights, not {len(restart_weights)}"
            )
        self.periods: list[int] = list(given["periods"])
        self.restart_weights = list(restart_weights)
        self.eta_min = eta_min
        self.eta_min_ratio = eta_min_ratio
        super().__init__(
            optimizer, param_name, given["begin"], given["end"], last_step, given["by_epoch"], verbose
        )

    @staticmethod
    def get_position_from_periods(iteration: int, cumulative_periods: Sequence[int]) -> int:
        """Return the index of the period that `iteration` is in.

        Raises `ValueError` after the last one.

        >>> CosineRestartParamScheduler.get_position_from_periods(60, [50, 100, 150])
        1
        """
        index = bisect_right(cumulative_periods, iteration)
        if index == len(cumulative_periods):
            raise ValueError(
                f"iteration {iteration} is not below the end of the last period, {cumulative_periods}"
            )
        return index

    def _get_value(self) -> list[float]:
        ends = list(accumulate(self.periods))
        if self.last_step >= ends[-1]:
            return self.get_last_value()
        index = self.get_position_from_periods(self.last_step, ends)
        period, weight = self.periods[index], self.restart_weights[index]
        k = self.last_step - ends[index] + period
        if k == 0:
            return [base * weight for base in self.base_values]
        ratio = cosine(k, period=period) / cosine(k - 1, period=period)
        pairs = zip(self.get_last_value(), self._floors(), strict=True)
        return [floor + (value - floor) * ratio for value, floor in pairs]

    def _floors(self) -> list[float]:
        if self.eta_min is not None:
            return [self.eta_min] * len(self.base_values)
        return [base * (self.eta_min_ratio or 0.0) for base in self.base_values]
