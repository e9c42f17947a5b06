"""Each sample counts exactly once: any number of samples, ranks and samples in a batch equals one process."""

import logging
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from ranks import on_ranks

from eng_evaluator import Accuracy, BaseMetric, Evaluator
from eng_evaluator.ledger import Ledger, Part, merge


class PerSample(BaseMetric):
    """Keeps every sample."""

    default_prefix = "sample"

    def process(self, data_batch: Any, data_samples: Sequence[Any]) -> None:
        self.results.extend(data_samples)

    def compute_metrics(self, results: list[Any]) -> dict[str, Any]:
        return {"all": [int(result) for result in results]}


class PerBatch(BaseMetric):
    """Keeps a sum per batch."""

    default_prefix = "batch"

    def process(self, data_batch: Any, data_samples: Sequence[Any]) -> None:
        self.results.append({"size": len(data_samples), "sum": torch.stack(list(data_samples)).sum()})

    def compute_metrics(self, results: list[Any]) -> dict[str, Any]:
        return {
            "size": sum(result["size"] for result in results),
            "sum": sum(int(result["sum"]) for result in results),
        }


class Odd(BaseMetric):
    """Keeps nothing of even samples, and odd ones twice."""

    default_prefix = "odd"

    def process(self, data_batch: Any, data_samples: Sequence[Any]) -> None:
        for sample in data_samples:
            self.results += [int(sample)] * (2 if sample % 2 else 0)

    def compute_metrics(self, results: list[Any]) -> dict[str, Any]:
        return {"sum": sum(results)}


