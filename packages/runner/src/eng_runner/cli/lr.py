"""`eng lr`: the learning rate over a run, as rows or as a picture, without a model."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eng_config import Config, ConfigError

from .common import add_config_arguments, load_config, show_examples, told_plainly
from .table import print_table

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 20
BAR = 24


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `eng lr`."""
    add_config_arguments(parser)
    parser.add_argument("--plot", metavar="FILE", help="draw the values to a .png, .svg or .pdf file")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"how many rows to print (default: {ROWS})")
    parser.add_argument(
        "--epoch-length",
        type=int,
        metavar="N",
        help="iterations of an epoch; where it is needed and not given, the training data set is built to know it",
    )
    show_examples(
        parser,
        "eng lr config.py",
        "eng lr config.py --plot lr.png",
        "eng lr config.py --epoch-length 500 --rows 40",
    )
    parser.set_defaults(run=run)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How the scheduled values move: `values` has one of each per `unit`, an epoch or an optimizer step."""

    unit: str
    values: dict[str, Tensor]
    steps_per_epoch: int | None
    notes: tuple[str, ...]


def run(options: argparse.Namespace) -> int:
    """Print or draw what the schedules will do."""
    config = load_config(options)
    with told_plainly():
        course = plan_course(config, epoch_length=options.epoch_length)
        if options.plot is not None:
            _draw(course, options.plot, title=Path(options.config).name)
    if options.plot is not None:
        print(options.plot)
    else:
        _print(course, rows=max(2, options.rows))
    for note in course.notes:
        print(f"note: {note}")
    return 0


def plan_course(config: Config, *, epoch_length: int | None) -> Course:
    """The values of a training by a configuration; raises ConfigError where it has no training or no optimizer."""
    from eng_registry import DefaultScope, allow_import

    for name in ("train_cfg", "optim_wrapper"):
        if config.get(name) is None:
            raise ConfigError(f"{config.filename}: `{name}` is missing, so nothing is trained at any rate")
    with (
        DefaultScope.overwrite_default_scope(config.get("default_scope", "eng")),
        allow_import(*(["*"] if config.trusted else [])),
    ):
        return _course(config, epoch_length)


def _course(config: Config, epoch_length: int | None) -> Course:
    from eng_optim import plan

    train, schedules = config["train_cfg"], list(_schedules(config.get("param_scheduler")))
    by_epoch = train.get("by_epoch", "max_iters" not in train)
    counts_steps = any(_counts_steps(schedule) for schedule in schedules)
    wrappers = _wrappers(config["optim_wrapper"])
    accumulative = max(int(wrapper.get("accumulative_counts", 1)) for wrapper in wrappers.values())
    if by_epoch and not counts_steps:
        unit, steps, per_epoch, known = "epoch", int(train["max_epochs"]), 1, None
    elif by_epoch:
        known = per_epoch = _steps(epoch_length or _measured_length(config), accumulative)
        unit, steps = "step", int(train["max_epochs"]) * per_epoch
    else:
        unit, steps = "step", -(-int(train["max_iters"]) // accumulative)
        converts = any(schedule.get("convert_to_iter_based") for schedule in schedules)
        length = epoch_length or (_measured_length(config) if converts else None)
        known = None if length is None else _steps(length, accumulative)
        per_epoch = known if converts and known is not None else steps
    values: dict[str, Tensor] = {}
    for name, wrapper in wrappers.items():
        given = config.get("param_scheduler")
        own = given.get(name) if name and isinstance(given, Mapping) and "type" not in given else given
        optimizer = _scaled(wrapper["optimizer"], config)
        planned = plan(own, steps, optimizer=optimizer, epoch_length=per_epoch)
        values |= {f"{name}.{key}" if name else key: value for key, value in planned.items()}
    notes = tuple(_notes(config, schedules, by_epoch=by_epoch, wrappers=wrappers))
    return Course(unit=unit, values=values, steps_per_epoch=known, notes=notes)


def _schedules(spec: Any) -> Iterator[Mapping[str, Any]]:
    """Every schedule of a configuration: one, a list, or name -> either."""
    if isinstance(spec, Mapping):
        if "type" in spec:
            yield spec
        else:
            for part in spec.values():
                yield from _schedules(part)
    elif isinstance(spec, Sequence) and not isinstance(spec, str):
        for part in spec:
            yield from _schedules(part)
    elif spec is not None:
        raise ConfigError(f"`param_scheduler` holds {spec!r}, and a schedule is a mapping with a `type`")


def _counts_steps(schedule: Mapping[str, Any]) -> bool:
    return bool(schedule.get("convert_to_iter_based")) or not schedule.get("by_epoch", True)


def _steps(iterations: int, accumulative_counts: int) -> int:
    """Optimizer steps of an epoch of that many iterations."""
    return max(1, round(iterations / accumulative_counts))


def _wrappers(spec: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Name -> optimizer wrapper; one without a name unless there are several."""
    if "optimizer" in spec:
        return {"": spec}
    several = {name: part for name, part in spec.items() if isinstance(part, Mapping) and "optimizer" in part}
    if not several:
        raise ConfigError("`optim_wrapper` names no optimizer whose rate could be shown")
    return several


