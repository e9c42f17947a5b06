"""Less memory for more time: parts of a model that forget their activations and compute them again in backward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint

from .select import select_modules


def turn_on_activation_checkpointing(model: nn.Module, modules: str | Sequence[str]) -> None:
    """Let these submodules (by path, or all of a class) recompute in backward what they computed in forward.

    Results, gradients and random numbers are those of the plain model. Any arguments can be passed, keywords too; names
    and types of modules and parameters stay.

    >>> import torch
    >>> net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(), nn.Linear(2, 1))
    >>> turn_on_activation_checkpointing(net, ["0", "Dropout"])
    >>> net(torch.ones(1, 2)).sum().backward()
    >>> net[0].weight.grad.shape
    torch.Size([2, 2])
    """
    for module in {id(each): each for each in select_modules(model, modules).values()}.values():
        if not isinstance(module.forward, _Recomputed):
            module.forward = _Recomputed(module.forward)


class _Recomputed:
    """A `forward` that keeps its inputs only. An object, so that a copy of the module calls the copy."""

    def __init__(self, forward: Callable[..., Any]) -> None:
        self.forward = forward

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return checkpoint(partial(self.forward, *args, **kwargs), use_reentrant=False)
