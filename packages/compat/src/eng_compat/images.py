"""Images out of the tensors that models see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = [
    "tensor2imgs",
]


def tensor2imgs(
    tensor: Tensor,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    to_bgr: bool = True,
) -> list[Any]:
    """Images (height, width, channels) as arrays, from a batch (N, C, H, W) of 1 or 3 channels: `x * std + mean`.

    `to_bgr` turns the order of the three channels around; an image of one channel needs it to be False. Raises
    `AssertionError` for anything else.

    >>> tensor2imgs(torch.zeros(2, 3, 4, 5), mean=(1, 2, 3))[0][0, 0].tolist()
    [3.0, 2.0, 1.0]
    """
    assert isinstance(tensor, Tensor), f"images are a tensor, not a {type(tensor).__name__}"
    assert tensor.ndim == 4, f"images are a tensor (N, C, H, W), not of shape {tuple(tensor.shape)}"
    channels = tensor.size(1)
    assert channels in (1, 3), f"images have 1 or 3 channels, not {channels}"
    assert channels == 3 or not to_bgr, "an image of one channel has no order: give `to_bgr=False`"
    means, stds = _per_channel(mean, 0, channels), _per_channel(std, 1, channels)
    batch = tensor.detach().cpu().float() * stds + means
    if to_bgr:
        batch = batch.flip(1)
    return [image.permute(1, 2, 0).contiguous().numpy() for image in batch]


def _per_channel(values: Sequence[float] | None, default: float, channels: int) -> Tensor:
    numbers = (default,) * channels if values is None else values
    assert len(numbers) == channels, f"{len(numbers)} numbers for {channels} channels"
    return torch.tensor(numbers, dtype=torch.float32).view(1, -1, 1, 1)
