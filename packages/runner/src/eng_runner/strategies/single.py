"""One process, one device."""

from __future__ import annotations

from typing import final

from torch import nn

from eng_dist import get_device
from eng_model import is_model_wrapper, revert_sync_batchnorm
from eng_registry import STRATEGIES

from .strategy import Strategy


@final
@STRATEGIES.register_module()
class SingleDeviceStrategy(Strategy):
    """The model on this process' device; synchronised batch norms become plain ones."""

    def wrap(self, model: nn.Module) -> nn.Module:
        """Move the model; one that came wrapped stays as it is."""
        return model if is_model_wrapper(model) else revert_sync_batchnorm(model).to(get_device())

    def unwrap(self, model: nn.Module) -> nn.Module:
        """The inner model of a wrapper, or the model itself."""
        return model.module if is_model_wrapper(model) else model  # type: ignore[return-value] # a wrapper's module

    def synchronize(self, model: nn.Module) -> None:
        """Nothing to do."""
