"""StreamingMetric: metrics that are a function of sums, in memory that does not grow with the data set."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import torch

from eng_evaluator.gather import answer_all, gather_parts
from eng_evaluator.ledger import Ledger, report_coverage
from eng_evaluator.metric import BaseMetric

_WITHOUT_DOUBLE = frozenset({"mps"})


class StreamingMetric(BaseMetric):
    """A batch becomes statistics, statistics are added up, and the metrics are a function of their sums.

    Two pure functions make one: `measure` and `summarize`. Sums stay on the device of the batch, so nothing waits
    for it until the end, when they are read at once; floating point numbers are added in double precision (in float32
    on a device without it, MPS), whole numbers exactly. The sums of ranks are added in the order of ranks.

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
        part = on_host(self.sums), self._ledger
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
        exact = value.detach().to(exact_type(value) if value.is_floating_point() else torch.int64)
        sums[name] = sums[name] + exact if name in sums else exact.clone()  # `measure` may keep its own


def exact_type(tensor: torch.Tensor) -> torch.dtype:
    """The widest type of floating point numbers that the device of the tensor has."""
    return torch.float32 if tensor.device.type in _WITHOUT_DOUBLE else torch.float64


def on_host(sums: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The sums on the CPU; what is on an accelerator comes in one copy, so that the host waits once.

    >>> on_host({'sum': torch.tensor(1.5), 'counts': torch.tensor([1, 2])})
    {'sum': tensor(1.5000), 'counts': tensor([1, 2])}
    """
    away = [name for name, total in sums.items() if total.device.type != "cpu"]
    brought = dict(zip(away, in_one_copy([sums[name] for name in away]), strict=True)) if away else {}
    return {name: brought.get(name, total) for name, total in sums.items()}


def in_one_copy(tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The tensors, at least one and of any types, on the CPU: their bytes travel in one row."""
    device = tensors[0].device
    rows = [tensor.reshape(-1).contiguous().view(torch.uint8).to(device) for tensor in tensors]
    parts = torch.split(torch.cat(rows).cpu(), [row.numel() for row in rows])
    return [
        part.clone().view(tensor.dtype).view(tensor.shape)  # a clone begins where a number of any size may
        for part, tensor in zip(parts, tensors, strict=True)
    ]
