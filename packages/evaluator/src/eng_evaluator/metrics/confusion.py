"""The confusion matrix: which class is taken for which. Precision, recall and overlap are functions of it."""

from collections.abc import Mapping
from typing import Any, Unpack, final

import torch

from eng_evaluator.metrics.pair import PairMetric, PairOptions
from eng_evaluator.metrics.predictions import classes_of
from eng_registry import METRICS


def confusion(
    predicted: torch.Tensor, true: torch.Tensor, num_classes: int, ignore_index: int | None = None
) -> torch.Tensor:
    """How often each class (rows) was taken for each class (columns), from classes of any shape.

    Where the truth is `ignore_index` nothing is counted.

    >>> confusion(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), num_classes=2)
    tensor([[1, 1],
            [0, 1]])

    Raises:
        ValueError: a class is not in 0..num_classes-1.
    """
    predicted, true = predicted.reshape(-1).long(), true.reshape(-1).long()
    if ignore_index is not None:
        counted = true != ignore_index
        predicted, true = predicted[counted], true[counted]
    for classes, which in ((predicted, "predicted"), (true, "true")):
        if classes.numel() and not 0 <= int(classes.min()) <= int(classes.max()) < num_classes:
            raise ValueError(
                f"the {which} classes go from {int(classes.min())} to {int(classes.max())}, but there are "
                f"{num_classes}, from 0 to {num_classes - 1}"
            )
    counts = torch.bincount(true * num_classes + predicted, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


@final
@METRICS.register_module(gives_way=True)
class ConfusionMatrix(PairMetric):
    """`confusion_matrix`: a list with a row for each true class, with how often it was taken for each class.

    Reads what `Accuracy` reads. `num_classes` is needed where neither the data set's metainfo has ``classes`` nor
    the predictions are scores. An empty list without samples.

    >>> metric = ConfusionMatrix(num_classes=2)
    >>> metric.process(None, [torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1])])
    >>> metric.evaluate(3)
    {'confusion_matrix': [[1, 1], [0, 1]]}
    """

    def __init__(self, num_classes: int | None = None, **options: Unpack[PairOptions]) -> None:
        super().__init__(**options)
        self.num_classes = num_classes

    def compare(self, predicted: torch.Tensor, true: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """The matrix of one batch."""
        classes = self.class_count(self.num_classes, predicted, true)
        return {"matrix": confusion(classes_of(predicted, true), true, classes)}

    def summarize(self, sums: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        """The matrix as a list of rows."""
        return {"confusion_matrix": sums["matrix"].tolist() if sums else []}
