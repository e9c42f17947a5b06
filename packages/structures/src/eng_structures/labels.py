"""LabelData: the labels of one sample, as numbers or as one-hot."""

import torch
from torch import Tensor

from eng_structures.element import BaseDataElement
from eng_structures.errors import ElementTypeError, ElementValueError


class LabelData(BaseDataElement):
    """An element for labels, with the two ways to write them.

    >>> import torch
    >>> LabelData.label_to_onehot(torch.tensor([1, 3]), num_classes=4)
    tensor([0, 1, 0, 1])
    >>> LabelData.onehot_to_label(torch.tensor([0, 1, 0, 1]))
    tensor([1, 3])
    """

    @staticmethod
    def onehot_to_label(onehot: Tensor) -> Tensor:
        """The numbers of the classes that are not 0 in `onehot`, of shape (num_classes,).

        Raises:
            ElementTypeError: `onehot` is not a tensor.
            ValueError: it has more than one dimension, or values outside of [0, 1].
        """
        _require_tensor(onehot, "onehot")
        if onehot.dim() != 1 or bool(((onehot < 0) | (onehot > 1)).any()):
            raise ElementValueError(f"a one-hot is a vector with values in [0, 1], got {onehot}")
        return onehot.nonzero().flatten()

    @staticmethod
    def label_to_onehot(label: Tensor, num_classes: int) -> Tensor:
        """A vector of `num_classes` with 1 at each of `label`; several labels give several ones.

        Raises:
            ElementTypeError: `label` is not a tensor.
            ElementValueError: a label is not in 0 .. num_classes - 1.
        """
        _require_tensor(label, "label")
        onehot = torch.zeros(num_classes, dtype=label.dtype, device=label.device)
        if label.numel() and bool(((label < 0) | (label >= num_classes)).any()):
            raise ElementValueError(
                f"labels are in 0 .. {num_classes - 1} for {num_classes} classes, got {label}"
            )
        onehot[label.reshape(-1).long()] = 1
        return onehot


def _require_tensor(value: object, name: str) -> None:
    if not isinstance(value, Tensor):
        raise ElementTypeError(f"{name} is a tensor, got a {type(value).__name__}")
