"""One tensor out of several of different size.

Shapes: the first dimension is the same in all (channels); the others are padded at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def stack_batch(tensor_list: Sequence[Tensor], pad_size_divisor: int = 1, pad_value: float = 0) -> Tensor:
    """Pad every dimension but the first at its end to the largest, rounded up to the divisor, and stack.

    Raises `AssertionError` for an empty list and for tensors whose number of dimensions or first size differ.

    >>> stack_batch([torch.ones(1, 2, 2), torch.ones(1, 3, 1)], pad_size_divisor=2).shape
    torch.Size([2, 1, 4, 2])
    """
    if not isinstance(tensor_list, (list, tuple)) or not tensor_list:
        raise AssertionError(f"stack_batch takes a list of at least one tensor, not {tensor_list!r}")
    shapes = [tensor.shape for tensor in tensor_list]
    if len({(len(shape), *shape[:1]) for shape in shapes}) > 1:
        raise AssertionError(
            f"stack_batch pads all dimensions but the first; these differ there or in number: {shapes}"
        )
    sizes = [
        _round_up(max(column), pad_size_divisor) for column in zip(*(s[1:] for s in shapes), strict=True)
    ]
    if all(list(shape[1:]) == sizes for shape in shapes):
        return torch.stack(list(tensor_list))
    first = tensor_list[0]
    batch: Tensor = first.new_full((len(tensor_list), *first.shape[:1], *sizes), pad_value)
    for index, tensor in enumerate(tensor_list):
        content: Any = (index, ..., *(slice(size) for size in tensor.shape[1:]))
        batch[content] = tensor
    return batch


def pad_to_divisor(images: Tensor, pad_size_divisor: int, pad_value: float) -> Tensor:
    """Pad images NCHW at the bottom and the right until height and width can be divided."""
    height, width = images.shape[-2:]
    bottom = _round_up(height, pad_size_divisor) - height
    right = _round_up(width, pad_size_divisor) - width
    if not (bottom or right):
        return images
    return functional.pad(images, (0, right, 0, bottom), value=pad_value)


def _round_up(size: int, divisor: int) -> int:
    return -(-size // divisor) * divisor
