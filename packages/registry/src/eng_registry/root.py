"""The root registries: one for each kind of part that a training run is made of, all of scope `eng`, all empty.

Packages fill them: each announces by an entry point, named as the variable here in lower case, which of its
modules registers what, and that module is imported when a name is first missed.
"""

from __future__ import annotations

from collections.abc import Callable

from eng_registry.build import (
    build_model_from_cfg,
    build_optimizer_from_cfg,
    build_runner_from_cfg,
    build_scheduler_from_cfg,
)
from eng_registry.registry import Registry
from eng_registry.scope import ROOT_SCOPE

TYPE_CHECKING = False  # as in `typing`, whose import costs more than this package
if TYPE_CHECKING:
    from typing import Any


def _root(
    name: str, entry_point: str, provider: str | None, build_func: Callable[..., Any] | None = None
) -> Registry:
    return Registry(name, build_func, scope=ROOT_SCOPE, entry_point=entry_point, provider=provider)


# the run
RUNNERS = _root("runner", "runners", "eng-runner", build_runner_from_cfg)
RUNNER_CONSTRUCTORS = _root("runner constructor", "runner_constructors", "eng-runner")
LOOPS = _root("loop", "loops", "eng-runner")
HOOKS = _root("hook", "hooks", "eng-runner")
STRATEGIES = _root("strategy", "strategies", "eng-runner")
LOG_PROCESSORS = _root("log processor", "log_processors", "eng-runner")
INFERENCERS = _root("inferencer", "inferencers", "eng-runner")

# the data
DATASETS = _root("dataset", "datasets", "eng-dataset")
DATA_SAMPLERS = _root("data sampler", "data_samplers", "eng-dataset")
TRANSFORMS = _root("transform", "transforms", "eng-dataset")
#: functions such as the collate function of a data loader
FUNCTIONS = _root("function", "functions", "eng-dataset")

# the model
MODELS = _root("model", "models", "eng-model", build_model_from_cfg)
MODEL_WRAPPERS = _root("model_wrapper", "model_wrappers", "eng-model")
WEIGHT_INITIALIZERS = _root("weight initializer", "weight_initializers", "eng-model")
#: parts of one task, such as anchor generators and box coders
TASK_UTILS = _root("task util", "task_utils", None)

# the optimization
OPTIMIZERS = _root("optimizer", "optimizers", "eng-optim", build_optimizer_from_cfg)
OPTIM_WRAPPERS = _root("optim_wrapper", "optim_wrappers", "eng-optim")
OPTIM_WRAPPER = OPTIM_WRAPPERS
OPTIM_WRAPPER_CONSTRUCTORS = _root("optimizer wrapper constructor", "optim_wrapper_constructors", "eng-optim")
PARAM_SCHEDULERS = _root("parameter scheduler", "param_schedulers", "eng-optim", build_scheduler_from_cfg)

# the result
METRICS = _root("metric", "metrics", "eng-evaluator")
EVALUATOR = _root("evaluator", "evaluator", "eng-evaluator")
VISUALIZERS = _root("visualizer", "visualizers", "eng-visualization")
VISBACKENDS = _root("vis_backend", "visbackends", "eng-visualization")
