"""Whether an optimizer has stepped before its schedules did."""

import warnings
from typing import Any

from torch.optim import Optimizer

from eng_optim.base import BaseOptimWrapper


class FirstStep:
    """Notices whether the optimizer has stepped, and costs nothing from then on."""

    def __init__(self, optimizer: Optimizer | BaseOptimWrapper) -> None:
        self._seen = False
        self._optimizer = optimizer
        bare = optimizer.optimizer if isinstance(optimizer, BaseOptimWrapper) else optimizer
        self._handle = bare.register_step_post_hook(self._notice)

    def _notice(self, *_: Any) -> None:
        self._seen = True

    def forget(self) -> None:
        """Stop looking."""
        self._handle.remove()

    def expect(self) -> None:
        """Warn if the optimizer has not stepped, and stop looking.

        A wrapper that accumulates gradients has had its backward pass: its first step comes with the end of the window.
        """
        self.forget()
        if not self._seen and not getattr(self._optimizer, "inner_count", 0):
            warnings.warn(
                "the schedule stepped before the optimizer did, or `optimizer.step` was replaced: the first "
                "value of the schedule is skipped. Call `optimizer.step()` before `scheduler.step()`; see "
                "https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate",
                UserWarning,
                stacklevel=3,
            )
