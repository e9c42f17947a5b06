"""Importing this registers all strategies; an entry point of `eng_registry` names it."""

from .ddp import DDPStrategy
from .deepspeed import DeepSpeedStrategy
from .fsdp import FSDPStrategy
from .single import SingleDeviceStrategy
from .tensor_parallel import TensorParallelStrategy

__all__ = [
    "DDPStrategy",
    "DeepSpeedStrategy",
    "FSDPStrategy",
    "SingleDeviceStrategy",
    "TensorParallelStrategy",
]
