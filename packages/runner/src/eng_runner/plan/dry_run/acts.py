"""What a run does with its parts, each act once: train, evaluate, save, and all hooks together."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import torch

from eng_config import Config
from eng_dataset import Loader, build_dataloader
from eng_model import MMDistributedDataParallel

from ...engine.hook import Hook
from ...engine.interval import Every
from ...engine.loops.named import are_named
from ...engine.run import schedulers_of
from .. import assembly
from ..assembly import MODES
from ..keys import ARGUMENTS
from ..planned_length import length_of
from ..schedule_check import each_schedule
from ..simulated_world import answer_alone, as_if
from .parts import existing_folder, size_of
from .trial import OneIteration, Trial, own_copy, shortened, without_workers


@runtime_checkable
class CountsSaves(Protocol):
    """A hook that saves checkpoints at an interval, and keeps some of them."""

    every: Every
    save_best: list[str]
    max_keep_ckpts: int

    def count_in(self, unit: str) -> None: ...


SPARE = 1.1
"""How much more than the checkpoints themselves should be free on the disk."""


def train_once(trial: Trial, model: torch.nn.Module, loader: Loader) -> int | None:
    """Take one training step, save and load a checkpoint; returns its size in bytes, None if it was not saved."""
    if trial.notes.are_bad(("train_cfg", "optim_wrapper")) or not trial.is_ordinary(
        trial.config["train_cfg"]
    ):
        return None
    runners: list[Any] = []
    with trial.notes.trying("optim_wrapper", "building it"):
        assembly.build_optimization(trial.config["optim_wrapper"], model)
        arguments = trial.arguments("train", model, loader)
        with trial.notes.trying("train_cfg", "building the training"):
            _check_length(trial, trial.runner(arguments | {"train_cfg": own_copy(trial.config["train_cfg"])}))
            runners.append(trial.runner(arguments))
    if not runners or trial.notes.are_bad(MODES["train"]):
        return None
    (runner,) = runners
    with trial.notes.trying("param_scheduler", "building it"):
        check_floors(trial, runner)
    watch = OneIteration()
    runner.register_hook(watch)
    with trial.notes.trying("model", "one training step"):
        runner.train()
    if "model" in trial.notes.bad:
        return None
    if watch.loss is not None and not torch.isfinite(watch.loss).all():
        trial.notes.note("model", f"the loss of the first step is {float(watch.loss.mean())}")
    size = None
    with trial.notes.trying("model", "saving a checkpoint"):
        path = runner.save_checkpoint(trial.folder, "check.pth")
        size = sum(f.stat().st_size for f in [Path(path), *Path(path).rglob("*")] if f.is_file())
        with trial.notes.trying("model", "loading the checkpoint again"):
            again = trial.runner(arguments | {"load_from": path, "resume": True})
            again.register_hook(OneIteration())
            again.train()
    return size


def _check_length(trial: Trial, runner: Any) -> None:
    """Check the length of the real loop, with its calendar and limits; the small run has others."""
    if runner.train_loop.max_iters < 1:
        unit = "max_epochs" if trial.config["train_cfg"].get("max_epochs") is not None else "max_iters"
        trial.notes.note(
            f"train_cfg.{unit}",
            f"is {trial.config['train_cfg'][unit]}: nothing would be trained; write 1 or more",
        )


def evaluate_once(
    trial: Trial, mode: str, model: torch.nn.Module, loader: Loader | dict[str, Loader]
) -> dict[str, Any] | None:
    """Send one batch through the model and the evaluator; returns its metrics."""
    names = MODES[mode]
    if trial.notes.are_bad(names) or not trial.is_ordinary(trial.config[names[1]]):
        return None
    metrics: dict[str, Any] | None = None
    with trial.notes.trying(names[2], "building it"):
        evaluator = own_copy(trial.config[names[2]])
        for part in evaluator.values() if isinstance(loader, dict) else [evaluator]:
            assembly.build_evaluator(part)
        with trial.notes.trying(names[2], f"one batch of {mode}"):
            runner = trial.runner(trial.arguments(mode, model, loader))
            metrics = runner.val() if mode == "val" else runner.test()
            trial.notes.fact(mode, f"measured: {', '.join(metrics) or 'nothing'}")
    return metrics


def run_once(trial: Trial, model: torch.nn.Module) -> None:
    """Run all hooks, loops and schedules together: an epoch of one iteration, with its validation and log."""
    arguments = {name: own_copy(trial.config[name]) for name in ARGUMENTS if name in trial.config}
    arguments["model"] = model
    for mode in MODES:
        if arguments.get(f"{mode}_dataloader") is not None:
            given = arguments[f"{mode}_dataloader"]
            named = mode == "val" and are_named(given)
            arguments[f"{mode}_dataloader"] = (
                {key: without_workers(part) for key, part in given.items()}
                if named
                else without_workers(given)
            )
    arguments["train_cfg"] = shortened(arguments["train_cfg"])
    for name in ("val_cfg", "test_cfg"):
        if arguments.get(name) is not None and trial.is_ordinary(arguments[name]):
            arguments[name] = {**arguments[name], "limit_batches": 1}
    for hook in [
        *(arguments.get("default_hooks") or {}).values(),
        *(arguments.get("custom_hooks") or []),
    ]:
        if isinstance(hook, Mapping):
            hook.pop("out_dir", None)  # type: ignore[attr-defined]  # a ConfigDict, whose values may go
    arguments["visualizer"] = {"vis_backends": [{"type": "LocalVisBackend"}]}
    arguments |= {"load_from": None, "resume": False}
    with trial.notes.trying(
        "custom_hooks" if trial.config.get("custom_hooks") else "default_hooks", "a run of one step"
    ):
        runner = trial.runner(arguments)
        runner.register_hook(OneIteration())
        runner.train()


def check_monitored(trial: Trial, hooks: Mapping[str, Hook], metrics: Mapping[str, Any]) -> None:
    """Check that the metrics that hooks wait for are measured."""
    wanted = []
    for path, hook in hooks.items():
        best = [name for name in getattr(hook, "save_best", None) or () if name != "auto"]
        wanted += [(f"{path}.save_best", name) for name in best]
        if isinstance(getattr(hook, "monitor", None), str):
            wanted.append((f"{path}.monitor", hook.monitor))  # type: ignore[attr-defined]  # asked just before
    wanted += _monitors_of_schedules(trial, metrics)
    for path, name in wanted:
        if name not in metrics:
            near = get_close_matches(name, metrics, n=1)
            hint = f"did you mean `{near[0]}`? " if near else ""
            there = ", ".join(metrics) or "nothing, for there is no validation"
            trial.notes.note(path, f"no evaluator returns `{name}`; {hint}a validation returns: {there}")


def _monitors_of_schedules(trial: Trial, metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the metric that each schedule follows, with its path."""
    return [
        (f"{path}.monitor", schedule["monitor"])
        for path, schedule in each_schedule(trial.config.get("param_scheduler"))
        if "Plateau" in str(schedule["type"]) and isinstance(schedule.get("monitor"), str)
    ]


