"""One cycle: up to a peak, down to almost nothing, as in "Super-Convergence" (Smith and Topin, 2017).

It differs from the other families in that the peak is given and the initial value follows from it.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from eng_optim.base import ParamGroup
from eng_optim.errors import SettingError
from eng_optim.schedule.epochs import INF
from eng_optim.schedule.per_group import one_per_group
from eng_optim.schedule.rule_scheduler import RuleScheduler
from eng_optim.schedule.rules import CURVES, Rule, one_cycle
from eng_optim.schedule.scheduler import AnyOptimizer
from eng_optim.schedule.units import Count


class OneCycleParamScheduler(RuleScheduler):
    """From `eta_max / div_factor` up to `eta_max`, then down to the start divided by `final_div_factor`.

    `eta_max` is one number, or one for each group. Of `total_steps` (all active ones by default), `pct_start`
    go up; with `three_phase` as many go down to the start again, and the rest from there to the end. The way
    is half a cosine wave ('cos') or straight ('linear'). The initial value of the groups is overwritten; the value
    itself stays until the cycle begins.
    Counts epochs; with `by_epoch=False` iterations, all of them.

    Raises `SettingError` if `param_name` is not 'lr', `ValueError` for an impossible cycle or a step after
    its end.
    """

    counts = ("total_steps",)
    foreign = ("anneal_func", "eta_max")

    def __init__(
        self,
        optimizer: AnyOptimizer,
        param_name: str,
        eta_max: float | Sequence[float] = 0,
        total_steps: Count | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        begin: Count = 0,
        end: Count = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        given = self._numbers(by_epoch, total_steps=total_steps, begin=begin, end=end)
        if param_name != "lr":
            raise SettingError(f"one cycle is for the learning rate, not for {param_name!r}")
        self.total_steps = _positive_int(
            given["end"] - given["begin"] if total_steps is None else given["total_steps"]
        )
        self._computed = {"total_steps": "end"} if total_steps is None else {}
        self.pct_start = _float_fraction(pct_start)
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"`anneal_strategy` is 'cos' or 'linear', not {anneal_strategy!r}")
        self.anneal_strategy = anneal_strategy
        self.div_factor = div_factor
        self.final_div_factor = final_div_factor
        self.three_phase = three_phase
        self._eta_max = eta_max
        super().__init__(
            optimizer, param_name, given["begin"], given["end"], last_step, given["by_epoch"], verbose
        )

    def step(self) -> None:
        if self.last_step >= self.total_steps:
            raise ValueError(f"the cycle has {self.total_steps} steps; this is step {self.last_step + 1}")
        if self.last_step == -1 and self._global_step + 1 == self.begin:
            self._slot.write(self._groups(), self.base_values)
        super().step()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was; a shape of the cycle that it does not have stays as configured."""
        shape = {name: getattr(self, name) for name in ("pct_start", "anneal_strategy", "three_phase")}
        super().load_state_dict({**shape, **state_dict})

    def _initial_values(self, groups: Sequence[ParamGroup]) -> list[float]:
        if self.last_step == -1:
            peaks = one_per_group("eta_max", self._eta_max, len(groups))
            for group, peak in zip(groups, peaks, strict=True):
                group["initial_lr"] = peak / self.div_factor
        return super()._initial_values(groups)

    def _rule(self) -> Rule:
        up = self.pct_start * self.total_steps - 1
        knots: list[tuple[float, float]] = [(0, 1.0), (up, self.div_factor)]
        if self.three_phase:
            knots.append((2 * self.pct_start * self.total_steps - 2, 1.0))
        knots.append((self.total_steps - 1, 1.0 / self.final_div_factor))
        return partial(one_cycle, knots=knots, curve=CURVES[self.anneal_strategy])


def _positive_int(total_steps: Any) -> int:
    if not isinstance(total_steps, int) or total_steps <= 0:
        raise ValueError(f"`total_steps` is a positive integer, not {total_steps!r}")
    return total_steps


def _float_fraction(pct_start: Any) -> float:
    if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
        raise ValueError(f"`pct_start` is a float between 0 and 1, not {pct_start!r}")
    return pct_start
