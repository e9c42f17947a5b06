"""Tests of `eng_evaluator.evaluator` and `offline`: several metrics, and predictions from a file."""

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from eng_evaluator import Accuracy, BaseMetric, DuplicateMetricError, Evaluator
from eng_registry import EVALUATOR, METRICS
from eng_structures import BaseDataElement


@METRICS.register_module()
class SeenInATest(BaseMetric):
    """Returns what it was given."""

    default_prefix = "seen"

    def process(self, data_batch: Any, data_samples: Sequence[Any]) -> None:
        self.results.append((data_batch, data_samples))

    def compute_metrics(self, results: list[Any]) -> dict[str, Any]:
        return {"batches": [batch for batch, _ in results], "samples": [samples for _, samples in results]}


class Bare:
    """A metric that is none of ours: it has the three things that are asked for."""

    dataset_meta: Any = None

    def process(self, data_batch: Any, data_samples: Any) -> None:
        self.last = data_samples

    def evaluate(self, size: int) -> dict[str, Any]:
        return {"size": size, "last": self.last}


def test_metrics_in_any_form() -> None:
    """A configuration, an object, or several of both."""
    spec = {"type": "SeenInATest"}
    for metrics, count in ((spec, 1), (SeenInATest(), 1), ([spec, SeenInATest()], 2), ((spec,), 1)):
        evaluator = EVALUATOR.build({"type": "Evaluator", "metrics": metrics})
        assert isinstance(evaluator, Evaluator)
        assert [type(metric) for metric in evaluator.metrics] == [SeenInATest] * count


def test_all_metrics_know_the_data_set() -> None:
    """Those of others too."""
    evaluator = Evaluator([SeenInATest(), Bare()])
    assert evaluator.dataset_meta is None
    evaluator.dataset_meta = {"classes": ("a",)}
    assert [metric.dataset_meta for metric in [evaluator, *evaluator.metrics]] == [{"classes": ("a",)}] * 3


def test_a_batch_is_a_list_with_elements_as_dicts() -> None:
    """A tuple becomes a list; a mapping, which has names for its parts, stays one."""
    evaluator = Evaluator(SeenInATest())
    element = BaseDataElement(metainfo={"path": "x"}, label=torch.tensor(1))
    evaluator.process(data_samples=[element, 3], data_batch="batch")
    evaluator.process(data_samples=("scores", "labels"))
    evaluator.process(data_samples={"pred_label": 1})
    result = evaluator.evaluate(3)
    assert result["seen/batches"] == ["batch", None, None]
    assert result["seen/samples"] == [[element.to_dict(), 3], ["scores", "labels"], {"pred_label": 1}]


def test_metrics_of_others() -> None:
    """They are told no indices, which they would not understand."""
    evaluator = Evaluator(Bare())
    evaluator.process([1, 2], indices=[0, 1])
    assert evaluator.evaluate(2) == {"size": 2, "last": [1, 2]}


def test_two_metrics_of_one_name() -> None:
    """The second would hide the first."""
    evaluator = Evaluator([SeenInATest(), SeenInATest()])
    with pytest.raises(DuplicateMetricError, match=r"two metrics return `seen/batches`.*different prefixes"):
        evaluator.evaluate(0)
    assert set(Evaluator([SeenInATest(), SeenInATest(prefix="other")]).evaluate(0)) == {
        "seen/batches", "seen/samples", "other/batches", "other/samples",
    }  # fmt: skip


# -- offline -----------------------------------------------------------------------------------------------------

PREDICTIONS = [{"pred_label": number % 2, "gt_label": 1} for number in range(5)]
INPUTS = [{"img": number, "meta": (number, "x")} for number in range(5)]


@pytest.mark.parametrize("chunk_size", [1, 2, 5, 128])
def test_predictions_in_chunks(chunk_size: int) -> None:
    """The numbers do not depend on the size of the chunks."""
    assert Evaluator(Accuracy()).offline_evaluate(PREDICTIONS, chunk_size=chunk_size) == {"accuracy": 40.0}


def test_inputs_look_like_those_of_a_loader() -> None:
    """Dicts of lists; None where there are none."""
    result = Evaluator(SeenInATest()).offline_evaluate(PREDICTIONS[:3], INPUTS[:3], chunk_size=2)
    assert result["seen/samples"] == [PREDICTIONS[:2], PREDICTIONS[2:3]]
    assert result["seen/batches"] == [
        {"img": [0, 1], "meta": [(0, 1), ("x", "x")]},
        {"img": [2], "meta": [(2,), ("x",)]},
    ]
    assert Evaluator(SeenInATest()).offline_evaluate(PREDICTIONS[:1])["seen/batches"] == [None]


def test_named_tuples_of_inputs() -> None:
    """They keep their names."""
    Pair = namedtuple("Pair", ["a", "b"])
    result = Evaluator(SeenInATest()).offline_evaluate(PREDICTIONS[:2], [Pair(1, 2), Pair(3, 4)], 2)
    assert result["seen/batches"] == [Pair((1, 3), (2, 4))]


@pytest.mark.parametrize(
    "predictions", [PREDICTIONS, [BaseDataElement(pred_label=1, gt_label=1)] * 5], ids=["dicts", "elements"]
)
def test_inputs_may_come_first(predictions: Any) -> None:
    """Both orders are documented; predictions can be told apart."""
    here, there = (
        Evaluator(SeenInATest()).offline_evaluate(*arguments, chunk_size=5)
        for arguments in ((predictions, INPUTS), (INPUTS, predictions))
    )
    assert here == there
    named = Evaluator(SeenInATest()).offline_evaluate(data=INPUTS, data_samples=predictions, chunk_size=5)
    assert named == here


def test_predictions_from_a_generator() -> None:
    """They need not fit in memory, nor have a length."""
    evaluator = Evaluator(Accuracy())
    assert evaluator.offline_evaluate((p for p in PREDICTIONS), iter(INPUTS), chunk_size=2) == {
        "accuracy": 40.0
    }


@pytest.mark.parametrize("inputs", [INPUTS[:4], iter(INPUTS[:4]), [*INPUTS, INPUTS[0]], iter([*INPUTS, {}])])
def test_each_prediction_has_its_input(inputs: Any) -> None:
    """As many of them, whether that is known before or only at the end."""
    with pytest.raises(AssertionError, match="each prediction has its input"):
        Evaluator(Accuracy()).offline_evaluate(PREDICTIONS, inputs)


def test_a_chunk_has_samples() -> None:
    """One at least."""
    with pytest.raises(AssertionError, match="chunk_size is a number of samples, but got 0"):
        Evaluator(Accuracy()).offline_evaluate(PREDICTIONS, chunk_size=0)
