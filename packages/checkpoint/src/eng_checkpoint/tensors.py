"""The tensors inside a state, and the memory behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor


def tensors_in(state: Any) -> Iterator[Tensor]:
    """Every tensor of a state, in its order; one that stands in two places comes twice."""
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, Mapping):
        for item in state.values():
            yield from tensors_in(item)
    elif isinstance(state, list | tuple | set):
        for item in state:
            yield from tensors_in(item)


def bytes_of(state: Any) -> int:
    """The memory of a state's tensors, each storage once: what its file will hold, but for a little.

    Example:
        >>> import torch
        >>> weight = torch.zeros(10)
        >>> bytes_of({"weight": weight, "tied": [weight[:5]]})
        40
    """
    sizes: dict[int, int] = {}
    others = 0
    for tensor in tensors_in(state):
        try:
            storage = tensor.untyped_storage()
        except (NotImplementedError, RuntimeError):  # sparse, or laid out by a library
            others += tensor.element_size() * tensor.numel()
            continue
        if storage.device.type != "meta":
            sizes[storage._cdata] = storage.nbytes()
    return sum(sizes.values()) + others
