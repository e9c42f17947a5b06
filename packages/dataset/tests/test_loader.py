"""Tests of `eng_dataset.loader`: positions, randomness of samples, resuming."""

import multiprocessing
import random
from typing import Any

import numpy as np
import pytest
import torch
from dataset_samples import Counting, Noisy

from eng_dataset import Loader, build_dataloader


def loader(dataset: Any, seed: int = 3, *, training: bool = True, **options: Any) -> Loader:
    cfg = {"dataset": dataset, "batch_size": 3, "sampler": {"type": "DefaultSampler"}, **options}
    return build_dataloader(cfg, seed=seed, training=training)


def two_epochs(**options: Any) -> list[list[Any]]:
    batches = loader(Noisy(), **options)
    return [list(batches), list(batches)]


def test_an_epoch_has_every_sample_once_in_another_order_each_time() -> None:
    """The second pass is the next epoch: the same samples, another order, other random numbers."""
    first, second = two_epochs()
    order = [[index for batch in epoch for index in batch[0]] for epoch in (first, second)]
    assert sorted(order[0]) == sorted(order[1]) == list(range(11))
    assert order[0] != order[1]
    drawn = [{batch[1][i] for batch in epoch for i in range(len(batch[0]))} for epoch in (first, second)]
    assert drawn[0].isdisjoint(drawn[1])


@pytest.mark.parametrize(
    "options",
    [
        {"num_workers": 1},
        {"num_workers": 2, "prefetch_factor": 4},
        {"num_workers": 2, "persistent_workers": True},
        pytest.param({"num_workers": 1, "multiprocessing_context": "spawn"}, marks=pytest.mark.slow),
        {"num_workers": 1, "persistent_workers": True, "multiprocessing_context": "forkserver"},
    ],
    ids=str,
)
def test_samples_see_the_same_randomness_whoever_reads_them(options: dict[str, Any]) -> None:
    """Any number of workers, started in any way, gives bit for bit what the main process reads itself."""
    assert two_epochs(**options) == two_epochs()


@pytest.mark.parametrize("workers", [0, 1])
def test_loading_leaves_the_generators_of_the_main_process_alone(workers: int) -> None:
    """What the training step draws does not depend on the loader."""
    np.random.randn()  # leaves a second normal number waiting inside of numpy's generator

    def draw() -> tuple[float, float, float, float]:
        return random.random(), np.random.randn(), np.random.rand(), float(torch.rand(()))

    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    expected = draw()
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])
    list(loader(Noisy(), num_workers=workers))
    assert draw() == expected


@pytest.mark.parametrize("workers", [0, 2])
def test_a_position_is_reached_without_reading_what_is_before_it(workers: int) -> None:
    """`set_position` gives the rest of the epoch, the same as in an uninterrupted pass."""
    whole = two_epochs()
    resumed = loader(Noisy(), num_workers=workers)
    resumed.set_position(1, 2)
    assert list(resumed) == whole[1][2:]
    assert (resumed.epoch, resumed.batch) == (1, 4)


def test_skipped_samples_are_not_touched() -> None:
    """Only the samples of the batches that are handed out are read."""
    dataset = Counting(1000)
    resumed = loader(dataset)
    resumed.set_position(0, 333)
    (last,) = list(resumed)
    assert dataset.read == last


def test_the_state_in_the_middle_of_a_pass_leads_to_the_rest_of_it() -> None:
    """State taken between two batches, whatever was read ahead."""
    whole = two_epochs()
    stopped = loader(Noisy(), num_workers=2)
    batches = iter(stopped)
    head = [next(batches), next(batches)]
    state = stopped.state_dict()
    resumed = loader(Noisy(), seed=77)
    resumed.load_state_dict(state)
    assert resumed.batch == 2
    assert head + list(resumed) == whole[0]
    assert list(resumed) == whole[1]


def test_the_state_after_a_pass_leads_to_the_next() -> None:
    """A finished epoch is behind us."""
    stopped = loader(Noisy())
    list(stopped)
    resumed = loader(Noisy())
    resumed.load_state_dict(stopped.state_dict())
    assert list(resumed) == two_epochs()[1]


def test_the_state_is_plain_data() -> None:
    """Numbers and None only, so that every checkpoint can hold it."""
    state = loader(Noisy()).state_dict()
    assert all(value is None or type(value) is int for value in state.values())


def test_a_data_set_of_another_length_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """The order of its samples is another one, so the rest of the epoch cannot be the same."""
    state = loader(list(range(11))).state_dict()
    loader(list(range(11))).load_state_dict(state)
    assert caplog.text == ""
    loader(list(range(5))).load_state_dict(state)
    assert "saved over 11 samples, now there are 5" in caplog.text


def test_what_is_no_position_is_refused() -> None:
    """With what it lacks and what it has."""
    with pytest.raises(ValueError, match="it has no batch, seed, world_size, batch_size, only epoch"):
        loader(Noisy()).load_state_dict({"epoch": 1})


def test_a_pass_that_was_left_early_begins_again() -> None:
    """As with torch's loader, a new iter() has all batches of the epoch."""
    batches = loader(Noisy())
    next(iter(batches))
    assert list(batches) == two_epochs()[0]


@pytest.mark.parametrize("persistent", [False, True])
def test_closing_ends_the_workers_at_once(persistent: bool) -> None:
    """Also while somebody still holds the pass, as a traceback does; later passes are whole."""
    before = {child.pid for child in multiprocessing.active_children()}
    batches = loader(Noisy(), num_workers=2, persistent_workers=persistent)
    running = iter(batches)
    next(running)
    workers = {child.pid for child in multiprocessing.active_children()} - before
    assert len(workers) == 2
    batches.close()
    assert not workers & {child.pid for child in multiprocessing.active_children()}
    assert list(running) == []
    batches.set_position(0)
    assert list(batches) == two_epochs()[0]
    batches.close()


def test_evaluation_sees_the_same_in_every_pass() -> None:
    """Metrics of two evaluations can be compared: nothing depends on how many there were."""
    batches = loader(Noisy(), training=False)
    assert list(batches) == list(batches)


def test_an_endless_sampler_goes_on_and_resumes() -> None:
    """Batches run over the border of the data set; a new iter() and a new loader go on behind them."""

    def endless() -> Loader:
        return loader(Noisy(5), sampler={"type": "InfiniteSampler"})

    def take(source: Loader, count: int) -> list[Any]:
        batches = iter(source)
        return [next(batches) for _ in range(count)]

    expected = take(endless(), 10)
    stopped = endless()
    head = take(stopped, 4) + take(stopped, 2)
    resumed = endless()
    resumed.load_state_dict(stopped.state_dict())
    assert head + take(resumed, 4) == expected
    numbers = [number for batch in expected for number in batch[1]]
    assert len(set(numbers)) == len(numbers)


def test_the_indices_of_the_batch_are_known() -> None:
    """The loop can ask which samples it holds, also when workers have read ahead."""
    batches = loader(Noisy(), num_workers=2)
    assert all(tuple(batch[0]) == batches.indices for batch in batches)
