"""Tests of `eng_dataset.first_n`: a data set that looks small."""

import pickle

from dataset_samples import Counting

from eng_dataset.first_n import FirstN


def test_it_looks_small_and_is_otherwise_itself() -> None:
    """Never longer than the data set; attributes are those of the data set, also in a spawned worker."""
    first = pickle.loads(pickle.dumps(FirstN(Counting(5), 3)))
    assert (len(first), first[2], first.read, first.size) == (3, 2, [2], 5)
    assert len(FirstN(Counting(2), 3)) == 2
