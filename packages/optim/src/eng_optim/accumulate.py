"""The arithmetic of gradient accumulation, free of state.

A window is the run of micro-batches whose gradients make one optimizer step: `size` of them, or fewer in the
last window of a training of `last` micro-batches (-1: the end is not known). Micro-batches are counted from
1.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, distributed, nn

from eng_optim.errors import SettingError
from eng_optim.shards import part_of

NO_CONTEXT = nullcontext()


def closes_window(count: int, size: int, last: int = -1) -> bool:
    """Whether micro-batch `count` is the last of its window.

    >>> [count for count in range(1, 11) if closes_window(count, 4, last=10)]
    [4, 8, 10]
    """
    return count % size == 0 or count == last


def begin_of_window(count: int, size: int) -> int:
    """How many micro-batches there were before the window of micro-batch `count`.

    >>> [begin_of_window(count, 4) for count in range(1, 11)]
    [0, 0, 0, 0, 4, 4, 4, 4, 8, 8]
    """
    return (count - 1) // size * size


def length_of_window(count: int, size: int, last: int = -1) -> int:
    """How many micro-batches the window of micro-batch `count` has.

    >>> [length_of_window(count, 4, last=10) for count in range(1, 11)]
    [4, 4, 4, 4, 4, 4, 4, 4, 2, 2]
    """
    rest = last % size
    if last < 0 or count <= last - rest:
        return size
    if count > last:
        raise SettingError(f"micro-batch {count} of a training that was announced with {last}")
    return rest


def gradient_sync(model: nn.Module, *, wanted: bool) -> AbstractContextManager[Any]:
    """Return the context of a forward pass whose gradients go to the other ranks, or stay here.

    `set_requires_gradient_sync` of FSDP2 is read in the backward pass, which may come after the context: it stays
    as it is set until the next micro-batch. `no_sync()` of DDP and FSDP1 is read in the forward pass. Other models
    have nothing to hold back.
    """
    switch: Callable[[bool], None] | None = getattr(model, "set_requires_gradient_sync", None)
    if switch is not None:
        switch(wanted)
        return NO_CONTEXT
    no_sync: Callable[[], AbstractContextManager[Any]] | None = getattr(model, "no_sync", None)
    return NO_CONTEXT if wanted or no_sync is None else no_sync()


@torch.no_grad()
def scale_gradients(parameters: Iterable[Tensor], factor: float | Tensor) -> None:
    """Multiply every gradient by `factor`, in place; a tensor is taken to the device of each gradient.

    One of the CPU stays there: torch reads it, which is nothing to wait for.
    """
    is_elsewhere = isinstance(factor, Tensor) and factor.device.type != "cpu"
    by_device: dict[torch.device, list[Tensor]] = {}
    for parameter in parameters:
        if parameter.grad is not None:
            part = part_of(parameter.grad)
            by_device.setdefault(part.device, []).append(part)
    for device, parts in by_device.items():
        torch._foreach_mul_(parts, factor.to(device) if is_elsewhere else factor)  # type: ignore[union-attr]  # a tensor


def weight_of_all_ranks(weight: float | Tensor, device: torch.device) -> tuple[float | Tensor, int]:
    """Return the sum of `weight` over all ranks, and how many ranks there are; a collective if there are
    several, of a number on `device`.

    >>> weight_of_all_ranks(12.0, torch.device("cpu"))
    (12.0, 1)
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return weight, 1
    ranks = distributed.get_world_size()
    if ranks == 1:
        return weight, 1
    if isinstance(weight, Tensor):
        total = weight.detach().to(device, torch.float32, copy=True)
    else:
        total = torch.full(
            (), weight, dtype=torch.float32, device=device
        )  # filled there: nothing to wait for
    distributed.all_reduce(total)
    return total, ranks
