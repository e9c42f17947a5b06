"""How a model is spread over devices and processes, one way a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eng_dist import is_distributed

from .ddp import DDPStrategy
from .single import SingleDeviceStrategy
from .strategy import Strategy

if TYPE_CHECKING:
    from eng_config import Config

__all__ = ["DDPStrategy", "SingleDeviceStrategy", "Strategy", "choose_strategy"]


def choose_strategy(cfg: Config) -> Strategy:
    """The strategy for this process: alone or one of several, with the options of the configuration."""
    if not is_distributed():
        return SingleDeviceStrategy()
    return DDPStrategy(
        model_wrapper=cfg.get("model_wrapper_cfg"),
        sync_bn=cfg.get("sync_bn"),
        find_unused_parameters=bool(cfg.get("find_unused_parameters", False)),
    )
