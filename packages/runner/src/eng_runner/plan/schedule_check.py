"""Schedules and the run that they are for: whether one goes on after the other has ended. Pure: nothing is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eng_config import Config

DECAYS = ("CosineAnnealing", "Poly", "OneCycle")
"""Rules that are made to end where the training ends."""


def schedule_problems(config: Config, *, iters_per_epoch: int | None) -> Iterator[tuple[str, str]]:
    """The path of each schedule that outlives or undershoots the run, and how.

    `iters_per_epoch` may be None: what counts steps in a training by epochs is then not looked at.
    """
    train = config["train_cfg"]
    epochs, iters = train.get("max_epochs"), train.get("max_iters")
    accumulative = max(_accumulative(config.get("optim_wrapper") or {}), 1)
    if iters is None and epochs is not None and iters_per_epoch is not None:
        iters = int(epochs) * iters_per_epoch
    steps = None if iters is None else -(-int(iters) // accumulative)
    by_epoch = train.get("max_iters") is None
    listed = list(_schedules(config.get("param_scheduler"), "param_scheduler"))
    for path, schedule in listed:
        counts_epochs = schedule.get("by_epoch", True)
        if counts_epochs and not by_epoch:
            yield (
                path,
                f"{_name(schedule)} counts epochs, and a training by iterations has none: give by_epoch=False",
            )
            continue
        horizon, unit = (epochs, "epochs") if counts_epochs else (steps, "steps")
        if horizon is not None:
            later = [other for _, other in listed if other is not schedule]
            yield from ((path, what) for what in _misfits(schedule, int(horizon), unit, later))


def _misfits(
    schedule: Mapping[str, Any], horizon: int, unit: str, others: list[Mapping[str, Any]]
) -> Iterator[str]:
    name, begin = _name(schedule), schedule.get("begin", 0)
    run = f"the run has {horizon} {unit}"
    if begin >= horizon:
        yield f"{name} begins after {begin} {unit}, and {run}: it never does"
        return
    late = [milestone for milestone in schedule.get("milestones") or () if milestone >= horizon]
    if late:
        yield f"{name} has milestones that are never reached: {', '.join(map(str, late))}; {run}"
    ends = {key: schedule[key] for key in ("end", "T_max", "total_steps", "total_iters") if schedule.get(key)}
    for key, value in ends.items():
        last = value if key == "end" else begin + value
        if last > horizon:
            yield f"{name} outlives the run: {key}={value}, and {run}"
            return
    if ends and name.startswith(DECAYS):
        last = min(value if key == "end" else begin + value for key, value in ends.items())
        followed = any(other.get("begin", 0) >= last for other in others)
        if last < horizon and not followed:
            yield f"{name} has ended after {last} {unit}, and {run}; nothing schedules the rest"


def _schedules(spec: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every schedule with its path: one, a list, or name -> either."""
    if isinstance(spec, Mapping):
        if "type" in spec:
            yield path, spec
        else:
            for name, part in spec.items():
                yield from _schedules(part, f"{path}.{name}")
    elif isinstance(spec, (list, tuple)):
        for number, part in enumerate(spec):
            yield from _schedules(part, f"{path}.{number}")


def _name(schedule: Mapping[str, Any]) -> str:
    kind = schedule["type"]
    return str(kind if isinstance(kind, str) else getattr(kind, "__name__", kind)).rpartition(".")[2]


def _accumulative(wrapper: Mapping[str, Any]) -> int:
    own = wrapper.get("accumulative_counts", 1)
    return int(own) if isinstance(own, int) else 1
