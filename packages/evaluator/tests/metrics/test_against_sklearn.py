"""The ready metrics give what scikit-learn gives, on random data in batches of random size."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn

from eng_evaluator import (
    Accuracy,
    BaseMetric,
    ConfusionMatrix,
    MeanAbsoluteError,
    MeanIoU,
    MeanSquaredError,
    PrecisionRecallF1,
)

CLASSES = 7


def evaluated(metric: BaseMetric, predicted: torch.Tensor, true: torch.Tensor) -> dict[str, Any]:
    """In batches of 1 to 40 samples."""
    generator = torch.Generator().manual_seed(0)
    start = 0
    while start < len(true):
        end = start + int(torch.randint(1, 40, (), generator=generator))
        metric.process(None, [predicted[start:end], true[start:end]])
        start = end
    return metric.evaluate(len(true))


@pytest.fixture(params=range(3))
def scores_and_classes(request: pytest.FixtureRequest) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores of 500 samples, which are right more often than not, and classes, one of which never occurs."""
    generator = torch.Generator().manual_seed(request.param)
    true = torch.randint(0, CLASSES - 1, (500,), generator=generator)
    scores = torch.rand(500, CLASSES, generator=generator)
    scores[torch.arange(500), true] += 0.4
    return scores, true


Data = tuple[torch.Tensor, torch.Tensor]


def test_accuracy(scores_and_classes: Data) -> None:
    """Of the best and of the three best classes, in percent."""
    scores, true = scores_and_classes
    result = evaluated(Accuracy(top_k=(1, 3)), scores, true)
    assert result["accuracy/top1"] == pytest.approx(100 * sklearn.accuracy_score(true, scores.argmax(1)))
    three = sklearn.top_k_accuracy_score(true, scores, k=3, labels=range(CLASSES))
    assert result["accuracy/top3"] == pytest.approx(100 * three)


def test_confusion_matrix(scores_and_classes: Data) -> None:
    """Exactly, also for the class that never occurs."""
    scores, true = scores_and_classes
    expected = sklearn.confusion_matrix(true, scores.argmax(1), labels=range(CLASSES))
    assert evaluated(ConfusionMatrix(), scores, true) == {"confusion_matrix": expected.tolist()}


@pytest.mark.parametrize("average", ["macro", "weighted", "micro", None])
def test_precision_recall_f1(scores_and_classes: Data, average: Any) -> None:
    """In percent, 0 where nothing can be divided by."""
    scores, true = scores_and_classes
    result = evaluated(PrecisionRecallF1(average=average), scores, true)
    expected = sklearn.precision_recall_fscore_support(
        true, scores.argmax(1), labels=range(CLASSES), average=average, zero_division=0
    )
    for name, value in zip(("precision", "recall", "f1"), expected, strict=False):
        assert result[name] == pytest.approx((100 * np.asarray(value)).tolist())


def test_mean_iou(scores_and_classes: Data) -> None:
    """The Jaccard index of each class that occurs."""
    scores, true = scores_and_classes
    said = scores.argmax(1)
    result = evaluated(MeanIoU(num_classes=CLASSES), said, true)
    expected = 100 * sklearn.jaccard_score(true, said, labels=range(CLASSES), average=None)
    assert result["IoU"] == pytest.approx(expected.tolist())
    assert result["mIoU"] == pytest.approx(expected.mean())
    assert result["aAcc"] == pytest.approx(100 * sklearn.accuracy_score(true, said))
    recall = sklearn.recall_score(true, said, labels=range(CLASSES - 1), average="macro")
    assert result["mAcc"] == pytest.approx(100 * recall)


@pytest.mark.parametrize("shape", [(500,), (500, 3)], ids=str)
def test_errors_of_numbers(shape: tuple[int, ...]) -> None:
    """Of one number or several per sample."""
    predicted, true = np.random.default_rng(0).normal(size=(2, *shape))
    tensors = torch.from_numpy(predicted), torch.from_numpy(true)
    absolute, squared = (evaluated(metric, *tensors) for metric in (MeanAbsoluteError(), MeanSquaredError()))
    assert absolute == {"mae": pytest.approx(sklearn.mean_absolute_error(true, predicted))}
    assert squared == {"mse": pytest.approx(sklearn.mean_squared_error(true, predicted))}


@pytest.mark.parametrize(
    "metric", [Accuracy(), PrecisionRecallF1(), MeanIoU(), MeanAbsoluteError(), MeanSquaredError()], ids=repr
)
def test_without_samples_numbers_are_nan(metric: BaseMetric) -> None:
    """An evaluation of nothing has no result, and does not fail."""
    numbers = [value for value in metric.evaluate(0).values() if value != []]
    assert numbers
    assert all(math.isnan(value) for value in numbers)


def test_without_samples_there_is_no_matrix() -> None:
    """Its size is not known."""
    assert ConfusionMatrix().evaluate(0) == {"confusion_matrix": []}
