"""Devices as MMEngine names them: by text, and with accelerators that only it knew."""

from __future__ import annotations

import torch

import eng_dist

__all__ = [
    "get_device",
    "get_max_cuda_memory",
    "is_dipu_available",
    "is_mlu_available",
    "is_musa_available",
    "is_npu_available",
    "is_npu_support_full_precision",
]


def get_device() -> str:
    """The type of the device to compute on: "cuda", "mps", "xpu" or "cpu".

    `eng_dist.get_device` gives torch's object, with the index.
    """
    return eng_dist.get_device().type


def get_max_cuda_memory(device: torch.device | str | None = None) -> int:
    """The peak of the memory of tensors on a device since the last call, in MiB; 0 without a GPU."""
    return eng_dist.get_max_memory_mib(device, reset=True)


def _never() -> bool:
    """False: there is no support for this accelerator."""
    return False


is_npu_available = is_mlu_available = is_dipu_available = is_musa_available = _never
is_npu_support_full_precision = _never
