"""The root registries are there, and empty until somebody fills them."""

import subprocess
import sys

import pytest

import eng_registry
from eng_registry import (
    Registry,
    build_from_cfg,
    build_model_from_cfg,
    build_optimizer_from_cfg,
    build_runner_from_cfg,
    build_scheduler_from_cfg,
    root,
)

NAMES = {
    "DATASETS": "dataset",
    "DATA_SAMPLERS": "data sampler",
    "EVALUATOR": "evaluator",
    "FUNCTIONS": "function",
    "HOOKS": "hook",
    "INFERENCERS": "inferencer",
    "LOG_PROCESSORS": "log processor",
    "LOOPS": "loop",
    "METRICS": "metric",
    "MODELS": "model",
    "MODEL_WRAPPERS": "model_wrapper",
    "OPTIMIZERS": "optimizer",
    "OPTIM_WRAPPERS": "optim_wrapper",
    "OPTIM_WRAPPER_CONSTRUCTORS": "optimizer wrapper constructor",
    "PARAM_SCHEDULERS": "parameter scheduler",
    "RUNNERS": "runner",
    "RUNNER_CONSTRUCTORS": "runner constructor",
    "STRATEGIES": "strategy",
    "TASK_UTILS": "task util",
    "TRANSFORMS": "transform",
    "VISBACKENDS": "vis_backend",
    "VISUALIZERS": "visualizer",
    "WEIGHT_INITIALIZERS": "weight initializer",
}
BUILDERS = {
    "MODELS": build_model_from_cfg,
    "OPTIMIZERS": build_optimizer_from_cfg,
    "PARAM_SCHEDULERS": build_scheduler_from_cfg,
    "RUNNERS": build_runner_from_cfg,
}


@pytest.mark.parametrize(("variable", "name"), NAMES.items())
def test_every_root_registry(variable, name):
    """Its name, its scope, how it builds, and the entry point that fills it."""
    registry = getattr(eng_registry, variable)
    assert (registry.name, registry.scope, registry.root) == (name, "eng", registry)
    assert registry.build_func is BUILDERS.get(variable, build_from_cfg)
    assert registry._node.source.entry_point == variable.lower()


def test_there_are_no_others():
    """Twenty-three, and one alias."""
    assert {name for name, value in vars(root).items() if isinstance(value, Registry)} == {
        *NAMES,
        "OPTIM_WRAPPER",
    }
    assert eng_registry.OPTIM_WRAPPER is eng_registry.OPTIM_WRAPPERS


def test_importing_fills_nothing_and_loads_neither_torch_nor_numpy():
    """In a fresh interpreter."""
    script = (
        "import sys, eng_registry\n"
        "assert not {'torch', 'numpy', 'inspect', 'logging', 'importlib.metadata'} & set(sys.modules), sys.modules\n"
        "roots = [r for r in vars(eng_registry.root).values() if isinstance(r, eng_registry.Registry)]\n"
        "assert sum(map(len, roots)) == 0\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
