"""Tests of `eng_dataset.serialize`: records as bytes that processes share."""

import copy
import multiprocessing
import pickle
from typing import Any

import numpy as np
import pytest
from dataset_samples import add_one

from eng_dataset.serialize import SharedArray, pack, select, shared, unpack


def test_records_come_back_as_they_were() -> None:
    """Any object that can be pickled, of any size, also an empty one."""
    records: list[Any] = [{}, {"path": "a" * 100_000}, [1, None], "", {"box": (1.5, 2)}]
    data, ends = pack(records)
    assert [unpack(data, ends, number) for number in range(len(records))] == records


def test_many_records_fill_several_blocks() -> None:
    """More than is put together at once."""
    records = [str(number) * 100_000 for number in range(100)]
    data, ends = pack(records)
    assert unpack(data, ends, 99) == records[99]
    assert data.nbytes == ends[-1]


def test_nothing_can_be_packed() -> None:
    """An empty data set has no bytes."""
    data, ends = pack([])
    assert (len(data), len(ends)) == (0, 0)
    assert [len(part) for part in select(data, ends, [])] == [0, 0]


def test_what_is_shared_cannot_be_changed() -> None:
    """Another process reads it too."""
    with pytest.raises(ValueError, match="read-only"):
        shared([1, 2])[0] = 3


def test_a_pickle_for_a_file_holds_the_values() -> None:
    """Only a child process gets the memory itself."""
    values = pickle.loads(pickle.dumps(shared([1, 2, 3])))
    assert type(values) is np.ndarray
    assert values.tolist() == [1, 2, 3]


def test_a_deep_copy_is_the_same_memory() -> None:
    """It is never written to, so copies of a data set can share it."""
    values = shared([1, 2, 3])
    assert copy.deepcopy(values) is values
    assert copy.deepcopy(values[1:]).tolist() == [2, 3]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_child_process_has_the_same_memory(method: str) -> None:
    """What it writes is seen here: nothing was copied."""
    context = multiprocessing.get_context(method)
    values, results = SharedArray.empty(2, np.int64), context.Queue()
    child = context.Process(target=add_one, args=(values, results))  # type: ignore[attr-defined]
    child.start()
    assert results.get(timeout=60) == [1, 0]
    child.join()
    assert values.tolist() == [1, 0]
