"""Tests of `eng_dataset.build`: from configuration, or from what a user has, to a loader."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from dataset_samples import Classes, Counting, Noisy
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    WeightedRandomSampler,
)

from eng_dataset import (
    DefaultSampler,
    Loader,
    LoaderConfigError,
    LoaderTypeError,
    build_dataloader,
    default_collate,
    pseudo_collate,
)
from eng_registry import DATA_SAMPLERS, FUNCTIONS

IN_ORDER = {"type": "DefaultSampler", "shuffle": False}


@DATA_SAMPLERS.register_module()
class BackwardsInATest:
    """A sampler of a user's own, with the two arguments that every sampler is given."""

    def __init__(self, dataset: Any, seed: int | None, step: int = 1) -> None:
        self.dataset, self.seed, self.step = dataset, seed, step

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.dataset) - 1, -1, -self.step))

    def __len__(self) -> int:
        return len(range(len(self.dataset) - 1, -1, -self.step))


@FUNCTIONS.register_module()
def collate_in_a_test(batch: Any, *, scale: int = 1) -> Any:
    return [scale * number for number in batch]


def build(seed: int | None = 0, *, training: bool = True, **cfg: Any) -> Loader:
    return build_dataloader(
        {"dataset": range(7), "batch_size": 3, "sampler": IN_ORDER, **cfg}, seed=seed, training=training
    )


@pytest.mark.parametrize(
    ("has_cuda", "settings", "expected"),
    [
        (True, {"num_workers": 1}, True),
        (True, {"num_workers": 1, "pin_memory": False}, False),
        (True, {}, False),
        (True, {"pin_memory": True}, True),
        (False, {"num_workers": 1}, False),
    ],
)
def test_batches_of_workers_are_pinned_where_there_is_cuda(
    has_cuda: bool, settings: dict[str, Any], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless the configuration decides; without workers a sample may be on the device, which cannot be pinned."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_cuda)
    assert build(**settings).dataloader.pin_memory is expected


# -- mappings ----------------------------------------------------------------------------------------------------


def test_everything_may_be_configured() -> None:
    """Data set, sampler and collate function by name."""
    loader = build(
        dataset={"type": "Classes", "classes": [0] * 7, "lazy_init": True},
        sampler={"type": "BackwardsInATest", "step": 2},
        collate_fn={"type": "collate_in_a_test", "scale": 1},
        batch_size=2,
    )
    assert isinstance(loader.dataset, Classes)
    assert loader.dataset._fully_initialized
    assert (loader.sampler.step, loader.sampler.seed) == (2, 0)
    assert (len(loader), loader.batch_size, loader.num_workers) == (2, 2, 0)


def test_everything_may_be_an_object() -> None:
    """What is given is what is used."""
    dataset = Noisy()
    sampler = DefaultSampler(dataset, shuffle=False)
    loader = build(dataset=dataset, sampler=sampler, collate_fn=default_collate)
    assert loader.dataset is dataset
    assert loader.sampler is sampler
    assert loader.collate_fn is default_collate


@pytest.mark.parametrize(
    ("collate_fn", "first"),
    [
        ({"type": "collate_in_a_test", "scale": 10}, [0, 10, 20]),
        ({"type": collate_in_a_test}, [0, 1, 2]),
        (len, 3),
        ({"type": "default_collate"}, torch.tensor([0, 1, 2])),
    ],
    ids=str,
)
def test_collate_functions(collate_fn: Any, first: Any) -> None:
    """By name with arguments, as a callable, or the default."""
    assert torch.equal(torch.as_tensor(next(iter(build(collate_fn=collate_fn)))), torch.as_tensor(first))
    assert build().collate_fn is pseudo_collate


def test_no_sampler_is_in_order() -> None:
    """None is torch's own default."""
    assert list(build(sampler=None)) == [[0, 1, 2], [3, 4, 5], [6]]


def test_a_batch_sampler() -> None:
    """By object, or by configuration with the sampler and the batch size as arguments."""
    expected = [[0, 1, 2], [3, 4, 5]]
    given = BatchSampler(SequentialSampler(range(7)), 3, drop_last=True)
    assert list(build(batch_sampler=given)) == expected
    DATA_SAMPLERS.register_module(name="BatchSamplerInATest", module=BatchSampler, force=True)
    loader = build(batch_sampler={"type": "BatchSamplerInATest", "drop_last": True})
    assert list(loader) == expected
    assert (len(loader), loader.batch_size) == (2, 3)
    loader.set_position(0, 1)
    assert list(loader) == expected[1:]


def test_without_batches() -> None:
    """batch_size None gives samples, as in torch."""
    loader = build(batch_size=None, collate_fn={"type": collate_single})
    assert list(loader) == [0, -1, -2, -3, -4, -5, -6]


def collate_single(sample: int) -> int:
    return -sample


def test_drop_last_is_for_training() -> None:
    """In evaluation every sample counts."""
    assert len(build(drop_last=True)) == 2
    assert list(build(drop_last=True, training=False))[-1] == [6]


def test_only_the_first_batches() -> None:
    """`num_batch_per_epoch` makes the data set look small; its attributes are still there."""
    dataset = Counting(100)
    loader = build(dataset=dataset, num_batch_per_epoch=2)
    assert list(loader) == [[0, 1, 2], [3, 4, 5]]
    assert (len(loader.dataset), loader.dataset.read) == (6, [0, 1, 2, 3, 4, 5])


def test_worker_init_functions() -> None:
    """By name with arguments, or a callable."""
    FUNCTIONS.register_module(name="init_in_a_test", module=init_worker, force=True)
    loader = build(num_workers=1, worker_init_fn={"type": "init_in_a_test", "number": 5}, dataset=Asking(3))
    assert list(loader) == [[5, 5, 5]]


HEARD = []


def init_worker(worker_id: int, number: int) -> None:
    HEARD.append(number)


class Asking(Noisy):
    """Tells what the worker was told when it began."""

    def __getitem__(self, index: int) -> Any:
        return HEARD[-1]


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        ({"dataset": range(3)}, r"`sampler` is missing, for example sampler=dict\(type='DefaultSampler'"),
        ({"sampler": IN_ORDER}, "`dataset` is missing"),
        ({"dataset": range(3), "sampler": IN_ORDER, "shuffle": True}, "`shuffle` is said by the sampler"),
        ({"dataset": range(3), "sampler": IN_ORDER, "batchsize": 3}, "`batchsize` is no key .*`batch_size`"),
        ({"dataset": range(3), "sampler": IN_ORDER, "in_order": False}, "`in_order` is always True"),
        (
            {"dataset": range(3), "sampler": IN_ORDER, "collate_fn": {"type": "default_colate"}},
            "default_collate",
        ),
        ({"batchsize": 3}, "`batchsize` is no key.*`dataset` is missing; `sampler` is missing"),
    ],
)
def test_mistakes_are_named_all_at_once(cfg: dict[str, Any], message: str) -> None:
    """With the nearest name, or an example."""
    with pytest.raises(LoaderConfigError, match=message):
        build_dataloader(cfg, seed=0)


