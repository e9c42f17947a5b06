"""Prediction: the test pass, keeping what the model says of each sample instead of measuring it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import numpy
import torch

from eng_dataset import Loader
from eng_evaluator import BaseMetric
from eng_registry import LOOPS
from eng_structures import BaseDataElement

from ..aliases import Batch, Outputs, Part, Value, Values
from ..run import Run
from .evaluation import EvalLoop


@final
@LOOPS.register_module(gives_way=True)
class PredictLoop(EvalLoop):
    """`test_step` on every batch; `predictions` then holds one for each sample, in the order of the data set.

    They are plain data on the CPU: tensors, numbers, texts, and lists, tuples and dicts of these. The main process has
    those of all ranks, the others have none. An evaluator is accepted, since a test has one, and not asked.
    """

    mode = "test"

    def __init__(
        self,
        runner: Run,
        dataloader: Part,
        evaluator: Part = None,
        fp16: bool = False,
        limit_batches: float | None = None,
    ) -> None:
        loader = runner.as_loader(dataloader, training=False)
        self._collector = _Collector(loader)
        super().__init__(runner, loader, self._collector, fp16=fp16, limit_batches=limit_batches)

    @property
    def predictions(self) -> list[Outputs]:
        """One for each sample; empty before the loop has run."""
        return self._collector.kept.predictions


class _Collector:
    """Stands where an evaluator does: takes the outputs of each batch apart and keeps them."""

    def __init__(self, loader: Loader) -> None:
        self.dataset_meta: Values | None = None
        self.kept = _Kept()
        self._loader = loader

    def process(self, data_samples: Outputs, data_batch: Batch) -> None:
        """Keep one batch."""
        rows, indices = split_by_sample(data_samples), self._loader.indices
        if indices is not None and len(rows) != len(indices):
            raise ValueError(
                f"the model returned {len(rows)} predictions for {len(indices)} samples; it returns a list with one "
                "for each, or a tuple or dict of columns"
            )
        self.kept.process(data_batch, list(zip(indices or [None] * len(rows), rows, strict=True)))
        if indices is not None:
            self.kept.attribute(indices)

    def evaluate(self, size: int) -> Values:
        """Bring the predictions of all ranks together; there are no metrics."""
        return self.kept.evaluate(size)


class _Kept(BaseMetric):
    """A metric without numbers, for the sake of its gathering: each sample exactly once.

    A result is an index, None where the loader knows none, and the prediction for that sample.
    """

    default_prefix = ""

    def __init__(self) -> None:
        super().__init__()
        self.predictions: list[Outputs] = []

    def process(self, data_batch: Batch, data_samples: Sequence[Outputs]) -> None:
        """Store plain copies."""
        self.results.extend((index, plain(sample)) for index, sample in data_samples)

    def compute_metrics(self, results: list[Outputs]) -> Values:
        """Keep them, in the order of the data set where indices are numbers."""
        if all(isinstance(index, int) for index, _ in results):
            results = sorted(results, key=lambda result: result[0])
        self.predictions = [prediction for _, prediction in results]
        return {}


def split_by_sample(outputs: Outputs) -> list[Outputs]:
    """The outputs for a batch, one for each sample: a tuple and a mapping hold columns, a list and a tensor rows.

    >>> split_by_sample(([0.5, 1.5], ["a", "b"]))
    [(0.5, 'a'), (1.5, 'b')]
    >>> split_by_sample({"score": [0.5, 1.5]})
    [{'score': 0.5}, {'score': 1.5}]
    """
    if isinstance(outputs, Mapping):
        columns = outputs.values()
        return [dict(zip(outputs, row, strict=True)) for row in zip(*columns, strict=True)]
    if isinstance(outputs, tuple):
        return list(zip(*outputs, strict=True))
    return list(outputs)


def plain(value: Value) -> Value:
    """A copy on the CPU that a checkpoint may hold; raises TypeError for what is neither tensor, value nor container.

    >>> plain({"score": numpy.float32(0.5), "names": ("a", None)})
    {'score': 0.5, 'names': ('a', None)}
    """
    match value:
        case torch.Tensor():
            return value.detach().to("cpu", copy=True)
        case numpy.ndarray():
            return torch.from_numpy(value.copy())
        case numpy.generic():
            return value.item()
        case BaseDataElement():
            return plain(value.to_dict())
        case Mapping():
            return {str(name): plain(part) for name, part in value.items()}
        case list() | tuple():
            return (
                type(value)(map(plain, value)) if type(value) in (list, tuple) else tuple(map(plain, value))
            )
        case None | bool() | int() | float() | str():
            return value
    raise TypeError(
        f"a prediction holds a {type(value).__name__}, which is no plain data; let the model return tensors, numbers, "
        "texts, data elements, or lists and dicts of these"
    )
