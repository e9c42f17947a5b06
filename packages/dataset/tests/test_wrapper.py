"""Tests of `eng_dataset.wrapper`: what all data sets made of others do alike."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from dataset_samples import Classes
from torch.utils.data import TensorDataset

from eng_dataset import ClassBalancedDataset, ConcatDataset, RepeatDataset
from eng_dataset.wrapper import DatasetWrapper

ALL = pytest.mark.parametrize(
    "wrap",
    [
        lambda dataset, **options: RepeatDataset(dataset, 1, **options),
        lambda dataset, **options: ConcatDataset([dataset], **options),
        lambda dataset, **options: ClassBalancedDataset(dataset, 1e-3, **options),
    ],
    ids=["RepeatDataset", "ConcatDataset", "ClassBalancedDataset"],
)
Wrap = Callable[..., DatasetWrapper]


@ALL
def test_samples_records_and_classes_are_those_inside(wrap: Wrap) -> None:
    """From an object or a configuration."""
    for dataset in (Classes([0, 1, 2]), {"type": "Classes", "classes": [0, 1, 2]}):
        wrapped = wrap(dataset)
        assert len(wrapped) == 3
        assert list(wrapped) == [{"x": x, "sample_idx": x} for x in range(3)]
        assert wrapped.get_data_info(1) == {"x": 1, "sample_idx": 1}
        assert wrapped.get_cat_ids(2) == [2]
        assert wrapped.metainfo == {"classes": ("a", "b", "c")}


@ALL
def test_what_is_no_base_dataset_is_refused(wrap: Wrap) -> None:
    """A torch data set has neither metainfo nor full_init."""
    with pytest.raises(TypeError, match="got a TensorDataset"):
        wrap(TensorDataset(torch.zeros(3)))


@ALL
def test_a_lazy_wrapper_leaves_the_data_set_alone(wrap: Wrap, caplog: pytest.LogCaptureFixture) -> None:
    """It is filled when a sample is wanted, with a warning."""
    inside = Classes([0, 1], lazy_init=True)
    wrapped = wrap(inside, lazy_init=True)
    assert not inside._fully_initialized
    assert wrapped[1] == {"x": 1, "sample_idx": 1}
    assert "was called before full_init" in caplog.text
    wrapped.full_init()
    assert inside._fully_initialized


@ALL
def test_there_are_no_subsets(wrap: Wrap) -> None:
    """There are no records to take them of."""
    for subset in (wrap(Classes([0])).get_subset, wrap(Classes([0])).get_subset_):
        with pytest.raises(NotImplementedError, match="take the subset of the data set inside"):
            subset(1)


@ALL
def test_metainfo_is_a_copy(wrap: Wrap) -> None:
    """Nobody can change it from outside."""
    wrapped = wrap(Classes([0]))
    wrapped.metainfo["classes"] = None
    assert wrapped.metainfo == {"classes": ("a", "b", "c")}


def test_wrappers_can_be_wrapped() -> None:
    """Repeat a concatenation of a balanced data set."""
    wrapped: Any = RepeatDataset(ConcatDataset([ClassBalancedDataset(Classes([0, 0, 0, 1]), 0.5)]), 2)
    assert [sample["x"] for sample in wrapped] == [0, 1, 2, 3, 3] * 2
