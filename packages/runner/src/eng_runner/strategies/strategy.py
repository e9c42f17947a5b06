"""What a strategy is: how the model sits on the devices of this run."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import nn


class Strategy(ABC):
    """Puts a built model on its device and wraps it for the processes of the run."""

    @abstractmethod
    def wrap(self, model: nn.Module) -> nn.Module:
        """The model as the loops call it: on its device, wrapped where there are several processes."""

    @abstractmethod
    def unwrap(self, model: nn.Module) -> nn.Module:
        """The user's own model inside of what `wrap` returned."""

    @abstractmethod
    def synchronize(self, model: nn.Module) -> None:
        """Give every process the weights of rank 0."""
