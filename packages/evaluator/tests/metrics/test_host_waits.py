"""The ready metrics on an accelerator: nothing waits for a batch, and the sums are read once, at the end."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from host_waits import HostWaits
from torch.utils._python_dispatch import TorchDispatchMode

from eng_evaluator import (
    Accuracy,
    ConfusionMatrix,
    MeanAbsoluteError,
    MeanIoU,
    MeanSquaredError,
    PrecisionRecallF1,
)
from eng_evaluator.metrics import confusion as confusion_module
from eng_evaluator.streaming import StreamingMetric, add_sums, in_one_copy, on_host

CLASSES = torch.randint(3, (8,), generator=torch.Generator().manual_seed(1))
SCORES = torch.rand(8, 3, generator=torch.Generator().manual_seed(2))

TABLE: dict[str, tuple[Callable[[], StreamingMetric], torch.Tensor, torch.Tensor]] = {
    "accuracy": (Accuracy, SCORES, CLASSES),
    "accuracy of several": (lambda: Accuracy(top_k=(1, 2)), SCORES, CLASSES),
    "confusion": (ConfusionMatrix, SCORES, CLASSES),
    "precision": (PrecisionRecallF1, SCORES, CLASSES),
    "overlap": (
        lambda: MeanIoU(num_classes=3),
        CLASSES.reshape(2, 2, 2),
        torch.tensor([[[0, 1], [2, 255]], [[1, 1], [0, 255]]]),
    ),
    "absolute error": (MeanAbsoluteError, SCORES, SCORES + 1),
    "squared error": (MeanSquaredError, SCORES.half(), SCORES + 1),
}


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("truth_is_there", [False, True])
def test_a_batch_is_not_waited_for(name: str, truth_is_there: bool) -> None:
    """Whether the truth comes from the host or is on the device too."""
    make, predicted, true = TABLE[name]
    metric = make()
    batch = [predicted.to("meta"), true.to("meta") if truth_is_there else true]
    with HostWaits() as seen:
        for _ in range(3):
            metric.process(None, batch)
    assert seen.waits == []
    with HostWaits() as seen:
        metric.evaluate(24)
    assert seen.waits == ["_to_copy"]


@pytest.mark.parametrize("name", TABLE)
def test_the_numbers_are_those_of_the_cpu(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way of the accelerator, walked with values on the CPU."""
    make, predicted, true = TABLE[name]
    there, here = make(), make()
    here.process(None, [predicted, true])
    monkeypatch.setattr(confusion_module, "READ_AT_ONCE", frozenset())
    there.process(None, [predicted, true])
    assert repr(there.evaluate(8)) == repr(here.evaluate(8))  # NaN is NaN here


@pytest.mark.parametrize("kind", [ConfusionMatrix, PrecisionRecallF1, MeanIoU])
@pytest.mark.parametrize("classes", [([0, 3], [1, 1]), ([0, 1], [1, -1])])
def test_classes_that_do_not_exist_are_found_in_the_end(
    kind: Any, classes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an accelerator; on the CPU at once, with the classes that there are."""
    batch = [torch.tensor(each) for each in classes]
    with pytest.raises(ValueError, match=r"classes go from -?\d to \d, but there are 3"):
        kind(num_classes=3).process(None, batch)
    monkeypatch.setattr(confusion_module, "READ_AT_ONCE", frozenset())
    metric = kind(num_classes=3)
    metric.process(None, batch)
    metric.process(None, [torch.tensor([1]), torch.tensor([1])])
    with pytest.raises(ValueError, match=r"1 pairs .* outside of 0 to 2: there are 3 classes"):
        metric.evaluate(3)


def test_what_is_ignored_may_be_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Truth and prediction alike, on both ways."""
    batch = [torch.tensor([0, 77]), torch.tensor([0, 255])]
    for at_once in (confusion_module.READ_AT_ONCE, frozenset()):
        monkeypatch.setattr(confusion_module, "READ_AT_ONCE", at_once)
        metric = MeanIoU(num_classes=2)
        metric.process(None, batch)
        assert metric.evaluate(2)["aAcc"] == 100.0


def test_sums_of_several_types_come_in_one_copy() -> None:
    """Numbers of four and of eight bytes, in any order, and what is on the host already."""
    sums = {
        "a": torch.tensor(1.5),
        "b": torch.arange(6).reshape(2, 3),
        "c": torch.tensor([2.5, 3.5, 4.5], dtype=torch.float64),
        "d": torch.ones(3, 3).diagonal(),
    }
    there = {name: total.to("meta") for name, total in sums.items() if name != "b"} | {"b": sums["b"]}
    with HostWaits() as seen:
        here = on_host(there)
    assert seen.waits == ["_to_copy"]
    assert [*here] == [*there]
    assert here["b"] is sums["b"]
    for expected, actual in zip(sums.values(), in_one_copy([*sums.values()]), strict=True):
        assert expected.dtype == actual.dtype
        assert torch.equal(expected, actual)


def test_a_device_without_double_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """As MPS: no number of 64 bits that is not whole comes up, in batches and in sums."""

    class NoDouble(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **(kwargs or {}))
            assert not (isinstance(result, torch.Tensor) and result.is_meta and result.dtype == torch.float64)
            return result

    monkeypatch.setattr("eng_evaluator.streaming._WITHOUT_DOUBLE", frozenset({"meta"}))
    for make, predicted, true in TABLE.values():
        metric, batch = make(), [predicted.to("meta"), true.to("meta")]
        with NoDouble():
            for _ in range(2):
                metric.process(None, batch)
    sums = {"x": torch.ones((), device="meta")}
    add_sums(sums, {"x": torch.ones((), device="meta")})
    assert sums["x"].dtype == torch.float32


def test_a_statistic_that_is_written_to_again_counts_as_it_was() -> None:
    """A metric may measure into one buffer."""
    buffer, sums = torch.zeros(2, dtype=torch.int64), {}
    for number in (1, 2):
        buffer.fill_(number)
        add_sums(sums, {"x": buffer})
    assert sums["x"].tolist() == [3, 3]
