"""Importing this registers all wrappers; an entry point of `eng_registry` names it."""

from .ddp import MMDistributedDataParallel
from .fsdp import MMFullyShardedDataParallel
from .separate import MMSeparateDistributedDataParallel

__all__ = ["MMDistributedDataParallel", "MMFullyShardedDataParallel", "MMSeparateDistributedDataParallel"]
