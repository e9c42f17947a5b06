"""Tests of `eng_evaluator.metrics.adapter`: metrics of torchmetrics."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torchmetrics
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
        self.distributed_available_fn = torch.distributed.is_initialized
        self.reset()

    def reset(self) -> None:
        self.update_count, self.total = 0, torch.zeros(())

    def update(self, preds: torch.Tensor, target: torch.Tensor) -> None:
        self.update_count += 1
        self.total = self.total + (preds * target).sum()

    def compute(self) -> Any:
        assert (
            not self.distributed_available_fn()
        )  # else the library gathers by itself, and waits for all ranks
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


def of_one_rank(rank: int, world_size: int, cuts: list[int]) -> dict[str, Any]:
    """An evaluation of 61 samples of which rank r has every `world_size`-th, in batches of unlike sizes."""
    generator = torch.Generator().manual_seed(1)
    scores, true = torch.rand(61, 4, generator=generator), torch.randint(0, 4, (61,), generator=generator)
    evaluator = Evaluator(
        [
            TorchMetric({"type": "MulticlassF1Score", "num_classes": 4}),
            TorchMetric({"type": "MulticlassAUROC", "num_classes": 4}),  # its state is a list that grows
            TorchMetric({"type": "MulticlassConfusionMatrix", "num_classes": 4}),
        ]
    )
    mine = torch.arange(rank, 61, world_size)
    for part in mine.tensor_split(cuts):
        if len(part):
            evaluator.process([scores[part], true[part]], indices=part.tolist())
    return evaluator.evaluate(61)


@pytest.mark.parametrize("world_size", [2, 3])
def test_any_world_gives_what_one_process_gives(world_size: int, tmp_path: Path) -> None:
    """The library's own state is merged: sums, and lists of all samples."""
    (expected,) = on_ranks(1, of_one_rank, tmp_path, 1, [7, 8, 40])
    for answer in on_ranks(world_size, of_one_rank, tmp_path, world_size, [3, 20]):
        assert answer == expected | {
            "multiclass_f1_score": pytest.approx(expected["multiclass_f1_score"]),
            "multiclass_auroc": pytest.approx(expected["multiclass_auroc"]),
        }


def test_nothing_was_seen() -> None:
    """There is no number then."""
    assert str(TorchMetric(Summing()).evaluate(0)) == "{'summing': nan}"


def test_the_same_numbers_as_ours() -> None:
    """By configuration, object or class; a result that is a dict keeps its names."""
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
    with pytest.raises(ValueError, match=r"torchmetrics .* has no metric 'Acuracy'"):
        TorchMetric({"type": "Acuracy"})
