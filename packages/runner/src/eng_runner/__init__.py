"""The training engine: it puts the parts together and runs them.

The front door opens lazily, so that the `eng` command can print its help without loading torch: a name is imported
when it is first asked for.
"""

import gc
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cadence import Every
    from .clock import Clock
    from .environment import set_random_seed
    from .finite import NonFiniteError
    from .hook import Hook, Priority, get_priority
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
    from .infer import BaseInferencer
    from .logline import LogProcessor
    from .loops import (
        BaseLoop,
        EpochBasedTrainLoop,
        IterBasedTrainLoop,
        PredictLoop,
        TestLoop,
        ValLoop,
        calc_dynamic_intervals,
    )
    from .precision import autocast
    from .publication import publish
    from .rehearsal import Findings, rehearse
    from .runner import Runner, turn_on_activation_checkpointing
    from .stop import Interrupted
    from .strategies import BaseStrategy, DDPStrategy, SingleDeviceStrategy
    from .strategies.deepspeed import DeepSpeedStrategy
    from .strategies.fsdp import FSDPStrategy
    from .strategies.tensor_parallel import TensorParallelStrategy
    from .summary import Summary, render, summarize

_HOMES = {
    "cadence": ["Every"],
    "clock": ["Clock"],
    "environment": ["set_random_seed"],
    "finite": ["NonFiniteError"],
    "hook": ["Hook", "Priority", "get_priority"],
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
    "logline": ["LogProcessor"],
    "loops": [
        "BaseLoop",
        "EpochBasedTrainLoop",
        "IterBasedTrainLoop",
        "PredictLoop",
        "TestLoop",
        "ValLoop",
        "calc_dynamic_intervals",
    ],
    "precision": ["autocast"],
    "publication": ["publish"],
    "rehearsal": ["Findings", "rehearse"],
    "runner": ["Runner", "turn_on_activation_checkpointing"],
    "stop": ["Interrupted"],
    "strategies": ["BaseStrategy", "DDPStrategy", "SingleDeviceStrategy"],
    "strategies.deepspeed": ["DeepSpeedStrategy"],
    "strategies.fsdp": ["FSDPStrategy"],
    "strategies.tensor_parallel": ["TensorParallelStrategy"],
    "summary": ["Summary", "render", "summarize"],
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
