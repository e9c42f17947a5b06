"""Schedules that are a rule: a factor that is a pure function of the step.

At each active step the value moves from where it *is*: it is multiplied by the ratio of two successive factors of the
rule. So schedules that overlap multiply, a value that someone else changed keeps the change, and after `end` the last
value stays.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from eng_optim.base import ParamGroup
from eng_optim.schedule.rules import Rule
from eng_optim.schedule.scheduler import ParamScheduler
from eng_optim.schedule.slots import KeySlot


class RuleScheduler(ParamScheduler, ABC):
    """A schedule that is a rule: the value's part above a floor follows the factor of the step.

    >>> import torch
    >>> class Halving(RuleScheduler):
    ...     def _rule(self):
    ...         return lambda k: 0.5**k
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.8)
    >>> schedule = Halving(optimizer, "lr")
    >>> for _ in range(2):
    ...     optimizer.step()
    ...     schedule.step()
    >>> schedule.get_last_value()
    [0.2]
    """

    _factor_at: Rule
    _factor: float
    _floor_values: list[float]
    _plain_key: str | None

    @abstractmethod
    def _rule(self) -> Rule:
        """Return the rule that the settings mean."""

    def _floors(self) -> list[float]:
        """Return for each group the value that the rule does not go below."""
        return [0.0] * len(self.base_values)

    def step(self) -> None:
        """Go to the next step, and set its values if it is an active one."""
        self._global_step = now = self._global_step + 1
        if now == 1 and self._optimizer_steps is not None:
            self._optimizer_steps.expect()
        if not self.begin <= now < self.end:
            return
        self.last_step = k = self.last_step + 1
        factor = self._factor_at(k)
        before = self._factor
        if factor != before:
            self._factor = factor
            groups = self._grouped.param_groups
            if len(groups) != len(self._floor_values):
                self._adopt(groups)
            key = self._plain_key
            if before and key is not None:  # what `KeySlot.rescale` does, without the call
                ratio = factor / before
                for group, floor in zip(groups, self._floor_values, strict=True):
                    group[key] = floor + (group[key] - floor) * ratio
            elif before:
                self._slot.rescale(groups, self._floor_values, factor / before)
            else:  # nothing is left above the floor to multiply: put a part of the initial value on it
                above = zip(groups, self.base_values, self._floor_values, strict=True)
                read = self._slot.read
                self._slot.write(
                    groups, [read(group) + (base - floor) * factor for group, base, floor in above]
                )
        if self.verbose:
            self._say()

    def _resume(self) -> None:
        self._bind()

    def _resettle(self) -> None:
        before, floors = self._factor, self._floor_values
        self._bind()
        if self._factor == before and self._floor_values == floors:
            return
        groups = self._groups()
        moved = []
        for at, group in enumerate(groups):
            value, old, new = self._slot.read(group), floors[at], self._floor_values[at]
            above = (value - old) / before if before else self.base_values[at] - old
            moved.append(new + (old + above - new) * self._factor)
        self._slot.write(groups, moved)

    def _start(self) -> None:
        self._bind()
        super()._start()

    def _bind(self) -> None:
        """Prepare what `step` needs, once for these settings and this position."""
        self._factor_at = self._rule()
        self._factor = self._factor_at(self.last_step) if self.last_step >= 0 else 1.0
        self._floor_values = self._floors()
        self._plain_key = self._slot.key if type(self._slot) is KeySlot else None

    def _adopt(self, groups: Sequence[ParamGroup]) -> None:
        super()._adopt(groups)
        self._floor_values = self._floors()
