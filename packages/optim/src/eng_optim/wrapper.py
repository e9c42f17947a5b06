"""One optimizer step from a loss: scale, backward, accumulate, clip, step, zero.

`update_params` is the road of every training iteration. What a wrapper has to do is known when it is made, so
the plain case (no accumulation, no clipping, no subclass) goes straight to torch.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from logging import getLogger
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from eng_optim.accumulate import (
    NO_CONTEXT,
    gradient_sync,
    length_of_window,
)
from eng_optim.clip import make_clip
from eng_optim.compiled import compile_step, rates_to_tensors
from eng_optim.errors import SettingError
from eng_optim.peers import parameters_of
from eng_optim.window import WindowedOptimizer
from eng_registry import OPTIM_WRAPPERS

logger = getLogger(__name__)


@OPTIM_WRAPPERS.register_module()
class OptimWrapper(WindowedOptimizer):
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

    grad_norm: Tensor | None
    """Norm of all gradients before they were clipped in the last step; None without clipping by norm."""

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
        super().__init__(optimizer, accumulative_counts)
        self._is_compiled = bool(compile)
        if self._is_compiled:
            compile_step(optimizer, {} if isinstance(compile, bool) else compile)
        self.grad_norm = None
        self._clip = make_clip(clip_grad)
        self._zeroes_as_torch = _zeroes_as_torch(self)
        self._is_plain = (
            accumulative_counts == 1 and self._clip is None and self._zeroes_as_torch and _is_plain(self)
        )

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
            self.grad_norm = self._clip([each for each in parameters_of(self) if each.requires_grad])
        self.optimizer.step(**kwargs)
        self.step_count += 1

    def zero_grad(self, **kwargs: Any) -> None:
        """Forget the gradients; `kwargs` are those of the optimizer's `zero_grad`."""
        if self._peers is not None:
            self._peers.take(self)
            self._peers.release(self)
        self.optimizer.zero_grad(**kwargs)

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
