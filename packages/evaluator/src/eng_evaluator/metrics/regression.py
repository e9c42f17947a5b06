"""How far predicted numbers are from the true ones."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, final

import torch

from eng_evaluator.errors import PredictionError
from eng_evaluator.metrics.pair import PairMetric
from eng_evaluator.streaming import exact_type
from eng_registry import METRICS


class MeanError(PairMetric):
    """The mean over all numbers of all samples of a function of the difference."""

    predictions = ("pred_value",)
    truth = "gt_value"
    name: str

    @abstractmethod
    def error(self, difference: torch.Tensor) -> torch.Tensor:
        """The error of each difference, of its shape."""

    def compare(self, predicted: torch.Tensor, true: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """The sum of the errors, and how many there are."""
        if predicted.shape != true.shape:
            raise PredictionError(
                f"predictions of shape {tuple(predicted.shape)} cannot be compared with {tuple(true.shape)}"
            )
        exact = exact_type(predicted)
        errors = self.error(predicted.to(exact) - true.to(exact))
        return {"sum": errors.sum(), "count": torch.tensor(errors.numel())}

    def summarize(self, sums: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        """The mean; NaN without samples."""
        return {self.name: float(sums["sum"] / sums["count"]) if sums else float("nan")}


@final
@METRICS.register_module(gives_way=True)
class MeanAbsoluteError(MeanError):
    """`mae`: the mean of |prediction - truth| over all numbers.

    Reads two tensors of one shape as a tuple, or samples with ``pred_value`` and ``gt_value``.

    >>> metric = MeanAbsoluteError()
    >>> metric.process(None, [torch.tensor([1.0, 2.0]), torch.tensor([2.0, 4.0])])
    >>> metric.evaluate(2)
    {'mae': 1.5}
    """

    name = "mae"

    def error(self, difference: torch.Tensor) -> torch.Tensor:
        """Its size."""
        return difference.abs()


@final
@METRICS.register_module(gives_way=True)
class MeanSquaredError(MeanError):
    """`mse`: the mean of (prediction - truth) squared over all numbers. Reads what `MeanAbsoluteError` reads.

    >>> metric = MeanSquaredError()
    >>> metric.process(None, [torch.tensor([1.0, 2.0]), torch.tensor([2.0, 4.0])])
    >>> metric.evaluate(2)
    {'mse': 2.5}
    """

    name = "mse"

    def error(self, difference: torch.Tensor) -> torch.Tensor:
        """Its square."""
        return difference.square()
