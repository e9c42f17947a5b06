"""The hooks that ship, one idea a file. Importing this registers all of them."""

from .checkpoint import CheckpointHook
from .logger import LoggerHook
from .param_scheduler import ParamSchedulerHook
from .progress import ProgressHook
from .runtime_info import RuntimeInfoHook
from .sampler_seed import DistSamplerSeedHook
from .timer import IterTimerHook

__all__ = [
    "CheckpointHook",
    "DistSamplerSeedHook",
    "IterTimerHook",
    "LoggerHook",
    "ParamSchedulerHook",
    "ProgressHook",
    "RuntimeInfoHook",
]
