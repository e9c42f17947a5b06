"""Precision, recall and F1: per class, or as one number over all classes."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, Unpack, final

import torch

from eng_evaluator.metrics.confusion import confusion, refuse_outside
from eng_evaluator.metrics.pair import PairMetric, PairOptions
from eng_evaluator.metrics.predictions import classes_of
from eng_registry import METRICS

#: 'macro': the mean over classes; 'weighted': weighted by how often each is true; 'micro': of all samples together
Average: TypeAlias = Literal["macro", "weighted", "micro"]


@final
@METRICS.register_module(gives_way=True)
class PrecisionRecallF1(PairMetric):
    """`precision`, `recall` and `f1` in percent: averaged over classes, or a list of all classes without `average`.

    Precision is the share of samples said to be of a class that are; recall the share of those of a class that are
    said to be; F1 their harmonic mean. 0 where nothing can be divided by. Reads what `Accuracy` reads;
    `num_classes` as in `ConfusionMatrix`. NaN without samples.

    >>> metric = PrecisionRecallF1(num_classes=2)
    >>> metric.process(None, [torch.tensor([0, 1, 1, 1]), torch.tensor([0, 0, 1, 1])])
    >>> {name: round(value, 1) for name, value in metric.evaluate(4).items()}
    {'precision': 83.3, 'recall': 75.0, 'f1': 73.3}
    """

    def __init__(
        self,
        num_classes: int | None = None,
        average: Average | None = "macro",
        **options: Unpack[PairOptions],
    ) -> None:
        super().__init__(**options)
        if average not in ("macro", "weighted", "micro", None):
            raise ValueError(f"average is 'macro', 'weighted', 'micro' or None, but got {average!r}")
        self.num_classes = num_classes
        self.average = average

    def compare(self, predicted: torch.Tensor, true: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """How often each class is said, is true, and is both."""
        classes = self.class_count(self.num_classes, predicted, true)
        matrix, outside = confusion(classes_of(predicted, true), true, classes)
        return {"said": matrix.sum(0), "true": matrix.sum(1), "both": matrix.diagonal(), "outside": outside}

    def summarize(self, sums: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        """The three numbers, or the three lists."""
        if not sums:
            return dict.fromkeys(("precision", "recall", "f1"), float("nan"))
        refuse_outside(sums["outside"], len(sums["said"]))
        counts = {name: sums[name].double() for name in ("said", "true", "both")}
        weights = counts["true"] / counts["true"].sum()
        if self.average == "micro":
            counts = {name: count.sum() for name, count in counts.items()}
        precision, recall = share(counts["both"], counts["said"]), share(counts["both"], counts["true"])
        f1 = share(2 * counts["both"], counts["said"] + counts["true"])
        values = {"precision": 100 * precision, "recall": 100 * recall, "f1": 100 * f1}
        if self.average == "macro":
            values = {name: value.mean() for name, value in values.items()}
        elif self.average == "weighted":
            values = {name: (value * weights).sum() for name, value in values.items()}
        return {name: value.tolist() for name, value in values.items()}


def share(part: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
    """`part / whole`, and 0 where the whole is 0.

    >>> share(torch.tensor([1.0, 0.0]), torch.tensor([4.0, 0.0]))
    tensor([0.2500, 0.0000])
    """
    return torch.where(whole > 0, part / whole.clamp(min=1), torch.zeros_like(part))
