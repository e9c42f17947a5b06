"""Tests of `eng_dataset.head`: a data set that looks small."""

import pickle

from dataset_samples import Counting

from eng_dataset.head import Head


def test_it_looks_small_and_is_otherwise_itself() -> None:
    """Never longer than the data set; attributes are those of the data set, also in a spawned worker."""
    head = pickle.loads(pickle.dumps(Head(Counting(5), 3)))
    assert (len(head), head[2], head.read, head.size) == (3, 2, [2], 5)
    assert len(Head(Counting(2), 3)) == 2
