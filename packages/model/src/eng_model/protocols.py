"""The shapes that this package asks of its neighbours, and the names of what flows through it.

A model does not import the optimizer wrapper it trains with, nor the elements it is fed with: it asks for the
few methods that it calls, so anything that has them will do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias

from torch import Tensor, nn

Batch: TypeAlias = Any
"""What a loader yields: a mapping, tuple or list, nested as it likes, with tensors and elements as leaves."""

Losses: TypeAlias = Mapping[str, Tensor | Sequence[Tensor]]
"""What `forward(mode="loss")` returns; entries whose name contains `loss` are optimised."""

LogVars: TypeAlias = dict[str, Tensor]
"""Scalars of one step: detached 0-d tensors, still on the device."""

InitCfg: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
"""One initializer's configuration, or several in the order of their application."""


class OptimWrapperLike(Protocol):
    """What `train_step` asks of the optimizer's side."""

    def optim_context(self, model: nn.Module) -> AbstractContextManager[Any]:
        """Hold what the forward pass needs: autocast, or no gradient synchronisation inside a window."""
        ...

    def update_params(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Go one micro-batch further: backward and, when it is time, step and zero the gradients.

        Only a model whose losses have a `batch_weight` passes it on, as the keyword `weight`.
        """
        ...
