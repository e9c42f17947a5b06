"""One scheduler for every rule and every slot.

A schedule is active for the steps in [begin, end), counted from its construction. At each active step it
moves the value from where it *is*: it multiplies by the ratio of two successive factors of its rule. So
schedules that overlap multiply, a value that someone else changed keeps the change, and after `end` the last
value stays.

Subclasses name their settings and give the rule; `names.py` has them all.
"""

import inspect
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from logging import getLogger
from typing import Any, ClassVar, Self

from torch.optim import Optimizer

from eng_optim.base import BaseOptimWrapper, ParamGroup
from eng_optim.errors import SettingError
from eng_optim.schedule.epochs import INF, in_iterations
from eng_optim.schedule.rules import Rule
from eng_optim.schedule.slots import find_slot

logger = getLogger(__name__)


class ParamScheduler(ABC):
    """Moves one value of every parameter group along a schedule, one `step()` at a time.

    `begin` and `end` bound the active steps, in epochs if `by_epoch`, else in iterations: who calls `step`
    decides what a step is. The first value is set at construction. `last_step` is the last active step of a
    schedule to go on with; the groups then have an `initial_<param_name>` already.

    Raises `TypeError` for anything but an optimizer or a wrapper of one, `ValueError` if `end <= begin`,
    `KeyError` if the groups do not have `param_name`.
    """

    need_val_args: ClassVar[bool] = False
    """Whether `step` wants the metrics of a validation."""

    settings: ClassVar[tuple[str, ...]] = ()
    """The attributes besides the common ones that are part of the state."""

    counts: ClassVar[tuple[str, ...]] = ()
    """The arguments, besides begin and end, that are measured in epochs or iterations."""

    def __init__(
        self,
        optimizer: Optimizer | BaseOptimWrapper,
        param_name: str,
        begin: int = 0,
        end: int = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        _check(optimizer, begin, end, last_step)
        self.optimizer = optimizer
        self.param_name = param_name
        self.begin = begin
        self.end = end
        self.by_epoch = by_epoch
        self.verbose = verbose
        self.last_step = last_step
        self._global_step = 0 if last_step == -1 else begin + last_step + 1
        self._grouped = _owner_of_groups(optimizer)
        self._slot = find_slot(param_name, optimizer.param_groups)
        self.base_values = self._initial_values(optimizer.param_groups)
        self._optimizer_steps = _FirstStep(optimizer)
        self._factor_at: Rule
        self._factor: float
        self._floor_values: list[float]
        self._bind()
        self.step()

    @abstractmethod
    def _rule(self) -> Rule:
        """Return the rule that the settings mean."""

    def _floors(self) -> list[float]:
        """Return for each group the value that the rule does not go below."""
        return [0.0] * len(self.base_values)

    def step(self) -> None:
        """Go to the next step, and set its values if it is an active one."""
        now = self._global_step
        self._global_step = now + 1
        if now == 1:
            self._optimizer_steps.expect()
        if not self.begin <= now < self.end:
            return
        self.last_step = k = self.last_step + 1
        factor = self._factor_at(k)
        before = self._factor
        if factor != before:
            self._factor = factor
            groups = self._grouped.param_groups
            if len(groups) != len(self.base_values):
                self._adopt(groups)
            if before:
                self._slot.rescale(groups, self._floor_values, factor / before)
            else:
                pairs = zip(self.base_values, self._floor_values, strict=True)
                self._slot.write(groups, [floor + (base - floor) * factor for base, floor in pairs])
        if self.verbose:
            self._say()

    def get_last_value(self) -> list[float]:
        """Return the present value of each group."""
        return [self._slot.read(group) for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Return position and settings as plain data."""
        return {
            "param_name": self.param_name,
            "begin": self.begin,
            "end": self.end,
            "by_epoch": self.by_epoch,
            "verbose": self.verbose,
            "base_values": list(self.base_values),
            "last_step": self.last_step,
            "_global_step": self._global_step,
            "_last_value": self.get_last_value(),
            **{name: getattr(self, name) for name in self.settings},
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was, with its settings: those of the new configuration do not count.

        The values themselves are part of the optimizer's state. Raises `KeyError` if `state_dict` is that of
        another kind of schedule.
        """
        own = self.state_dict()
        missing = [name for name in own if name not in state_dict]
        if missing:
            raise KeyError(f"this is no state of {type(self).__name__}: it has no {', '.join(missing)}")
        for name in own:
            if name != "_last_value":
                setattr(self, name, state_dict[name])
        self.base_values = list(self.base_values)
        self._bind()

    @classmethod
    def build_iter_from_epoch(cls, *args: Any, epoch_length: int | None = None, **kwargs: Any) -> Self:
        """Build the schedule from arguments in epochs, as one that counts iterations.

        Raises `SettingError` if `by_epoch` is False, or `epoch_length` not a positive number.
        """
        given = inspect.signature(cls).bind(*args, **kwargs).arguments
        return cls(**in_iterations(given, cls.counts, epoch_length=epoch_length))

    def _bind(self) -> None:
        """Prepare what `step` needs, from the settings; also after they were loaded."""
        self._factor_at = self._rule()
        self._factor = self._factor_at(self.last_step) if self.last_step >= 0 else 1.0
        self._floor_values = self._floors()

    def _initial_values(self, groups: Sequence[ParamGroup]) -> list[float]:
        """Return the values before any schedule; the groups keep them, so that later schedules see them
        too."""
        key = f"initial_{self.param_name}"
        if self.last_step == -1:
            for group in groups:
                group.setdefault(key, self._slot.read(group))
        missing = [index for index, group in enumerate(groups) if key not in group]
        if missing:
            raise KeyError(f"to go on with a schedule, `{key}` is needed in parameter group {missing[0]}")
        return [group[key] for group in groups]

    def _adopt(self, groups: Sequence[ParamGroup]) -> None:
        """Take in the groups that were added to the optimizer since: their own values are where they
        begin."""
        key = f"initial_{self.param_name}"
        for group in groups:
            group.setdefault(key, self._slot.read(group))
        self.base_values = [group[key] for group in groups]
        self._floor_values = self._floors()

    def _say(self) -> None:
        values = ", ".join(f"{value:.4e}" for value in self.get_last_value())
        logger.info("%s at step %d: %s", self.param_name, self._global_step - 1, values)


def _check(optimizer: Any, begin: int, end: int, last_step: Any) -> None:
    groups = getattr(optimizer, "param_groups", None)
    if not isinstance(optimizer, Optimizer | BaseOptimWrapper) or not isinstance(groups, list):
        raise TypeError(f"`optimizer` is one Optimizer or OptimWrapper, not {type(optimizer).__name__}")
    if end <= begin:
        raise ValueError(f"a schedule ends after it begins, not at {end} when it begins at {begin}")
    if not isinstance(last_step, int) or last_step < -1:
        raise SettingError(f"`last_step` is an integer from -1 on, not {last_step!r}")


def _owner_of_groups(optimizer: Optimizer | BaseOptimWrapper) -> Optimizer | BaseOptimWrapper:
    """Return the optimizer itself where a wrapper adds no group: its own list costs nothing to look up."""
    if isinstance(optimizer, BaseOptimWrapper) and optimizer.base_param_settings is None:
        return optimizer.optimizer
    return optimizer


class _FirstStep:
    """Notices whether the optimizer has stepped, and costs nothing from then on."""

    def __init__(self, optimizer: Optimizer | BaseOptimWrapper) -> None:
        self._seen = False
        bare = optimizer.optimizer if isinstance(optimizer, BaseOptimWrapper) else optimizer
        self._handle = bare.register_step_post_hook(self._notice)

    def _notice(self, *_: Any) -> None:
        self._seen = True

    def expect(self) -> None:
        """Warn if the optimizer has not stepped; stop looking in any case."""
        self._handle.remove()
        if not self._seen:
            warnings.warn(
                "the schedule stepped before the optimizer did, or `optimizer.step` was replaced: the first "
                "value of the schedule is skipped. Call `optimizer.step()` before `scheduler.step()`; see "
                "https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate",
                UserWarning,
                stacklevel=3,
            )