def _measured_length(config: Config) -> int:
    """Iterations of an epoch, from the loader; its data set is built, no sample of it is read."""
    from eng_dataset import build_dataloader

    return len(build_dataloader(config["train_dataloader"], seed=0))


def _scaled(optimizer: Mapping[str, Any], config: Config) -> dict[str, Any]:
    """The optimizer with the rate that `auto_scale_lr` gives it in one process."""
    settings, scale = dict(optimizer), config.get("auto_scale_lr") or {}
    if scale.get("enable") and "lr" in settings:
        settings["lr"] *= config["train_dataloader"]["batch_size"] / scale["base_batch_size"]
    return settings


def _notes(
    config: Config,
    schedules: Sequence[Mapping[str, Any]],
    *,
    by_epoch: bool,
    wrappers: Mapping[str, Mapping[str, Any]],
) -> Iterator[str]:
    """What the values do not show."""
    if not schedules:
        yield "there is no `param_scheduler`: the rate stays what it is"
    for schedule in schedules:
        if "Plateau" in str(schedule["type"]):
            yield f"{schedule['type']} follows a metric and is shown standing still"
        elif not by_epoch and not _counts_steps(schedule):
            yield (
                f"{schedule['type']} counts epochs, which training by iterations does not have: it moves only at the "
                "end; by_epoch=False lets it count steps"
            )
    if any(wrapper.get("paramwise_cfg") for wrapper in wrappers.values()):
        yield "`paramwise_cfg` gives some parameters a multiple of this rate"
    if (config.get("auto_scale_lr") or {}).get("enable"):
        yield "`auto_scale_lr` is applied for one process; with n processes the rates are n times these"


def _print(course: Course, *, rows: int) -> None:
    count = min(len(values) for values in course.values.values())
    first = next(iter(course.values.values()))
    peak = float(first.abs().max()) or 1.0
    columns = [course.unit, *(["epoch"] if course.steps_per_epoch else []), *course.values, ""]
    table = []
    for at in _spread(count, rows):
        epoch = [str(at // course.steps_per_epoch + 1)] if course.steps_per_epoch else []
        bar = "▇" * round(BAR * abs(float(first[at])) / peak)
        cells = [f"{float(values[at]):.6g}" for values in course.values.values()]
        table.append([str(at + 1), *epoch, *cells, bar])
    print_table(columns, table, numbers=columns[:-1])


def _spread(count: int, rows: int) -> list[int]:
    """At most `rows` of `count` positions, evenly, with the first and the last.

    >>> _spread(10, 4), _spread(3, 20)
    ([0, 3, 6, 9], [0, 1, 2])
    """
    if count <= rows:
        return list(range(count))
    return [math.floor(i * (count - 1) / (rows - 1) + 0.5) for i in range(rows)]


def _draw(course: Course, file: str, *, title: str) -> None:
    from matplotlib.figure import Figure

    known = Figure().canvas.get_supported_filetypes()
    if (ending := Path(file).suffix[1:]) not in known:
        raise ConfigError(
            f"--plot {file}: {ending or 'no ending'!r} is no kind of picture; there are {', '.join(known)}"
        )
    figure = Figure(figsize=(8, 2.6 * len(course.values) + 0.6), layout="constrained")
    axes = figure.subplots(len(course.values), 1, sharex=True, squeeze=False)[:, 0]
    for axis, (name, values) in zip(axes, course.values.items(), strict=True):
        axis.plot(range(1, len(values) + 1), values.tolist(), drawstyle="steps-mid", linewidth=1.5)
        axis.set_ylabel(name)
        axis.grid(alpha=0.3)
        axis.set_ylim(bottom=min(0.0, float(values.min())))
    axes[-1].set_xlabel(course.unit)
    axes[0].set_title(title)
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=150)
