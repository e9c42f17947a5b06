"""The rules against their formulas."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from eng_model import (
    BaseAveragedModel,
    ExponentialMovingAverage,
    MomentumAnnealingEMA,
    StochasticWeightAverage,
)
from eng_registry import MODELS


def _follow(averaged: BaseAveragedModel, net: nn.Module, values: list[float]) -> list[float]:
    seen = []
    for value in values:
        nn.init.constant_(net.weight, value)  # type: ignore[arg-type]  # a Linear
        averaged.update_parameters(net)
        seen.append(averaged.module.weight.item())  # type: ignore[union-attr, operator]
    return seen


def _linear() -> nn.Linear:
    return nn.Linear(1, 1, bias=False).double()


@pytest.mark.parametrize("interval", [1, 3])
def test_the_stochastic_average_is_the_mean_of_every_interval(interval: int) -> None:
    """Of the weights at updates 0, interval, 2 interval, ..."""
    net = _linear()
    values = torch.randn(13, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).tolist()
    seen = _follow(StochasticWeightAverage(net, interval), net, values)
    taken = values[::interval]
    assert seen[12] == pytest.approx(sum(taken) / len(taken), abs=1e-12)


def test_the_exponential_average_follows_its_recursion() -> None:
    """The momentum is the share of the new."""
    net = _linear()
    seen = _follow(ExponentialMovingAverage(net, momentum=0.1), net, [1.0, 2.0, 4.0, 8.0])
    expected = [1.0]
    for value in (2.0, 4.0, 8.0):
        expected.append(0.9 * expected[-1] + 0.1 * value)
    assert seen == pytest.approx(expected, abs=1e-15)


def test_annealing_begins_quickly_and_ends_at_the_momentum() -> None:
    """`gamma / (gamma + steps)` until that is smaller."""
    net = _linear()
    averaged = MomentumAnnealingEMA(net, momentum=0.4, gamma=2)
    seen = _follow(averaged, net, [1.0, 2.0, 4.0, 8.0, 16.0])
    expected = [1.0]
    for steps, value in enumerate((2.0, 4.0, 8.0, 16.0), start=1):
        momentum = max(0.4, 2 / (2 + steps))
        expected.append((1 - momentum) * expected[-1] + momentum * value)
    assert seen == pytest.approx(expected, abs=1e-14)


def test_an_average_of_equal_weights_does_not_drift() -> None:
    """Thousand updates with the same weights leave every bit."""
    net = nn.Linear(64, 64)
    averaged = ExponentialMovingAverage(net, momentum=0.0002)
    for _ in range(1000):
        averaged.update_parameters(net)
    assert torch.equal(averaged.module.weight, net.weight)


@pytest.mark.parametrize("kind", [ExponentialMovingAverage, MomentumAnnealingEMA])
@pytest.mark.parametrize("momentum", [0.0, 1.0, -0.1, 3])
def test_a_share_is_between_zero_and_one(kind: Any, momentum: float) -> None:
    """The ends would copy always or never."""
    with pytest.raises(AssertionError, match="between 0 and 1"):
        kind(_linear(), momentum=momentum)


def test_a_large_share_is_probably_a_decay() -> None:
    """The warning says what to write."""
    with pytest.warns(UserWarning, match=r"set momentum=0\.1"):
        ExponentialMovingAverage(_linear(), momentum=0.9)


def test_gamma_is_positive() -> None:
    """Else the share is not one."""
    with pytest.raises(AssertionError, match="gamma=0"):
        MomentumAnnealingEMA(_linear(), gamma=0)


@pytest.mark.parametrize(
    "name", ["ExponentialMovingAverage", "MomentumAnnealingEMA", "StochasticWeightAverage"]
)
def test_they_are_built_by_name(name: str) -> None:
    """As a hook does, around a model."""
    net = _linear()
    assert isinstance(
        MODELS.build({"type": name, "interval": 2}, default_args={"model": net}), BaseAveragedModel
    )


def test_positions_are_the_documented_ones() -> None:
    """`(model, momentum, [gamma,] interval, device, update_buffers)`."""
    one = ExponentialMovingAverage(_linear(), 0.1, 3, "cpu", True)
    assert (one.momentum, one.interval, one.update_buffers) == (0.1, 3, True)
    two = MomentumAnnealingEMA(_linear(), 0.1, 50, 3, "cpu", True)
    assert (two.momentum, two.gamma, two.interval, two.update_buffers) == (0.1, 50, 3, True)