def check_floors(trial: Trial, runner: Any) -> None:
    """Check that no schedule takes a rate to a floor that lies above where the rate begins."""
    for number, scheduler in enumerate(schedulers_of(runner.param_schedulers)):
        floor, name = getattr(scheduler, "eta_min", None), getattr(scheduler, "param_name", "lr")
        bases = getattr(scheduler, "base_values", [])
        if not isinstance(floor, (int, float)) or not any(base < floor for base in bases):
            continue
        trial.notes.note(
            f"param_scheduler.{number}",
            f"{type(scheduler).__name__} goes to eta_min={floor:g}, and {name} begins at {min(bases):g} in a parameter "
            "group: it would rise; use eta_min_ratio, a share of where each group begins",
        )


def check_disk(trial: Trial, size: int, hooks: Mapping[str, Hook], loader: Loader) -> None:
    """Check that the checkpoints of the whole run fit on the disk."""
    count = _checkpoints(trial.config, hooks, loader)
    where = existing_folder(trial.config.get("work_dir") or ".")
    free = shutil.disk_usage(where).free
    trial.notes.fact("checkpoint", f"{_mib(size)}, saved and loaded; up to {count} of them")
    if size * count * SPARE > free:
        trial.notes.note(
            "work_dir",
            f"up to {count} checkpoints of {_mib(size)} need {_mib(size * count)}, and {_mib(free)} are free on "
            f"{where}; keep fewer with max_keep_ckpts",
        )


def check_world(trial: Trial, world_size: int, model: torch.nn.Module | None) -> None:
    """Check what changes where there are many processes."""
    with as_if(world_size):
        name = "train_dataloader"
        if trial.config.get(name) is None or name in trial.notes.bad:
            return
        with trial.notes.trying(name, f"building it for {world_size} processes"):
            loader = build_dataloader(without_workers(trial.config[name]), seed=0, training=True)
        if name in trial.notes.bad:
            return
        a_step = world_size * (loader.batch_size or 1)
        trial.notes.fact("processes", f"{world_size:,} processes take {a_step:,} samples at once")
        size = size_of(loader)
        if isinstance(size, int) and size < a_step:
            trial.notes.note(
                f"{name}.batch_size",
                f"{world_size:,} processes take {a_step:,} samples at once, and the data set has {size:,}: some "
                "would be taken twice; use fewer processes or smaller batches",
            )
        if model is not None and "optim_wrapper" not in trial.notes.bad and trial.config.get("optim_wrapper"):
            with trial.notes.trying("model", f"one training step of {world_size} processes"):
                _distributed_step(trial, model, loader)


def _distributed_step(trial: Trial, model: torch.nn.Module, loader: Loader) -> None:
    """Take a step under DDP, whatever the strategy: it meets unused parameters and uneven shapes first."""
    copied = copy.deepcopy(model)
    unused = bool(trial.config.get("find_unused_parameters", False))
    wrapped = MMDistributedDataParallel(copied, broadcast_buffers=False, find_unused_parameters=unused)
    answer_alone(wrapped)
    optim_wrapper = assembly.build_optimization(own_copy(trial.config["optim_wrapper"]), copied)
    wrapped.train_step(next(iter(loader)), optim_wrapper=optim_wrapper)


def _checkpoints(config: Config, hooks: Mapping[str, Hook], loader: Loader) -> int:
    """Return how many checkpoints the run leaves at most."""
    count = 0
    for hook in hooks.values():
        if not isinstance(hook, CountsSaves):
            continue
        length = length_of(config, loader)
        hook.count_in("epoch" if length.by_epoch else "iter")
        every = hook.every.in_run(length)
        best = len(hook.save_best)
        keep = hook.max_keep_ckpts
        total = (None if every.of in ("second", "run") else length.total(cast(Any, every.of))) or 1
        saved = max(1, int(total // every.n)) if every.n > 0 else 1
        count += (min(saved, keep + 1) if keep > 0 else saved) + best
    return count


def _mib(size: float) -> str:
    return f"{size / 2**20:,.1f} MiB" if size < 2**30 else f"{size / 2**30:,.1f} GiB"
