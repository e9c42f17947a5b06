"""The points inside of the optimizer: hooks that override them are hung up for the time of a training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from torch import Tensor

from .aliases import HookCall, Part, Value
from .run import Run, wrappers_of


class Handle(Protocol):
    """Something that can be taken away again."""

    def remove(self) -> None: ...


@contextmanager
def observed(runner: Run) -> Iterator[None]:
    """Call the hooks' points around each backward pass and each step of the optimizer; where there is none, nothing."""
    handles: list[Handle] = []
    for wrapper in wrappers_of(runner.optim_wrapper).values():
        before, after = (_all(runner, f"{when}_optimizer_step") for when in ("before", "after"))
        if before is not None:
            handles.append(wrapper.optimizer.register_step_pre_hook(before))
        if after is not None:
            handles.append(wrapper.optimizer.register_step_post_hook(after))
        before, after = (_all(runner, f"{when}_backward") for when in ("before", "after"))
        if before is not None or after is not None:
            handles.append(_AroundBackward(wrapper, before, after))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class _AroundBackward:
    """Calls something before and after the backward pass of an optimizer wrapper, until it is removed."""

    def __init__(self, wrapper: Part, before: HookCall | None, after: HookCall | None) -> None:
        backward = wrapper.backward
        self._wrapper, self._was_plain = wrapper, wrapper._is_plain

        def surrounded(loss: Tensor, **kwargs: Value) -> None:
            if before is not None:
                before(loss)
            backward(loss, **kwargs)
            if after is not None:
                after()

        wrapper.backward = surrounded
        wrapper._is_plain = False  # the short way of a plain step leaves `backward` out

    def remove(self) -> None:
        """Leave the wrapper as it was."""
        del self._wrapper.backward
        self._wrapper._is_plain = self._was_plain


def _all(runner: Run, point: str) -> HookCall | None:
    calls = runner.hook_calls(point)
    if not calls:
        return None
    if point == "before_backward":

        def tell_loss(loss: Tensor) -> None:
            for call in calls:
                call(runner, loss=loss)

        return tell_loss

    def tell(*_: Value) -> None:
        for call in calls:
            call(runner)

    return tell
