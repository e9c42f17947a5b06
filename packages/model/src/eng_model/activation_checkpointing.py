"""Less memory for more time: parts of a model that forget their activations and compute them again in backward."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.utils.checkpoint import checkpoint

from .select import select_modules


def turn_on_activation_checkpointing(model: nn.Module, modules: str | Sequence[str]) -> None:
    """Let these submodules (by path, or all of a class) recompute in backward what they computed in forward.

    Results, gradients, random numbers and running statistics are those of the plain model. Any arguments can be passed,
    keywords too; names and types of modules and parameters stay.

    >>> import torch
    >>> net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(), nn.Linear(2, 1))
    >>> turn_on_activation_checkpointing(net, ["0", "Dropout"])
    >>> net(torch.ones(1, 2)).sum().backward()
    >>> net[0].weight.grad.shape
    torch.Size([2, 2])
    """
    for module in {id(each): each for each in select_modules(model, modules).values()}.values():
        if not isinstance(module.forward, _Recomputed):
            module.forward = _Recomputed(module, module.forward)


class _Recomputed:
    """A `forward` that keeps its inputs only. An object, so that a copy of the module calls the copy."""

    def __init__(self, module: nn.Module, forward: Callable[..., Any]) -> None:
        self.module = module
        self.forward = forward

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        once_more = partial(self.forward, *args, **kwargs)
        if any(isinstance(part, _NormBase) and part.training for part in self.module.modules()):
            return checkpoint(once_more, use_reentrant=False, context_fn=self._contexts)
        return checkpoint(once_more, use_reentrant=False)

    def _contexts(self) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _same_statistics(self.module)


@contextmanager
def _same_statistics(module: nn.Module) -> Iterator[None]:
    """Undo what a second forward pass over the same batch does to running statistics."""
    buffers = [
        buffer
        for norm in module.modules()
        if isinstance(norm, _NormBase) and norm.training
        for buffer in norm.buffers(recurse=False)
    ]
    before = [buffer.clone() for buffer in buffers]
    try:
        yield
    finally:
        for buffer, value in zip(buffers, before, strict=True):
            buffer.data.copy_(value)  # past autograd: backward asks whether the statistics are the saved ones
