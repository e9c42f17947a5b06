"""Tests of `eng_evaluator.metric` and `streaming`: prefixes, warnings, what is forgotten, where tensors are."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest
import torch

from eng_evaluator import BaseMetric, StreamingMetric


class Kept(BaseMetric):
    """Returns what it kept."""

    def process(self, data_batch: Any, data_samples: Sequence[Any]) -> None:
        self.results.extend(data_samples)

    def compute_metrics(self, results: list[Any]) -> dict[str, Any]:
        return {"kept": results}


class Named(Kept):
    """Has a prefix of its own."""

    default_prefix: ClassVar[str | None] = "named"


class Mean(StreamingMetric):
    """The mean of numbers."""

    default_prefix: ClassVar[str | None] = "mean"

    def measure(self, data_batch: Any, data_samples: Any) -> Mapping[str, torch.Tensor]:
        return {"sum": data_samples.sum(), "count": torch.tensor(len(data_samples))}

    def summarize(self, sums: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        return {"value": float(sums["sum"] / sums["count"])}


@pytest.mark.parametrize(
    ("metric", "key"),
    [
        (Kept(), "kept"),
        (Kept(prefix="given"), "given/kept"),
        (Named(), "named/kept"),
        (Named(prefix="x"), "x/kept"),
    ],
)
def test_prefixes(metric: BaseMetric, key: str) -> None:
    """The argument, else the class's, else none."""
    metric.process(None, [1])
    assert metric.evaluate(1) == {key: [1]}


def test_a_metric_without_prefix_warns(caplog: pytest.LogCaptureFixture) -> None:
    """Its names may meet those of another; a class that wants none says so by an empty one."""
    Named()
    Named(prefix="x")
    assert caplog.text == ""
    Kept()
    assert "Kept has no prefix" in caplog.text


def test_files_are_for_the_cpu() -> None:
    """A folder to collect in makes no sense on a GPU."""
    with pytest.raises(ValueError, match="collect_dir='/x' is for collect_device='cpu'"):
        Named(collect_device="gpu", collect_dir="/x")


def test_where_results_may_travel() -> None:
    """Asked when they are collected."""
    with pytest.raises(NotImplementedError, match="not on 'tpu'"):
        Named(collect_device="tpu").evaluate(0)


def test_no_results_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """The metric decides what that means."""
    assert Named().evaluate(3) == {"named/kept": []}
    assert "Named has no results to compute from" in caplog.text


def test_results_are_cut_to_the_size_and_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    """As documented; in one process, where nothing fills up ranks, it says so."""
    metric = Named()
    metric.process(None, [0, 1, 2, 3])
    assert metric.evaluate(3) == {"named/kept": [0, 1, 2]}
    assert "Named stored 4 results for 3 samples" in caplog.text
    metric.process(None, [None, 5])
    assert metric.evaluate(3) == {"named/kept": [None, 5]}


def test_indices_that_are_no_integers_say_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A sampler may give anything; results are then taken as they are."""
    caplog.set_level(logging.WARNING)
    metric = Named()
    metric.process(None, [1, 2])
    metric.attribute(["a", "b"])  # type: ignore[list-item]
    assert metric.evaluate(2) == {"named/kept": [1, 2]}
    assert caplog.text == ""


def test_tensors_are_without_history() -> None:
    """What a metric keeps does not keep the graph that made it."""
    weight = torch.ones(2, requires_grad=True)
    metric = Named()
    metric.process(None, [{"a": (weight * 2, [weight])}])
    (kept,) = metric.evaluate(1)["named/kept"]
    assert not kept["a"][0].requires_grad
    assert not kept["a"][1][0].requires_grad


def test_what_is_known_of_the_data_set() -> None:
    """Nothing, until the evaluator says it."""
    metric = Named()
    assert metric.dataset_meta is None
    metric.dataset_meta = {"classes": ("a",)}
    assert metric.dataset_meta == {"classes": ("a",)}


def test_sums_are_exact_and_forgotten() -> None:
    """Small numbers are not lost beside large ones, as they would be in single precision."""
    metric = Mean()
    metric.process(None, torch.tensor([2.0**24]))
    for _ in range(3):
        metric.process(None, torch.ones(1))
    assert metric.evaluate(4) == {"mean/value": (2**24 + 3) / 4}
    metric.process(None, torch.ones(1))
    assert metric.evaluate(1) == {"mean/value": 1.0}


def test_memory_does_not_grow_with_the_samples() -> None:
    """A hundred thousand samples leave two numbers, and eight bytes each for which they were."""
    metric = Mean()
    for start in range(0, 100_000, 1000):
        metric.process(None, torch.ones(1000))
        metric.attribute(range(start, start + 1000))
    assert {name: total.shape for name, total in metric.sums.items()} == {"sum": (), "count": ()}
    assert metric.results == []
    ledger = metric._ledger
    held = sum(len(part) * part.itemsize for part in (ledger.indices, ledger.samples, ledger.results))
    assert held < 810_000
    assert metric.evaluate(100_000) == {"mean/value": 1.0}


def test_a_streaming_metric_stores_no_results() -> None:
    """So it cannot compute from them."""
    with pytest.raises(TypeError, match="Mean is computed from sums"):
        Mean().compute_metrics([])
