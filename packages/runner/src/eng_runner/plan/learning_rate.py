"""By how much `auto_scale_lr` changes the learning rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def scale_of(auto_scale_lr: Mapping[str, Any] | None, *, batch_size: int | None, world_size: int) -> float:
    """Return the samples of one step over all ranks / `base_batch_size`, 1.0 if it is not enabled.

    `batch_size` is that of one rank. Raises KeyError without `base_batch_size`, ValueError if one of the sizes is not
    a whole number.

    >>> scale_of({"enable": True, "base_batch_size": 256}, batch_size=32, world_size=4)
    0.5
    """
    if not auto_scale_lr or not auto_scale_lr.get("enable", False):
        return 1.0
    if "base_batch_size" not in auto_scale_lr:
        raise KeyError(
            "`auto_scale_lr` needs `base_batch_size`, the batch size that the learning rate was made for"
        )
    base = auto_scale_lr["base_batch_size"]
    if not isinstance(base, int) or base < 1 or batch_size is None:
        raise ValueError(
            f"`auto_scale_lr` compares whole batch sizes, not base_batch_size={base!r} with the loader's {batch_size!r}"
        )
    return batch_size * world_size / base
