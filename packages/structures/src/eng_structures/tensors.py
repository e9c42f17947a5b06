"""Between tensors and arrays, one value at a time; what is neither passes unchanged."""

from typing import Any

import numpy as np
import torch


def to_array(value: Any) -> Any:
    """An array for a tensor: without history, on the CPU; bfloat16, which numpy lacks, as float32."""
    if not isinstance(value, torch.Tensor):
        return value
    here = value.detach().cpu()
    return (here.float() if here.dtype == torch.bfloat16 else here).numpy()


def to_tensor(value: Any) -> Any:
    """A tensor for an array, of the same memory unless that is read-only, which torch cannot respect."""
    if not isinstance(value, np.ndarray):
        return value
    return torch.from_numpy(value if value.flags.writeable else value.copy())


def pinned(value: Any) -> Any:
    """A tensor of the CPU, or whatever else can be pinned, in pinned memory."""
    if isinstance(value, torch.Tensor) and value.device.type != "cpu":
        return value
    return value.pin_memory() if hasattr(value, "pin_memory") else value
