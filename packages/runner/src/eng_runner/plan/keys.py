"""The keys of a configuration, one row each: what the Runner, the checks, the resume report and the help read.

A key is added here and nowhere else. Nothing heavy is imported, so that the command line can show the table at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatch
from typing import Any

from eng_registry import (
    HOOKS,
    LOG_PROCESSORS,
    LOOPS,
    METRICS,
    MODEL_WRAPPERS,
    MODELS,
    OPTIM_WRAPPERS,
    PARAM_SCHEDULERS,
    STRATEGIES,
    VISUALIZERS,
    Registry,
)


class Effect(StrEnum):
    """What a change does to the rest of a resumed run, from harmless to not."""

    SAME_RESULT = "same result"
    COMPATIBLE = "compatible"
    CHANGES_RESULT = "changes result"


class Shape(StrEnum):
    """What a key may hold in a file; an object of the right type is always accepted."""

    MAPPING = "a mapping"
    SEVERAL = "a mapping or a list of these"
    LIST = "a list of hooks"
    CHOICE = "one of a few values"
    SWITCH = "True or False"
    SWITCH_OR_MAPPING = "True, False or a mapping"
    NAMES = "a name or a list of names"
    TEXT = "a str"
    LEVEL = "the name or number of a log level"
    LIST_OR_MAPPING = "a list or a mapping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key: what it is for, what it may hold, and what a change of it does to a resumed run.

    `below` gives the effect of keys inside of it, by patterns such as `'max_epochs'` or `'checkpoint*'`; the first
    pattern that fits counts. `registry` builds the part; `settings` is a function with the names that a mapping may
    have where no registry does. `is_argument` says whether the Runner has an argument of this name, with `default`;
    `is_recorded`, whether a checkpoint records the value, for the comparison on a resume; `is_required`, whether a
    configuration has to have it.
    """

    name: str
    help: str
    shape: Shape
    effect: Effect = Effect.CHANGES_RESULT
    below: Mapping[str, Effect] = field(default_factory=dict)
    choices: tuple[Any, ...] = ()
    registry: Registry | None = None
    settings: Callable[..., None] | None = None
    is_argument: bool = True
    default: Any = None
    is_recorded: bool = True
    is_required: bool = False

    def effect_of(self, path: str) -> Effect:
        """Return the effect of a change at a dotted path below the key; the key itself has the path ''."""
        return next((effect for pattern, effect in self.below.items() if fnmatch(path, pattern)), self.effect)


def randomness(seed: int | None = None, diff_rank_seed: bool = False, deterministic: bool = False) -> None:
    """The names that `randomness` may hold."""


def env_cfg(
    cudnn_benchmark: bool = False,
    matmul_precision: str | None = None,
    mp_cfg: Any = None,
    dist_cfg: Any = None,
    backend: str | None = None,
    resource_limit: int = 4096,
    slurm_requeue: bool = False,
) -> None:
    """The names that `env_cfg` may hold."""


def auto_scale_lr(base_batch_size: int | None = None, enable: bool = False) -> None:
    """The names that `auto_scale_lr` may hold."""


_SAME, _COMPATIBLE = Effect.SAME_RESULT, Effect.COMPATIBLE
_SPEED_OF_LOADER = dict.fromkeys(
    ("num_workers", "persistent_workers", "pin_memory", "prefetch_factor", "timeout"), _SAME
)
_LENGTH = dict.fromkeys(
    ("dynamic_intervals*", "max_epochs", "max_iters", "val_begin", "val_interval"), _COMPATIBLE
)