def dealt(rank: int, world_size: int, size: int, *, pad: bool) -> list[int]:
    """The samples of one rank as DefaultSampler deals them, filled up from the beginning with `pad`."""
    mine = list(range(rank, size, world_size))
    if pad and size and len(mine) < -(-size // world_size):
        mine.append((rank + world_size * len(mine)) % size)
    return mine


def evaluate(
    rank: int, world_size: int, size: int, batch_size: int, *, pad: bool, tell: bool
) -> dict[str, Any]:
    """What one rank gets that reads every `world_size`-th sample, as DefaultSampler deals them."""
    mine = dealt(rank, world_size, size, pad=pad)
    metrics = [PerSample(), PerBatch(), Odd()] if tell else [PerSample(), PerBatch()]
    evaluator = Evaluator(metrics)
    for start in range(0, len(mine), batch_size):
        indices = mine[start : start + batch_size]
        evaluator.process(torch.tensor(indices), indices=indices if tell else None)
    return evaluator.evaluate(size)


def expected(size: int, *, tell: bool) -> dict[str, Any]:
    total = sum(range(size))
    metrics = {"sample/all": list(range(size)), "batch/size": size, "batch/sum": total}
    return metrics | {"odd/sum": 2 * sum(range(1, size, 2))} if tell else metrics


def every_case(rank: int, world_size: int) -> list[Any]:
    """Many numbers of samples and batch sizes, one after another in the same processes."""
    logging.disable()
    sizes = range(51) if world_size == 1 else (0, 1, 2, 3, 4, 5, 9, 13, 24, 37, 50)
    return [
        (size, batch_size, tell, evaluate(rank, world_size, size, batch_size, pad=False, tell=tell))
        for size in sizes
        for batch_size in (1, 2, 3, 7)
        for tell in (False, True)
    ]


@pytest.mark.parametrize("world_size", [1, 2, 3, 4])
def test_any_world_equals_one_process(world_size: int, tmp_path: Path) -> None:
    """Results per sample, per batch and of any number, on ranks of different length, some of them empty."""
    for answers in on_ranks(world_size, every_case, tmp_path, world_size):
        for size, batch_size, tell, answer in answers:
            assert answer == expected(size, tell=tell), (size, batch_size, tell)


@pytest.mark.parametrize("tell", [True, False], ids=["indices", "turns"])
def test_every_size_world_and_batch(tell: bool, caplog: pytest.LogCaptureFixture) -> None:
    """0 to 50 samples on 1 to 4 ranks in batches of 1 to 7, padded or not: as one process, in order, without a
    warning. (What the ranks send each other is put together here.)"""
    for size, world_size, batch_size, pad in product(range(51), range(1, 5), range(1, 8), (False, True)):
        parts = []
        for rank in range(world_size):
            mine, ledger = dealt(rank, world_size, size, pad=pad), Ledger()
            for end in range(batch_size, len(mine) + batch_size, batch_size):
                if tell:
                    ledger.note(min(end, len(mine)), mine[end - batch_size : end])
            parts.append(Part(list(mine), ledger))
        assert merge(parts, size, "metric") == list(range(size)), (size, world_size, batch_size, pad)
    assert caplog.messages == []


def padded(rank: int, world_size: int) -> list[Any]:
    return [evaluate(rank, world_size, size, 1, pad=True, tell=True) for size in range(1, 9)]


def test_samples_that_fill_up_the_ranks_are_dropped(tmp_path: Path) -> None:
    """A sampler that repeats samples does not change the numbers, as far as results can be told apart."""
    for answers in on_ranks(2, padded, tmp_path, 2):
        for size, answer in enumerate(answers, start=1):
            assert answer == expected(size, tell=True)


def padded_batches(rank: int, world_size: int) -> dict[str, Any]:
    evaluator = Evaluator([PerSample()])
    for indices in ([0, 2], [4]) if rank == 0 else ([1, 3], [0]):
        evaluator.process(torch.tensor(indices))
    return evaluator.evaluate(5)


def test_padding_is_cut_where_indices_are_not_known(tmp_path: Path) -> None:
    """The documented rule: results are dealt out by turns and cut to the size of the data set."""
    assert on_ranks(2, padded_batches, tmp_path, 2) == [{"sample/all": [0, 1, 2, 3, 4]}] * 2


def streamed(rank: int, world_size: int) -> dict[str, Any]:
    evaluator = Evaluator(Accuracy())
    if rank == 0:
        evaluator.process([torch.eye(5), torch.tensor([0, 1, 2, 3, 0])])
    return evaluator.evaluate(5)


def test_a_rank_without_samples_takes_part(tmp_path: Path) -> None:
    """A streaming metric on a rank that has seen nothing waits for the others and gets their numbers."""
    assert on_ranks(2, streamed, tmp_path, 2) == [{"accuracy": 80.0}] * 2


class Failing(PerSample):
    """Cannot compute."""

    def compute_metrics(self, results: list[Any]) -> dict[str, Any]:
        raise ZeroDivisionError("no boxes")


def failing(rank: int, world_size: int) -> str:
    evaluator = Evaluator(Failing())
    try:
        evaluator.evaluate(0)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


def test_a_metric_that_fails_ends_all_ranks(tmp_path: Path) -> None:
    """Nobody waits for numbers that will not come."""
    first, second = on_ranks(2, failing, tmp_path, 2)
    assert first == "ZeroDivisionError: no boxes"
    assert second == (
        "MetricFailedError: rank 0 failed while it computed metrics: ZeroDivisionError: no boxes"
    )


def test_missing_and_repeated_samples_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """Numbers that are not for exactly the data set come with a warning."""
    evaluator = Evaluator(PerBatch())
    evaluator.process(torch.tensor([0, 1, 1]), indices=[0, 1, 1])
    evaluator.process(torch.tensor([1, 2]), indices=[1, 2])
    evaluator.evaluate(5)
    assert [record.message for record in caplog.records] == [
        "PerBatch saw only 3 of the 5 samples of the data set; its numbers are for those.",
        (
            "PerBatch counted 2 samples more than once: the sampler repeats them, and one result stands for a "
            "whole batch. Let the sampler not fill up the ranks (round_up=False), or store one result per sample."
        ),
    ]
