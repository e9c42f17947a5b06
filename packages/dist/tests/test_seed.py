import io
import random

import pytest
import torch

from eng_dist import rng_state, seed_everything, set_rng_state, sync_random_seed


def draw() -> tuple[float, list[float]]:
    return random.random(), torch.rand(3).tolist()


def test_the_same_seed_gives_the_same_numbers() -> None:
    """Python and torch are both seeded."""
    seed_everything(3)
    first = draw()
    seed_everything(3)
    assert draw() == first


def test_a_seed_out_of_range_is_refused() -> None:
    """All generators take 32 bits."""
    with pytest.raises(ValueError, match=r"a seed lies in 0 \.\. 4294967295, got -1"):
        seed_everything(-1)


def test_the_state_survives_a_checkpoint_file_that_runs_no_code() -> None:
    """Saved by torch.save, read with weights_only, put back: the same numbers follow."""
    file = io.BytesIO()
    torch.save(rng_state(), file)
    expected = draw()
    file.seek(0)
    set_rng_state(torch.load(file, weights_only=True))
    assert draw() == expected


def test_a_gaussian_in_waiting_is_kept() -> None:
    """random.gauss makes two numbers at once; the second belongs to the state."""
    random.gauss(0, 1)
    before = rng_state()
    expected = random.gauss(0, 1)
    set_rng_state(before)
    assert random.gauss(0, 1) == expected


def test_taking_the_state_changes_nothing() -> None:
    """Numbers drawn after rng_state are those that would have been drawn without it."""
    seed_everything(5)
    expected = draw()
    seed_everything(5)
    rng_state()
    assert draw() == expected


def test_numpy_is_seeded_and_saved_where_it_is_loaded() -> None:
    """numpy is optional here; where it is there, it is treated as the others."""
    numpy = pytest.importorskip("numpy")
    seed_everything(7)
    state = rng_state()
    expected = numpy.random.rand(4).tolist()
    set_rng_state(state)
    assert numpy.random.rand(4).tolist() == expected
    seed_everything(7)
    assert numpy.random.rand(4).tolist() == expected


def test_a_synchronised_seed_follows_from_the_seed_of_the_process() -> None:
    """A job that was seeded draws the same further seeds again."""
    seed_everything(11)
    first = sync_random_seed()
    seed_everything(11)
    assert sync_random_seed() == first
    assert 0 <= first < 2**31
