"""What every averaged model does: hold a copy, count, and bring it up to date now and then."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn

from ..sharding import is_sharded_module
from .copying import independent_copy
from .foreach import brought, copy_group, in_groups


class BaseAveragedModel(nn.Module, ABC):
    """A copy of a model, as `module`, whose weights are an average over the updates.

    A subclass writes `avg_func`, for one tensor. The first update copies the model; from then on every
    `interval`-th averages. With `update_buffers` floating buffers are averaged like parameters, else all
    buffers are copied in every update; what is not floating is always copied. `device` keeps the average
    elsewhere, on the CPU for one.

    The average of a sharded model is sharded alike; it cannot be called, but `swap_with` puts it into the model.

    `steps` counts the updates and is part of the state. It stays on the CPU, so that reading it waits for
    nothing.
    """

    steps: Tensor

    def __init__(
        self,
        model: nn.Module,
        interval: int = 1,
        device: torch.device | str | None = None,
        update_buffers: bool = False,
    ) -> None:
        super().__init__()
        if interval < 1:
            raise ValueError(
                f"interval={interval}: an average takes every `interval`-th update, so at least 1"
            )
        self.module = independent_copy(model)
        self.interval = interval
        self.update_buffers = update_buffers
        self.register_buffer("steps", torch.tensor(0, dtype=torch.long, device="cpu"))
        if device is not None:
            self.module.to(device)

    @abstractmethod
    def avg_func(self, averaged_param: Tensor, source_param: Tensor, steps: int) -> None:
        """Write the new average into `averaged_param`; `steps` updates have gone before, the first being a copy."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged model makes of it."""
        return self.module(*args, **kwargs)

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Take in the weights that the model has now."""
        steps = int(self.steps)
        averaged, copied = self._pairs(model)
        if steps == 0:
            averaged, copied = [], averaged + copied
        elif steps % self.interval:
            averaged = []
        to_average = in_groups(averaged)
        groups = brought(to_average + in_groups(copied))
        for ours, theirs in groups[: len(to_average)]:
            self._average(ours, theirs, steps)
        for ours, theirs in groups[len(to_average) :]:
            copy_group(ours, theirs)
        self.steps += 1

    @torch.no_grad()
    def swap_with(self, model: nn.Module) -> None:
        """Exchange the values of all averaged tensors with the model's, in place; twice is as before.

        >>> from eng_model import ExponentialMovingAverage
        >>> model = nn.Linear(1, 1, bias=False)
        >>> ema = ExponentialMovingAverage(model)
        >>> _ = nn.init.constant_(model.weight, 2.0), nn.init.constant_(ema.module.weight, 3.0)
        >>> ema.swap_with(model)
        >>> model.weight.item(), ema.module.weight.item()
        (3.0, 2.0)
        """
        for part in model.modules():
            if is_sharded_module(part):
                part.reshard()  # a prediction can leave its parameters gathered
        averaged, copied = self._pairs(model)
        for ours, theirs in averaged + copied if self.update_buffers else averaged:
            kept = theirs.clone()
            theirs.copy_(ours)
            ours.copy_(kept)

    def _average(self, averaged: list[Tensor], source: list[Tensor], steps: int) -> None:
        """Average some of the tensors; both lists are of one type and on one device."""
        for to, new in zip(averaged, source, strict=True):
            self.avg_func(to, new, steps)

    def _pairs(self, model: nn.Module) -> tuple[list[tuple[Tensor, Tensor]], list[tuple[Tensor, Tensor]]]:
        """The tensors to average and those to copy, each of ours with its counterpart in the model."""
        parameters = zip(self.module.parameters(), model.parameters(), strict=True)
        buffers = list(zip(self.module.buffers(), model.buffers(), strict=True))
        candidates = [*parameters, *(buffers if self.update_buffers else ())]
        averaged = [pair for pair in candidates if pair[0].is_floating_point()]
        copied = [pair for pair in candidates if not pair[0].is_floating_point()]
        return averaged, copied if self.update_buffers else copied + buffers

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move everything but the counter."""
        steps = self.steps
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch has no annotation there
        self.steps = steps
        return self
