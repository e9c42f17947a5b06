"""The one clock of a run.

Every trigger, schedule and x-axis reads these four counters and nothing else counts. They hold what is
*complete*: inside `after_train_iter` of the very first iteration `iter` is already 1 (`runner.iter` keeps the
documented zero-based index of the iteration that is under way).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Unit = Literal["epoch", "iter", "step", "sample"]


@dataclass(slots=True)
class Clock:
    """Completed epochs, iterations (micro-batches), optimizer steps and samples (over all ranks).

    >>> clock = Clock()
    >>> clock.iter += 1
    >>> clock.state_dict()
    {'epoch': 0, 'iter': 1, 'step': 0, 'samples': 0}
    """

    epoch: int = 0
    iter: int = 0
    step: int = 0
    samples: int = 0

    def reading(self, unit: Unit) -> int:
        """One of the four counters.

        >>> Clock(samples=64).reading("sample")
        64
        """
        count: int = getattr(self, "samples" if unit == "sample" else unit)
        return count

    def state_dict(self) -> dict[str, int]:
        """The four counters."""
        return {"epoch": self.epoch, "iter": self.iter, "step": self.step, "samples": self.samples}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Set the four counters; an absent one becomes 0."""
        self.epoch = int(state.get("epoch", 0))
        self.iter = int(state.get("iter", 0))
        self.step = int(state.get("step", 0))
        self.samples = int(state.get("samples", 0))
