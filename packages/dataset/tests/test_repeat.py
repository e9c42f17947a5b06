"""Tests of `eng_dataset.repeat`: a data set several times over."""

import pytest
from dataset_samples import Classes

from eng_dataset import RepeatDataset


def test_samples_come_again_and_again() -> None:
    """The index is taken modulo the size; iteration ends all the same."""
    dataset = RepeatDataset(Classes([0, 1, 2]), times=3)
    assert len(dataset) == 9
    assert [sample["x"] for sample in dataset] == [0, 1, 2] * 3
    assert [dataset[i]["x"] for i in (3, 100, -1)] == [0, 1, 2]


def test_an_empty_data_set_stays_empty() -> None:
    """However often it is repeated."""
    dataset = RepeatDataset(Classes([]), times=3)
    assert list(dataset) == []
    with pytest.raises(IndexError, match="the repeated data set is empty"):
        dataset[0]


def test_a_negative_number_of_times() -> None:
    """Not possible."""
    with pytest.raises(ValueError, match="times=-1"):
        RepeatDataset(Classes([0]), times=-1)
