"""The accumulation window of an optimizer wrapper: which micro-batches make one optimizer step.

What is done with a loss is in `wrapper.py`; the arithmetic of windows, free of state, is in `accumulate.py`.
"""

from collections.abc import Mapping, Sequence
from logging import getLogger
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from eng_optim.accumulate import (
    begin_of_window,
    closes_window,
    length_of_window,
    scale_gradients,
    weight_of_all_ranks,
)
from eng_optim.base import BaseOptimWrapper
from eng_optim.errors import SettingError
from eng_optim.held_back import send_held_back
from eng_optim.peers import Peers, parameters_of
from eng_optim.shards import compute_device

logger = getLogger(__name__)


class WindowedOptimizer(BaseOptimWrapper):
    """The base of `OptimWrapper`: it counts micro-batches and knows where a window begins and ends."""

    step_count: int
    """Optimizer steps that really moved the parameters."""

    _is_plain: bool
    _zeroes_as_torch: bool
    _peers: Peers | None = None
    """The other members of an OptimWrapperDict, whose gradients are none of this wrapper's."""

    def __init__(self, optimizer: Optimizer, accumulative_counts: int) -> None:
        super().__init__(optimizer)
        self.step_count = 0
        self._accumulative_counts = accumulative_counts
        self._inner_count = 0
        self._max_counts = -1
        self._window_weight: float | Tensor | None = None
        self._closed_early = 0
        self._held_back: nn.Module | None = None
        self._syncs_always = False

    @property
    def inner_count(self) -> int:
        """Backward passes so far."""
        return self._inner_count

    @property
    def is_window_open(self) -> bool:
        """Whether there are gradients of micro-batches that no step has used yet."""
        return self._inner_count > self._closed_early and not self.should_update()

    def close_window(self) -> bool:
        """Step what a training has accumulated when it ends inside a window; returns whether the optimizer stepped.

        The step is the one of a window that was meant to be as short: the gradients are divided by the micro-batches
        that there were, or by their weights. What a distributed model kept on each rank is averaged first, so this is
        a collective call there. Without an open window nothing happens.
        """
        if not self.is_window_open:
            return False
        if self._held_back is not None and not send_held_back(self._held_back, parameters_of(self)):
            self._end_window()
            return False
        before = self.step_count
        if self._window_weight is not None:
            self._divide_by(self._window_weight)
        else:
            meant = self._window_length(self._inner_count)
            scale_gradients(parameters_of(self), meant / (self._inner_count - self._window_begin()))
        self.step()
        self._end_window()
        return self.step_count > before

    def should_update(self) -> bool:
        """Whether the micro-batch whose backward pass is done closes its window."""
        return closes_window(self._inner_count, self._accumulative_counts, self._max_counts)

    def should_sync(self) -> bool:
        """Whether the micro-batch that comes next closes its window, so that its gradients go to all
        ranks."""
        return closes_window(self._inner_count + 1, self._accumulative_counts, self._max_counts)

    def initialize_count_status(self, model: nn.Module, init_counts: int, max_counts: int) -> None:
        """Say where training begins and how long it is, in micro-batches; -1 if the end is not known.

        Only then can the last, shorter window be divided by its own length and be applied.
        """
        resumed = init_counts == self._inner_count
        if not resumed:
            self._closed_early = 0
        self._inner_count = init_counts
        self._max_counts = max_counts
        self._held_back = model  # what a window has that was opened before this run is of each rank
        if init_counts % self._accumulative_counts != 0 and not resumed:
            logger.warning(
                "training begins at iteration %d, inside an accumulation window of %d, without the gradients "
                "that the window had: its first step is too small. Resume with the state of the optimizer.",
                init_counts,
                self._accumulative_counts,
            )
        if self._accumulative_counts > 1 and _has_batch_norm(model):
            logger.warning(
                "gradients are accumulated over %d iterations, but the batch norm layers of the model see "
                "each small batch alone; the result differs from that of one large batch.",
                self._accumulative_counts,
            )

    def _join(self, peers: Peers, *, syncs_always: bool) -> None:
        """Become a member of an OptimWrapperDict."""
        self._peers = peers
        self._syncs_always = syncs_always
        self._is_plain = self._zeroes_as_torch = False

    def _window_begin(self) -> int:
        """Return after how many micro-batches the open window began."""
        return max(self._closed_early, begin_of_window(self._inner_count, self._accumulative_counts))

    def _window_length(self, count: int) -> int:
        """Return how many micro-batches the window of micro-batch `count` is meant to have."""
        size = self._accumulative_counts
        whole = length_of_window(count, size, self._max_counts)
        return whole - max(0, self._closed_early - begin_of_window(count, size))

    def _end_window(self) -> None:
        """Forget the gradients of a window that has ended early."""
        self._window_weight = None
        self._closed_early = self._inner_count
        self.zero_grad()

    def _add_weight(self, weight: float | Tensor) -> None:
        if isinstance(weight, int | float) and not weight >= 0:
            raise SettingError(f"a loss weighs 0 or more, not {weight}")
        before = self._window_weight
        if before is None:
            opened = self._inner_count - self._window_begin() if self.is_window_open else 0
            if opened:
                raise SettingError(
                    f"{opened} loss(es) of this window came without a weight; give all or none"
                )
            before = 0.0
        self._window_weight = before + (weight.detach() if isinstance(weight, Tensor) else weight)

    def _divide_by(self, weight: float | Tensor) -> None:
        parameters = parameters_of(self)
        total, ranks = weight_of_all_ranks(weight, compute_device(parameters[0]))
        if isinstance(total, Tensor):  # asked without a wait for the device
            scale_gradients(parameters, torch.where(total == 0, 0.0, ranks / total))
        else:
            scale_gradients(parameters, ranks / total if total else 0.0)
        self._window_weight = None

    def _position(self) -> dict[str, Any]:
        position: dict[str, Any] = {"inner_count": self._inner_count, "step_count": self.step_count}
        if self._closed_early:
            position["closed_early"] = self._closed_early
        if self.is_window_open:
            position["gradients"] = [self._gradient_of(parameter) for parameter in parameters_of(self)]
            position["weight"] = self._window_weight
        return position

    def _set_position(self, position: Mapping[str, Any]) -> None:
        self._inner_count = position["inner_count"]
        self.step_count = position["step_count"]
        self._closed_early = position.get("closed_early", 0)
        self._window_weight = position.get("weight")
        if "gradients" in position:
            gradients = position["gradients"]
            for parameter, gradient in zip(self._owners_of(len(gradients)), gradients, strict=True):
                own = None if gradient is None else gradient.to(parameter.device, copy=True)
                if self._peers is None:
                    parameter.grad = own
                else:
                    self._peers.set_gradient(self, parameter, own)

    def _gradient_of(self, parameter: Tensor) -> Tensor | None:
        return parameter.grad if self._peers is None else self._peers.gradient(self, parameter)

    def _owners_of(self, count: int) -> Sequence[Tensor]:
        """Return the parameters that so many gradients of a state belong to.

        States have one for each parameter; those of older versions only for the parameters that were trained.
        """
        parameters = parameters_of(self)
        trained = [each for each in parameters if each.requires_grad]
        if count not in (len(parameters), len(trained)):
            raise SettingError(
                f"the state of the optimizer was saved inside an accumulation window, with {count} gradients; this "
                f"optimizer has {len(parameters)} parameters, of which {len(trained)} are trained. Resume with the "
                "model and the optimizer that saved it"
            )
        return parameters if count == len(parameters) else trained


def _has_batch_norm(model: nn.Module) -> bool:
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules())
