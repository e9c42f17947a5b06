"""What makes a forward pass cheaper without another model: mixed precision, and the order of images in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from eng_dist import get_device


@contextmanager
def autocast(
    device_type: str | None = None,
    dtype: torch.dtype | None = None,
    enabled: bool = True,
    cache_enabled: bool | None = None,
) -> Iterator[None]:
    """`torch.autocast` with this process' device and its usual type: bfloat16 on a CPU, torch's setting on CUDA.

    Raises RuntimeError for bfloat16 on a GPU without it, ValueError for another type than bfloat16 on a CPU and for
    a device that torch has no autocast for.
    """
    device_type = device_type or get_device().type
    if not enabled:
        with torch.autocast(device_type, enabled=False):
            yield
        return
    match device_type:
        case "cuda":
            dtype = dtype or torch.get_autocast_dtype("cuda")
            if dtype is torch.bfloat16 and not torch.cuda.is_bf16_supported():
                raise RuntimeError("this GPU has no bfloat16; use float16, or leave `dtype` out")
        case "cpu":
            dtype = dtype or torch.bfloat16
            if dtype is not torch.bfloat16:
                raise ValueError(f"on a CPU autocast is for torch.bfloat16, not {dtype}")
        case _ if not torch.amp.is_autocast_available(device_type):
            raise ValueError(f"torch has no autocast for {device_type!r}; use enabled=False there")
    with torch.autocast(device_type, dtype=dtype, enabled=True, cache_enabled=cache_enabled):
        yield


def use_channels_last(model: nn.Module) -> None:
    """Keep the weights and buffers of four dimensions in the order in which convolutions of half precision are fastest.

    What convolutions return has that order, too, so that batches may stay as they are.

    >>> layer = nn.Conv2d(3, 8, 3)
    >>> use_channels_last(layer)
    >>> layer.weight.is_contiguous(memory_format=torch.channels_last)
    True
    """
    for tensor in [*model.parameters(), *model.buffers()]:
        if tensor.dim() == 4:
            tensor.data = tensor.data.contiguous(memory_format=torch.channels_last)
