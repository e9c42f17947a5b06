"""The hooks that ship, one idea a file. Importing this registers all of them."""

from .checkpoint import CheckpointHook
from .early_stopping import EarlyStoppingHook
from .ema import EMAHook
from .empty_cache import EmptyCacheHook
from .feature_map import FeatureMapHook
from .freeze import FreezeHook
from .garbage_collection import GarbageCollectionHook
from .logger import LoggerHook
from .non_finite import NonFiniteHook
from .param_scheduler import ParamSchedulerHook
from .profiler import ProfilerHook
from .progress import ProgressHook
from .runtime_info import RuntimeInfoHook
from .sampler_seed import DistSamplerSeedHook
from .sync_buffers import SyncBuffersHook
from .throughput import ThroughputHook
from .timer import IterTimerHook
from .tta import PrepareTTAHook, build_runner_with_tta
from .visualization import NaiveVisualizationHook

__all__ = [
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
]
