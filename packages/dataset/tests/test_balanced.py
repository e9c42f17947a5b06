"""Tests of `eng_dataset.balanced`: rare classes more often."""

from math import sqrt

import pytest
from dataset_samples import Classes

from eng_dataset import ClassBalancedDataset
from eng_dataset.balanced import repeat_factors


def test_rare_classes_are_repeated() -> None:
    """Six samples of class 0, two of class 1, one of class 2, one without a class."""
    dataset = ClassBalancedDataset(Classes([0, 0, 0, 0, 0, 0, 1, 1, 2, None]), oversample_thr=0.5)
    assert dataset.repeat_indices == [0, 1, 2, 3, 4, 5, 6, 6, 7, 7, 8, 8, 8, 9]
    assert len(dataset) == 14
    assert [dataset[i]["x"] for i in (7, -1)] == [6, 9]


def test_the_rarest_class_of_a_sample_counts() -> None:
    """The factor of each class is max(1, sqrt(threshold / share)); a class twice in a sample counts once."""
    factors = repeat_factors([[0], [0], [0, 0, 1], []], 0.75)
    assert factors == pytest.approx([1.0, 1.0, sqrt(3), 1.0])
