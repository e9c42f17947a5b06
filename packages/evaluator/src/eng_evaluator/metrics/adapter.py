"""TorchMetric: any metric of the torchmetrics library, gathered the way ours are. Needs the extra `torchmetrics`."""

import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, ClassVar, NoReturn, Protocol, final

import torch

from eng_evaluator.gather import answer_all, gather_parts
from eng_evaluator.ledger import Ledger, report_coverage
from eng_evaluator.metric import BaseMetric
from eng_evaluator.metrics.predictions import pairs
from eng_registry import METRICS


class TorchMetricsMetric(Protocol):
    """What is asked of a metric of torchmetrics."""

    distributed_available_fn: Any

    @property
    def update_count(self) -> int: ...
    def update(self, preds: torch.Tensor, target: torch.Tensor) -> None: ...
    def compute(self) -> Any: ...
    def reset(self) -> None: ...
    def merge_state(self, incoming_state: Any) -> None: ...
    def to(self, device: Any) -> Any: ...
    def clone(self) -> Any: ...


@final
@METRICS.register_module(gives_way=True)
class TorchMetric(BaseMetric):
    """A metric of torchmetrics: `metric` is one, or ``dict(type='MulticlassAccuracy', num_classes=10)``.

    It is updated with predictions and truth, read as by `Accuracy`, from the sample keys `pred_key` and `gt_key` where
    there are samples. States are merged on the main process; ranks that saw no sample take part. The result is
    called after the metric's class in lower case (``multiclass_accuracy``), or by `name`; a result that is a dict
    keeps its names.

    Raises:
        ImportError: torchmetrics is not installed, and `metric` is a mapping.
    """

    default_prefix: ClassVar[str | None] = ""

    def __init__(
        self,
        metric: TorchMetricsMetric | Mapping[str, Any],
        *,
        name: str | None = None,
        pred_key: str = "pred_score",
        gt_key: str = "gt_label",
        collect_device: str = "cpu",
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix, collect_dir)
        self.metric: TorchMetricsMetric = _built(metric) if isinstance(metric, Mapping) else metric
        self.name = name or snake_case(type(self.metric).__name__)
        self.pred_key = pred_key
        self.gt_key = gt_key

    def process(self, data_batch: Any, data_samples: Sequence[Any]) -> None:
        """Update the metric with one batch, on the device of the predictions."""
        predicted, true = pairs(data_samples, predictions=(self.pred_key, "pred_label"), truth=self.gt_key)
        self.metric = self.metric.to(predicted.device)
        self.metric.update(predicted, true)

    def evaluate(self, size: int) -> dict[str, Any]:
        """The numbers for all samples, the same on every rank; resets the metric."""
        part = self.metric.clone().to("cpu") if self.metric.update_count else None, self._ledger
        self.metric.reset()
        self._ledger = Ledger()
        parts = gather_parts(part, device=self.collect_device, folder=self.collect_dir)
        return answer_all(lambda: self._named(self._merged(parts or [part], size)))

    def compute_metrics(self, results: list[Any]) -> NoReturn:
        """Not the way of this metric: it stores no results."""
        raise TypeError("TorchMetric is computed from the metric's state: call evaluate")

    def _merged(self, parts: Sequence[tuple[Any, Ledger]], size: int) -> dict[str, Any]:
        report_coverage([ledger for _, ledger in parts], size, self.name)
        updated = [metric for metric, _ in parts if metric is not None]
        if not updated:
            return {self.name: float("nan")}
        whole = _by_itself(updated[0])
        for other in updated[1:]:
            whole.merge_state(other)
        result = whole.compute()
        if isinstance(result, Mapping):
            return {name: _plain(value) for name, value in result.items()}
        return {self.name: _plain(result)}


def _by_itself(metric: Any) -> Any:
    """The metric, computing from what it has: alone on the main process, it would wait for the other ranks."""
    for part in metric.modules() if isinstance(metric, torch.nn.Module) else [metric]:
        part.distributed_available_fn = _not_distributed
    return metric


def _not_distributed() -> bool:
    return False


def snake_case(name: str) -> str:
    """A class name as the name of a number.

    >>> snake_case('MulticlassF1Score'), snake_case('BLEUScore')
    ('multiclass_f1_score', 'bleu_score')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, torch.Tensor) else value


def _built(spec: Mapping[str, Any]) -> Any:
    arguments = {key: spec[key] for key in spec}
    kind = arguments.pop("type")
    if not isinstance(kind, str):
        return kind(**arguments)
    try:
        library = import_module("torchmetrics")
    except ImportError as error:
        raise ImportError(
            "torchmetrics is not installed: pip install 'eng-evaluator[torchmetrics]'", name="torchmetrics"
        ) from error
    domains = ["", ".classification", ".regression", ".segmentation", ".detection", ".image", ".text"]
    for domain in domains:
        try:
            found = getattr(import_module(f"torchmetrics{domain}"), kind, None)
        except ImportError:  # a domain may want libraries that are not here
            continue
        if found is not None:
            return found(**arguments)
    raise ValueError(f"torchmetrics {library.__version__} has no metric {kind!r}")
