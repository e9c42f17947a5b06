"""The ready metrics give what torchmetrics gives, on random data in batches of random size."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics import classification, regression

from eng_evaluator import (
    Accuracy,
    BaseMetric,
    ConfusionMatrix,
    MeanAbsoluteError,
    MeanIoU,
    MeanSquaredError,
    PrecisionRecallF1,
)

Data = tuple[torch.Tensor, torch.Tensor]


@st.composite
def scores_and_classes(draw: st.DrawFn) -> tuple[Data, list[int]]:
    """Scores (N, C), true classes (N,) and where the batches are cut."""
    samples, classes = draw(st.integers(1, 60)), draw(st.integers(2, 6))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    data = (
        torch.rand(samples, classes, generator=generator),
        torch.randint(0, classes, (samples,), generator=generator),
    )
    return data, sorted(draw(st.lists(st.integers(0, samples), max_size=4)))


def both(metric: BaseMetric, theirs: Any, data: Data, cuts: list[int]) -> tuple[dict[str, Any], torch.Tensor]:
    """What ours and theirs say of the same batches."""
    for predicted, true in zip(*(tensor.tensor_split(cuts) for tensor in data), strict=True):
        if len(true):
            metric.process(None, [predicted, true])
            theirs.update(predicted, true)
    return metric.evaluate(len(data[1])), theirs.compute()


@settings(deadline=None, max_examples=25)
@given(scores_and_classes(), st.integers(1, 2))
def test_accuracy(drawn: tuple[Data, list[int]], top_k: int) -> None:
    """Over all samples, of the best and the two best classes."""
    classes = drawn[0][0].shape[1]
    theirs = classification.MulticlassAccuracy(classes, top_k=top_k, average="micro")
    ours, expected = both(Accuracy(top_k=top_k), theirs, *drawn)
    assert ours["accuracy"] == pytest.approx(100 * expected.item())


@settings(deadline=None, max_examples=25)
@given(scores_and_classes())
def test_confusion_matrix(drawn: tuple[Data, list[int]]) -> None:
    """Exactly."""
    theirs = classification.MulticlassConfusionMatrix(drawn[0][0].shape[1])
    ours, expected = both(ConfusionMatrix(), theirs, *drawn)
    assert ours == {"confusion_matrix": expected.tolist()}


@pytest.mark.parametrize("average", ["micro", "weighted", None])
@settings(deadline=None, max_examples=25)
@given(drawn=scores_and_classes())
def test_precision_recall_f1(average: Any, drawn: tuple[Data, list[int]]) -> None:
    """Each of the three. (Of classes that do not occur, torchmetrics leaves the mean out; ours counts them 0.)"""
    classes = drawn[0][0].shape[1]
    for name, kind in (
        ("precision", classification.MulticlassPrecision),
        ("recall", classification.MulticlassRecall),
        ("f1", classification.MulticlassF1Score),
    ):
        ours, expected = both(PrecisionRecallF1(average=average), kind(classes, average=average), *drawn)
        assert ours[name] == pytest.approx((100 * expected).tolist(), rel=1e-5)


@settings(deadline=None, max_examples=25)
@given(scores_and_classes())
def test_mean_iou(drawn: tuple[Data, list[int]]) -> None:
    """The Jaccard index of the classes; those that do not occur are not a number in ours, 0 in theirs."""
    classes = drawn[0][0].shape[1]
    theirs = classification.MulticlassJaccardIndex(classes, average=None, ignore_index=255)
    said = drawn[0][0].argmax(1), drawn[0][1]
    ours, expected = both(MeanIoU(num_classes=classes), theirs, said, drawn[1])
    assert torch.tensor(ours["IoU"]).nan_to_num().tolist() == pytest.approx(
        (100 * expected).tolist(), rel=1e-5
    )


@pytest.mark.parametrize(
    ("metric", "theirs"),
    [(MeanAbsoluteError, regression.MeanAbsoluteError), (MeanSquaredError, regression.MeanSquaredError)],
)
@settings(deadline=None, max_examples=25)
@given(drawn=scores_and_classes())
def test_errors_of_numbers(metric: Any, theirs: Any, drawn: tuple[Data, list[int]]) -> None:
    """Of several numbers a sample."""
    data = drawn[0][0].double(), drawn[0][0].double().roll(1, 0)
    ours, expected = both(metric(), theirs(), data, drawn[1])
    (value,) = ours.values()
    assert value == pytest.approx(expected.item(), rel=1e-5)
