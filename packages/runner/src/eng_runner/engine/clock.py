"""The one clock of a run.

Every trigger, schedule and x-axis reads it, and nothing else counts. It holds what is *complete*: inside
`after_train_iter` of the very first iteration `iter` is already 1 (`runner.iter` keeps the documented zero-based index
of the iteration that is under way).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Unit = Literal["epoch", "iter", "step", "sample", "token"]

_FIELDS = {"epoch": "epoch", "iter": "iter", "step": "step", "sample": "samples", "token": "tokens"}


@dataclass(slots=True)
class Clock:
    """Completed epochs, iterations (micro-batches), optimizer steps, samples and tokens (over all ranks).

    `step` counts the steps that the optimizer really took. `batch` of `batches` of the epoch under way are done;
    `batches` is 0 where the length of the loader is not known. Both follow from the loader and are not saved.

    >>> clock = Clock()
    >>> clock.iter += 1
    >>> clock.state_dict()
    {'epoch': 0, 'iter': 1, 'step': 0, 'samples': 0, 'tokens': 0}
    """

    epoch: int = 0
    iter: int = 0
    step: int = 0
    samples: int = 0
    tokens: int = 0
    batch: int = 0
    batches: int = 0

    def reading(self, unit: Unit) -> float:
        """Return one of the counters; that of epochs has a fraction where the loader has a length.

        >>> Clock(samples=64).reading("sample"), Clock(epoch=2, batch=1, batches=4).reading("epoch")
        (64, 2.25)
        """
        count: float = getattr(self, _FIELDS[unit])
        return count + self.batch / self.batches if unit == "epoch" and self.batches else count

    def state_dict(self) -> dict[str, int]:
        """Return the counters."""
        return {name: getattr(self, name) for name in _FIELDS.values()}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Set the counters; an absent one becomes 0."""
        for name in _FIELDS.values():
            setattr(self, name, int(state.get(name, 0)))
