"""The evaluator: several metrics that look at the same predictions."""

from collections.abc import Mapping, Sequence
from typing import Any

from eng_evaluator.errors import DuplicateMetricError
from eng_evaluator.metric import BaseMetric
from eng_evaluator.offline import chunks, in_either_order, transposed
from eng_registry import EVALUATOR, METRICS
from eng_structures import BaseDataElement


@EVALUATOR.register_module()
class Evaluator:
    """Hands predictions to `metrics`, one metric or several, as objects or as mappings that METRICS builds.

    A metric is anything with `dataset_meta`, ``process(data_batch, data_samples)`` and ``evaluate(size)``.

    >>> evaluator = Evaluator({'type': 'Accuracy'})
    >>> evaluator.offline_evaluate([{'pred_label': 1, 'gt_label': 1}, {'pred_label': 0, 'gt_label': 2}])
    {'accuracy': 50.0}
    """

    def __init__(self, metrics: Mapping[str, Any] | Any | Sequence[Any]) -> None:
        several = isinstance(metrics, Sequence) and not isinstance(metrics, str)
        self.metrics: list[Any] = [_metric(one) for one in (metrics if several else [metrics])]
        self._dataset_meta: dict[str, Any] | None = None

    @property
    def dataset_meta(self) -> dict[str, Any] | None:
        """What is known of the data set as a whole; setting it tells all metrics."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict[str, Any] | None) -> None:
        self._dataset_meta = dataset_meta
        for metric in self.metrics:
            metric.dataset_meta = dataset_meta

    def process(
        self, data_samples: Any, data_batch: Any = None, *, indices: Sequence[int] | None = None
    ) -> None:
        """Let every metric see one batch: what the model predicted, and what the loader gave.

        Predictions come as a list, data elements in it as dicts; a mapping is passed as it is. `indices` are those
        of the samples in the batch (a `Loader` knows them): with them each sample counts exactly once even where a
        sampler repeats some to fill up the ranks.
        """
        if not isinstance(data_samples, Mapping):
            data_samples = [
                sample.to_dict() if isinstance(sample, BaseDataElement) else sample for sample in data_samples
            ]
        for metric in self.metrics:
            metric.process(data_batch, data_samples)
            if indices is not None and isinstance(metric, BaseMetric):
                metric.attribute(indices)

    def evaluate(self, size: int) -> dict[str, Any]:
        """The numbers of all metrics for the `size` samples of the data set, the same on every rank.

        Raises:
            DuplicateMetricError: two metrics return the same name.
        """
        metrics: dict[str, Any] = {}
        for metric in self.metrics:
            for name, value in metric.evaluate(size).items():
                if name in metrics:
                    raise DuplicateMetricError(
                        f"two metrics return `{name}`, the second is {type(metric).__name__}; "
                        "give them different prefixes: prefix='...'"
                    )
                metrics[name] = value
        return metrics

    def offline_evaluate(
        self, data_samples: Sequence[Any], data: Sequence[Any] | None = None, chunk_size: int = 1
    ) -> dict[str, Any]:
        """The numbers for predictions that were made before, `chunk_size` samples at a time.

        `data` are the inputs, one per prediction, for metrics that look at them. They may also be given first, as
        in ``offline_evaluate(data, data_samples)``, where predictions are data elements or dicts with ``pred_...``.

        Raises:
            AssertionError: there are not as many inputs as predictions.
        """
        data_samples, data = in_either_order(data_samples, data)
        size = 0
        for samples, inputs in chunks(data_samples, data, chunk_size):
            size += len(samples)
            self.process(samples, transposed(inputs) if inputs is not None else None)
        return self.evaluate(size)


def _metric(metric: Any) -> Any:
    return METRICS.build(metric) if isinstance(metric, Mapping) else metric
