"""One recursive function that moves whatever a loader yields to a device.

It runs over every batch, so exact types come first and a tensor that is already there costs no call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from eng_structures import BaseDataElement

_LEAVES = frozenset({str, bytes, int, float, bool, type(None)})
_MOVABLE: tuple[type[Any], ...] = (Tensor, BaseDataElement, PackedSequence)
_FLAT = (str, bytes, bytearray, memoryview, range)


def cast(data: Any, device: torch.device, non_blocking: bool = False) -> Any:
    """The same batch with every tensor and data element in it on `device`.

    Mappings become dicts; tuples, named tuples, lists and other sequences keep their type; whatever is
    neither a container nor movable (numbers, text, arrays, objects) is returned as it is.

    >>> cast({"inputs": [torch.ones(2)], "name": "a"}, torch.device("meta"))
    {'inputs': [tensor(..., device='meta', size=(2,))], 'name': 'a'}
    """
    kind = type(data)
    if kind is Tensor:
        return data if data.device == device else data.to(device, non_blocking=non_blocking)
    if kind is tuple or kind is list:
        moved = [
            each if type(each) is Tensor and each.device == device else cast(each, device, non_blocking)
            for each in data
        ]
        return moved if kind is list else tuple(moved)
    if kind is dict:
        return {
            key: each if type(each) is Tensor and each.device == device else cast(each, device, non_blocking)
            for key, each in data.items()
        }
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
