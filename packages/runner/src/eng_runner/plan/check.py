"""Everything that can be known of a configuration before anything is built.

It is walked, and every problem is reported at once, with file and line. What shows only when the parts are built and
used is in `dry_run/`.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from torch.utils.data import DataLoader

from eng_config import Config, ConfigError, Origin, Part
from eng_dist import is_main_process
from eng_optim import OptimWrapper
from eng_registry import (
    DATA_SAMPLERS,
    DATASETS,
    EVALUATOR,
    FUNCTIONS,
    HOOKS,
    LOG_PROCESSORS,
    LOOPS,
    METRICS,
    MODEL_WRAPPERS,
    MODELS,
    OPTIM_WRAPPER_CONSTRUCTORS,
    OPTIM_WRAPPERS,
    OPTIMIZERS,
    PARAM_SCHEDULERS,
    TRANSFORMS,
    VISBACKENDS,
    VISUALIZERS,
    DefaultScope,
    Registry,
    allow_import,
)
from eng_visualization import Visualizer

from ..engine.logline import LogProcessor
from ..engine.loops import EpochBasedTrainLoop, IterBasedTrainLoop, NamedValLoop, TestLoop, ValLoop
from ..engine.loops.named import are_named
from .default_hooks import DEFAULT_HOOKS
from .keys import KEYS, Key, Shape


def report_problems(config: Config) -> None:
    """Print every problem of a configuration to stderr and leave with exit code 2, if there are any."""
    problems = find_problems(config)
    if problems:
        _leave(problems)


def find_problems(config: Config) -> list[str]:
    """One line for each problem; an empty list for a configuration that may train."""
    missing = [] if config.get("model") is not None else [_no_model(config)]
    return [str(problem) for problem in (*missing, *static_problems(config)[1])]


def _no_model(config: Config) -> ConfigError:
    origin = Origin(config.filename, 1) if config.filename is not None else None
    return ConfigError("is missing; add `model = dict(type=...)`", path="model", origin=origin)


def static_problems(config: Config) -> tuple[list[ConfigError], list[ConfigError]]:
    """Every problem, and those among them that are to be told: each once.

    A mapping that stands at two places has its problems at both; what stands below a misspelled key follows from it.
    """
    misshapen = list(_misshapen(config))
    if misshapen:  # what stands inside of them is anybody's guess
        return misshapen, misshapen
    scope = config.get("default_scope", "eng")
    with DefaultScope.overwrite_default_scope(scope), allow_import(*(["*"] if config.trusted else [])):
        problems: list[ConfigError] = list(config.check(_parts(config), keys=tuple(KEYS)))
    misspelled = {problem.path for problem in problems if problem.path in config}
    told: dict[tuple[str, str], ConfigError] = {}
    for problem in problems:
        if problem.path.partition(".")[0] not in misspelled - {problem.path}:
            told.setdefault((str(problem.origin), problem.what), problem)
    return problems, list(told.values())


def _misshapen(config: Config) -> Iterator[ConfigError]:
    """The parts that are a text, a number or a list where a mapping stands, or the other way round.

    Objects are let pass: a configuration in Python, or one that code has changed, may hold the part itself.
    """
    for key in KEYS.values():
        value = config.get(key.name)
        if value is None or not isinstance(value, (str, int, float, dict, list, tuple)):
            continue
        wanted = _misfit(key, value)
        if wanted is not None:
            yield ConfigError(wanted, path=key.name, origin=config.origin(key.name))


def _misfit(key: Key, value: Any) -> str | None:
    """Return what is wrong with the shape of a value, and what to write instead; None if it fits."""
    parts = value if isinstance(value, (list, tuple)) else [value]
    has_plain = any(isinstance(part, (str, int, float)) for part in parts)
    match key.shape:
        case Shape.CHOICE if value not in key.choices:
            said = " or ".join(map(repr, key.choices))
            return f"is {said}, not {value!r:.60}; write one"
        case Shape.LIST if has_plain or not isinstance(value, (list, tuple)):
            return f"is {key.shape}, not {value!r:.60}; write `{key.name} = [dict(type=...)]`"
        case Shape.SEVERAL if has_plain:
            return f"is {key.shape}, not {value!r:.60}; write `{key.name} = [dict(type=...)]`"
        case Shape.MAPPING if has_plain or not isinstance(value, dict):
            return f"is {key.shape}, not {value!r:.60}; write `{key.name} = dict(...)`"
        case Shape.SWITCH if not isinstance(value, bool):
            return f"is {key.shape}, not {value!r:.60}; write one"
        case Shape.SWITCH_OR_MAPPING if not isinstance(value, (bool, dict)):
            return f"is {key.shape}, not {value!r:.60}; write one"
        case Shape.TEXT if not isinstance(value, str):
            return f"is {key.shape}, not {value!r:.60}; write `{key.name} = '...'`"
        case Shape.NAMES if not all(isinstance(part, str) for part in parts):
            return f"is {key.shape}, not {value!r:.60}; write `{key.name} = ['...']`"
        case Shape.LIST_OR_MAPPING if not isinstance(value, (dict, list, tuple)):
            return f"is {key.shape}, not {value!r:.60}; write one"
        case Shape.LEVEL if not _is_level(value):
            return (
                f"is {key.shape}, not {value!r:.60}; write one of {', '.join(logging.getLevelNamesMapping())}"
            )
    return None


def _is_level(value: Any) -> bool:
    known = logging.getLevelNamesMapping()
    return value.upper() in known if isinstance(value, str) else type(value) is int


def _parts(config: Config) -> dict[str, Any]:
    """Who builds what, where in a configuration."""
    by_epoch = (config.get("train_cfg") or {}).get("by_epoch", True)
    train_loop = EpochBasedTrainLoop if by_epoch else IterBasedTrainLoop
    wrapper = config.get("optim_wrapper") or {}
    is_plain = "optimizer" in wrapper and "constructor" not in wrapper
    loader = Part(
        target=DataLoader,
        given=["dataset"],
        taken=[
            "dataset", "sampler", "batch_sampler", "collate_fn", "worker_init_fn", "num_batch_per_epoch",
            "disable_subprocess_warning",
        ],
    )  # fmt: skip
    evaluation = ["runner", "dataloader", "evaluator"]
    loaders, evaluators = ["*_dataloader"], ["*_evaluator"]
    named = are_named(config.get("val_dataloader"))
    if named:  # a loader and an evaluator for each of several sets
        single = [key for key in config if key != "val_dataloader" and key.endswith("_dataloader")]
        loaders = [*single, *(f"val_dataloader.{name}" for name in config["val_dataloader"])]
        evaluators = ["test_evaluator", *(f"val_evaluator.{name}" for name in config["val_dataloader"])]
    return {
        **{name: Part(key.registry) for name, key in KEYS.items() if key.registry is not None},
        "tta_model": Part(MODELS, given=["module"]),
        "model_wrapper_cfg": Part(MODEL_WRAPPERS, given=["module"]),
        **{
            f"{place}{inside}": part
            for place in loaders
            for inside, part in {
                "": loader,
                ".dataset": Part(DATASETS),
                ".*sampler": Part(
                    DATA_SAMPLERS, given=["dataset", "seed", "sampler", "batch_size", "drop_last"]
                ),
                ".*pipeline": Part(TRANSFORMS),
                ".collate_fn": Part(FUNCTIONS, given=["data_batch", "batch"]),
                ".worker_init_fn": Part(FUNCTIONS, given=["worker_id"]),
            }.items()
        },
        "*.collate_fn": Part(FUNCTIONS, given=["data_batch", "batch"]),  # of a loader in a variable
        "*.worker_init_fn": Part(FUNCTIONS, given=["worker_id"]),
        "train_cfg": Part(LOOPS, target=train_loop, given=["runner", "dataloader"], taken=["by_epoch"]),
        "val_cfg": Part(LOOPS, target=NamedValLoop if named else ValLoop, given=evaluation),
        "test_cfg": Part(LOOPS, target=TestLoop, given=evaluation),
        **{f"{place}{inside}": Part(METRICS) for place in evaluators for inside in ("", ".metrics")},
        "evaluator": Part(EVALUATOR),
        "optim_wrapper": Part(
            OPTIM_WRAPPERS,
            target=OptimWrapper if is_plain else None,
            given=["optimizer"],
            taken=["optimizer", "constructor", "paramwise_cfg"],
        ),
        "optim_wrapper.*constructor": Part(OPTIM_WRAPPER_CONSTRUCTORS),
        "optim_wrapper*.optimizer": Part(OPTIMIZERS, given=["params"]),
        "param_scheduler": Part(
            PARAM_SCHEDULERS, given=["optimizer"], taken=["convert_to_iter_based", "epoch_length"]
        ),
        "custom_hooks": Part(HOOKS, taken=["priority"]),
        "default_hooks.*": Part(HOOKS, taken=["priority"]),
        **{
            f"default_hooks.{name}": Part(HOOKS, target=HOOKS.get(spec["type"]), taken=["priority"])
            for name, spec in DEFAULT_HOOKS.items()
        },
        "log_processor": Part(LOG_PROCESSORS, target=LogProcessor),
        "visualizer": Part(
            VISUALIZERS, target=Visualizer, given=["name", "save_dir"], taken=["vis_backends"]
        ),
        "visualizer.vis_backends": Part(VISBACKENDS, given=["save_dir"]),
        **{name: Part(target=key.settings) for name, key in KEYS.items() if key.settings is not None},
    }


def known_scopes() -> list[str]:
    """The scopes that a registry has by now: what a package has defined that is imported."""
    found = {"eng", "mmengine"}
    left: list[Registry] = [MODELS, DATASETS, TRANSFORMS, METRICS, HOOKS, LOOPS, OPTIMIZERS, VISUALIZERS]
    while left:
        children = left.pop().children
        found |= children.keys()
        left += children.values()
    return sorted(found)


def _leave(problems: Iterable[str]) -> NoReturn:
    if is_main_process():
        for problem in problems:
            print(f"error: {problem}", file=sys.stderr)
    raise SystemExit(2)
