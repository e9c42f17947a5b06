"""Tests of `eng_dataset.collate`: from samples to a batch."""

from collections import OrderedDict, UserDict, namedtuple
from typing import Any

import numpy as np
import pytest
import torch

from eng_dataset import COLLATE_FUNCTIONS, default_collate, pseudo_collate
from eng_registry import FUNCTIONS

Point = namedtuple("Point", ["x", "y"])


class Element:
    """Looks like a data element."""

    def metainfo_keys(self) -> list[str]:
        return []

    def to_dict(self) -> dict[str, Any]:
        return {}


def test_pseudo_collate_stacks_nothing() -> None:
    """Tensors of different sizes stay as they are, column by column."""
    one, two = torch.zeros(2), torch.zeros(3)
    (numbers, tensors) = pseudo_collate([(1, one), (2, two)])
    assert numbers == (1, 2)
    assert tensors[0] is one
    assert tensors[1] is two


@pytest.mark.parametrize(
    ("samples", "batch"),
    [
        ([1, 2], [1, 2]),
        (["a", "b"], ["a", "b"]),
        ([(1, "a"), (2, "b")], [(1, 2), ("a", "b")]),
        ([[1, [2, 3]], [4, [5, 6]]], [(1, 4), [(2, 5), (3, 6)]]),
        ([{"a": 1, "b": {"c": 2}}, {"a": 3, "b": {"c": 4}}], {"a": [1, 3], "b": {"c": [2, 4]}}),
        ([Point(1, 2), Point(3, 4)], Point((1, 3), (2, 4))),
        ([OrderedDict(a=1), OrderedDict(a=2)], OrderedDict(a=[1, 2])),
        ([UserDict(a=1), UserDict(a=2)], UserDict(a=[1, 2])),
        ([range(2), range(2)], [(0, 0), (1, 1)]),
    ],
    ids=str,
)
def test_structures_are_turned_inside_out(samples: Any, batch: Any) -> None:
    """The structure of a sample outside, the samples inside."""
    result = pseudo_collate(samples)
    assert result == batch
    assert type(result) is type(batch)


@pytest.mark.parametrize("collate", [pseudo_collate, default_collate])
def test_sequences_of_different_length(collate: Any) -> None:
    """They have no columns."""
    with pytest.raises(RuntimeError, match=r"equal size, got \[1, 2\]"):
        collate([[1], [1, 2]])


def test_default_collate_stacks() -> None:
    """Tensors, arrays and numbers become tensors; text and data elements do not."""
    element = Element()
    sample = (torch.ones(2), np.float32(1), 1, 2.5, "s", b"b", {"a": np.zeros(2)}, element)
    tensors, scalars, whole, real, texts, raw, inner, elements = default_collate([sample, sample])
    assert torch.equal(tensors, torch.ones(2, 2))
    assert scalars.tolist() == [1.0, 1.0]
    assert (whole.tolist(), whole.dtype) == ([1, 1], torch.int64)
    assert (real.tolist(), real.dtype) == ([2.5, 2.5], torch.float64)
    assert (texts, raw) == (("s", "s"), (b"b", b"b"))
    assert torch.equal(inner["a"], torch.zeros(2, 2, dtype=torch.float64))
    assert elements == (element, element)


def test_they_are_registered() -> None:
    """Under their own names, beside those that users add."""
    assert COLLATE_FUNCTIONS is FUNCTIONS
    assert FUNCTIONS.get("pseudo_collate") is pseudo_collate
    assert FUNCTIONS.get("default_collate") is default_collate
