"""PixelData: maps of one height and width over one image (segmentation, depth, heat)."""

import warnings
from typing import Any

import numpy as np
from torch import Tensor

from eng_structures.element import BaseDataElement
from eng_structures.errors import ElementTypeError, ElementValueError


class PixelData(BaseDataElement):
    """Tensors or arrays of (channels, height, width) with one height and width.

    Two indices, of rows and columns, cut the same window out of every field:

    >>> import torch
    >>> maps = PixelData(depth=torch.rand(1, 20, 40), classes=torch.zeros(3, 20, 40))
    >>> maps.shape, maps[5:10, 0].shape
    ((20, 40), (5, 1))
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in ("_metainfo_fields", "_data_fields"):
            value = self._with_channels(name, value)
        super().__setattr__(name, value)

    def _with_channels(self, name: str, value: Any) -> Any:
        if not isinstance(value, Tensor | np.ndarray):
            raise ElementTypeError(
                f"{name} of a PixelData is a tensor or an array, got a {type(value).__name__}"
            )
        if value.ndim not in (2, 3):
            raise ElementValueError(f"{name} of a PixelData has 2 or 3 dimensions, got {value.ndim}")
        if self.shape is not None and tuple(value.shape[-2:]) != self.shape:
            raise ElementValueError(
                f"{name} has (height, width) {tuple(value.shape[-2:])}, this PixelData has {self.shape}"
            )
        if value.ndim == 2:
            warnings.warn(
                f"{name} of shape {tuple(value.shape)} becomes {(1, *value.shape)}: a PixelData holds (C, H, W)",
                stacklevel=4,
            )
            value = value[None]
        return value

    @property
    def shape(self) -> tuple[int, int] | None:
        """``(height, width)``, None without a field."""
        for name in self._data_fields:
            height, width = getattr(self, name).shape[-2:]
            return height, width
        return None

    def __getitem__(self, item: tuple[int | slice, int | slice]) -> "PixelData":
        """The window of these rows and columns; a number keeps its dimension.

        Raises:
            ElementTypeError: the index is not a pair of numbers or slices.
        """
        if not _is_pair(item):
            raise ElementTypeError(f"a PixelData takes an index of two, rows and columns; got {item!r}")
        rows, columns = (_keep_dimension(each) for each in item)
        element = type(self)(metainfo=self.metainfo)
        for name, value in self.items():
            element.set_data({name: value[:, rows, columns]})
        return element


def _is_pair(index: object) -> bool:
    return isinstance(index, tuple) and len(index) == 2


def _keep_dimension(index: object) -> slice:
    if isinstance(index, slice):
        return index
    if isinstance(index, int | np.integer):
        return slice(int(index), int(index) + 1 or None)
    raise ElementTypeError(
        f"rows and columns are chosen by numbers or slices, not by a {type(index).__name__}"
    )
