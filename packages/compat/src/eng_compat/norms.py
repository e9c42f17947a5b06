"""Which layers normalise."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

__all__ = [
    "has_batch_norm",
    "is_norm",
]

_NORMS = (_BatchNorm, _InstanceNorm, nn.GroupNorm, nn.LayerNorm)


def is_norm(layer: nn.Module, exclude: type | tuple[type, ...] | None = None) -> bool:
    """Whether a layer normalises over the batch, an instance, groups or the last dimensions, and is none of `exclude`.

    >>> is_norm(nn.LayerNorm(2)), is_norm(nn.LayerNorm(2), exclude=nn.LayerNorm), is_norm(nn.ReLU())
    (True, False, False)
    """
    kinds = () if exclude is None else exclude if isinstance(exclude, tuple) else (exclude,)
    if not all(isinstance(kind, type) for kind in kinds):
        raise TypeError(f'"exclude" must be either None or type or a tuple of types, but got {exclude!r}')
    return isinstance(layer, _NORMS) and not isinstance(layer, kinds)


def has_batch_norm(model: nn.Module) -> bool:
    """Whether there is a batch normalisation anywhere in a model."""
    return any(isinstance(module, _BatchNorm) for module in model.modules())
