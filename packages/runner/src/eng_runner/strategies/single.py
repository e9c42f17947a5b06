"""One process, one device."""

from __future__ import annotations

from typing import final

from torch import nn

from eng_dist import get_device
from eng_model import is_model_wrapper, revert_sync_batchnorm
from eng_registry import STRATEGIES

from ..engine.strategy import BaseStrategy


@final
@STRATEGIES.register_module()
class SingleDeviceStrategy(BaseStrategy):
    """The model on this process' device; synchronised batch norms become plain ones."""

    def convert_model(self, model: nn.Module) -> nn.Module:
        """Plain batch norms for synchronised ones."""
        return revert_sync_batchnorm(model)

    def wrap(self, model: nn.Module) -> nn.Module:
        """Move the model; one that came wrapped stays as it is."""
        return model if is_model_wrapper(model) else self.convert_model(model).to(get_device())

    def synchronize(self, model: nn.Module) -> None:
        """Nothing to do."""
