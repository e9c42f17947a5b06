"""How a model is spread over devices and processes, one way a file.

What needs torch's distributed tensors, a second of import, is not imported here but by `registered`, when its name is
first asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from eng_dist import is_distributed
from eng_model import is_model_wrapper
from eng_registry import STRATEGIES

from ..engine.strategy import BaseStrategy
from .ddp import DDPStrategy, shards
from .single import SingleDeviceStrategy

__all__ = [
    "BaseStrategy",
    "DDPStrategy",
    "SingleDeviceStrategy",
    "choose_strategy",
    "wrap_again",
]


def choose_strategy(
    given: BaseStrategy | Mapping[str, Any] | None,
    *,
    model_wrapper_cfg: Mapping[str, Any] | None = None,
    sync_bn: str | None = None,
    find_unused_parameters: bool = False,
    skip_init_weights: bool = False,
) -> BaseStrategy:
    """Return the strategy that was given, or the one for this process: one device, or DDP in a process group.

    The options are those of DDP; a `model_wrapper_cfg` that shards the model means FSDP, whose weights begin as they
    are with `skip_init_weights`. Raises TypeError for anything that is neither a strategy nor a mapping.
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
    if shards(model_wrapper_cfg):
        from .fsdp import FSDPStrategy

        return FSDPStrategy(model_wrapper_cfg, skip_init_weights=skip_init_weights, sync_bn=sync_bn)
    return DDPStrategy(
        model_wrapper=model_wrapper_cfg, sync_bn=sync_bn, find_unused_parameters=find_unused_parameters
    )


def wrap_again(model_wrapper_cfg: Mapping[str, Any] | None, model: nn.Module) -> nn.Module:
    """Move a further model to its device, and wrap it where there are several processes.

    Raises TypeError for a mapping where the model is wrapped already.
    """
    if not is_model_wrapper(model):
        return choose_strategy(None, model_wrapper_cfg=model_wrapper_cfg, skip_init_weights=True).wrap(model)
    if model_wrapper_cfg is not None:
        raise TypeError(f"the model is wrapped by {type(model).__name__} already; drop `model_wrapper_cfg`")
    return model
