from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from eng_structures import InstanceData


class Track:
    """A third-party container: a length, a slice and a static cat."""

    def __init__(self, points: list[int]) -> None:
        self.points = points

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, item: slice) -> "Track":
        return Track(self.points[item])

    @staticmethod
    def cat(tracks: Sequence["Track"]) -> "Track":
        return Track([point for track in tracks for point in track.points])


def four() -> InstanceData:
    return InstanceData(
        metainfo={"path": "a.jpg"},
        boxes=torch.arange(16.0).view(4, 4),
        scores=np.array([0.1, 0.2, 0.3, 0.4]),
        names=["ant", "bee", "cat", "dog"],
        word="abcd",
        pair=(0, 1, 2, 3),
        track=Track([5, 6, 7, 8]),
    )


def fields(element: InstanceData) -> list[Any]:
    return [
        element.boxes[:, 0].tolist(),
        element.scores.tolist(),
        element.names,
        element.word,
        element.pair,
        element.track.points,
    ]


SECOND_AND_FOURTH = [[4.0, 12.0], [0.2, 0.4], ["bee", "dog"], "bd", (1, 3), [6, 8]]


def test_fields_have_one_length() -> None:
    """A value of another length, or of none, is refused and named."""
    element = four()
    assert len(element) == 4
    assert len(InstanceData()) == 0
    with pytest.raises(AssertionError, match="labels has 3 items, but this InstanceData has 4"):
        element.labels = torch.zeros(3)
    with pytest.raises(AssertionError, match="labels of InstanceData needs a length, which a int lacks"):
        element.labels = 3
    element["labels"] = [1, 2, 3, 4]
    assert element["labels"] is element.labels


def test_an_empty_element_stays_consistent() -> None:
    """The only field may change its length while it is empty; a second one must agree with the first."""
    element = InstanceData(boxes=torch.zeros(0, 4))
    with pytest.raises(AssertionError, match="scores has 2 items, but this InstanceData has 0"):
        element.scores = [1, 2]
    element.boxes = torch.zeros(3, 4)
    assert len(element) == 3


@pytest.mark.parametrize(
    "index",
    [
        [1, 3],
        [1, -1],
        [False, True, False, True],
        np.array([1, 3]),
        np.array([1, 3], dtype=np.int32),
        np.array([False, True, False, True]),
        torch.tensor([1, 3]),
        torch.tensor([1, 3], dtype=torch.int32),
        torch.tensor([False, True, False, True]),
        slice(1, None, 2),
    ],
    ids=str,
)
def test_an_index_chooses_the_same_items_of_every_field(index: Any) -> None:
    """Numbers, masks and slices mean the same for tensors, arrays, lists, texts, tuples and other objects."""
    chosen = four()[index]
    assert fields(chosen) == SECOND_AND_FOURTH
    assert chosen.metainfo == {"path": "a.jpg"}


@pytest.mark.parametrize("number", [2, -2, np.int64(2)])
def test_a_number_keeps_the_dimension(number: int) -> None:
    """One instance is an element of length one."""
    assert fields(four()[number]) == [[8.0], [0.3], ["cat"], "c", (2,), [7]]


@pytest.mark.parametrize("number", [4, -5])
def test_a_number_outside_is_an_index_error(number: int) -> None:
    """Below -len is outside as well."""
    with pytest.raises(IndexError, match=f"index {number} is outside of 4 instances"):
        four()[number]


def test_nothing_chosen_is_empty_of_the_same_types() -> None:
    """An empty index, a mask without a True and an empty slice agree."""
    for index in ([], torch.zeros(4, dtype=torch.bool), slice(0, 0)):
        assert fields(four()[index]) == [[], [], [], "", (), []]


def test_an_empty_element_has_no_first() -> None:
    """A number on an empty element is an IndexError, as in a list."""
    with pytest.raises(IndexError):
        InstanceData()[0]


@pytest.mark.parametrize(
    "index",
    [
        torch.tensor([1.0]),
        (0, 1),
        None,
        1.5,
        [0.5],
        ["a"],
        torch.zeros(2, 2, dtype=torch.int64),
        torch.tensor([True]),
    ],
    ids=str,
)
def test_other_indices_are_refused(index: Any) -> None:
    """Floats, tuples, None, matrices and masks of another length choose nothing."""
    with pytest.raises(AssertionError):
        four()[index]


def test_a_type_that_cannot_be_joined_is_named() -> None:
    """A set has a length, but neither slices nor `cat`."""
    element = InstanceData(things={1, 2})
    with pytest.raises(ValueError, match="things of InstanceData is a set, which has no static `cat`"):
        element[[0]]
    with pytest.raises(ValueError, match="things is a set, which has no static `cat`"):
        InstanceData.cat([element, element])


def test_cat_joins_every_type() -> None:
    """What was cut apart is put together again, with the metainfo of the first."""
    whole = four()
    joined = InstanceData.cat([whole[:1], whole[1:3], whole[3:]])
    assert fields(joined) == fields(whole)
    assert joined.metainfo == {"path": "a.jpg"}


def test_cat_of_one_is_that_one() -> None:
    """Nothing is copied where nothing is joined."""
    element = four()
    assert InstanceData.cat([element]) is element


def test_cat_refuses_what_does_not_belong_together() -> None:
    """An empty list, another type, other fields."""
    with pytest.raises(AssertionError, match="the list is empty"):
        InstanceData.cat([])
    with pytest.raises(AssertionError, match="cat joins InstanceData, got a int"):
        InstanceData.cat([four(), 3])  # type: ignore[list-item]
    other = four()
    del other.word
    with pytest.raises(AssertionError, match="different fields: word"):
        InstanceData.cat([four(), other])


def test_a_subclass_stays_itself() -> None:
    """Indexing and joining give the class that was asked."""

    class People(InstanceData):
        pass

    people = People(names=["Ada", "Max"])
    assert type(people[0]) is People
    assert type(InstanceData.cat([people, people])) is People


class Nonzero(TorchDispatchMode):
    """Counts how often a mask is asked for the places where it is true, which waits for the device it is on."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        by_mask = func is torch.ops.aten.index.Tensor and any(each.dtype == torch.bool for each in args[1])
        self.count += func is torch.ops.aten.nonzero.default or by_mask
        return func(*args, **(kwargs or {}))


def test_a_mask_is_asked_once_for_all_fields() -> None:
    """However many tensors there are."""
    found = InstanceData(**{name: torch.rand(4, 2) for name in "abcdef"}, names=list("wxyz"))
    with Nonzero() as seen:
        chosen = found[torch.tensor([True, False, True, True])]
    assert seen.count == 1
    assert chosen.names == ["w", "y", "z"]
    assert all(torch.equal(chosen[name], found[name][[0, 2, 3]]) for name in "abcdef")
