"""Whether schedules and the run that they are for have the same length. Nothing is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eng_config import Config, ConfigError

from ..engine.length import RunLength

DECAYS = ("CosineAnnealing", "Poly", "OneCycle")
"""Rules that are made to end where the training ends."""


def schedule_problems(config: Config, length: RunLength) -> Iterator[tuple[str, str]]:
    """Yield the path of each schedule that outlives or undershoots a run of that length, and how."""
    listed = list(each_schedule(config.get("param_scheduler")))
    for path, schedule in listed:
        counts_epochs = schedule.get("by_epoch", True)
        if counts_epochs and not length.by_epoch:
            yield (
                path,
                f"{_name(schedule)} counts epochs, and a training by iterations has none: give by_epoch=False",
            )
            continue
        total, unit = (length.epochs, "epochs") if counts_epochs else (length.iters, "iterations")
        if total is not None:
            later = [other for _, other in listed if other is not schedule]
            yield from ((path, what) for what in _misfits(schedule, total, unit, later))


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


def each_schedule(spec: Any, path: str = "param_scheduler") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every schedule of a configuration with its path: one, a list of them, or name -> either.

    Objects are left out. Raises ConfigError for what is neither.

    >>> [path for path, _ in each_schedule({"gen": [{"type": "StepLR"}], "disc": {"type": "StepLR"}})]
    ['param_scheduler.gen.0', 'param_scheduler.disc']
    """
    if isinstance(spec, Mapping):
        if "type" in spec:
            yield path, spec
        else:
            for name, part in spec.items():
                yield from each_schedule(part, f"{path}.{name}")
    elif isinstance(spec, (list, tuple)):
        for number, part in enumerate(spec):
            yield from each_schedule(part, f"{path}.{number}")
    elif isinstance(spec, (str, int, float)):
        raise ConfigError(f"`{path}` holds {spec!r}, and a schedule is a mapping with a `type`")


def _name(schedule: Mapping[str, Any]) -> str:
    kind = schedule["type"]
    return str(kind if isinstance(kind, str) else getattr(kind, "__name__", kind)).rpartition(".")[2]
