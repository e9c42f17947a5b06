"""Tests of the loader on several ranks: real processes that talk through gloo."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from dataset_samples import Noisy
from ranks import on_ranks
from torch.utils.data import BatchSampler, DataLoader, DistributedSampler, RandomSampler, SequentialSampler

from eng_dataset import DefaultSampler, Loader, LoaderConfigError, build_dataloader


def loader(workers: int, *, batch_size: int = 2, training: bool = True) -> Loader:
    cfg = {
        "dataset": Noisy(23),
        "batch_size": batch_size,
        "num_workers": workers,
        "sampler": {"type": "DefaultSampler"},
    }
    return build_dataloader(cfg, seed=3, training=training)


def samples(batches: Any) -> list[tuple[int, float]]:
    """(index, a random number that the sample drew) of each sample."""
    return [pair for batch in batches for pair in zip(batch[0], batch[1], strict=True)]


def pass_of_rank(rank: int, workers: int, training: bool) -> Any:
    return samples(loader(workers, training=training))


@pytest.mark.parametrize("workers", [0, 2])
def test_two_ranks_see_what_one_process_sees(workers: int, tmp_path: Path) -> None:
    """Dealt out in turns, each sample once in evaluation; with the same randomness for each sample."""
    parts = on_ranks(2, pass_of_rank, tmp_path, workers, False)
    assert [len(part) for part in parts] == [12, 11]
    together = [sample for row in zip(parts[0], [*parts[1], None], strict=True) for sample in row if sample]
    assert together == samples(loader(0, training=False))


def test_training_gives_all_ranks_equally_many(tmp_path: Path) -> None:
    """A rank with fewer batches would leave the others waiting."""
    parts = on_ranks(2, pass_of_rank, tmp_path, 0, True)
    assert [len(part) for part in parts] == [12, 12]
    assert len({index for part in parts for index, _ in part}) == 23


def half_a_pass(rank: int) -> Any:
    stopped = loader(1)
    batches = samples(islice(iter(stopped), 3))
    return batches, stopped.state_dict()


def rest_of_a_pass(rank: int, state: Any) -> Any:
    resumed = loader(0, batch_size=3)
    resumed.load_state_dict(state)
    first = samples(resumed)
    return first, samples(resumed)


def test_from_two_ranks_to_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The samples that are left come once each, as in the uninterrupted pass, with a warning."""
    parts = on_ranks(2, half_a_pass, tmp_path)
    assert parts[0][1] == parts[1][1]
    rest, following = rest_of_a_pass(0, parts[0][1])
    whole = loader(0)
    expected = samples(whole)
    assert sorted(parts[0][0] + parts[1][0] + rest) == sorted(expected)
    assert following == samples(whole)
    assert "saved with 2 x 2 samples a batch, now there are 1 x 3" in caplog.text


def test_from_one_rank_to_two(tmp_path: Path) -> None:
    """And the other way round; the padding of the last batch repeats samples that are left."""
    before, state = half_a_pass(0)
    parts = on_ranks(2, rest_of_a_pass, tmp_path, state)
    rest = parts[0][0] + parts[1][0]
    assert sorted({*before, *rest}) == sorted(samples(loader(0)))
    assert len(before) + len(rest) == 24
    assert sorted({*parts[0][1], *parts[1][1]}) == sorted(samples(second_pass()))


def second_pass() -> Loader:
    later = loader(0)
    later.set_position(1)
    return later


class MadeForOne:
    """A sampler that was told the size of the world too early."""

    world_size = 1

    def __iter__(self) -> Iterator[int]:
        return iter(range(11))


