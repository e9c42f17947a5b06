"""Tests of `eng_dataset.concat`: which data set a sample is in, and what all must agree on."""

from typing import Any

import numpy as np
import pytest
from dataset_samples import Classes

from eng_dataset import ConcatDataset


def concatenated() -> ConcatDataset:
    return ConcatDataset([Classes([0, 1, 2]), Classes([]), Classes([1])])


def test_samples_are_one_behind_the_other() -> None:
    """From the front and from the back, past an empty data set."""
    dataset = concatenated()
    assert len(dataset) == 4
    assert [dataset[i]["x"] for i in (0, 2, 3, -1, -2, -4)] == [0, 2, 0, 0, 2, 0]
    assert dataset._get_ori_dataset_idx(3) == (2, 0)
    assert dataset.cumulative_sizes == [3, 3, 4]


def test_samples_that_are_not_there() -> None:
    """Beyond either end."""
    with pytest.raises(ValueError, match="there is no sample -5"):
        concatenated()[-5]
    with pytest.raises(IndexError, match="there is no sample 4"):
        concatenated()[4]


def test_equal_metainfo_of_any_kind() -> None:
    """Arrays too, also inside of other values."""
    meta = {"palette": np.arange(3), "nested": {"a": [np.ones(2)]}}
    dataset = ConcatDataset([Classes([0], metainfo=meta), Classes([1], metainfo=meta)])
    assert dataset.metainfo["palette"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("first", "second", "error", "message"),
    [
        ({"a": 1}, {}, ValueError, "`a` is in one data set, but not in number 1"),
        ({}, {"a": 1}, ValueError, "`a` is in one data set, but not in number 0"),
        ({"a": 1}, {"a": 1.0}, TypeError, "`a` is a int in the first .*, but a float in number 1"),
        ({"a": 1}, {"a": 2}, ValueError, "`a` is 1 in the first .*, but 2 in number 1"),
        ({"a": np.ones(2)}, {"a": np.ones(3)}, ValueError, "`a` is array"),
    ],
)
def test_metainfo_that_differs_is_refused(
    first: Any, second: Any, error: type[Exception], message: str
) -> None:
    """At once, also when lazy; unless the key is one to ignore."""
    datasets = [Classes([0], metainfo=first), Classes([0], metainfo=second)]
    with pytest.raises(error, match=message):
        ConcatDataset(datasets, lazy_init=True)
    assert ConcatDataset(datasets, ignore_keys="a").metainfo.keys() == datasets[0].metainfo.keys()
    assert len(ConcatDataset(datasets, ignore_keys=["a", "b"])) == 2


def test_ignore_keys_of_another_type() -> None:
    """A key or a list of keys."""
    with pytest.raises(TypeError, match="ignore_keys is a key"):
        ConcatDataset([Classes([0])], ignore_keys=3)  # type: ignore[arg-type]


def test_nothing_cannot_be_concatenated() -> None:
    """There would be no metainfo."""
    with pytest.raises(ValueError, match="`datasets` is empty"):
        ConcatDataset([])
