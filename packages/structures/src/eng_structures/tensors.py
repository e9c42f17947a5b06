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