@pytest.mark.parametrize("cfg", [{"collate_fn": 3}, {"worker_init_fn": 3}])
def test_a_function_of_another_type(cfg: dict[str, Any]) -> None:
    """Neither a callable nor a configuration."""
    with pytest.raises(LoaderTypeError, match="is a callable or a dict with `type`, but got int"):
        build(**cfg)


# -- seeds -------------------------------------------------------------------------------------------------------


def test_the_seed_makes_the_order() -> None:
    """The same seed, the same order; None draws one."""
    shuffled = {"type": "DefaultSampler"}
    assert list(build(3, sampler=shuffled)) == list(build(3, sampler=shuffled))
    assert list(build(3, sampler=shuffled)) != list(build(4, sampler=shuffled))
    assert isinstance(build(None, sampler=shuffled).seed, int)


def test_a_sampler_of_torch_is_seeded_too() -> None:
    """Given without a generator it draws from the run's seed and epoch, so it can be resumed; samples that come
    twice see different random numbers."""

    def weighted() -> Loader:
        return build(
            dataset=Noisy(), sampler=WeightedRandomSampler([1.0] * 11, 11), batch_size=2, num_workers=0
        )

    loader = weighted()
    epochs = [list(loader), list(loader)]
    assert epochs[0] != epochs[1]
    numbers = [number for batch in epochs[0] for number in batch[1]]
    assert len(set(numbers)) == len(numbers)
    resumed = weighted()
    resumed.set_position(1, 2)
    assert list(resumed) == epochs[1][2:]


def test_a_generator_of_the_users_own_is_kept() -> None:
    """It is not seeded anew."""
    generator = torch.Generator().manual_seed(5)
    expected = list(RandomSampler(range(7), generator=torch.Generator().manual_seed(5)))
    loader = build(sampler=RandomSampler(range(7), generator=generator))
    assert [index for batch in loader for index in batch] == expected


# -- what a user has ---------------------------------------------------------------------------------------------


def test_a_loader_is_itself() -> None:
    """Nothing to build."""
    loader = build()
    assert build_dataloader(loader, seed=1) is loader


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_plain_torch_loader_gets_a_position(shuffle: bool) -> None:
    """It is kept, with its data set, batches and collate function; the order is the run's."""
    dataset = Counting(7)
    given = DataLoader(dataset, 3, shuffle=shuffle, drop_last=True, collate_fn=list)  # type: ignore[arg-type]
    loader = build_dataloader(given, seed=0)
    assert loader.dataloader is given
    assert loader.dataset is dataset
    whole = list(loader)
    assert [len(batch) for batch in whole] == [3, 3]
    assert ([*whole[0], *whole[1]] == list(range(6))) != shuffle
    dataset.read.clear()
    loader.set_position(0, 1)
    assert list(loader) == whole[1:]
    assert dataset.read == whole[1]


