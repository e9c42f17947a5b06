from typing import Any

import pytest
import torch

from eng_structures import LabelData


@pytest.mark.parametrize("labels", [[], [2], [0, 3], [0, 1, 2, 3]], ids=str)
def test_there_and_back(labels: list[int]) -> None:
    """Labels to one-hot and back, for none, one and several."""
    onehot = LabelData.label_to_onehot(torch.tensor(labels, dtype=torch.int64), 4)
    assert onehot.tolist() == [int(number in labels) for number in range(4)]
    assert LabelData.onehot_to_label(onehot).tolist() == labels


def test_the_type_of_the_labels_is_kept() -> None:
    """The one-hot has the dtype of the labels."""
    assert LabelData.label_to_onehot(torch.tensor([1], dtype=torch.int32), 3).dtype == torch.int32


@pytest.mark.parametrize("label", [[4], [-1]], ids=str)
def test_labels_beyond_the_classes_are_refused(label: list[int]) -> None:
    """A label is one of the classes."""
    with pytest.raises(AssertionError, match=r"labels are in 0 .. 3 for 4 classes"):
        LabelData.label_to_onehot(torch.tensor(label), 4)


@pytest.mark.parametrize("onehot", [torch.zeros(2, 2), torch.tensor([0, 2]), torch.tensor([-1, 1])], ids=str)
def test_what_is_no_onehot_is_refused(onehot: torch.Tensor) -> None:
    """One dimension, values in [0, 1]."""
    with pytest.raises(ValueError, match="a one-hot is a vector"):
        LabelData.onehot_to_label(onehot)


@pytest.mark.parametrize("value", [[1], 1, "1"])
def test_only_tensors_are_converted(value: Any) -> None:
    """Lists and numbers are refused in both directions."""
    with pytest.raises(AssertionError, match="label is a tensor"):
        LabelData.label_to_onehot(value, 4)
    with pytest.raises(AssertionError, match="onehot is a tensor"):
        LabelData.onehot_to_label(value)
