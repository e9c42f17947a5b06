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

    from ..engine.length import RunLength

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
    """How the scheduled values move: `values` has one of each per `unit`, an epoch or an iteration."""

    unit: str
    values: dict[str, Tensor]
    iters_per_epoch: int | None
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
        try:
            return _course(config, epoch_length)
        except (ValueError, KeyError, TypeError) as error:  # of an argument that the run would refuse too
            said = error.args[0] if isinstance(error, KeyError) and error.args else error
            raise ConfigError(f"{config.filename}: {said}") from error


def _course(config: Config, epoch_length: int | None) -> Course:
    from eng_optim import plan

    from ..plan.schedule_check import each_schedule

    schedules = [schedule for _, schedule in each_schedule(config.get("param_scheduler"))]
    wrappers = _wrappers(config["optim_wrapper"])
    length = _length(config, schedules, epoch_length)
    by_iter = not length.by_epoch or any(_counts_iterations(schedule) for schedule in schedules)
    if by_iter:
        unit, count, per_epoch = "iter", int(length.iters or 0), length.iters_per_epoch
    else:
        unit, count, per_epoch = "epoch", int(length.epochs or 0), 1
    values: dict[str, Tensor] = {}
    for name, wrapper in wrappers.items():
        given = config.get("param_scheduler")
        own = given.get(name) if name and isinstance(given, Mapping) and "type" not in given else given
        optimizer = _scaled(wrapper["optimizer"], config)
        planned = plan(own, count, optimizer=optimizer, epoch_length=per_epoch or count)
        values |= {f"{name}.{key}" if name else key: value for key, value in planned.items()}
    notes = tuple(_notes(config, schedules, by_epoch=length.by_epoch, wrappers=wrappers))
    return Course(unit=unit, values=values, iters_per_epoch=per_epoch if by_iter else None, notes=notes)


def _length(config: Config, schedules: Sequence[Mapping[str, Any]], epoch_length: int | None) -> RunLength:
    """Return the length of the training; the training data set is built only if an epoch has to be measured."""
    from ..engine.length import RunLength
    from ..plan.planned_length import accumulative_counts_of

    train = config["train_cfg"]
    counts = [_counts_iterations(schedule) for schedule in schedules]
    is_needed = any(counts) if train.get("max_iters") is None else any(map(_converts, schedules))
    batches = epoch_length
    if batches is None and is_needed:
        batches = _measured_length(config)
    else:
        train = {**train, "limit_batches": None, "overfit_batches": None}
    return RunLength.of(train, batches, accumulative_counts_of(config["optim_wrapper"]))


def _converts(schedule: Mapping[str, Any]) -> bool:
    return bool(schedule.get("convert_to_iter_based"))


def _counts_iterations(schedule: Mapping[str, Any]) -> bool:
    return _converts(schedule) or not schedule.get("by_epoch", True)


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
    from ..plan.learning_rate import scale_of

    settings = dict(optimizer)
    batch_size = (config.get("train_dataloader") or {}).get("batch_size", 1)
    if "lr" in settings:
        settings["lr"] *= scale_of(config.get("auto_scale_lr"), batch_size=batch_size, world_size=1)
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
        elif not by_epoch and not _counts_iterations(schedule):
            yield (
                f"{schedule['type']} counts epochs, which training by iterations does not have: it moves only at the "
                "end; by_epoch=False lets it count iterations"
            )
    if any(wrapper.get("paramwise_cfg") for wrapper in wrappers.values()):
        yield "`paramwise_cfg` gives some parameters a multiple of this rate"
    if (config.get("auto_scale_lr") or {}).get("enable"):
        yield "`auto_scale_lr` is applied for one process; with n processes the rates are n times these"


def _print(course: Course, *, rows: int) -> None:
    count = min(len(values) for values in course.values.values())
    first = next(iter(course.values.values()))
    peak = float(first.abs().max()) or 1.0
    columns = [course.unit, *(["epoch"] if course.iters_per_epoch else []), *course.values, ""]
    table = []
    for at in _spread(count, rows):
        epoch = [str(at // course.iters_per_epoch + 1)] if course.iters_per_epoch else []
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
