"""The values that schedules will give, before there is a model: to look at, to plot, to test."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from eng_optim.accumulate import closes_window
from eng_optim.errors import SettingError
from eng_optim.schedule.build import Lengths, build_schedule, schedule_unit
from eng_optim.schedule.dummy_optimizer import DummyOptimizer
from eng_optim.schedule.scheduler import ParamScheduler
from eng_optim.schedule.units import kind_of
from eng_registry import OPTIMIZERS

ScheduleCfg = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


def plan(
    schedules: ScheduleCfg,
    steps: int,
    *,
    optimizer: Mapping[str, Any] | None = None,
    epoch_length: int | None = None,
    accumulative_counts: int = 1,
) -> dict[str, Tensor]:
    """Return, for everything that is scheduled, the value at each of `steps` iterations.

    `schedules` is what a configuration has as `param_scheduler`: one schedule, or a list in the order in which
    they act. `optimizer` is the configuration of the optimizer (SGD with a rate of 1 by default), `epoch_length`
    how many iterations an epoch has, `accumulative_counts` how many make an optimizer step. A schedule without an
    `end` has that of the plan. Schedules that follow a metric stand still.

    The keys are `lr` and the other scheduled values by name, the arrays float64 tensors of shape (steps,).

    Raises `SettingError` if a schedule counts epochs and there is no `epoch_length`.

    >>> warm_up = dict(type="LinearLR", start_factor=0.5, by_epoch=False, end=3)
    >>> plan([warm_up, dict(type="StepLR", step_size=2)], 6, epoch_length=2)["lr"].tolist()
    [0.5, 0.75, 1.0, 1.0, 0.1, 0.1]
    """
    if steps < 1:
        raise SettingError(f"a plan has at least one step, not {steps}")
    dummy = DummyOptimizer([_settings(optimizer or {"type": "SGD", "lr": 1.0})])
    built = [_build(one, dummy, steps, epoch_length, accumulative_counts) for one in _as_list(schedules)]
    moving = [schedule for schedule in built if not schedule.need_val_args]
    within_epoch = [schedule for schedule in moving if schedule.unit != "epoch"]
    by_epoch = [schedule for schedule in moving if schedule.unit == "epoch"]
    # One schedule for each name reads for all: they move the same value.
    readers = {schedule.param_name: schedule for schedule in built}
    values: dict[str, list[float]] = {name: [] for name in ("lr", *readers)}
    group = dummy.param_groups[0]
    dummy.step()
    for step in range(1, steps + 1):
        for name, seen in values.items():
            seen.append(readers[name].get_last_value()[0] if name in readers else float(group[name]))
        has_stepped = closes_window(step, accumulative_counts, steps)
        for schedule in within_epoch:
            if has_stepped or schedule.unit == "iter":
                schedule.step()
        if epoch_length and step % epoch_length == 0:
            for schedule in by_epoch:
                schedule.step()
    return {name: torch.tensor(seen, dtype=torch.float64) for name, seen in values.items()}


def _settings(optimizer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the optimizer of that configuration has in a group, its defaults included."""
    matrix = nn.Parameter(torch.zeros(1, 1))  # some optimizers take nothing less
    built = OPTIMIZERS.build(dict(optimizer), default_args={"params": [matrix]})
    settings: dict[str, Any] = built.param_groups[0]
    return settings


def _as_list(schedules: ScheduleCfg) -> list[Mapping[str, Any]]:
    if schedules is None:
        return []
    return [schedules] if isinstance(schedules, Mapping) else list(schedules)


def _build(
    cfg: Mapping[str, Any],
    optimizer: DummyOptimizer,
    steps: int,
    epoch_length: int | None,
    accumulative_counts: int,
) -> ParamScheduler:
    follows_metric = getattr(kind_of(cfg), "need_val_args", False)
    if epoch_length is None and not follows_metric and schedule_unit(cfg) == "epoch":
        raise SettingError(
            f"{cfg.get('type')} counts epochs: give `epoch_length`, or `by_epoch=False` to count steps"
        )
    lengths: Lengths = {
        "iter": steps,
        "step": -(-steps // accumulative_counts),
        "epoch": None if epoch_length is None else steps / epoch_length,
    }
    schedule: ParamScheduler = build_schedule(cfg, optimizer, lengths=lengths, epoch_length=epoch_length)
    return schedule
