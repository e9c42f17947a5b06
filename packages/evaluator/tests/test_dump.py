"""Tests of `eng_evaluator.dump`: predictions in a file, and back."""

from pathlib import Path
from typing import Any

import pytest
import torch
from ranks import on_ranks

from eng_evaluator import Accuracy, DumpResults, Evaluator
from eng_fileio import load


@pytest.mark.parametrize("name", ["out.json", "out", "pkl"])
def test_the_file_is_a_pickle(name: str) -> None:
    """By its name."""
    with pytest.raises(ValueError, match=r"ends with \.pkl or \.pickle, but it is"):
        DumpResults(name)


def test_the_file_can_be_evaluated_later(tmp_path: Path) -> None:
    """With the numbers that were computed at once; the dump itself has none."""
    path = tmp_path / "predictions.pkl"
    generator = torch.Generator().manual_seed(0)
    samples = [{"pred_score": torch.rand(4, generator=generator), "gt_label": i % 4} for i in range(20)]
    evaluator = Evaluator([Accuracy(), DumpResults(str(path))])
    for start in range(0, 20, 6):
        evaluator.process(samples[start : start + 6])
    numbers = evaluator.evaluate(20)
    later = Evaluator(Accuracy(top_k=1)).offline_evaluate(load(path, trust=True), chunk_size=7)
    assert set(numbers) == {"accuracy"}
    assert later == numbers


def test_a_row_of_a_batch_is_as_large_as_a_row(tmp_path: Path) -> None:
    """Not as large as the batch that it is a view of."""
    path = tmp_path / "rows.pickle"
    metric = DumpResults(str(path))
    metric.process(None, list(torch.zeros(1000, 100)))
    metric.evaluate(1000)
    assert path.stat().st_size < 600_000
    assert torch.equal(torch.stack(load(path, trust=True)), torch.zeros(1000, 100))


def dumped(rank: int, path: str) -> dict[str, Any]:
    evaluator = Evaluator(DumpResults(path))
    for index in range(rank, 5, 2):
        evaluator.process([{"x": torch.tensor(index)}], indices=[index])
    return evaluator.evaluate(5)


def test_all_ranks_write_one_file(tmp_path: Path) -> None:
    """In the order of the data set."""
    path = tmp_path / "all.pkl"
    assert on_ranks(2, dumped, tmp_path, str(path)) == [{}, {}]
    assert load(path, trust=True) == [{"x": torch.tensor(index)} for index in range(5)]