_ROWS = (
    Key(
        name="model",
        is_required=True,
        shape=Shape.MAPPING,
        registry=MODELS,
        help="the model: a torch.nn.Module, or what MODELS builds",
    ),
    Key(
        name="work_dir",
        is_required=True,
        shape=Shape.TEXT,
        effect=_SAME,
        help="folder of the checkpoints and logs",
    ),
    Key(
        name="train_dataloader",
        shape=Shape.MAPPING,
        below=_SPEED_OF_LOADER,
        help="batches to train on: a mapping, a torch DataLoader or any iterable",
    ),
    Key(
        name="val_dataloader",
        shape=Shape.MAPPING,
        effect=_COMPATIBLE,
        below=_SPEED_OF_LOADER,
        help="batches to validate on, or a mapping of names to loaders",
    ),
    Key(name="test_dataloader", shape=Shape.MAPPING, effect=_SAME, help="batches to test on"),
    Key(
        name="train_cfg",
        shape=Shape.MAPPING,
        registry=LOOPS,
        below={"max_time": _SAME, **_LENGTH},
        help="the training loop: `by_epoch` with `max_epochs` or `max_iters`, `val_interval` and others",
    ),
    Key(
        name="val_cfg",
        shape=Shape.MAPPING,
        registry=LOOPS,
        effect=_COMPATIBLE,
        help="the validation loop; an empty mapping is the ordinary one",
    ),
    Key(
        name="test_cfg",
        shape=Shape.MAPPING,
        registry=LOOPS,
        effect=_SAME,
        help="the test loop; an empty mapping is the ordinary one",
    ),
    Key(
        name="auto_scale_lr",
        shape=Shape.MAPPING,
        settings=auto_scale_lr,
        help="multiply the learning rate by the batch size over all ranks / `base_batch_size`",
    ),
    Key(
        name="optim_wrapper",
        shape=Shape.MAPPING,
        registry=OPTIM_WRAPPERS,
        help="the optimizer and how it steps: accumulation, clipping, mixed precision",
    ),
    Key(
        name="param_scheduler",
        shape=Shape.SEVERAL,
        registry=PARAM_SCHEDULERS,
        help="schedules of learning rate, momentum and others; one list for each of several optimizers",
    ),
    Key(
        name="val_evaluator",
        shape=Shape.SEVERAL,
        registry=METRICS,
        effect=_COMPATIBLE,
        help="the metrics of a validation",
    ),
    Key(
        name="test_evaluator",
        shape=Shape.SEVERAL,
        registry=METRICS,
        effect=_SAME,
        help="the metrics of the test",
    ),
    Key(
        name="default_hooks",
        shape=Shape.MAPPING,
        below=dict.fromkeys(("checkpoint*", "logger*", "progress*", "timer*"), _SAME),
        help="changes of the default hooks by their names; None removes one",
    ),
    Key(
        name="custom_hooks",
        shape=Shape.LIST,
        registry=HOOKS,
        help="further hooks, in the order of their registration",
    ),
    Key(
        name="data_preprocessor",
        shape=Shape.MAPPING,
        registry=MODELS,
        help="the preprocessor of a model that is given as a mapping",
    ),
    Key(
        name="load_from",
        shape=Shape.TEXT,
        is_recorded=False,
        effect=_SAME,
        help="checkpoint whose weights the run begins with, or with `resume` the one to continue",
    ),
    Key(
        name="resume",
        is_recorded=False,
        shape=Shape.CHOICE,
        choices=(True, False),
        default=False,
        effect=_SAME,
        help="continue from `load_from`, or from the newest valid checkpoint of `work_dir`",
    ),
    Key(
        name="launcher",
        shape=Shape.CHOICE,
        choices=("none", "pytorch", "slurm", "mpi"),
        default="none",
        effect=_SAME,
        help="how several processes were started (under torchrun: pytorch)",
    ),
    Key(
        name="env_cfg",
        shape=Shape.MAPPING,
        settings=env_cfg,
        effect=_COMPATIBLE,
        below={
            "matmul_precision": Effect.CHANGES_RESULT,
            **dict.fromkeys(("dist_cfg.timeout", "mp_cfg*", "resource_limit", "slurm_requeue"), _SAME),
        },
        help="the processes: `dist_cfg`, `mp_cfg`, `cudnn_benchmark`, `matmul_precision`, `resource_limit`, "
        "`slurm_requeue`",
    ),
    Key(
        name="log_processor",
        shape=Shape.MAPPING,
        registry=LOG_PROCESSORS,
        effect=_SAME,
        help="what a log line shows, and over how many iterations it averages",
    ),
    Key(
        name="log_level",
        shape=Shape.LEVEL,
        default="INFO",
        effect=_SAME,
        help="the least level that is logged",
    ),
    Key(
        name="visualizer",
        shape=Shape.MAPPING,
        registry=VISUALIZERS,
        effect=_SAME,
        help="where curves and pictures go: `vis_backends`",
    ),
    Key(
        name="default_scope",
        shape=Shape.TEXT,
        default="eng",
        effect=_SAME,
        help="the scope in which names without one are looked up",
    ),
    Key(
        name="randomness",
        shape=Shape.MAPPING,
        settings=randomness,
        help="`seed`, `diff_rank_seed` and `deterministic`",
    ),
    Key(
        name="experiment_name",
        shape=Shape.TEXT,
        effect=_SAME,
        help="the name of the run; by default that of the file",
    ),
    Key(
        name="strategy",
        shape=Shape.MAPPING,
        registry=STRATEGIES,
        effect=_COMPATIBLE,
        help="how the model is spread over processes; None for one device or DDP",
    ),
    Key(
        name="model_wrapper_cfg",
        shape=Shape.MAPPING,
        registry=MODEL_WRAPPERS,
        help="another wrapper than DDP for several processes, and its arguments",
    ),
    Key(
        name="find_unused_parameters",
        shape=Shape.SWITCH,
        default=False,
        effect=_COMPATIBLE,
        help="let DDP look for parameters that a step does not use",
    ),
    Key(
        name="sync_bn",
        shape=Shape.TEXT,
        help="`'torch'` averages the statistics of batch norms over all processes",
    ),
    Key(
        name="compile",
        shape=Shape.SWITCH_OR_MAPPING,
        default=False,
        effect=_COMPATIBLE,
        help="compile the training step: True, or the arguments of torch.compile",
    ),
    Key(
        name="channels_last",
        shape=Shape.SWITCH,
        default=False,
        effect=_COMPATIBLE,
        help="keep images and convolutions in the order of memory that is fastest in half precision",
    ),
    Key(
        name="activation_checkpointing",
        shape=Shape.NAMES,
        effect=_COMPATIBLE,
        help="modules, by path or class, that compute their activations again in the backward pass",
    ),
    Key(
        name="efficient_conv_bn_eval",
        shape=Shape.NAMES,
        effect=_COMPATIBLE,
        help="modules whose convolutions and batch norms in eval mode are computed as one",
    ),
    Key(
        name="custom_imports",
        shape=Shape.LIST_OR_MAPPING,
        is_argument=False,
        effect=_SAME,
        help="modules to import before anything is built",
    ),
    Key(name="runner_type", shape=Shape.TEXT, is_argument=False, help="another runner class of RUNNERS"),
    Key(
        name="tta_model",
        shape=Shape.MAPPING,
        is_argument=False,
        registry=MODELS,
        effect=_SAME,
        help="the model that merges predictions in test-time augmentation",
    ),
    Key(
        name="tta_pipeline",
        shape=Shape.LIST_OR_MAPPING,
        is_argument=False,
        effect=_SAME,
        help="the pipeline of test-time augmentation",
    ),
)

KEYS: Mapping[str, Key] = {row.name: row for row in _ROWS}
"""Every key that means something at the top of a configuration; any other is a variable of its author."""

ARGUMENTS: tuple[str, ...] = tuple(row.name for row in _ROWS if row.is_argument)
"""The arguments of the Runner, besides `cfg`."""


def effect_of(path: str) -> Effect:
    """Return what a change at a dotted path of the configuration does to a resumed run.

    >>> effect_of("train_dataloader.num_workers"), effect_of("optim_wrapper.optimizer.lr")
    (<Effect.SAME_RESULT: 'same result'>, <Effect.CHANGES_RESULT: 'changes result'>)
    """
    top, _, rest = path.partition(".")
    return KEYS[top].effect_of(rest) if top in KEYS else Effect.CHANGES_RESULT


def given_arguments(config: Any) -> dict[str, Any]:
    """Return the entries of a configuration, a Config or a mapping, that are arguments of the Runner.

    Raises KeyError without `model` or `work_dir`.
    """
    missing = [name for name, key in KEYS.items() if key.is_required and config.get(name) is None]
    if missing:
        raise KeyError(f"the configuration lacks {' and '.join(f'`{name}`' for name in missing)}")
    return {name: config[name] for name in ARGUMENTS if name in config}
