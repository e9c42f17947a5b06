"""The preprocessor every model has: it moves the batch to where the model is.

Anything that is done to a whole batch just before the model belongs into a subclass: normalising on the
device, MixUp, renaming keys between what the dataset offers and what the model wants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from eng_registry import MODELS
from eng_structures import BaseDataElement

from ..protocols import Batch

_LEAVES = frozenset({str, bytes, int, float, bool, type(None)})
_MOVABLE: tuple[type[Any], ...] = (Tensor, BaseDataElement, PackedSequence)
_FLAT = (str, bytes, bytearray, memoryview, range)

_WAITS = frozenset({"cpu", "mps"})
"""Devices to which an asynchronous copy is not safe: nothing orders what the CPU reads after the copy, and Metal reads
the source later, even if its memory was given to another tensor (pytorch/pytorch#139550, #189690)."""


@MODELS.register_module()
class BaseDataPreprocessor(nn.Module):
    """Move every tensor and data element of a batch to the device of the model.

    It has no parameters and yet knows its device: every move of the model it is part of (`to`, `cuda`, `cpu`,
    `to_empty`, ...) moves it too. With `non_blocking` the copies are asynchronous where that is safe, so that the
    host does not wait for the device; the copy and the computation overlap if the batch is in pinned memory
    (`pin_memory=True` of the loader).

    >>> BaseDataPreprocessor()([torch.ones(1), "text"])
    [tensor([1.]), 'text']
    """

    def __init__(self, non_blocking: bool = True) -> None:
        super().__init__()
        self._non_blocking = non_blocking
        self._device = torch.device("cpu")

    @property
    def device(self) -> torch.device:
        """Where batches are moved to."""
        return self._device

    def cast_data(self, data: Batch) -> Batch:
        """The batch on the device: mappings as dicts, sequences as their own type, objects untouched."""
        device = self._device
        return cast(data, device, self._non_blocking and device.type not in _WAITS)

    def forward(self, data: Batch, training: bool = False) -> Batch:
        """The batch as the model takes it; `training` is for subclasses that augment."""
        if type(self).cast_data is not BaseDataPreprocessor.cast_data:
            return self.cast_data(data)
        device = self._device
        return cast(data, device, self._non_blocking and device.type not in _WAITS)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Every move of a module ends here; a tensor without content tells where this one goes."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch has no annotation there
        self._device = fn(torch.empty(0, device=self._device)).device
        return self


def cast(data: Any, device: torch.device, non_blocking: bool = False) -> Any:
    """The same batch with every tensor and data element in it on `device`.

    Mappings become dicts; tuples, named tuples, lists and other sequences keep their type; whatever is
    neither a container nor movable (numbers, text, arrays, objects) is returned as it is.

    It runs over every batch, so exact types come first, and a tensor that is already there costs no call.

    >>> cast({"inputs": [torch.ones(2)], "name": "a"}, torch.device("meta"))
    {'inputs': [tensor(..., device='meta', size=(2,))], 'name': 'a'}
    """
    kind = type(data)
    if kind is Tensor:
        return data if data.device == device else data.to(device, non_blocking=non_blocking)
    if kind is tuple or kind is list:
        parts = []  # filled by a loop: before Python 3.12 a comprehension is one call more
        for each in data:
            here = type(each) is Tensor and each.device == device
            parts.append(each if here else cast(each, device, non_blocking))
        return parts if kind is list else tuple(parts)
    if kind is dict:
        moved = {}
        for key, each in data.items():
            here = type(each) is Tensor and each.device == device
            moved[key] = each if here else cast(each, device, non_blocking)
        return moved
    if kind in _LEAVES:
        return data
    return _cast_rare(data, device, non_blocking)


def _cast_rare(data: Any, device: torch.device, non_blocking: bool) -> Any:
    """Elements, subclasses of tensors and of containers, and everything that stays."""
    if isinstance(data, _MOVABLE):
        return data.to(device, non_blocking=non_blocking)
    if isinstance(data, Mapping):
        return cast(dict(data), device, non_blocking)
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*cast(list(data), device, non_blocking))
    if isinstance(data, Sequence) and not isinstance(data, _FLAT):
        return type(data)(cast(list(data), device, non_blocking))  # type: ignore[call-arg]  # as list and tuple do
    return data
