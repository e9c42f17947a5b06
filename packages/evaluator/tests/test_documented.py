"""The metrics that the documents of MMEngine show, word for word but for the imports, as a loop uses them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ranks import on_ranks

from eng_evaluator import BaseMetric, DumpResults, Evaluator
from eng_fileio import load
from eng_registry import METRICS


class Accuracy(BaseMetric):
    """Of "15 minutes to get started": one result per batch, no prefix."""

    def process(self, data_batch: Any, data_samples: Any) -> None:
        score, gt = data_samples
        self.results.append(
            {
                "batch_size": len(gt),
                "correct": (score.argmax(dim=1) == gt).sum().cpu(),
            }
        )

    def compute_metrics(self, results: list[Any]) -> dict[str, Any]:
        total_correct = sum(item["correct"] for item in results)
        total_size = sum(item["batch_size"] for item in results)
        return {"accuracy": 100 * total_correct / total_size}


@METRICS.register_module(name="SimpleAccuracyInATest")
class SimpleAccuracy(BaseMetric):
    """Of "Customizing evaluation metrics": it reads a mapping, as its model gives."""

    default_prefix = "ACC"

    def process(self, data_batch: Any, data_samples: Any) -> None:
        result = {"pred": data_samples["pred_label"], "gt": data_samples["data_sample"]["gt_label"]}
        self.results.append(result)

    def compute_metrics(self, results: list[Any]) -> dict[str, Any]:
        preds = np.concatenate([res["pred"] for res in results])
        gts = np.concatenate([res["gt"] for res in results])
        acc = (preds == gts).sum() / preds.size
        return {"accuracy": acc}


SCORES = torch.eye(5)[[0, 1, 2, 3, 4, 0, 0]]
LABELS = torch.tensor([0, 1, 2, 3, 4, 1, 2])


def accuracy_of_rank(rank: int, world_size: int) -> Any:
    """Seven samples in batches of two, 4 for one rank and 3 for the other."""
    evaluator = Evaluator(metrics=[Accuracy()])
    for indices in torch.arange(rank, 7, world_size).split(2):
        outputs = SCORES[indices], LABELS[indices]
        evaluator.process(data_samples=outputs, data_batch=None, indices=indices.tolist())
    return evaluator.evaluate(7)


@pytest.mark.parametrize("world_size", [1, 2])
def test_one_result_per_batch(world_size: int, tmp_path: Path) -> None:
    """Right on one process and on two, where the reference cuts results as if each were a sample."""
    answers = on_ranks(world_size, accuracy_of_rank, tmp_path, world_size)
    assert [float(answer["accuracy"]) for answer in answers] == [pytest.approx(500 / 7)] * world_size


@pytest.mark.parametrize("prefix", [None, "mine"])
def test_a_metric_that_reads_a_mapping(prefix: str | None) -> None:
    """The class names the prefix, the configuration may name another."""
    evaluator = Evaluator({"type": "SimpleAccuracyInATest", "prefix": prefix})
    for start in (0, 4):
        batch = {
            "pred_label": SCORES[start : start + 4].argmax(1).numpy(),
            "data_sample": {"gt_label": LABELS[start : start + 4].numpy()},
        }
        evaluator.process(data_samples=batch, data_batch=None)
    assert evaluator.evaluate(7) == {f"{prefix or 'ACC'}/accuracy": pytest.approx(5 / 7)}


def test_offline_results_from_files(tmp_path: Path) -> None:
    """As documented: inputs first, predictions from a file, top 1 and top 5 of the ready metric."""
    predictions = [
        {"pred_score": score, "gt_label": label} for score, label in zip(SCORES, LABELS, strict=True)
    ]
    dumped = Evaluator(metrics=DumpResults(str(tmp_path / "prediction.pkl")))
    dumped.process(data_samples=predictions, data_batch=None)
    assert dumped.evaluate(7) == {}
    data: Sequence[Any] = [{"img": number} for number in range(7)]
    data_samples = load(str(tmp_path / "prediction.pkl"), trust=True)
    evaluator = Evaluator(metrics={"type": "Accuracy", "top_k": (1, 5)})
    results = evaluator.offline_evaluate(data, data_samples, chunk_size=128)
    assert results == {"accuracy/top1": pytest.approx(500 / 7), "accuracy/top5": 100.0}


def test_a_streaming_metric_keeps_nothing_of_a_sample() -> None:
    """After 100,000 samples as much as after one batch, but for eight bytes a sample where indices are told."""
    evaluator = Evaluator({"type": "Accuracy"})
    evaluator.process([SCORES, LABELS])
    (metric,) = evaluator.metrics
    sizes = {name: total.nbytes for name, total in metric.sums.items()}
    for start in range(0, 100_000, 500):
        evaluator.process(
            [torch.zeros(500, 3), torch.zeros(500, dtype=torch.int64)], indices=range(start, start + 500)
        )
    assert {name: total.nbytes for name, total in metric.sums.items()} == sizes
    assert metric.results == []
    assert sum(metric.sums["samples"].flatten().tolist()) == 100_007
