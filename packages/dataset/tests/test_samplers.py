"""Tests of `eng_dataset.samplers`: orders, ranks, starting anywhere."""

from itertools import islice
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from eng_dataset import DefaultSampler, InfiniteSampler, SeekableSampler


def default(size: int, rank: int = 0, world_size: int = 1, **options: Any) -> DefaultSampler:
    """A sampler as it is on `rank`."""
    sampler = DefaultSampler(range(size), **{"shuffle": False, "seed": 0, **options})
    sampler.rank, sampler.world_size = rank, world_size
    return sampler


def infinite(size: int, rank: int = 0, world_size: int = 1, **options: Any) -> InfiniteSampler:
    """A sampler as it is on `rank`."""
    sampler = InfiniteSampler(range(size), **{"shuffle": False, "seed": 0, **options})
    sampler.rank, sampler.world_size = rank, world_size
    return sampler


@pytest.mark.parametrize(
    ("round_up", "expected", "total"),
    [
        (True, [[0, 3, 6, 9], [1, 4, 7, 0], [2, 5, 8, 1]], 12),
        (False, [[0, 3, 6, 9], [1, 4, 7], [2, 5, 8]], 10),
    ],
)
def test_ten_samples_on_three_ranks(round_up: bool, expected: list[list[int]], total: int) -> None:
    """Dealt out one by one; filled up from the beginning, or not."""
    samplers = [default(10, rank, 3, round_up=round_up) for rank in range(3)]
    assert [list(sampler) for sampler in samplers] == expected
    assert [len(sampler) for sampler in samplers] == [len(indices) for indices in expected]
    assert {sampler.total_size for sampler in samplers} == {total}


def test_the_order_is_filled_up_from_its_own_beginning() -> None:
    """With more ranks than samples several times over."""
    assert list(default(100, 2, 3)) == [*range(2, 100, 3), 1]
    assert [list(default(2, rank, 3)) for rank in range(3)] == [[0], [1], [0]]
    assert [list(default(1, rank, 4)) for rank in range(4)] == [[0], [0], [0], [0]]


def test_no_samples_are_no_error() -> None:
    """An epoch of nothing."""
    assert [list(default(0, 1, 2, shuffle=shuffle)) for shuffle in (True, False)] == [[], []]


def test_each_epoch_is_a_permutation_of_torch() -> None:
    """Of a generator seeded with seed + epoch."""
    sampler = default(6, shuffle=True, seed=5)
    for epoch in range(2):
        sampler.set_epoch(epoch)
        expected = torch.randperm(6, generator=torch.Generator().manual_seed(5 + epoch))
        assert list(sampler) == expected.tolist()


def test_an_order_longer_than_a_block() -> None:
    """Large data sets are walked over in pieces."""
    assert list(default(40_000)) == list(range(40_000))


def test_seed_none_is_drawn() -> None:
    """And known afterwards, so that it can be saved."""
    assert isinstance(DefaultSampler(range(3)).seed, int)
    assert isinstance(InfiniteSampler(range(3)).seed, int)


@given(size=st.integers(0, 60), worlds=st.tuples(st.integers(1, 4), st.integers(1, 4)), data=st.data())
def test_changing_the_world_in_the_middle_loses_no_sample(
    size: int, worlds: tuple[int, int], data: st.DataObject
) -> None:
    """The first ranks take some, the others the rest: together each sample once."""
    steps = data.draw(st.integers(0, size // worlds[0]))
    before = [i for rank in range(worlds[0]) for i in islice(default(size, rank, worlds[0]), steps)]
    rest = [
        index
        for rank in range(worlds[1])
        for index in default(size, rank, worlds[1], round_up=False).iter_from(steps * worlds[0])
    ]
    assert sorted(before + rest) == list(range(size))


@given(size=st.integers(1, 40), world_size=st.integers(1, 4), taken=st.integers(0, 20))
def test_an_iteration_can_begin_anywhere(size: int, world_size: int, taken: int) -> None:
    """After `taken` samples of each rank the rest is what it would have been."""
    taken = min(taken, size // world_size)
    for rank in range(world_size):
        sampler = default(size, rank, world_size, shuffle=True)
        assert list(sampler.iter_from(taken * world_size)) == list(sampler)[taken:]


def test_an_endless_stream_is_dealt_out() -> None:
    """One sequence over all ranks."""
    streams = [list(islice(infinite(4, rank, 3), 5)) for rank in range(3)]
    assert streams == [[0, 3, 2, 1, 0], [1, 0, 3, 2, 1], [2, 1, 0, 3, 2]]


def test_an_endless_stream_is_made_of_permutations() -> None:
    """All from one generator."""
    generator = torch.Generator().manual_seed(3)
    expected = [i for _ in range(3) for i in torch.randperm(5, generator=generator).tolist()]
    sampler = infinite(5, shuffle=True, seed=3)
    assert list(islice(sampler, 7)) == expected[:7]
    assert list(islice(sampler, 8)) == expected[7:]


@given(size=st.integers(1, 9), world_size=st.integers(1, 4), taken=st.integers(0, 30))
def test_an_endless_stream_can_begin_anywhere(size: int, world_size: int, taken: int) -> None:
    """With the number of passes before each index."""
    for rank in range(world_size):
        sampler = infinite(size, rank, world_size, shuffle=True)
        whole = list(islice(sampler.iter_from(0), taken + 20))
        assert list(islice(sampler.iter_from(taken * world_size), 20)) == whole[taken:]
        passes = list(islice(sampler.passes_from(taken * world_size), 20))
        assert passes == [(rank + world_size * (taken + i)) // size for i in range(20)]


def test_an_endless_stream_has_a_length_and_no_epochs() -> None:
    """The length is that of the data set."""
    sampler = infinite(4)
    sampler.set_epoch(7)
    assert len(sampler) == 4
    assert next(iter(sampler)) == 0


def test_an_endless_stream_of_nothing() -> None:
    """Refused at once."""
    with pytest.raises(ValueError, match="empty data set"):
        InfiniteSampler([])


def test_both_can_be_sought() -> None:
    """The protocol that the loader asks for."""
    assert all(isinstance(sampler, SeekableSampler) for sampler in (default(3), infinite(3)))
