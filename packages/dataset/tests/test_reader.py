"""Tests of `eng_dataset.reader`: what goes wrong while a batch is made says where."""

import multiprocessing
import os
from typing import Any

import pytest
import torch
from dataset_samples import Broken, Deadly, Leaving, Noisy, Sleepy
from torch.utils.data import TensorDataset

from eng_dataset import CollateError, Loader, SampleError, WorkerError, build_dataloader
from eng_dataset.reader import Failure, Reader, number_of


def loader(dataset: Any, **options: Any) -> Loader:
    sampler = {"type": "DefaultSampler", "shuffle": False}
    return build_dataloader({"dataset": dataset, "batch_size": 3, "sampler": sampler, **options}, seed=0)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_sample_that_cannot_be_read_is_named(workers: int) -> None:
    """With its index, who was reading, and the original error as the cause; the batches before it come."""
    batches = iter(loader(Broken(), num_workers=workers))
    assert next(batches) == [0, 1, 2]
    with pytest.raises(SampleError, match="sample 5 could not be read by") as caught:
        next(batches)
    error = caught.value
    assert error.index == 5
    assert isinstance(error.__cause__, KeyError)
    assert (error.worker, error.pid == os.getpid()) == ((1, False) if workers else (None, True))
    if workers:
        assert "dataset_samples.py" in str(error.__cause__.__cause__)


class Unpicklable(Exception):
    """Cannot cross processes: it wants an argument that pickle does not give."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} {two}")


class Raising(Noisy):
    """Raises an error that cannot be pickled."""

    def __getitem__(self, index: int) -> Any:
        raise Unpicklable(1, 2)


def test_an_error_that_cannot_cross_processes_comes_as_text() -> None:
    """The traceback of the worker is kept."""
    with pytest.raises(SampleError, match=r"sample 0 could not be read by worker 0 \(pid \d+\)") as caught:
        list(loader(Raising(), num_workers=1))
    assert "Unpicklable: 1 2" in str(caught.value.__cause__)


def failing_collate(batch: Any) -> Any:
    raise ValueError("different sizes")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_batch_that_cannot_be_made_names_its_samples(workers: int) -> None:
    """All of them, since nobody knows which is to blame."""
    with pytest.raises(CollateError, match="different sizes") as caught:
        list(loader(Noisy(), num_workers=workers, collate_fn=failing_collate))
    assert caught.value.indices == (0, 1, 2)


@pytest.mark.parametrize("dataset", [Deadly(), Leaving()])
def test_a_worker_that_dies_is_named_with_its_sample(dataset: Noisy) -> None:
    """Killed from outside, for want of memory for example, or by an exit; no process is left behind."""
    with pytest.raises(WorkerError, match=r"worker 1 \(pid \d+\) was reading sample 5") as caught:
        list(loader(dataset, num_workers=2))
    assert [(worker, index) for worker, _, index in caught.value.reading] == [(1, 5)]
    assert multiprocessing.active_children() == []


def test_a_worker_that_hangs_is_named_with_its_sample() -> None:
    """After the time-out, which is 300 seconds unless given; no process is left behind."""
    with pytest.raises(WorkerError, match=r"timed out after 2 seconds; worker 1 \(pid \d+\)") as caught:
        list(loader(Sleepy(), num_workers=2, timeout=2))
    assert [(worker, index) for worker, _, index in caught.value.reading] == [(1, 5)]
    assert multiprocessing.active_children() == []


def test_persistent_workers_are_replaced_after_one_died() -> None:
    """The next pass starts new ones instead of waiting for the dead one."""
    broken = loader(Deadly(6), num_workers=1, persistent_workers=True)
    for _ in range(2):
        with pytest.raises(WorkerError, match="was reading sample 5"):
            list(broken)


def test_an_error_of_the_loop_is_not_touched() -> None:
    """Only what torch says of its workers is worded anew."""
    batches = iter(loader(Noisy()))
    next(batches)
    with pytest.raises(RuntimeError, match="mine"):
        batches.throw(RuntimeError("mine"))  # type: ignore[attr-defined]


def test_samples_of_tensors_need_no_randomness() -> None:
    """A TensorDataset draws nothing, so nothing is seeded."""
    assert Reader(TensorDataset(torch.zeros(1)), list).seeding == "off"


def read(seeding: Any, indices: tuple[Any, ...] = (3, 4)) -> Any:
    return Reader(Noisy(), list, seeding=seeding).__getitems__((7, indices, None))


def test_randomness_may_be_seeded_for_each_batch() -> None:
    """One seeding for many tiny samples: the first sample sees the same, the others go on from there."""
    each, once = read("sample"), read("batch")
    assert each[0] == once[0]
    assert each[1] != once[1]
    assert read("sample", (4,))[0] == each[1]
    assert read("batch") == once
    assert read("off") != read("off")


def test_an_index_may_be_anything() -> None:
    """What is no integer has a number too, the same in every process."""
    assert (number_of(5), number_of(torch.tensor(5)), number_of("a")) == (5, 5, 464479994)


def test_a_failure_says_what_it_was() -> None:
    """In the process where it happened it keeps the error itself."""
    failure = Reader(Broken(at=3), list).__getitems__((7, (3,), None))
    assert isinstance(failure, Failure)
    with pytest.raises(SampleError) as caught:
        failure.throw()
    assert caught.value.__cause__ is failure.cause
