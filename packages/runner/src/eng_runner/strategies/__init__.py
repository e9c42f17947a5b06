"""How a model is spread over devices and processes, one way a file.

What needs torch's distributed tensors, a second of import, is not imported here but by `registered`, when its name is
first asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from eng_dist import is_distributed
from eng_registry import STRATEGIES

from .ddp import DDPStrategy
from .single import SingleDeviceStrategy
from .strategy import BaseStrategy

if TYPE_CHECKING:
    from eng_config import Config

__all__ = [
    "BaseStrategy",
    "DDPStrategy",
    "SingleDeviceStrategy",
    "choose_strategy",
]


def choose_strategy(given: BaseStrategy | Mapping[str, Any] | None, cfg: Config) -> BaseStrategy:
    """The strategy that was given, or the one for this process: alone, or one of several that average gradients.

    The options `model_wrapper_cfg`, `sync_bn` and `find_unused_parameters` of the configuration are for the latter.
    Raises TypeError for anything that is neither a strategy nor a mapping.
    """
    if isinstance(given, BaseStrategy):
        return given
    if isinstance(given, Mapping):
        built: BaseStrategy = STRATEGIES.build(given)
        return built
    if given is not None:
        raise TypeError(
            f"`strategy` should be a strategy or a mapping with `type`, not {type(given).__name__}: {given!r:.80}"
        )
    if not is_distributed():
        return SingleDeviceStrategy()
    return DDPStrategy(
        model_wrapper=cfg.get("model_wrapper_cfg"),
        sync_bn=cfg.get("sync_bn"),
        find_unused_parameters=bool(cfg.get("find_unused_parameters", False)),
    )
