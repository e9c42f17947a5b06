"""Which state belongs to which schedule, and which of the settings count when it is loaded.

A state holds the settings of the run that saved it, and they count: a schedule continues as it was. Settings that were
computed from the length of that run are the exception, since a run may be resumed for longer.
"""

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, cast

from eng_optim.base import ParamGroup
from eng_optim.errors import ScheduleStateError
from eng_optim.schedule.epochs import INF
from eng_optim.schedule.slots import find_slot
from eng_optim.schedule.units import Unit

IDENTITY = ("family", "derived", "unit")
"""What states of older versions and of MMEngine do not have."""


class Described(Protocol):
    """What is asked of a schedule."""

    foreign: ClassVar[tuple[str, ...]]
    optimizer: Any
    param_name: str
    end: int
    unit: Unit

    @property
    def family(self) -> str: ...

    @property
    def derived(self) -> frozenset[str]: ...

    @property
    def computed(self) -> Mapping[str, str]: ...

    def state_dict(self) -> dict[str, Any]: ...


def family_of(kind: type) -> str:
    """Return the name of the rule of a class of schedules: that of the class which computes the values.

    >>> from eng_optim import CosineAnnealingLR, CosineAnnealingMomentum
    >>> family_of(CosineAnnealingLR), family_of(CosineAnnealingMomentum)
    ('CosineAnnealing', 'CosineAnnealing')
    """
    for each in kind.__mro__:
        if each.__name__ in ("RuleScheduler", "ParamScheduler"):
            break
        if "_rule" in vars(each) or "_get_value" in vars(each):
            return each.__name__.removesuffix("ParamScheduler") or each.__name__
    return kind.__name__


def check_state(schedule: Described, state: Mapping[str, Any]) -> None:
    """Raise `ScheduleStateError` if `state` is that of another rule, or of a rule on another value.

    A state that does not name its rule is recognised by its keys.
    """
    expected = f"{schedule.family} of `{schedule.param_name}`"
    family, slot = state.get("family"), state.get("param_name", schedule.param_name)
    own = {*schedule.state_dict()} - {*IDENTITY, "_last_value"}
    missing = sorted(own - {*state})
    unknown = {name for name in state if not name.startswith("_")} - own - {*IDENTITY, *schedule.foreign}
    if family is None and (missing or unknown):
        settings = ", ".join(sorted(({*state} & (own | unknown)) - _COMMON))
        raise ScheduleStateError(
            f"a schedule of `{slot}` with {settings or 'no setting'}",
            expected,
            _difference(missing, sorted(unknown)),
        )
    if family not in (None, schedule.family) or not _same_place(slot, schedule):
        raise ScheduleStateError(f"{family or schedule.family} of `{slot}`", expected)
    if missing:
        raise ScheduleStateError(f"{family} of `{slot}`", expected, _difference(missing, []))


def kept_settings(schedule: Described, state: Mapping[str, Any]) -> set[str]:
    """Return the settings that loading `state` leaves as this run has them: those derived from the length of a run.

    A state that does not say which of its settings were derived is taken to have the same as the schedule.
    """
    if saved_unit(state) != schedule.unit:  # the numbers of one mean nothing to the other
        return set()
    saved = state.get("derived")
    if saved is None:
        return set(schedule.derived)
    return {name for name in saved if name in schedule.derived or _is_given(name, schedule)}


def derived_after(schedule: Described, state: Mapping[str, Any]) -> frozenset[str]:
    """Return what is derived from the length of a run once `state` is loaded."""
    saved = state.get("derived")
    if saved is None:
        return schedule.derived
    return frozenset(name for name in saved if name in schedule.derived or not _is_given(name, schedule))


def ignored_settings(schedule: Described, state: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the settings that loading `state` replaces by other values: the own one and that of the state."""
    own = schedule.state_dict()
    names = (
        {"unit", *inspect.signature(type(schedule)).parameters}
        - kept_settings(schedule, state)
        - _NO_SETTINGS
    )
    return {
        name: (own[name], state[name])
        for name in sorted(names)
        if name in own and name in state and own[name] != state[name]
    }


def saved_unit(state: Mapping[str, Any]) -> Unit:
    """Return the unit that a state counts in; older states only say whether it is epochs.

    >>> saved_unit({"by_epoch": False})
    'iter'
    """
    return cast(Unit, state.get("unit", "epoch" if state.get("by_epoch", True) else "iter"))


_COMMON = {"param_name", "begin", "end", "by_epoch", "last_step", "_global_step", "verbose", "base_values"}
_NO_SETTINGS = {"optimizer", "param_name", "last_step", "verbose"}


def _is_given(name: str, schedule: Described) -> bool:
    """Whether the schedule has the setting; without an end it has nothing that follows from one."""
    return schedule.end != INF or (name != "end" and schedule.computed.get(name) != "end")


def _same_place(slot: str, schedule: Described) -> bool:
    """Whether two names mean the same value, as `momentum` and `betas[0]` do for Adam."""
    if slot == schedule.param_name:
        return True
    groups: list[ParamGroup] = schedule.optimizer.param_groups
    try:
        theirs, ours = find_slot(slot, groups), find_slot(schedule.param_name, groups)
    except KeyError:
        return False
    return type(theirs) is type(ours) and vars(theirs) == vars(ours)


def _difference(missing: list[str], unknown: list[str]) -> str:
    parts = [f"has {', '.join(missing)}"] * bool(missing) + [f"has no {', '.join(unknown)}"] * bool(unknown)
    return f", which {' and '.join(parts)}" if parts else ""
