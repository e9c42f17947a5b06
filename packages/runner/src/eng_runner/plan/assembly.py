"""From configuration to objects: loops, model, optimizer, schedules, evaluators, hooks and records.

Loaders are built in eng_dataset, strategies in `strategies/`.

Each function takes what the user gave (an object, or a mapping for a registry) and returns the object, or raises one
error that names the place in the configuration. What a run holds is never "a dict or the thing".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, cast

import torch
from torch import nn

from eng_evaluator import BaseMetric, Evaluator
from eng_optim import OptimWrapper, OptimWrapperDict, build_optim_wrapper
from eng_registry import (
    EVALUATOR,
    HOOKS,
    LOG_PROCESSORS,
    LOOPS,
    MODELS,
    OPTIM_WRAPPERS,
    PARAM_SCHEDULERS,
    VISUALIZERS,
)
from eng_visualization import Visualizer

from ..engine.arguments import is_mapping, without, wrong_type
from ..engine.clock import Unit
from ..engine.hook import Hook
from ..engine.interval import Every, IntervalError
from ..engine.length import RunLength
from ..engine.logline import LogProcessor
from ..engine.loops.named import are_named
from ..engine.run import Run, Schedulers

MODES: Mapping[str, tuple[str, str, str]] = {
    "train": ("train_dataloader", "train_cfg", "optim_wrapper"),
    "val": ("val_dataloader", "val_cfg", "val_evaluator"),
    "test": ("test_dataloader", "test_cfg", "test_evaluator"),
}
"""What each mode needs: all of a group is given, or nothing of it."""


_VERBS = {"train": "train", "val": "validate", "test": "test"}


def check_groups(arguments: Mapping[str, Any]) -> None:
    """Check that all parts of a group are given or none is; an empty mapping counts as given.

    Raises ValueError naming what is given and what is missing.
    """
    for mode, parts in MODES.items():
        given = [name for name in parts if arguments.get(name) is not None]
        if given and len(given) < len(parts):
            missing = [name for name in parts if name not in given]
            raise ValueError(
                f"{', '.join(f'`{name}`' for name in parts)} should be either all None or not None, to {_VERBS[mode]}: "
                f"{_are(given)} given, {_are(missing)} missing"
            )
    if arguments.get("param_scheduler") is not None and arguments.get("optim_wrapper") is None:
        raise ValueError(
            "`param_scheduler` should be None where `optim_wrapper` is None: there is nothing to schedule"
        )


def _are(names: Sequence[str]) -> str:
    return " and ".join(f"`{name}`" for name in names) + (" is" if len(names) == 1 else " are")


def build_model(
    spec: nn.Module | Mapping[str, Any], data_preprocessor: Mapping[str, Any] | None
) -> nn.Module:
    """The model; a mapping gets `data_preprocessor` unless it has its own."""
    if isinstance(spec, nn.Module):
        return spec
    if not is_mapping(spec):
        raise wrong_type("model", spec, "a torch.nn.Module", "a mapping with `type`")
    defaults = {} if data_preprocessor is None else {"data_preprocessor": data_preprocessor}
    model = MODELS.build(spec, default_args=defaults)
    if not isinstance(model, nn.Module):
        raise wrong_type("model", model, "a torch.nn.Module")
    return model


def build_optimization(spec: Any, model: nn.Module) -> OptimWrapper | OptimWrapperDict:
    """The optimizer wrapper: an object, a mapping with `optimizer` or `constructor`, or a mapping of built wrappers."""
    if isinstance(spec, (OptimWrapper, OptimWrapperDict)):
        return spec
    if not is_mapping(spec):
        raise wrong_type("optim_wrapper", spec, "an OptimWrapper", "a mapping with `optimizer`")
    if isinstance(spec.get("optimizer"), torch.optim.Optimizer):
        wrapper: OptimWrapper = OPTIM_WRAPPERS.build({"type": "OptimWrapper", **spec})
        return wrapper
    if isinstance(spec.get("optimizer"), (str, type)):
        raise wrong_type(
            "optim_wrapper.optimizer",
            spec["optimizer"],
            "an optimizer",
            "a mapping such as dict(type='SGD', lr=0.1)",
        )
    if spec.get("optimizer") is not None or "constructor" in spec:
        return build_optim_wrapper(model, without(spec))
    odd = {name: part for name, part in spec.items() if not isinstance(part, OptimWrapper)}
    if odd or not spec:
        raise ValueError(
            "`optim_wrapper` without `optimizer` or `constructor` should name built OptimWrappers; "
            f"there is {', '.join(f'{name}={type(part).__name__}' for name, part in odd.items()) or 'nothing'}"
        )
    return OptimWrapperDict(**spec)


def build_schedulers(
    spec: Any, optim_wrapper: OptimWrapper | OptimWrapperDict, *, length: RunLength | None
) -> Schedulers:
    """The schedulers of one optimizer as a list, of several as name -> list.

    Accepted are None, a scheduler, a mapping with `type`, a list of these, or name -> any of these.
    """
    if isinstance(optim_wrapper, OptimWrapperDict):
        by_name = (
            spec if is_mapping(spec) and "type" not in spec else dict.fromkeys(optim_wrapper.keys(), spec)
        )
        return {name: _schedulers_of(by_name[name], optim_wrapper[name], length) for name in by_name}
    if is_mapping(spec) and "type" not in spec:
        return {name: _schedulers_of(part, optim_wrapper, length) for name, part in spec.items()}
    return _schedulers_of(spec, optim_wrapper, length)


def _schedulers_of(spec: Any, optim_wrapper: OptimWrapper, length: RunLength | None) -> list[Any]:
    if spec is None:
        return []
    parts = list(spec) if isinstance(spec, (list, tuple)) else [spec]
    return [_scheduler(part, optim_wrapper, length) for part in parts]


def _scheduler(spec: Any, optim_wrapper: OptimWrapper, length: RunLength | None) -> Any:
    if hasattr(spec, "step") and hasattr(spec, "by_epoch") and not isinstance(spec, type):
        return spec
    if not is_mapping(spec):
        raise wrong_type(
            "param_scheduler", spec, "a scheduler of eng_optim", "a mapping with `type`", "a list of these"
        )
    if "type" not in spec:
        raise KeyError(
            f"each entry of `param_scheduler` needs `type`; this one has {', '.join(spec) or 'nothing'}"
        )
    defaults: dict[str, Any] = {"optimizer": optim_wrapper}
    if length is not None:
        end = length.total(_unit_of(spec))
        if end is not None and not _follows_metric(spec["type"]):
            defaults["end"] = ceil(end)
        defaults["epoch_length"] = length.iters_per_epoch
    built = PARAM_SCHEDULERS.build(spec, default_args=defaults)
    if "end" in defaults and spec.get("end") is None and hasattr(built, "mark_derived"):
        built.mark_derived("end")  # so that a longer run that continues this one has an end of its own
    return built


def _unit_of(spec: Mapping[str, Any]) -> Unit:
    """Return what a schedule counts: the unit of a count such as `end='10 steps'`, else epochs or iterations."""
    counts = [value for name, value in spec.items() if name != "type" and isinstance(value, str)]
    for value in counts:
        try:
            unit = Every.parse(value).of
        except IntervalError:  # another setting, such as the name of a curve
            continue
        if unit in ("epoch", "iter", "step"):
            return cast(Unit, unit)
    return "epoch" if spec.get("by_epoch", True) else "iter"


def _follows_metric(kind: Any) -> bool:
    """Whether a schedule of this type follows a metric, so that the length of the run is not its end."""
    found = PARAM_SCHEDULERS.get(kind) if isinstance(kind, str) else kind
    return bool(getattr(found, "need_val_args", False))


def build_evaluator(spec: Any) -> Any:
    """The evaluator: an Evaluator, a mapping with `metrics`, one metric as a mapping, or a list of metrics."""
    if isinstance(spec, BaseMetric):
        raise TypeError(
            f"an evaluator is expected where there is the metric {type(spec).__name__}; put it in a list: [metric]"
        )
    if is_mapping(spec):
        if "metrics" in spec:
            return EVALUATOR.build(spec, default_args={"type": "Evaluator"})
        return Evaluator([spec])
    if isinstance(spec, (list, tuple)):
        return Evaluator(list(spec))
    if hasattr(spec, "process") and hasattr(spec, "evaluate"):
        return spec
    raise wrong_type("evaluator", spec, "an Evaluator", "a mapping", "a list of metrics")


def build_train_loop(spec: Any, runner: Run, dataloader: Any) -> Any:
    """The training loop: a loop, or a mapping with either `type` or `by_epoch`."""
    if _is_loop(spec):
        return spec
    if not is_mapping(spec):
        raise wrong_type("train_cfg", spec, "a loop", "a mapping with `by_epoch` or `type`")
    if "type" in spec and "by_epoch" in spec:
        raise RuntimeError("`train_cfg` has both `type` and `by_epoch`; keep one of them")
    if "type" in spec:
        return LOOPS.build(spec, default_args={"runner": runner, "dataloader": dataloader})
    by_epoch = spec.get("by_epoch", True)
    kind = "EpochBasedTrainLoop" if by_epoch else "IterBasedTrainLoop"
    rest = without(spec, "by_epoch")
    return LOOPS.build(rest, default_args={"type": kind, "runner": runner, "dataloader": dataloader})


def build_eval_loop(spec: Any, kind: str, runner: Run, dataloader: Any, evaluator: Any) -> Any:
    """The validation or test loop: a loop, or a mapping whose `type` defaults to `kind`.

    Validation loaders under names make one validation of several data sets.
    """
    if _is_loop(spec):
        return spec
    if not is_mapping(spec):
        raise wrong_type("val_cfg" if kind == "ValLoop" else "test_cfg", spec, "a loop", "a mapping")
    if kind == "ValLoop" and are_named(dataloader):
        kind = "NamedValLoop"
    defaults = {"type": kind, "runner": runner, "dataloader": dataloader, "evaluator": evaluator}
    return LOOPS.build(spec, default_args=defaults)


def _is_loop(spec: object) -> bool:
    return hasattr(spec, "run") and not isinstance(spec, Mapping)


def build_log_processor(spec: Any) -> LogProcessor:
    """The log processor: an object, or a mapping whose `type` defaults to LogProcessor."""
    if isinstance(spec, LogProcessor):
        return spec
    if not is_mapping(spec):
        raise wrong_type("log_processor", spec, "a LogProcessor", "a mapping")
    processor: LogProcessor = LOG_PROCESSORS.build(spec, default_args={"type": "LogProcessor"})
    return processor


def build_visualizer(spec: Any, *, name: str, save_dir: str) -> Visualizer:
    """The visualizer: an object, a mapping, or None for one that only writes the local log."""
    if isinstance(spec, Visualizer):
        return spec
    if spec is None:
        spec = {"vis_backends": [{"type": "LocalVisBackend"}]}
    if not is_mapping(spec):
        raise wrong_type("visualizer", spec, "a Visualizer", "a mapping", "None")
    built: Visualizer = VISUALIZERS.build(
        spec, default_args={"type": "Visualizer", "name": name, "save_dir": save_dir}
    )
    return built


def build_hook(spec: Any) -> tuple[Hook, Any]:
    """A hook and the priority that its mapping asks for, or None."""
    if isinstance(spec, Hook):
        return spec, None
    if not is_mapping(spec):
        raise wrong_type("hook", spec, "a Hook", "a mapping with `type`")
    return HOOKS.build(without(spec, "priority")), spec.get("priority")
