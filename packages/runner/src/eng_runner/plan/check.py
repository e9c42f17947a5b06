"""Everything that can be known of a configuration as it is written, before anything is built.

It is walked, and every problem is reported at once, with file and line. What shows only when the parts are built and
used is in `rehearsal.py`.
"""

from __future__ import annotations

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
    STRATEGIES,
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
from .assembly import DEFAULT_HOOKS, RUNNER_KEYS

KNOWN_KEYS = (
    *RUNNER_KEYS, "activation_checkpointing", "channels_last", "compile", "custom_imports", "efficient_conv_bn_eval",
    "find_unused_parameters", "model_wrapper_cfg", "runner_type", "sync_bn", "tta_model", "tta_pipeline",
)  # fmt: skip
"""What a configuration may hold at its top that means something; any other key is a variable of its author."""

MAPPINGS = (
    "model", "optim_wrapper", "train_dataloader", "val_dataloader", "test_dataloader", "train_cfg", "val_cfg",
    "test_cfg", "default_hooks", "env_cfg", "randomness", "visualizer", "log_processor",
)  # fmt: skip
"""The keys that hold one mapping, or the object that it describes."""
SEVERAL = ("param_scheduler", "val_evaluator", "test_evaluator")
"""The keys that hold one mapping or several; `param_scheduler` also one list for each optimizer."""
CHOICES: dict[str, tuple[Any, ...]] = {
    "resume": (True, False),
    "launcher": ("none", "pytorch", "slurm", "mpi"),
}
"""The keys that hold one of a few values."""


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
        problems: list[ConfigError] = list(config.check(_parts(config), keys=KNOWN_KEYS))
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
    for key in KNOWN_KEYS:
        value = config.get(key)
        if value is None or not isinstance(value, (str, int, float, dict, list, tuple)):
            continue
        parts = value if isinstance(value, (list, tuple)) else [value]
        if key == "custom_hooks":
            wanted, is_right = "a list of hooks", isinstance(value, (list, tuple))
            advice = "write `custom_hooks = [dict(type=...)]`"
        elif key in SEVERAL:
            wanted, is_right = "a mapping or a list of these", True
            advice = f"write `{key} = [dict(type=...)]`"
        elif key in MAPPINGS:
            wanted, is_right, advice = "a mapping", isinstance(value, dict), f"write `{key} = dict(...)`"
        elif key in CHOICES:
            if value not in CHOICES[key]:
                said = " or ".join(map(repr, CHOICES[key]))
                yield ConfigError(
                    f"is {said}, not {value!r:.60}; write one", path=key, origin=config.origin(key)
                )
            continue
        else:
            continue
        if not is_right or any(isinstance(part, (str, int, float)) for part in parts):
            origin = config.origin(key)
            yield ConfigError(f"is {wanted}, not {value!r:.60}; {advice}", path=key, origin=origin)


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
        "model": Part(MODELS),
        "tta_model": Part(MODELS, given=["module"]),
        "data_preprocessor": Part(MODELS),
        "model_wrapper_cfg": Part(MODEL_WRAPPERS, given=["module"]),
        "strategy": Part(STRATEGIES),
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
        "randomness": Part(target=randomness),
        "env_cfg": Part(target=env_cfg),
        "auto_scale_lr": Part(target=auto_scale_lr),
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


def randomness(seed: int | None = None, diff_rank_seed: bool = False, deterministic: bool = False) -> None:
    """What `randomness` may hold."""


def env_cfg(
    cudnn_benchmark: bool = False,
    mp_cfg: Any = None,
    dist_cfg: Any = None,
    backend: str | None = None,
    resource_limit: int = 4096,
    slurm_requeue: bool = False,
) -> None:
    """What `env_cfg` may hold."""


def auto_scale_lr(base_batch_size: int | None = None, enable: bool = False) -> None:
    """What `auto_scale_lr` may hold."""


def _leave(problems: Iterable[str]) -> NoReturn:
    if is_main_process():
        for problem in problems:
            print(f"error: {problem}", file=sys.stderr)
    raise SystemExit(2)
