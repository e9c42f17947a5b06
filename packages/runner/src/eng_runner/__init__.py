"""The training engine: it puts the parts together and runs them.

The front door opens lazily, so that the `eng` command can print its help without loading torch: a name is imported
when it is first asked for.
"""

import gc
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine.clock import Clock
    from .engine.environment import set_random_seed
    from .engine.finite import NonFiniteError
    from .engine.hook import Hook, Priority, get_priority
    from .engine.interval import Every
    from .engine.logline import LogProcessor
    from .engine.loops import (
        BaseLoop,
        EpochBasedTrainLoop,
        IterBasedTrainLoop,
        PredictLoop,
        TestLoop,
        ValLoop,
        calc_dynamic_intervals,
    )
    from .engine.precision import autocast
    from .engine.run import Run
    from .engine.stop import Interrupted
    from .engine.strategy import BaseStrategy
    from .engine.summary import Summary, render, summarize
    from .hooks import (
        CheckpointHook,
        DistSamplerSeedHook,
        EarlyStoppingHook,
        EMAHook,
        EmptyCacheHook,
        FeatureMapHook,
        FreezeHook,
        GarbageCollectionHook,
        IterTimerHook,
        LoggerHook,
        NaiveVisualizationHook,
        NonFiniteHook,
        ParamSchedulerHook,
        PrepareTTAHook,
        ProfilerHook,
        ProgressHook,
        RuntimeInfoHook,
        SyncBuffersHook,
        ThroughputHook,
        build_runner_with_tta,
    )
    from .hooks.publication import publish
    from .infer import BaseInferencer
    from .plan.dry_run import Findings, rehearse
    from .plan.model_options import turn_on_activation_checkpointing
    from .runner import Runner
    from .strategies import DDPStrategy, SingleDeviceStrategy
    from .strategies.deepspeed import DeepSpeedStrategy
    from .strategies.fsdp import FSDPStrategy
    from .strategies.tensor_parallel import TensorParallelStrategy

_HOMES = {
    "engine.interval": ["Every"],
    "engine.clock": ["Clock"],
    "engine.environment": ["set_random_seed"],
    "engine.finite": ["NonFiniteError"],
    "engine.hook": ["Hook", "Priority", "get_priority"],
    "hooks": [
        "CheckpointHook",
        "DistSamplerSeedHook",
        "EMAHook",
        "EarlyStoppingHook",
        "EmptyCacheHook",
        "FeatureMapHook",
        "FreezeHook",
        "GarbageCollectionHook",
        "IterTimerHook",
        "LoggerHook",
        "NaiveVisualizationHook",
        "NonFiniteHook",
        "ParamSchedulerHook",
        "PrepareTTAHook",
        "ProfilerHook",
        "ProgressHook",
        "RuntimeInfoHook",
        "SyncBuffersHook",
        "ThroughputHook",
        "build_runner_with_tta",
    ],
    "infer": ["BaseInferencer"],
    "engine.logline": ["LogProcessor"],
    "engine.loops": [
        "BaseLoop",
        "EpochBasedTrainLoop",
        "IterBasedTrainLoop",
        "PredictLoop",
        "TestLoop",
        "ValLoop",
        "calc_dynamic_intervals",
    ],
    "engine.precision": ["autocast"],
    "hooks.publication": ["publish"],
    "plan.dry_run": ["Findings", "rehearse"],
    "plan.model_options": ["turn_on_activation_checkpointing"],
    "runner": ["Runner"],
    "engine.stop": ["Interrupted"],
    "strategies": ["DDPStrategy", "SingleDeviceStrategy"],
    "engine.strategy": ["BaseStrategy"],
    "engine.run": ["Run"],
    "strategies.deepspeed": ["DeepSpeedStrategy"],
    "strategies.fsdp": ["FSDPStrategy"],
    "strategies.tensor_parallel": ["TensorParallelStrategy"],
    "engine.summary": ["Summary", "render", "summarize"],
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "BaseInferencer",
    "BaseLoop",
    "BaseStrategy",
    "CheckpointHook",
    "Clock",
    "DDPStrategy",
    "DeepSpeedStrategy",
    "DistSamplerSeedHook",
    "EMAHook",
    "EarlyStoppingHook",
    "EmptyCacheHook",
    "EpochBasedTrainLoop",
    "Every",
    "FSDPStrategy",
    "Findings",
    "FeatureMapHook",
    "FreezeHook",
    "GarbageCollectionHook",
    "Hook",
    "Interrupted",
    "IterBasedTrainLoop",
    "IterTimerHook",
    "LogProcessor",
    "LoggerHook",
    "NaiveVisualizationHook",
    "NonFiniteError",
    "NonFiniteHook",
    "ParamSchedulerHook",
    "PredictLoop",
    "PrepareTTAHook",
    "Priority",
    "ProfilerHook",
    "ProgressHook",
    "Run",
    "Runner",
    "RuntimeInfoHook",
    "SingleDeviceStrategy",
    "Summary",
    "SyncBuffersHook",
    "TensorParallelStrategy",
    "TestLoop",
    "ThroughputHook",
    "ValLoop",
    "autocast",
    "build_runner_with_tta",
    "calc_dynamic_intervals",
    "get_priority",
    "publish",
    "rehearse",
    "render",
    "set_random_seed",
    "summarize",
    "turn_on_activation_checkpointing",
]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(_opened(_HOME_OF[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _opened(room: str) -> Any:
    """A module of this package; while it is imported, no garbage is looked for.

    There is none among new modules, and looking through all of torch's objects takes a quarter of the whole import.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        return import_module(f"{__name__}.{room}")
    finally:
        if collects:
            gc.enable()


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
