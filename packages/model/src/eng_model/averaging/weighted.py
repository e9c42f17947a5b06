"""Averages that go a part of the way to the new weights: `average += w * (new - average)`.

A rule is then a number, `w`, for a count of updates; all tensors of a model are averaged by one fused call
per device and type.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod

import torch
from torch import Tensor, nn

from eng_registry import MODELS

from .base import BaseAveragedModel


class WeightedAverage(BaseAveragedModel):
    """An average whose rule is the weight of the new model."""

    @abstractmethod
    def weight(self, steps: int) -> float:
        """The share, 0 to 1, that the new weights have in the average after `steps` updates."""

    def avg_func(self, averaged_param: Tensor, source_param: Tensor, steps: int) -> None:
        """Go that share of the way."""
        averaged_param.lerp_(source_param, self.weight(steps))

    def _average(self, averaged: list[Tensor], source: list[Tensor], steps: int) -> None:
        if (
            type(self).avg_func is not WeightedAverage.avg_func
        ):  # a subclass has a rule for each tensor of its own
            super()._average(averaged, source, steps)
        else:
            torch._foreach_lerp_(averaged, source, self.weight(steps))


@MODELS.register_module()
class StochasticWeightAverage(WeightedAverage):
    """The plain mean of all weights that were taken in.

    From Izmailov et al., Averaging weights leads to wider optima and better generalization (2018).

    >>> model = nn.Linear(1, 1, bias=False)
    >>> mean = StochasticWeightAverage(model)
    >>> for value in (1.0, 2.0, 6.0):
    ...     _ = nn.init.constant_(model.weight, value)
    ...     mean.update_parameters(model)
    >>> mean.module.weight.item()
    3.0
    """

    def weight(self, steps: int) -> float:
        """One part in as many as have been taken in."""
        return 1 / (steps // self.interval + 1)


@MODELS.register_module()
class ExponentialMovingAverage(WeightedAverage):
    """`average = (1 - momentum) * average + momentum * new`.

    A small momentum is a slow average: it is one minus what torch and timm call decay. Raises
    `AssertionError` if it is not between 0 and 1.
    """

    def __init__(
        self,
        model: nn.Module,
        momentum: float = 0.0002,
        interval: int = 1,
        device: torch.device | str | None = None,
        update_buffers: bool = False,
    ) -> None:
        super().__init__(model, interval, device, update_buffers)
        if not 0.0 < momentum < 1.0:
            raise AssertionError(f"momentum={momentum}: it is the share of the new weights, between 0 and 1")
        if momentum > 0.5:
            warnings.warn(
                f"momentum={momentum} is the share of the new weights: the average follows almost at once. "
                f"For a decay of {momentum} set momentum={1 - momentum:.6g}",
                stacklevel=2,
            )
        self.momentum = momentum

    def weight(self, steps: int) -> float:
        """The same in every update."""
        return self.momentum


@MODELS.register_module()
class MomentumAnnealingEMA(ExponentialMovingAverage):
    """An exponential average that is quick in the beginning: `max(momentum, gamma / (gamma + steps))`.

    Raises `AssertionError` if `gamma` is not positive.
    """

    def __init__(
        self,
        model: nn.Module,
        momentum: float = 0.0002,
        gamma: int = 100,
        interval: int = 1,
        device: torch.device | str | None = None,
        update_buffers: bool = False,
    ) -> None:
        super().__init__(model, momentum, interval, device, update_buffers)
        if gamma <= 0:
            raise AssertionError(f"gamma={gamma}: it has to be positive")
        self.gamma = gamma

    def weight(self, steps: int) -> float:
        """From 1 down to `momentum`."""
        return max(self.momentum, self.gamma / (self.gamma + steps))
