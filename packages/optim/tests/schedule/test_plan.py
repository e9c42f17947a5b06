"""The values of a schedule before there is a training."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD

from eng_optim import CosineAnnealingLR, LinearLR, SettingError, plan


def test_plan_is_what_training_does() -> None:
    """Every planned value is the one that a training is taken with."""
    cfg = [
        {"type": "LinearLR", "start_factor": 0.1, "by_epoch": False, "end": 7},
        {"type": "CosineAnnealingLR", "begin": 1, "end": 5},
    ]
    actual = plan(cfg, 25, optimizer={"type": "SGD", "lr": 0.5}, epoch_length=5)
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=0.5)
    warm_up = LinearLR(optimizer, start_factor=0.1, by_epoch=False, end=7)
    cosine = CosineAnnealingLR(optimizer, begin=1, end=5)
    expected = []
    for step in range(1, 26):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        warm_up.step()
        if step % 5 == 0:
            cosine.step()
    assert list(actual) == ["lr"]
    assert actual["lr"].dtype == torch.float64
    assert actual["lr"].tolist() == expected


def test_end_is_that_of_the_plan() -> None:
    """A schedule without an end reaches its last value with the plan, counted in steps or in epochs."""
    for cfg in ({"by_epoch": False}, {"by_epoch": True}, {"convert_to_iter_based": True}):
        values = plan({"type": "PolyLR", **cfg}, 12, epoch_length=3)["lr"]
        assert values[-1] == 0.0
        assert values[-4] > 0.0


def test_epochs_can_be_converted() -> None:
    """`convert_to_iter_based` is understood as in a training."""
    cfg = {"type": "MultiStepLR", "milestones": [2], "convert_to_iter_based": True}
    assert plan(cfg, 6, epoch_length=2)["lr"].tolist() == pytest.approx([1, 1, 1, 1, 0.1, 0.1])


def test_everything_that_is_scheduled() -> None:
    """Momentum and other values have their own arrays, from the optimizer's own defaults."""
    cfg: list[dict[str, Any]] = [
        {"type": "LinearMomentum", "start_factor": 0.5, "by_epoch": False, "end": 3},
        {"type": "StepParamScheduler", "param_name": "weight_decay", "step_size": 2, "by_epoch": False},
    ]
    values = plan(cfg, 4, optimizer={"type": "AdamW", "lr": 0.2})
    assert set(values) == {"lr", "momentum", "weight_decay"}
    assert values["lr"].tolist() == [0.2] * 4
    assert values["momentum"].tolist() == pytest.approx([0.45, 0.675, 0.9, 0.9])
    assert values["weight_decay"].tolist() == pytest.approx([0.01, 0.01, 0.001, 0.001])


@pytest.mark.parametrize("name", ["SGD", "Adam", "Muon", "LBFGS", "SparseAdam"])
def test_any_optimizer(name: str) -> None:
    """The optimizer is only asked for its settings, whatever parameters it wants."""
    assert plan(None, 2, optimizer={"type": name, "lr": 0.1})["lr"].tolist() == [0.1, 0.1]


def test_metrics_are_not_known() -> None:
    """A schedule that follows a metric stands still."""
    assert plan({"type": "ReduceOnPlateauLR"}, 3, epoch_length=1)["lr"].tolist() == [1, 1, 1]


def test_epochs_of_unknown_length() -> None:
    """A schedule that counts epochs needs their length."""
    with pytest.raises(SettingError, match="StepLR counts epochs: give `epoch_length`"):
        plan({"type": "StepLR", "step_size": 1}, 5)


def test_configuration_stays_as_it_is() -> None:
    """A plan changes neither schedule nor optimizer configuration."""
    schedule, optimizer = {"type": "StepLR", "step_size": 1}, {"type": "SGD", "lr": 0.1}
    plan(schedule, 3, optimizer=optimizer, epoch_length=1)
    assert (schedule, optimizer) == ({"type": "StepLR", "step_size": 1}, {"type": "SGD", "lr": 0.1})


def test_a_plan_of_nothing_is_told() -> None:
    """And not as a mistake of a schedule."""
    with pytest.raises(SettingError, match="at least one step, not 0"):
        plan([{"type": "LinearLR"}], 0)
