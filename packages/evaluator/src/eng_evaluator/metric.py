"""BaseMetric: what a metric is, and how the results of all ranks become its numbers.

Two ways to write one. A `BaseMetric` keeps a list of results and computes from all of them. A
`StreamingMetric` (in `streaming`) keeps sums, for any number of samples in the same memory.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from eng_evaluator.gather import answer_all, gather_parts, to_cpu
from eng_evaluator.ledger import Ledger, Part, merge

logger = logging.getLogger(__name__)


class BaseMetric(ABC):
    """Stores results batch by batch in `results`, then computes numbers from those of all ranks.

    `prefix`, or the class's ``default_prefix``, comes before the names of the numbers: ``prefix/name``; an
    empty `default_prefix` says that none is wanted. `collect_device` is where results travel between ranks
    ('cpu', 'gpu'); `collect_dir` a folder that all ranks see, to let them travel in files.

    >>> class Mean(BaseMetric):
    ...     default_prefix = 'all'
    ...     def process(self, data_batch, data_samples):
    ...         self.results.extend(data_samples)
    ...     def compute_metrics(self, results):
    ...         return {'mean': sum(results) / len(results)}
    >>> metric = Mean()
    >>> metric.process(None, [1, 2])
    >>> metric.process(None, [6])
    >>> metric.evaluate(3)
    {'all/mean': 3.0}

    Raises:
        ValueError: `collect_dir` is given, but results do not travel through the CPU.
    """

    default_prefix: ClassVar[str | None] = None

    def __init__(
        self, collect_device: str = "cpu", prefix: str | None = None, collect_dir: str | None = None
    ) -> None:
        if collect_dir is not None and collect_device != "cpu":
            raise ValueError(
                f"collect_dir={collect_dir!r} is for collect_device='cpu', but collect_device is {collect_device!r}"
            )
        self.collect_device = collect_device
        self.collect_dir = collect_dir
        self.prefix = prefix or self.default_prefix
        self.results: list[Any] = []
        self._dataset_meta: dict[str, Any] | None = None
        self._ledger = Ledger()
        if self.prefix is None:
            logger.warning(
                "%s has no prefix, so its names may meet those of another metric: set `prefix` or `default_prefix`.",
                type(self).__name__,
            )

    @property
    def dataset_meta(self) -> dict[str, Any] | None:
        """What is known of the data set as a whole, its classes for example; set by the evaluator."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict[str, Any] | None) -> None:
        self._dataset_meta = dataset_meta

    @abstractmethod
    def process(self, data_batch: Any, data_samples: Sequence[Any]) -> None:
        """Store in `results` what one batch contributes.

        `data_batch` is what the loader gave, `data_samples` what the model predicted, elements as dicts.
        """

    @abstractmethod
    def compute_metrics(self, results: list[Any]) -> dict[str, Any]:
        """The numbers by name, from the results of all ranks. Called on the main process only."""

    def attribute(self, indices: Sequence[int]) -> None:
        """Note that what was processed since the last call are the samples `indices` of the data set."""
        self._ledger.note(len(self.results), indices)

    def evaluate(self, size: int) -> dict[str, Any]:
        """The numbers for the `size` samples of the data set, the same on every rank; forgets the results.

        Results are in the order of the samples. Those of samples that a sampler repeated to fill up the ranks are
        dropped where the samples of each batch are known; else what is beyond `size` is.
        """
        part = Part(self.results, self._ledger)
        self.results, self._ledger = [], Ledger()
        parts = gather_parts(part, device=self.collect_device, folder=self.collect_dir)
        return answer_all(lambda: self._named(self._computed(parts or [part], size)))

    def _computed(self, parts: list[Part], size: int) -> dict[str, Any]:
        results = merge(parts, size, type(self).__name__)
        if not results:
            logger.warning(
                "%s has no results to compute from: process() has stored nothing in `results`.",
                type(self).__name__,
            )
        return self.compute_metrics(to_cpu(results) if len(parts) == 1 else results)

    def _named(self, metrics: dict[str, Any]) -> dict[str, Any]:
        return {
            f"{self.prefix}/{name}" if self.prefix else name: to_cpu(value) for name, value in metrics.items()
        }
