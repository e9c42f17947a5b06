"""Overlap of regions: mean intersection over union, the measure of semantic segmentation."""

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack, final

import torch

from eng_evaluator.metrics.confusion import confusion, refuse_outside
from eng_evaluator.metrics.pair import PairMetric, PairOptions
from eng_evaluator.metrics.predictions import classes_of
from eng_registry import METRICS


@final
@METRICS.register_module(gives_way=True)
class MeanIoU(PairMetric):
    """`mIoU`, `mAcc` and `aAcc` in percent, and `IoU`, the list of all classes.

    For each class, IoU is the number of pixels where it is both said and true, over those where it is said or true;
    accuracy is over those where it is true. The means are over the classes that occur (the others are NaN in the
    list); aAcc is over all pixels. Pixels whose truth is `ignore_index` do not count.

    Reads scores (N, C, H, W) or classes (N, H, W) and true classes (N, H, W) as a tuple, or from samples, whose maps
    may be of different sizes, with ``pred_sem_seg`` and ``gt_sem_seg``; `num_classes` as in `ConfusionMatrix`.

    >>> metric = MeanIoU(num_classes=2)
    >>> metric.process(None, [torch.tensor([[[0, 1], [1, 1]]]), torch.tensor([[[0, 0], [1, 255]]])])
    >>> metric.evaluate(1)
    {'mIoU': 50.0, 'mAcc': 75.0, 'aAcc': 66.66666666666667, 'IoU': [50.0, 50.0]}
    """

    predictions = ("pred_sem_seg",)
    truth = "gt_sem_seg"
    flattened: ClassVar[bool] = True

    def __init__(
        self,
        num_classes: int | None = None,
        ignore_index: int | None = 255,
        **options: Unpack[PairOptions],
    ) -> None:
        super().__init__(**options)
        self.num_classes = num_classes
        self.ignore_index = ignore_index

    def compare(self, predicted: torch.Tensor, true: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """How many pixels of each class are said, true, and both."""
        classes = self.class_count(self.num_classes, predicted, true)
        matrix, outside = confusion(classes_of(predicted, true), true, classes, self.ignore_index)
        return {"said": matrix.sum(0), "true": matrix.sum(1), "both": matrix.diagonal(), "outside": outside}

    def summarize(self, sums: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        """Means and list; NaN where there is nothing to divide by."""
        if not sums:
            return {**dict.fromkeys(("mIoU", "mAcc", "aAcc"), float("nan")), "IoU": []}
        refuse_outside(sums["outside"], len(sums["said"]))
        said, true, both = (sums[name].double() for name in ("said", "true", "both"))
        overlap, accuracy = 100 * both / (said + true - both), 100 * both / true
        return {
            "mIoU": float(overlap.nanmean()),
            "mAcc": float(accuracy.nanmean()),
            "aAcc": float(100 * both.sum() / true.sum()),
            "IoU": overlap.tolist(),
        }
