"""Tests of `eng_evaluator.metrics.pair` and `predictions`: where the pairs come from, and what is refused."""

from typing import Any

import numpy as np
import pytest
import torch

from eng_evaluator import Accuracy, ConfusionMatrix, Evaluator, MeanAbsoluteError, MeanIoU, PredictionError
from eng_structures import BaseDataElement, LabelData, PixelData

SCORES = torch.tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
TRUE = torch.tensor([1, 1, 1])


def elements() -> list[Any]:
    """Data elements with scores and labels in the ways that classification libraries write them."""
    samples = []
    for score, label in zip(SCORES, TRUE, strict=True):
        sample = BaseDataElement()
        sample.pred_score = score
        sample.gt_label = LabelData(label=label.reshape(1))
        samples.append(sample)
    return samples


@pytest.mark.parametrize(
    "samples",
    [
        (SCORES, TRUE),
        [SCORES, TRUE],
        (SCORES.numpy(), TRUE.numpy()),
        (SCORES.argmax(1), TRUE),
        {"pred_score": SCORES, "gt_label": TRUE},
        [{"pred_score": score, "gt_label": int(label)} for score, label in zip(SCORES, TRUE, strict=True)],
        [{"pred_label": [int(score.argmax())], "gt_label": np.array([1])} for score in SCORES],
        elements(),
    ],
    ids=["tuple", "list", "arrays", "labels", "dict", "samples", "label samples", "elements"],
)
def test_pairs_come_in_many_ways(samples: Any) -> None:
    """All of which a model may return."""
    evaluator = Evaluator(Accuracy())
    evaluator.process(samples)
    assert evaluator.evaluate(3) == {"accuracy": pytest.approx(200 / 3)}


def test_keys_may_be_others() -> None:
    """Those of the user's samples."""
    metric = Accuracy(pred_key="guess", gt_key="answer")
    metric.process(None, [{"guess": 1, "answer": 1}, {"guess": 0, "answer": 1}])
    assert metric.evaluate(2) == {"accuracy": 50.0}


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (
            [{"score": 1}],
            "a sample needs `pred_score` or `pred_label` and `gt_label`, but this one has score",
        ),
        ({"pred_label": TRUE}, "but this one has pred_label"),
        (["a", "b"], "but the model returned a list of 2: str, str"),
        ([SCORES], "but the model returned a list of 1: Tensor"),
        ([], "but the model returned a list of 0: nothing"),
    ],
)
def test_what_holds_no_pair_is_refused(samples: Any, message: str) -> None:
    """The message says what there is, and how to name other keys."""
    with pytest.raises(PredictionError, match=message):
        Accuracy().process(None, samples)


def test_shapes_that_do_not_belong_together() -> None:
    """Neither classes nor scores of classes."""
    with pytest.raises(PredictionError, match=r"shape \(3, 2\) cannot be compared with \(2,\)"):
        ConfusionMatrix(num_classes=2).process(None, [SCORES, TRUE[:2]])
    with pytest.raises(PredictionError, match=r"shape \(3, 1\) cannot be compared with \(3,\)"):
        MeanAbsoluteError().process(None, [torch.zeros(3, 1), torch.zeros(3)])
    with pytest.raises(PredictionError, match="top 3 needs scores of shape"):
        Accuracy(top_k=3).process(None, [SCORES, TRUE])


@pytest.mark.parametrize("top_k", [0, (), (1, 0)])
def test_top_of_nothing(top_k: Any) -> None:
    """At least one class, at least one k."""
    with pytest.raises(ValueError, match="top_k is one or more"):
        Accuracy(top_k)


def test_how_many_classes_there_are() -> None:
    """As given, as the data set says, as there are scores; else that is asked for."""
    labels = [torch.tensor([1]), torch.tensor([1])]
    for metric, samples, size in (
        (ConfusionMatrix(num_classes=4), labels, 4),
        (ConfusionMatrix(), [SCORES, TRUE], 2),
    ):
        metric.process(None, samples)
        assert len(metric.evaluate(1)["confusion_matrix"]) == size
    metric = ConfusionMatrix()
    with pytest.raises(TypeError, match="does not know how many classes there are"):
        metric.process(None, labels)
    metric.dataset_meta = {"classes": ("a", "b", "c")}
    metric.process(None, labels)
    assert len(metric.evaluate(1)["confusion_matrix"]) == 3


def test_classes_beyond_the_last() -> None:
    """They are not counted for another class in silence."""
    with pytest.raises(
        ValueError, match="the predicted classes go from 2 to 2, but there are 2, from 0 to 1"
    ):
        ConfusionMatrix(num_classes=2).process(None, [torch.tensor([2]), torch.tensor([0])])
    with pytest.raises(ValueError, match="the true classes go from -1 to 1"):
        ConfusionMatrix(num_classes=2).process(None, [torch.tensor([0, 1]), torch.tensor([-1, 1])])


def test_maps_of_different_sizes() -> None:
    """One per sample, as pixel data; what is to be ignored is."""
    samples = []
    for height, width, ignored in ((2, 3, 0), (4, 1, 2)):
        true = torch.zeros(1, height, width, dtype=torch.long)
        true.view(-1)[:ignored] = 255
        sample = BaseDataElement()
        sample.pred_sem_seg = PixelData(data=torch.zeros(1, height, width, dtype=torch.long))
        sample.gt_sem_seg = PixelData(data=true)
        samples.append(sample)
    evaluator = Evaluator(MeanIoU(num_classes=2))
    evaluator.process(samples)
    result = evaluator.evaluate(2)
    assert result["mIoU"] == result["aAcc"] == 100.0
    assert result["IoU"][0] == 100.0


def test_scores_of_pixels() -> None:
    """Shape (N, C, H, W): the best class of each pixel counts."""
    metric = MeanIoU(ignore_index=None)
    metric.process(None, [torch.eye(3).reshape(1, 3, 3, 1), torch.tensor([[[0], [1], [2]]])])
    assert metric.evaluate(1)["mIoU"] == 100.0
