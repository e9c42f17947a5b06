import io
import random
from typing import Any

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


def test_the_state_of_the_accelerator_goes_to_the_one_that_is_computed_on(
    monkeypatch: pytest.MonkeyPatch, Cuda: Any
) -> None:
    """Rank 3 saved on its device 3, and resumes where it sees one device, which is number 0."""
    saving = Cuda(4, current=3).install(monkeypatch.setattr)
    state = rng_state()
    expected = saving.draw()
    resuming = Cuda(1).install(monkeypatch.setattr)
    set_rng_state(state)
    assert resuming.draw() == expected
    assert resuming.calls["set_rng_state"] == 1


def test_all_accelerators_of_a_process_are_put_back_where_the_numbers_are_the_same(
    monkeypatch: pytest.MonkeyPatch, Cuda: Any
) -> None:
    """A model that lies on several devices of one process."""
    saving = Cuda(2, current=1).install(monkeypatch.setattr)
    state = rng_state()
    expected = [float(torch.rand((), generator=generator)) for generator in saving.generators]
    set_rng_state(state)
    assert [float(torch.rand((), generator=generator)) for generator in saving.generators] == expected


def test_a_state_without_the_number_of_its_device_is_still_read(
    monkeypatch: pytest.MonkeyPatch, Cuda: Any
) -> None:
    """As those that were saved before it was kept: by the number of the device."""
    saving = Cuda(2, current=1).install(monkeypatch.setattr)
    state = rng_state()
    del state["device_index"]
    expected = saving.draw()
    set_rng_state(state)
    assert saving.draw() == expected
