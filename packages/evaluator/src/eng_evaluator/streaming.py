"""StreamingMetric: metrics that are a function of sums, in memory that does not grow with the data set."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import torch

from eng_evaluator.gather import answer_all, gather_parts
from eng_evaluator.ledger import Ledger, report_coverage
from eng_evaluator.metric import BaseMetric


class StreamingMetric(BaseMetric):
    """A batch becomes statistics, statistics are added up, and the metrics are a function of their sums.

    Two pure functions make one: `measure` and `summarize`. Sums stay on the device of the batch, so nothing waits
    for it; floating point numbers are added in double precision, whole numbers exactly. The sums of ranks are
    added in the order of ranks.

    >>> class Mean(StreamingMetric):
    ...     default_prefix = ''
    ...     def measure(self, data_batch, data_samples):
    ...         values = torch.tensor(data_samples)
    ...         return {'sum': values.sum(), 'count': torch.tensor(len(values))}
    ...     def summarize(self, sums):
    ...         return {'mean': float(sums['sum'] / sums['count'])}
    >>> metric = Mean()
    >>> metric.process(None, [1.0, 2.0])
    >>> metric.process(None, [6.0])
    >>> metric.evaluate(3)
    {'mean': 3.0}
    """

    def __init__(
        self, collect_device: str = "cpu", prefix: str | None = None, collect_dir: str | None = None
    ) -> None:
        super().__init__(collect_device, prefix, collect_dir)
        self.sums: dict[str, torch.Tensor] = {}

    @abstractmethod
    def measure(self, data_batch: Any, data_samples: Any) -> Mapping[str, torch.Tensor]:
        """The statistics of one batch: tensors of the same names and shapes for every batch."""

    @abstractmethod
    def summarize(self, sums: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        """The numbers by name, from the sums over all batches of all ranks; empty sums if there was no batch."""

    def process(self, data_batch: Any, data_samples: Sequence[Any]) -> None:
        """Add the statistics of one batch."""
        add_sums(self.sums, self.measure(data_batch, data_samples))

    def evaluate(self, size: int) -> dict[str, Any]:
        """The numbers for all samples, the same on every rank; forgets the sums."""
        part = {name: total.cpu() for name, total in self.sums.items()}, self._ledger
        self.sums, self._ledger = {}, Ledger()
        parts = gather_parts(part, device=self.collect_device, folder=self.collect_dir)
        return answer_all(lambda: self._named(self._summarized(parts or [part], size)))

    def compute_metrics(self, results: list[Any]) -> NoReturn:
        """Not the way of this metric: it stores no results."""
        raise TypeError(f"{type(self).__name__} is computed from sums: call evaluate")

    def _summarized(
        self, parts: Sequence[tuple[dict[str, torch.Tensor], Ledger]], size: int
    ) -> dict[str, Any]:
        report_coverage([ledger for _, ledger in parts], size, type(self).__name__)
        sums: dict[str, torch.Tensor] = {}
        for part, _ in parts:
            add_sums(sums, part)
        return self.summarize(sums)


def add_sums(sums: dict[str, torch.Tensor], more: Mapping[str, torch.Tensor]) -> None:
    """Add `more` to `sums` by name, in double precision or in whole numbers of 64 bits."""
    for name, value in more.items():
        exact = value.detach().to(torch.float64 if value.is_floating_point() else torch.int64)
        sums[name] = sums[name] + exact if name in sums else exact
