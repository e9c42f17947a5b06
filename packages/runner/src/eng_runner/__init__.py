"""The training engine: it puts the parts together and runs them.

The front door opens lazily, so that the `eng` command can print its help without loading torch: a name is imported
when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cadence import Every
    from .clock import Clock
    from .environment import set_random_seed
    from .hook import Hook, Priority, get_priority
    from .hooks import (
        CheckpointHook,
        DistSamplerSeedHook,
        IterTimerHook,
        LoggerHook,
        ParamSchedulerHook,
        ProgressHook,
        RuntimeInfoHook,
    )
    from .logline import LogProcessor
    from .loops import (
        BaseLoop,
        EpochBasedTrainLoop,
        IterBasedTrainLoop,
        TestLoop,
        ValLoop,
        calc_dynamic_intervals,
    )
    from .runner import Runner
    from .stop import Interrupted
    from .strategies import DDPStrategy, SingleDeviceStrategy, Strategy
    from .summary import Summary, render, summarize

_HOMES = {
    "cadence": ["Every"],
    "clock": ["Clock"],
    "environment": ["set_random_seed"],
    "hook": ["Hook", "Priority", "get_priority"],
    "hooks": [
        "CheckpointHook",
        "DistSamplerSeedHook",
        "IterTimerHook",
        "LoggerHook",
        "ParamSchedulerHook",
        "ProgressHook",
        "RuntimeInfoHook",
    ],
    "logline": ["LogProcessor"],
    "loops": [
        "BaseLoop",
        "EpochBasedTrainLoop",
        "IterBasedTrainLoop",
        "TestLoop",
        "ValLoop",
        "calc_dynamic_intervals",
    ],
    "runner": ["Runner"],
    "stop": ["Interrupted"],
    "strategies": ["DDPStrategy", "SingleDeviceStrategy", "Strategy"],
    "summary": ["Summary", "render", "summarize"],
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "BaseLoop",
    "CheckpointHook",
    "Clock",
    "DDPStrategy",
    "DistSamplerSeedHook",
    "EpochBasedTrainLoop",
    "Every",
    "Hook",
    "Interrupted",
    "IterBasedTrainLoop",
    "IterTimerHook",
    "LogProcessor",
    "LoggerHook",
    "ParamSchedulerHook",
    "Priority",
    "ProgressHook",
    "Runner",
    "RuntimeInfoHook",
    "SingleDeviceStrategy",
    "Strategy",
    "Summary",
    "TestLoop",
    "ValLoop",
    "calc_dynamic_intervals",
    "get_priority",
    "render",
    "set_random_seed",
    "summarize",
]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
