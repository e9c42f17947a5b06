"""Accuracy: how many of a hundred samples are told correctly."""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack, final

import torch

from eng_evaluator.errors import PredictionError
from eng_evaluator.metrics.pair import PairMetric, PairOptions
from eng_registry import METRICS


@final
@METRICS.register_module(gives_way=True)
class Accuracy(PairMetric):
    """The share of samples whose true class is the predicted one, or among the `top_k` best, in percent.

    Reads scores of shape (N, C) or classes of shape (N,), and the true classes of shape (N,): as a tuple of two
    tensors, or from samples with ``pred_score`` or ``pred_label``, and ``gt_label``. One `top_k` gives `accuracy`,
    several give `accuracy/top1`, `accuracy/top5`, ... NaN without samples.

    >>> metric = Accuracy()
    >>> metric.process(None, [torch.tensor([[0.1, 0.9], [0.8, 0.2]]), torch.tensor([1, 1])])
    >>> metric.evaluate(2)
    {'accuracy': 50.0}
    """

    def __init__(self, top_k: int | Sequence[int] = 1, **options: Unpack[PairOptions]) -> None:
        super().__init__(**options)
        several = {k: f"accuracy/top{k}" for k in top_k} if isinstance(top_k, Sequence) else None
        self.names: dict[int, str] = {int(top_k): "accuracy"} if several is None else several  # type: ignore[arg-type]
        if not self.names or min(self.names) < 1:
            raise ValueError(f"top_k is one or more numbers of classes from 1 on, but got {top_k!r}")

    def compare(self, predicted: torch.Tensor, true: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """How many samples there are, and how many are correct for each k."""
        correct = self._best_classes(predicted) == true.reshape(-1, 1)
        counts = {name: correct[:, :k].sum() for k, name in self.names.items()}
        return {"samples": torch.tensor(len(true)), **counts}

    def summarize(self, sums: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        """Percent of all samples."""
        samples = int(sums["samples"]) if sums else 0
        return {
            name: 100 * int(sums[name]) / samples if samples else float("nan") for name in self.names.values()
        }

    def _best_classes(self, predicted: torch.Tensor) -> torch.Tensor:
        """The classes of each sample, the best first: shape (N, largest k)."""
        most = max(self.names)
        if predicted.ndim == 1 and most == 1:
            return predicted.reshape(-1, 1)
        if predicted.ndim != 2 or predicted.shape[1] < most:
            raise PredictionError(
                f"top {most} needs scores of shape (N, C) with C of {most} or more, "
                f"but the shape is {tuple(predicted.shape)}"
            )
        if most == 1:
            return predicted.argmax(1, keepdim=True)
        return predicted.topk(most, dim=1).indices