def refused_loaders(rank: int) -> list[str]:
    """What is said of loaders that give all ranks the same samples."""
    messages = []
    noisy: Any = Noisy()
    for given in (
        DataLoader(noisy, sampler=RandomSampler(range(11), num_samples=5)),
        DataLoader(noisy, 2, shuffle=True),
        DataLoader(noisy, 2),
        DataLoader(noisy, batch_sampler=BatchSampler(SequentialSampler(noisy), 2, False)),
        {"dataset": noisy, "sampler": RandomSampler(range(11))},
        DataLoader(noisy, sampler=MadeForOne()),  # type: ignore[arg-type]
    ):
        try:
            build_dataloader(given, seed=0)
        except LoaderConfigError as error:
            messages.append(str(error))
    return messages


def test_a_sampler_that_knows_no_ranks_is_refused(tmp_path: Path) -> None:
    """The error has the line that repairs it."""
    for messages in on_ranks(2, refused_loaders, tmp_path):
        assert len(messages) == 6
        assert all("Write DataLoader(..., sampler=DefaultSampler(dataset))" in text for text in messages[:5])
        assert (
            "MadeForOne was made for 1 process(es), but there are 2: make it after init_dist" in messages[5]
        )


def rank_aware_loaders(rank: int, early: DefaultSampler) -> Any:
    """(kept by identity, indices) of loaders of torch that know their ranks."""
    noisy: Any = Noisy()
    loaders = [
        DataLoader(noisy, 2, sampler=early),
        DataLoader(noisy, 2, sampler=DistributedSampler(noisy)),
        DataLoader(noisy, batch_sampler=[[rank, rank + 2], [rank + 4]]),
    ]
    built = [build_dataloader(given, seed=0) for given in loaders]
    return [
        (loader.dataloader is given, [int(index) for index, _ in samples(loader)])
        for loader, given in zip(built, loaders, strict=True)
    ]


def test_a_torch_loader_that_knows_its_rank_is_kept(tmp_path: Path) -> None:
    """Also with a sampler of ours that was made before the ranks had met, as in a script that makes its Runner last."""
    first, second = on_ranks(2, rank_aware_loaders, tmp_path, DefaultSampler(Noisy()))
    assert all(kept for kept, _ in first + second)
    together = [sorted({*one[1], *other[1]}) for one, other in zip(first, second, strict=True)]
    assert together == [list(range(11)), list(range(11)), list(range(6))]
    assert [len(indices) for _, indices in first] == [len(indices) for _, indices in second] == [6, 6, 3]


def unlike_loaders(rank: int) -> list[str]:
    """What is said where rank 0 has a batch more than rank 1, in training and in evaluation."""
    mapping = {"dataset": range(5), "sampler": {"type": "DefaultSampler", "round_up": False}}
    batches = [[0]] * (4 - rank)
    messages = []
    for given, training in ((mapping, True), (batches, True), (batches, False)):
        try:
            messages.append(f"{len(build_dataloader(given, seed=0, training=training))} batches")
        except LoaderConfigError as error:
            messages.append(str(error))
    return messages


def test_unlike_numbers_of_batches_are_refused_for_training(tmp_path: Path) -> None:
    """On all ranks, before any of them would wait for a batch of the others that does not come."""
    parts = on_ranks(2, unlike_loaders, tmp_path)
    assert "(rank 0: 3, rank 1: 2)" in parts[0][0]
    assert "(rank 0: 4, rank 1: 3), so some would wait for the others without end" in parts[0][1]
    assert parts[0][:2] == parts[1][:2]
    assert [part[2] for part in parts] == ["4 batches", "3 batches"]


def drawn_seed(rank: int) -> Any:
    sampler = {"type": "DefaultSampler"}
    drawn = build_dataloader({"dataset": range(11), "sampler": sampler}, seed=None)
    return drawn.seed, [int(index) for (index,) in drawn]


def test_a_seed_that_is_drawn_is_shared(tmp_path: Path) -> None:
    """So that the ranks deal out the same order."""
    first, second = on_ranks(2, drawn_seed, tmp_path)
    assert first[0] == second[0]
    assert sorted({*first[1], *second[1]}) == list(range(11))
