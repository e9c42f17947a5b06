"""The confusion matrix: which class is taken for which. Precision, recall and overlap are functions of it."""

from collections.abc import Mapping
from typing import Any, Unpack, final

import torch

from eng_evaluator.metrics.pair import PairMetric, PairOptions
from eng_evaluator.metrics.predictions import classes_of
from eng_registry import METRICS

#: where counts are read batch by batch: on the CPU that costs nothing, and Metal cannot add up whole numbers otherwise
READ_AT_ONCE = frozenset({"cpu", "mps"})


def confusion(
    predicted: torch.Tensor, true: torch.Tensor, num_classes: int, ignore_index: int | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """How often each class (rows) was taken for each class (columns), from classes of any shape; and how many pairs
    have a class outside of 0..num_classes-1.

    Where the truth is `ignore_index` nothing is counted. Nothing waits for an accelerator: there the caller adds up the
    second and looks at it in the end, with `refuse_outside`.

    >>> confusion(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), num_classes=2)
    (tensor([[1, 1],
            [0, 1]]), tensor(0))

    Raises:
        ValueError: a class is not in 0..num_classes-1, and the classes are on the CPU or on MPS.
    """
    predicted, true = predicted.reshape(-1).long(), true.reshape(-1).long()
    known = (predicted >= 0) & (predicted < num_classes) & (true >= 0) & (true < num_classes)
    cells = torch.where(known, true * num_classes + predicted, num_classes**2)
    if ignore_index is not None:
        cells = torch.where(true == ignore_index, num_classes**2 + 1, cells)
    counts = _histogram(cells, num_classes**2 + 2)
    outside = counts[-2]
    if cells.device.type in READ_AT_ONCE and outside:
        _refuse_classes(predicted, true, num_classes, ignore_index)
    return counts[:-2].reshape(num_classes, num_classes), outside


def refuse_outside(outside: torch.Tensor, num_classes: int) -> None:
    """Raise ValueError if there were pairs with a class that does not exist."""
    if outside:
        raise ValueError(
            f"{int(outside)} pairs of predicted and true class have one outside of 0 to {num_classes - 1}: there are "
            f"{num_classes} classes. Give the right num_classes, or ignore_index to a metric that takes it"
        )


def _histogram(cells: torch.Tensor, size: int) -> torch.Tensor:
    """How often each of 0..size-1 occurs. `bincount` is quick on the CPU, but reads the largest value from a device."""
    if cells.device.type in READ_AT_ONCE:
        return torch.bincount(cells, minlength=size)
    return torch.zeros(size, dtype=torch.int64, device=cells.device).scatter_add_(
        0, cells, torch.ones_like(cells)
    )


def _refuse_classes(
    predicted: torch.Tensor, true: torch.Tensor, num_classes: int, ignore_index: int | None
) -> None:
    counted = torch.ones_like(true, dtype=torch.bool) if ignore_index is None else true != ignore_index
    for classes, which in ((predicted[counted], "predicted"), (true[counted], "true")):
        if not 0 <= int(classes.min()) <= int(classes.max()) < num_classes:
            raise ValueError(
                f"the {which} classes go from {int(classes.min())} to {int(classes.max())}, but there are "
                f"{num_classes}, from 0 to {num_classes - 1}"
            )


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
        matrix, outside = confusion(classes_of(predicted, true), true, classes)
        return {"matrix": matrix, "outside": outside}

    def summarize(self, sums: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        """The matrix as a list of rows."""
        if not sums:
            return {"confusion_matrix": []}
        refuse_outside(sums["outside"], len(sums["matrix"]))
        return {"confusion_matrix": sums["matrix"].tolist()}
