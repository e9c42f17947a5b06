"""What every schedule has: when it is active, which value it moves, and its state.

A schedule is active for the steps in [begin, end), counted from its construction. `rule_scheduler.py` is for schedules
that follow a rule of the step, `families.py` names the settings of each rule.
"""

import inspect
from collections.abc import Mapping, Sequence
from logging import getLogger
from types import MappingProxyType
from typing import Any, ClassVar, Self

from torch.optim import Optimizer

from eng_optim.base import BaseOptimWrapper, ParamGroup
from eng_optim.errors import SettingError
from eng_optim.schedule import state as states
from eng_optim.schedule.epochs import INF, in_iterations
from eng_optim.schedule.first_step import FirstStep
from eng_optim.schedule.slots import find_slot
from eng_optim.schedule.units import Count, Unit, check_whole, in_one_unit

logger = getLogger(__name__)

AnyOptimizer = Optimizer | BaseOptimWrapper


class ParamScheduler:
    """Moves one value of every parameter group, one `step()` at a time.

    `begin` and `end` bound the active steps, in epochs; with `by_epoch=False` in iterations, all of them, also those
    in which gradients are only accumulated. A count may be a string that gives the unit: '2 epochs', '500 iters', or
    '10 steps' for the steps that the optimizer really takes. A Runner calls `step` once in each; in a loop of your own
    you decide. The first value is set at construction. `last_step` is the last active step of a schedule to go on
    with; the groups then have an `initial_<param_name>` already.

    A subclass gives the values of the next step in `_get_value`. Its public attributes are its state: plain
    data.

    Raises `TypeError` for anything but an optimizer or a wrapper of one, `ValueError` if `end <= begin` or the counts
    have different units, `KeyError` if the groups do not have `param_name`.
    """

    need_val_args: ClassVar[bool] = False
    """Whether `step` wants the metrics of a validation."""

    counts: ClassVar[tuple[str, ...]] = ()
    """The arguments, besides begin and end, that are measured in epochs or iterations."""

    foreign: ClassVar[tuple[str, ...]] = ()
    """What MMEngine's state of such a schedule has besides the own attributes."""

    _computed: Mapping[str, str] = MappingProxyType({})

    unit: Unit
    """What a step is: 'epoch', 'iter' or 'step'."""

    def __init__(
        self,
        optimizer: AnyOptimizer,
        param_name: str,
        begin: Count = 0,
        end: Count = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        given = self._numbers(by_epoch, begin=begin, end=end)
        _check(optimizer, given["begin"], given["end"], last_step)
        self.optimizer = optimizer
        self.param_name = param_name
        self.begin: int = given["begin"]
        self.end: int = given["end"]
        self.by_epoch: bool = given["by_epoch"]
        self.verbose = verbose
        self.last_step = last_step
        self._global_step = -1 if last_step == -1 else self.begin + last_step
        self._derived: frozenset[str] = frozenset()
        self._optimizer_steps: FirstStep | None = None
        self._slot = find_slot(param_name, optimizer.param_groups)
        self._grouped = _owner_of_groups(optimizer)
        self.base_values = self._initial_values(optimizer.param_groups)
        self._start()

    def step(self) -> None:
        """Go to the next step, and set its values if it is an active one."""
        self._global_step = now = self._global_step + 1
        if now == 1 and self._optimizer_steps is not None:
            self._optimizer_steps.expect()
        if self.begin <= now < self.end:
            self.last_step += 1
            self._slot.write(self._groups(), self._get_value())
            if self.verbose:
                self._say()

    def get_last_value(self) -> list[float]:
        """Return the present value of each group."""
        return [self._slot.read(group) for group in self.optimizer.param_groups]

    def print_value(self, is_verbose: bool, group: int, value: float) -> None:
        """Log the value of one group if `is_verbose`."""
        if is_verbose:
            step = self._global_step
            logger.info("step %d: %s of parameter group %d is %.4e", step, self.param_name, group, value)

    @property
    def family(self) -> str:
        """The name of the rule, the same for all values that it moves: 'CosineAnnealing'."""
        return states.family_of(type(self))

    @property
    def derived(self) -> frozenset[str]:
        """The settings that follow from the length of the run, see `mark_derived`."""
        return self._derived

    @property
    def computed(self) -> Mapping[str, str]:
        """The settings that were computed from another one instead of being given, and which one that is."""
        return self._computed

    def mark_derived(self, *names: str) -> None:
        """Note that settings such as `end` were computed from the length of the run, and not given.

        So is what the schedule itself computes from them, such as the `T_max` of a cosine. `load_state_dict` leaves
        these settings as they are: a run that is resumed for longer has the values of the longer run.

        >>> import torch
        >>> from eng_optim import CosineAnnealingLR
        >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        >>> schedule = CosineAnnealingLR(optimizer, end=12)
        >>> schedule.mark_derived("end")
        >>> sorted(schedule.derived)
        ['T_max', 'end']
        """
        found = set(names)
        while more := {name for name, source in self.computed.items() if source in found} - found:
            found |= more
        self._derived = frozenset(found)

    def state_dict(self) -> dict[str, Any]:
        """Return position and settings as plain data, with the name of the rule and what is derived."""
        public = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        del public["optimizer"]
        identity = {"family": self.family, "derived": sorted(self._derived)}
        return {**public, **identity, "_global_step": self._global_step, "_last_value": self.get_last_value()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was, with its settings: those of the new configuration do not count.

        Settings that are derived from the length of the run are the exception: if the run is longer now, the value is
        moved to where the longer schedule has it. All other values are part of the optimizer's state, which is to be
        loaded before.

        Raises `ScheduleStateError`, a `ValueError` and `KeyError`, if `state_dict` is that of another rule or of
        another value; one that does not say so is recognised by its keys.
        """
        states.check_state(self, state_dict)
        own = self.state_dict()
        kept = {name: getattr(self, name) for name in states.kept_settings(self, state_dict) if name in own}
        derived = states.derived_after(self, state_dict)
        for name in own.keys() - {*states.IDENTITY, "_last_value", "param_name"}:
            setattr(self, name, state_dict[name])
        self.base_values = list(self.base_values)
        self.unit = states.saved_unit(state_dict)
        self._derived = derived
        if self._optimizer_steps is not None and self._global_step > 0:
            self._optimizer_steps.forget()
            self._optimizer_steps = None
        self._resume()
        changed = {name: value for name, value in kept.items() if value != getattr(self, name)}
        if changed:
            self._lengthen(changed)

    def ignored_settings(self, state_dict: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        """Return the settings that `load_state_dict` would replace by other ones: (configured, saved) by name.

        What is derived from the length of the run is not among them: it counts.
        """
        return states.ignored_settings(self, state_dict)

    @classmethod
    def build_iter_from_epoch(cls, *args: Any, epoch_length: int | None = None, **kwargs: Any) -> Self:
        """Build the schedule from arguments in epochs, as one that counts iterations.

        Raises `SettingError` if `by_epoch` is False, or `epoch_length` not a positive number.
        """
        given = inspect.signature(cls).bind(*args, **kwargs).arguments
        return cls(**in_iterations(given, cls.counts, epoch_length=epoch_length))

    def _start(self) -> None:
        """Set the values of the first step."""
        if self._global_step == -1:
            self._optimizer_steps = FirstStep(self.optimizer)
        self.step()

    def _numbers(self, by_epoch: bool, **counts: Any) -> dict[str, Any]:
        """Return counts as numbers, and `by_epoch` as they say; strings decide about the `unit`.

        Raises `SettingError` if their units differ.
        """
        given = counts if by_epoch else {**counts, "by_epoch": False}  # True is also what it is by default
        numbers, unit = in_one_unit(given, tuple(counts))
        if unit is not None:
            check_whole(counts, numbers)
            self.unit = unit
        elif "unit" not in vars(self):
            self.unit = "epoch" if by_epoch else "iter"
        return {"by_epoch": by_epoch, **numbers}

    def _resume(self) -> None:
        """Prepare for the settings and the position of a state."""

    def _lengthen(self, settings: Mapping[str, Any]) -> None:
        """Take settings of another length of the run, and move the value to where they have it."""
        began = self.begin
        for name, value in settings.items():
            setattr(self, name, value)
        now = self._global_step
        reached = max(-1, min(now, self.end - 1) - self.begin)
        if self.begin != began:
            self.last_step = reached
        self._resettle()
        for _ in range(self.last_step, reached):  # the active steps that the shorter end left out
            self._global_step = self.begin + self.last_step
            self.step()
        self._global_step = now

    def _resettle(self) -> None:
        """Move the value of the step `last_step` from where the settings before had it to where these have it."""

    def _get_value(self) -> list[float]:
        """Return the value of each group at the active step `last_step`."""
        raise NotImplementedError(f"{type(self).__name__} does not say how its values go on")

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

    def _groups(self) -> Sequence[ParamGroup]:
        """Return the groups as they are now: loading a state replaces them, and some may have been added."""
        groups = self._grouped.param_groups
        if len(groups) != len(self.base_values):
            self._adopt(groups)
        return groups

    def _adopt(self, groups: Sequence[ParamGroup]) -> None:
        """Take in groups that were added to the optimizer: their own values are where they begin."""
        key = f"initial_{self.param_name}"
        for group in groups:
            group.setdefault(key, self._slot.read(group))
        self.base_values = [group[key] for group in groups]

    def _say(self) -> None:
        for index, value in enumerate(self.get_last_value()):
            self.print_value(self.verbose, index, value)


def _check(optimizer: Any, begin: int, end: int, last_step: Any) -> None:
    groups = getattr(optimizer, "param_groups", None)
    if not isinstance(optimizer, Optimizer | BaseOptimWrapper) or not isinstance(groups, list):
        raise TypeError(f"`optimizer` is one Optimizer or OptimWrapper, not {type(optimizer).__name__}")
    if end <= begin:
        raise ValueError(f"a schedule ends after it begins, not at {end} when it begins at {begin}")
    if not isinstance(last_step, int) or last_step < -1:
        raise SettingError(f"`last_step` is an integer from -1 on, not {last_step!r}")


def _owner_of_groups(optimizer: AnyOptimizer) -> AnyOptimizer:
    """Return the optimizer itself where a wrapper adds no group: its own list costs nothing to look up."""
    if isinstance(optimizer, BaseOptimWrapper) and optimizer.base_param_settings is None:
        return optimizer.optimizer
    return optimizer