def test_a_shuffled_torch_loader_is_the_same_run_as_a_mapping() -> None:
    """Whoever moves from one to the other sees the same batches."""
    given = DataLoader(range(7), 3, shuffle=True, collate_fn=list)  # type: ignore[arg-type]
    mapping = {"dataset": range(7), "batch_size": 3, "sampler": {"type": "DefaultSampler"}}
    assert list(build_dataloader(given, seed=0)) == list(build_dataloader(mapping, seed=0))


def own_orders() -> list[DataLoader[Any]]:
    """Loaders whose order is the user's own: a sampler, a batch sampler, a generator."""
    dataset: Any = Counting(6)
    generator = torch.Generator().manual_seed(5)
    backwards: Any = BackwardsInATest(dataset, None)
    return [
        DataLoader(dataset, sampler=backwards, batch_size=2, collate_fn=list),
        DataLoader(dataset, batch_sampler=[[5, 4], [3], [0, 1, 2]], collate_fn=list),
        DataLoader(dataset, 2, shuffle=True, generator=generator, collate_fn=list),
        DataLoader(dataset, batch_sampler=BatchSampler(backwards, 4, False), num_workers=1, collate_fn=list),
    ]


@pytest.mark.parametrize("number", range(4))
def test_the_order_of_a_torch_loader_is_the_users_own(number: int) -> None:
    """The same batches as from the loader itself, and no sample is read to skip it."""
    given, alone = own_orders()[number], own_orders()[number]
    expected = list(alone)
    loader = build_dataloader(given, seed=0)
    assert (loader.dataloader, len(loader)) == (given, len(expected))
    assert list(loader) == expected
    resumed = build_dataloader(own_orders()[number], seed=0)
    resumed.set_position(0, 2)
    assert list(resumed) == expected[2:]
    if not given.num_workers:
        assert resumed.dataset.read == [index for batch in expected[2:] for index in batch]


def test_the_users_own_generator_resumes_too() -> None:
    """Its state at the beginning of the pass is in the loader's state."""

    def shuffled() -> Loader:
        return build_dataloader(own_orders()[2], seed=0)

    whole = shuffled()
    epochs = [list(whole), list(whole)]
    assert epochs[0] != epochs[1]
    stopped = shuffled()
    list(stopped)
    between = shuffled()
    between.load_state_dict(stopped.state_dict())
    assert list(between) == epochs[1]
    batches = iter(stopped)
    next(batches)
    resumed = shuffled()
    resumed.load_state_dict(stopped.state_dict())
    assert list(resumed) == epochs[1][1:]


class Backwards(DataLoader[Any]):
    """A loader of a class of its own, which decides itself what a batch is."""

    def __iter__(self) -> Any:
        return iter([[5, 4], [3, 2], [self.dataset[1], self.dataset[0]]])


def test_a_torch_loader_of_a_class_of_its_own_is_used_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    """It resumes by reading what it skips, with a warning."""
    dataset: Any = Counting(6)
    given = Backwards(dataset, 2)
    loader = build_dataloader(given, seed=0)
    assert loader.dataloader is given
    assert (len(loader), loader.batch_size, loader.sampler) == (3, 2, given.sampler)
    loader.set_position(0, 2)
    assert list(loader) == [[1, 0]]
    assert "cannot start at batch 2 of the epoch" in caplog.text


def test_any_iterable_is_a_loader() -> None:
    """Lists of batches, generators' makers; the length may be unknown."""
    loader = build_dataloader([[1], [2]], seed=0)
    assert (list(loader), loader.batch, len(loader), loader.batch_size) == ([[1], [2]], 2, 2, None)

    class Endless:
        def __iter__(self) -> Iterator[int]:
            return iter([1, 2])

    with pytest.raises(TypeError, match="Endless has no length"):
        len(build_dataloader(Endless(), seed=0))


def test_what_is_no_loader() -> None:
    """The message names the type."""
    with pytest.raises(LoaderTypeError, match="this is a int"):
        build_dataloader(3, seed=0)


class Stream(IterableDataset[int]):
    """Seven samples in an order of its own."""

    def __iter__(self) -> Iterator[int]:
        return iter(range(7))


def test_a_stream_of_samples() -> None:
    """It chooses its samples itself, so it has no sampler."""
    loader = build(dataset=Stream(), sampler=None)
    assert list(loader) == [[0, 1, 2], [3, 4, 5], [6]]
    loader.set_position(0, 2)
    assert list(loader) == [[6]]
    with pytest.raises(LoaderConfigError, match="Stream is an IterableDataset"):
        build(dataset=Stream())


@pytest.mark.parametrize(
    "wrong", [{"batch_size": 0}, {"batch_size": "4"}, {"num_workers": -1}, {"num_workers": None}]
)
def test_a_number_that_makes_no_batches(wrong: dict[str, Any]) -> None:
    """Is named, with what it may be."""
    (key,) = wrong
    with pytest.raises(LoaderConfigError, match=f"`{key}` is a whole number of at least"):
        build_dataloader({"dataset": range(4), "sampler": {"type": "DefaultSampler"}, **wrong}, seed=0)
