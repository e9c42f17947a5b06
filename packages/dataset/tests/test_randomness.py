"""Tests of `eng_dataset.randomness`: keys and generators."""

import random
import warnings

import numpy as np
import torch

from eng_dataset import sample_key, worker_init_fn
from eng_dataset.randomness import epoch_key, key_in_epoch, seed_generators


def drawn() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_keys_are_of_all_their_parts() -> None:
    """Seed, epoch, index and draw each change the key, and no two of a small world meet."""
    keys = [
        sample_key(seed, epoch, index, draw)
        for seed in range(5)
        for epoch in range(5)
        for index in range(50)
        for draw in range(3)
    ]
    assert len(set(keys)) == len(keys)
    assert all(0 <= key < 2**64 for key in keys)


def test_keys_are_the_same_for_ever() -> None:
    """A run that is resumed by a later version sees the same; changing this number is a decision."""
    assert sample_key(0, 1, 2) == key_in_epoch(epoch_key(0, 1), 2)
    assert sample_key(0, 1, 2) == 16173569632048508874


def test_neighbouring_samples_see_unrelated_numbers() -> None:
    """The first draws of many samples are spread like random numbers, in each generator."""
    rows = []
    for index in range(1000):
        seed_generators(sample_key(0, 0, index))
        rows.append(drawn())
    values = np.array(rows)
    assert np.abs(values.mean(axis=0) - 0.5).max() < 0.05
    assert np.abs(values.std(axis=0) - 12**-0.5).max() < 0.02
    assert np.abs(np.corrcoef(values, rowvar=False) - np.eye(3)).max() < 0.1
    assert np.abs(np.corrcoef(values[1:, 0], values[:-1, 0])[0, 1]) < 0.1


def test_a_worker_is_seeded_by_its_place_in_the_job() -> None:
    """worker_id + num_workers * rank + seed, in all three generators."""
    worker_init_fn(1, num_workers=4, rank=2, seed=10)
    first = drawn()
    random.seed(19)
    np.random.seed(19)
    torch.manual_seed(19)
    assert drawn() == first


def test_only_the_first_worker_warns() -> None:
    """If that is wanted."""
    for worker_id, expected in ((0, 1), (1, 0)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            worker_init_fn(worker_id, num_workers=2, rank=0, seed=0, disable_subprocess_warning=True)
            warnings.warn("said by each worker", stacklevel=1)
        assert len(caught) == expected
