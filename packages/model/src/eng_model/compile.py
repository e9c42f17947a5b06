"""torch.compile in place: the whole model, or block by block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from .select import select_modules


def compile_model(model: nn.Module, modules: str | Sequence[str] = "", **options: Any) -> nn.Module:
    """Compile the calls of the model, or of these submodules (by path, or all of a class), and return the model.

    Blocks that repeat are compiled once and used often: for a deep model that starts much sooner than the whole. The
    modules stay what they are; names in the `state_dict` do not change. `options` are those of `torch.compile`.

    >>> import torch
    >>> net = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    >>> compile_model(net, "Linear", backend="eager")(torch.ones(1, 1)).shape
    torch.Size([1, 1])
    """
    for module in {id(each): each for each in select_modules(model, modules).values()}.values():
        module.compile(**options)
    return model
