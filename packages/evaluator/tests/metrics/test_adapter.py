"""Tests of `eng_evaluator.metrics.adapter`: metrics of torchmetrics, where it is installed."""

from pathlib import Path
from typing import Any

import pytest
import torch
from ranks import on_ranks

from eng_evaluator import Accuracy, Evaluator, TorchMetric
from eng_evaluator.metrics.adapter import snake_case


def test_names_of_numbers() -> None:
    """A class name in lower case, abbreviations as one word."""
    assert snake_case("MeanSquaredError") == "mean_squared_error"
    assert snake_case("CLIPScore") == "clip_score"


class Summing:
    """Has what is asked of a metric of torchmetrics."""

    def __init__(self) -> None:
        self.sync_on_compute = True
        self.reset()

    def reset(self) -> None:
        self.update_count, self.total = 0, torch.zeros(())

    def update(self, preds: torch.Tensor, target: torch.Tensor) -> None:
        self.update_count += 1
        self.total = self.total + (preds * target).sum()

    def compute(self) -> Any:
        assert not self.sync_on_compute
        return {"total": self.total, "batches": self.update_count}

    def merge_state(self, incoming_state: "Summing") -> None:
        self.total = self.total + incoming_state.total
        self.update_count += incoming_state.update_count

    def to(self, device: Any) -> "Summing":
        return self

    def clone(self) -> "Summing":
        copy = Summing()
        copy.__dict__.update(self.__dict__)
        return copy


def on_one_rank_only(rank: int) -> Any:
    evaluator = Evaluator(TorchMetric(Summing(), prefix="sum"))
    for batch in range(3 * rank):
        evaluator.process([torch.ones(2), torch.ones(2)], indices=[2 * batch, 2 * batch + 1])
    first = evaluator.evaluate(6)
    if rank == 0:
        evaluator.process([torch.ones(1), torch.ones(1)])
    return first, evaluator.evaluate(1)


def test_ranks_without_samples_take_part(tmp_path: Path) -> None:
    """States are merged on the main process; the next evaluation begins with none."""
    expected = {"sum/total": 6.0, "sum/batches": 3}, {"sum/total": 1.0, "sum/batches": 1}
    assert on_ranks(2, on_one_rank_only, tmp_path) == [expected, expected]


def test_nothing_was_seen() -> None:
    """There is no number then."""
    assert str(TorchMetric(Summing()).evaluate(0)) == "{'summing': nan}"


def test_the_same_numbers_as_ours() -> None:
    """By configuration, object or class; a result that is a dict keeps its names."""
    torchmetrics = pytest.importorskip("torchmetrics")
    metrics = [
        Accuracy(),
        {
            "type": "TorchMetric",
            "metric": {"type": "MulticlassAccuracy", "num_classes": 3, "average": "micro"},
        },
        TorchMetric(torchmetrics.classification.MulticlassF1Score(num_classes=3), name="f1"),
    ]
    evaluator = Evaluator(metrics)
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        scores = torch.rand(10, 3, generator=generator)
        evaluator.process([scores, torch.randint(0, 3, (10,), generator=generator)])
    result = evaluator.evaluate(50)
    assert set(result) == {"accuracy", "multiclass_accuracy", "f1"}
    assert result["multiclass_accuracy"] == pytest.approx(result["accuracy"] / 100)


def test_a_metric_that_torchmetrics_does_not_have() -> None:
    """The message names its version."""
    pytest.importorskip("torchmetrics")
    with pytest.raises(ValueError, match=r"torchmetrics .* has no metric 'Acuracy'"):
        TorchMetric({"type": "Acuracy"})
