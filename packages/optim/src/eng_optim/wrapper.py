"""One optimizer step from a loss: scale, backward, accumulate, clip, step, zero.

`update_params` is the road of every training iteration. What a wrapper has to do is known when it is made, so
the plain case (no accumulation, no clipping, no subclass) goes straight to torch.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from logging import getLogger
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from eng_optim.accumulate import (
    NO_CONTEXT,
    begin_of_window,
    closes_window,
    gradient_sync,
    length_of_window,
    scale_gradients,
    weight_of_all_ranks,
)
from eng_optim.base import BaseOptimWrapper
from eng_optim.clip import make_clip
from eng_optim.compiled import compile_step, rates_to_tensors
from eng_optim.errors import SettingError
from eng_optim.held_back import send_held_back
from eng_optim.peers import Peers, parameters_of
from eng_optim.shards import compute_device
from eng_registry import OPTIM_WRAPPERS

logger = getLogger(__name__)


@OPTIM_WRAPPERS.register_module()
class OptimWrapper(BaseOptimWrapper):
    """A torch optimizer with accumulation and clipping behind one call.

    `accumulative_counts` micro-batches make one optimizer step. `clip_grad` is `dict(max_norm=...)` or
    `dict(clip_value=...)`, see `make_clip`. `compile` lets `torch.compile` make one kernel of the step of all
    parameters; True, or its arguments.

    Raises `SettingError` if `accumulative_counts` is not positive or `clip_grad` cannot be understood.

    >>> import torch
    >>> model = nn.Linear(2, 1)
    >>> wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1), accumulative_counts=2)
    >>> for _ in range(4):
    ...     with wrapper.optim_context(model):
    ...         loss = model(torch.ones(3, 2)).mean()
    ...     wrapper.update_params(loss)
    >>> wrapper.inner_count, wrapper.step_count
    (4, 2)
    """

    step_count: int
    """Optimizer steps that really moved the parameters."""

    grad_norm: Tensor | None
    """Norm of all gradients before they were clipped in the last step; None without clipping by norm."""

    _peers: Peers | None = None
    """The other members of an OptimWrapperDict, whose gradients are none of this wrapper's."""

    def __init__(
        self,
        optimizer: Optimizer,
        accumulative_counts: int = 1,
        clip_grad: Mapping[str, Any] | None = None,
        compile: bool | Mapping[str, Any] = False,
    ) -> None:
        if isinstance(optimizer, Mapping):
            raise TypeError("`optimizer` is an optimizer; build_optim_wrapper makes one from a mapping")
        if isinstance(accumulative_counts, bool) or not isinstance(accumulative_counts, int):
            raise TypeError(f"`accumulative_counts` is a whole number, not {accumulative_counts!r}")
        if accumulative_counts < 1:
            raise SettingError(f"`accumulative_counts` is at least 1, not {accumulative_counts}")
        super().__init__(optimizer)
        self._is_compiled = bool(compile)
        if self._is_compiled:
            compile_step(optimizer, {} if isinstance(compile, bool) else compile)
        self.step_count = 0
        self.grad_norm = None
        self._accumulative_counts = accumulative_counts
        self._clip = make_clip(clip_grad)
        self._inner_count = 0
        self._max_counts = -1
        self._window_weight: float | Tensor | None = None
        self._closed_early = 0
        self._held_back: nn.Module | None = None
        self._syncs_always = False
        self._zeroes_as_torch = _zeroes_as_torch(self)
        self._is_plain = (
            accumulative_counts == 1 and self._clip is None and self._zeroes_as_torch and _is_plain(self)
        )

    @property
    def inner_count(self) -> int:
        """Backward passes so far."""
        return self._inner_count

    @property
    def is_window_open(self) -> bool:
        """Whether there are gradients of micro-batches that no step has used yet."""
        return self._inner_count > self._closed_early and not self.should_update()

    def update_params(
        self,
        loss: Tensor,
        step_kwargs: Mapping[str, Any] | None = None,
        zero_kwargs: Mapping[str, Any] | None = None,
        *,
        weight: float | Tensor | None = None,
    ) -> None:
        """Take `loss` into the current window, and step if it closes the window.

        `weight` is how much the loss counts: the samples or tokens that it is a mean of. The gradient of the
        window is then the weighted mean over its micro-batches and over all ranks, as if all of it had been
        one batch. Without it, each micro-batch counts the same. A window of weight 0 has gradients of 0.
        """
        if self._is_plain and weight is None and step_kwargs is None and zero_kwargs is None:
            loss.backward()  # type: ignore[no-untyped-call]
            self._inner_count += 1
            self.optimizer.step()
            self.step_count += 1
            _forget_gradients(self.optimizer)
            return
        backward = self.backward if self._peers is None else self._backward_apart
        if weight is None:
            if self._window_weight is not None:
                raise SettingError(
                    "this loss has no weight, and those before it in the window have; give all or none"
                )
            backward(self.scale_loss(loss))
        else:
            self._add_weight(weight)
            backward(loss * weight)
        if self.should_update():
            if self._window_weight is not None:
                self._divide_by(self._window_weight)
            self.step(**(step_kwargs or {}))
            if zero_kwargs is None and self._zeroes_as_torch:
                _forget_gradients(self.optimizer)
            else:
                self.zero_grad(**(zero_kwargs or {}))

    def scale_loss(self, loss: Tensor) -> Tensor:
        """Divide `loss` by the number of micro-batches in its window."""
        if self._accumulative_counts == 1:
            return loss
        count = self._inner_count + 1
        if self._closed_early:
            return loss / self._window_length(count)
        return loss / length_of_window(count, self._accumulative_counts, self._max_counts)

    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """Add the gradients of `loss`; `kwargs` are those of `Tensor.backward`."""
        if self._peers is None:
            loss.backward(**kwargs)  # type: ignore[no-untyped-call]
        else:
            with self._peers.aside(self):
                loss.backward(**kwargs)  # type: ignore[no-untyped-call]
        self._inner_count += 1

    def step(self, **kwargs: Any) -> None:
        """Clip if asked to, and let the optimizer step; `kwargs` are those of its `step`."""
        if self._peers is not None:
            self._peers.take(self)
        if self._clip is not None:
            self.grad_norm = self._clip(parameters_of(self))
        self.optimizer.step(**kwargs)
        self.step_count += 1

    def zero_grad(self, **kwargs: Any) -> None:
        """Forget the gradients; `kwargs` are those of the optimizer's `zero_grad`."""
        if self._peers is not None:
            self._peers.take(self)
            self._peers.release(self)
        self.optimizer.zero_grad(**kwargs)

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

    def optim_context(self, model: nn.Module) -> AbstractContextManager[Any]:
        """Return the context for the forward and backward pass of one micro-batch.

        Inside a window the gradients of a distributed `model` are not sent to the other ranks.
        """
        if self._accumulative_counts == 1 or self._syncs_always:
            return NO_CONTEXT
        wanted = self.should_sync()
        if not wanted:
            self._held_back = model
        return gradient_sync(model, wanted=wanted)

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

    def state_dict(self) -> dict[str, Any]:
        """Return the optimizer's state and, once training began, the position under `accumulation`.

        In the middle of a window the position includes the gradients so far, in the order of the parameters.
        """
        state = super().state_dict()
        if self._inner_count:
            state["accumulation"] = self._position()
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load what `state_dict` of a wrapper or of a bare optimizer returned."""
        super().load_state_dict({key: state_dict[key] for key in state_dict if key != "accumulation"})
        if self._is_compiled:
            rates_to_tensors(self.optimizer.param_groups)
        if "accumulation" in state_dict:
            self._set_position(state_dict["accumulation"])

    def __repr__(self) -> str:
        return (
            f"Type: {type(self).__name__}\n"
            f"_accumulative_counts: {self._accumulative_counts}\n"
            f"optimizer:\n{self.optimizer!r}\n"
        )

    def _backward_apart(self, loss: Tensor) -> None:
        """Call `backward`, whoever has overridden it, so that it leaves the other members alone."""
        assert self._peers is not None
        with self._peers.aside(self):
            self.backward(loss)

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


def _is_plain(wrapper: OptimWrapper) -> bool:
    """Whether no subclass wants a say between the loss and the step."""
    parts = ("backward", "step", "scale_loss", "should_update")
    return all(getattr(type(wrapper), part) is getattr(OptimWrapper, part) for part in parts)


def _zeroes_as_torch(wrapper: OptimWrapper) -> bool:
    """Whether neither a subclass nor the optimizer has another idea of how gradients are forgotten."""
    zero_grad = getattr(wrapper.optimizer.zero_grad, "__func__", None)
    return zero_grad is Optimizer.zero_grad and type(wrapper).zero_grad is OptimWrapper.zero_grad


def _forget_gradients(optimizer: Optimizer) -> None:
    """Do what `Optimizer.zero_grad` does, without the twenty calls that it takes to say so to a profiler."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = None


def _has_batch_norm(model: nn.Module) -> bool:
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules())
