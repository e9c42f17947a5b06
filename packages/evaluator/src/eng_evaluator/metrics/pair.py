"""PairMetric: what the ready metrics have in common; they compare a prediction with the truth."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, TypedDict

import torch

from eng_evaluator.metrics.predictions import flat, pairs
from eng_evaluator.streaming import StreamingMetric


class PairOptions(TypedDict, total=False):
    """What every ready metric can be told: under which keys samples hold the pair, and what a BaseMetric is told."""

    pred_key: str | None
    gt_key: str | None
    collect_device: str
    prefix: str | None
    collect_dir: str | None


class PairMetric(StreamingMetric):
    """A streaming metric of pairs: of a batch as (predictions, truth), or of samples that hold both."""

    default_prefix: ClassVar[str | None] = ""
    #: the keys of a sample that may hold the prediction, the first that is present counts; and that of the truth
    predictions: tuple[str, ...] = ("pred_score", "pred_label")
    truth: str = "gt_label"
    #: whether samples have maps of different sizes, whose pixels are put in one row
    flattened: ClassVar[bool] = False

    def __init__(
        self,
        *,
        pred_key: str | None = None,
        gt_key: str | None = None,
        collect_device: str = "cpu",
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix, collect_dir)
        if pred_key is not None:
            self.predictions = (pred_key,)
        if gt_key is not None:
            self.truth = gt_key

    @abstractmethod
    def compare(self, predicted: torch.Tensor, true: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """The statistics of a batch of pairs, whose first dimension is the sample."""

    def measure(self, data_batch: Any, data_samples: Any) -> Mapping[str, torch.Tensor]:
        """The statistics of one batch."""
        join = flat if self.flattened else torch.stack
        return self.compare(*pairs(data_samples, predictions=self.predictions, truth=self.truth, join=join))

    def class_count(self, given: int | None, predicted: torch.Tensor, true: torch.Tensor) -> int:
        """How many classes there are: as given, as in the data set's metainfo, or as there are scores."""
        if given is not None:
            return given
        if self.dataset_meta is not None and "classes" in self.dataset_meta:
            return len(self.dataset_meta["classes"])
        if predicted.ndim == true.ndim + 1:
            return predicted.shape[1]
        raise TypeError(
            f"{type(self).__name__} does not know how many classes there are: give num_classes=..., or let the data "
            "set say `classes` in its metainfo"
        )
