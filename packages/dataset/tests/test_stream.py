"""Tests of `eng_dataset.stream`: what the loader orders from those who read."""

from typing import Any

import pytest
from torch.utils.data import SequentialSampler

from eng_dataset import DefaultSampler, InfiniteSampler
from eng_dataset.randomness import epoch_key
from eng_dataset.stream import BatchStream


def stream(sampler: Any = None, batch_size: int | None = 2, **options: Any) -> BatchStream:
    sampler = DefaultSampler(range(5), shuffle=False, seed=0) if sampler is None else sampler
    return BatchStream(sampler, batch_size=batch_size, **options)


def test_an_order_says_all_that_a_reader_needs() -> None:
    """The key of the epoch, the indices, and no draws where no sample comes twice."""
    orders = stream()
    orders.start(seed=3, epoch=1, batch=0, taken=0)
    key = epoch_key(3, 1)
    assert list(orders) == [(key, (0, 1), None), (key, (2, 3), None), (key, (4,), None)]


def test_what_is_ordered_is_pending() -> None:
    """In the order in which torch takes them, however far it is ahead; a new pass begins with none."""
    for orders in (stream(), stream([*range(5)]), stream(InfiniteSampler(range(5), shuffle=False, seed=0))):
        orders.start(seed=0, epoch=0, batch=0, taken=0)
        iterator = iter(orders)
        next(iterator)
        next(iterator)
        assert [next(orders.pending), next(orders.pending)] == [(0, 1), (2, 3)]
        orders.start(seed=0, epoch=1, batch=0, taken=0)
        assert list(orders.pending) == []


def test_samples_that_come_again_say_so() -> None:
    """A reader can then give them randomness of their own: passes of an endless stream, repetitions of others."""
    endless = iter(stream(InfiniteSampler(range(3), shuffle=False, seed=0)))
    assert [next(endless)[1:] for _ in range(3)] == [((0, 1), None), ((2, 0), (0, 1)), ((1, 2), (1, 1))]
    assert [order[1:] for order in stream([1, 1, 0, 1])] == [((1, 1), (0, 1)), ((0, 1), (0, 2))]
    assert [order[1:] for order in stream(batch_sampler=[[4], [4, 0]])] == [((4,), None), ((4, 0), (1, 0))]


@pytest.mark.parametrize(
    ("options", "length"),
    [
        ({}, 3),
        ({"drop_last": True}, 2),
        ({"batch_size": None}, 5),
        ({"batch_sampler": [[1], [2]], "batch_size": None}, 2),
    ],
)
def test_its_length_is_the_number_of_orders(options: dict[str, Any], length: int) -> None:
    """Of a whole epoch."""
    orders = stream(**options)
    assert len(orders) == len(list(orders)) == length


def test_a_sampler_without_a_length() -> None:
    """Its epochs have none either."""
    with pytest.raises(TypeError, match="generator has no length"):
        len(stream(index for index in range(3)))


def test_which_streams_can_be_sought() -> None:
    """By samples taken: those of a sampler that can, unless a batch sampler decides."""
    assert stream().seekable
    assert not stream(SequentialSampler(range(5))).seekable
    assert not stream(batch_sampler=[[0]]).seekable
    assert stream(InfiniteSampler(range(3), seed=0)).endless
    assert stream(world_size=3).stride == 6


@pytest.mark.parametrize("sampler", [None, SequentialSampler(range(5))], ids=["seekable", "other"])
def test_it_starts_anywhere(sampler: Any) -> None:
    """Behind one batch, which is two samples."""
    orders = stream(sampler)
    orders.start(seed=0, epoch=0, batch=1, taken=2)
    assert [indices for _, indices, _ in orders] == [(2, 3), (4,)]
