"""The preprocessor every model has: it moves the batch to where the model is.

Anything that is done to a whole batch just before the model belongs into a subclass: normalising on the
device, MixUp, renaming keys between what the dataset offers and what the model wants.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn

from eng_registry import MODELS

from ..protocols import Batch
from .cast import cast


@MODELS.register_module()
class BaseDataPreprocessor(nn.Module):
    """Move every tensor and data element of a batch to the device of the model.

    It has no parameters and yet knows its device: every move of the model it is part of (`to`, `cuda`, `cpu`,
    `to_empty`, ...) moves it too. `non_blocking` copies asynchronously, which needs pinned memory
    (`pin_memory=True` of the loader) to be of use.

    >>> BaseDataPreprocessor()([torch.ones(1), "text"])
    [tensor([1.]), 'text']
    """

    def __init__(self, non_blocking: bool = False) -> None:
        super().__init__()
        self._non_blocking = non_blocking
        self._device = torch.device("cpu")

    @property
    def device(self) -> torch.device:
        """Where batches are moved to."""
        return self._device

    def cast_data(self, data: Batch) -> Batch:
        """The batch on the device: mappings as dicts, sequences as their own type, objects untouched."""
        return cast(data, self._device, self._non_blocking)

    def forward(self, data: Batch, training: bool = False) -> Batch:
        """The batch as the model takes it; `training` is for subclasses that augment."""
        return cast(data, self._device, self._non_blocking)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Every move of a module ends here; a tensor without content tells where this one goes."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch has no annotation there
        self._device = fn(torch.empty(0, device=self._device)).device
        return self
