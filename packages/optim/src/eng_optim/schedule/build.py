"""From a configuration to a schedule, with what follows from the length of the run that it is for."""

import re
from collections.abc import Mapping
from math import ceil
from typing import Any

from eng_optim.errors import SettingError
from eng_optim.schedule.scheduler import ParamScheduler
from eng_optim.schedule.units import Unit, counts_of, kind_of, unit_of
from eng_registry import PARAM_SCHEDULERS

Lengths = Mapping[Unit, float | None]
"""How long a run is, in epochs, iterations and optimizer steps; None, or no entry, where that is not known."""

_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*dur\s*")


def schedule_unit(cfg: Mapping[str, Any]) -> Unit:
    """Return the unit in which the schedule that `cfg` describes counts: 'epoch', 'iter' or 'step'.

    With `convert_to_iter_based` it is 'epoch', since the configuration counts them.

    Raises `SettingError` if there are several.

    >>> schedule_unit({"type": "LinearLR", "end": "500 steps"})
    'step'
    """
    return unit_of({key: cfg[key] for key in cfg if not _has_part(cfg[key])}, counts_of(cfg))


def build_schedule(
    cfg: Mapping[str, Any],
    optimizer: Any,
    *,
    lengths: Lengths | None = None,
    epoch_length: int | None = None,
) -> Any:
    """Return the schedule that `cfg` describes for an optimizer or a wrapper; `cfg` stays as it is.

    A schedule without an `end` ends with the run, whose `lengths` say how long it is in the schedule's unit; one that
    follows a metric has no end. '0.1 dur' is a part of that length. What follows from it is marked as derived, so that
    a run that is resumed for longer has it anew. `epoch_length` is the number of iterations of an epoch, for
    `convert_to_iter_based`.

    Raises what the registry and the schedule raise; `SettingError` for a part of a length that is not known.

    >>> import torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    >>> cfg = {"type": "CosineAnnealingLR", "begin": "0.1 dur", "by_epoch": False}
    >>> schedule = build_schedule(cfg, optimizer, lengths={"epoch": 5, "iter": 100, "step": 25})
    >>> schedule.begin, schedule.end, schedule.T_max, sorted(schedule.derived)
    (10, 100, 90, ['T_max', 'begin', 'end'])
    """
    unit = schedule_unit(cfg)
    total = (lengths or {}).get(unit)
    is_converted = bool(cfg.get("convert_to_iter_based"))  # then a part of an epoch means something
    parts = {
        name: _shares(name, cfg[name], total, unit, is_whole=not is_converted)
        for name in ("begin", "end", *counts_of(cfg))
        if _has_part(cfg.get(name))
    }
    follows_run = "end" not in cfg and not getattr(kind_of(cfg), "need_val_args", False)
    defaults: dict[str, Any] = {"optimizer": optimizer, "epoch_length": epoch_length}
    if follows_run and total is not None:
        defaults["end"] = total if is_converted else ceil(total)
    schedule = PARAM_SCHEDULERS.build({**cfg, **parts} if parts else cfg, default_args=defaults)
    if isinstance(schedule, ParamScheduler):
        schedule.mark_derived(*parts, *["end"] * follows_run)
    return schedule


def _has_part(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_has_part(each) for each in value)
    return isinstance(value, str) and _PART.fullmatch(value) is not None


def _shares(name: str, value: Any, total: float | None, unit: Unit, *, is_whole: bool) -> Any:
    """Return the value with numbers for the parts of the run that it names."""
    if isinstance(value, list | tuple):
        return [_shares(name, each, total, unit, is_whole=is_whole) for each in value]
    match = _PART.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return value
    if total is None:
        raise SettingError(
            f"`{name}` is {value!r}, a part of the run, whose length in {unit}s is not known; give a number, or the "
            "run a length"
        )
    share = float(match[1]) * total
    return round(share) if is_whole else share
