"""How a model is spread over devices and processes, one way a file."""

from collections.abc import Mapping
from typing import Any

from eng_dist import is_distributed

from .ddp import DDPStrategy
from .single import SingleDeviceStrategy
from .strategy import Strategy

__all__ = ["DDPStrategy", "SingleDeviceStrategy", "Strategy", "choose_strategy"]


def choose_strategy(cfg: Mapping[str, Any]) -> Strategy:
    """The strategy for this process: alone or one of several, with the options of the configuration."""
    if not is_distributed():
        return SingleDeviceStrategy()
    return DDPStrategy(
        model_wrapper=cfg.get("model_wrapper_cfg"),
        sync_bn=cfg.get("sync_bn"),
        find_unused_parameters=bool(cfg.get("find_unused_parameters", False)),
    )
