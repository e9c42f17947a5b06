"""Which value a scheduler moves, as a class to inherit from beside the one that says how."""

from __future__ import annotations

from typing import Any

__all__ = [
    "LRSchedulerMixin",
    "MomentumSchedulerMixin",
]


class LRSchedulerMixin:
    """Moves the learning rate: `class Warmup(LRSchedulerMixin, WarmupParamScheduler)`."""

    def __init__(self, optimizer: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(optimizer, "lr", *args, **kwargs)  # type: ignore[call-arg]  # of the class beside this one


class MomentumSchedulerMixin:
    """Moves the momentum, or the first of Adam's betas."""

    def __init__(self, optimizer: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(optimizer, "momentum", *args, **kwargs)  # type: ignore[call-arg]  # as above
