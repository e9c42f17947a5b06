"""How long a training is: epochs, iterations and optimizer steps, computed here and nowhere else.

Loops, `check`, `eng lr`, the dry run, schedules, the log line and the checkpoint hook ask a `RunLength`.
"""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass, replace
from math import ceil
from typing import Self

from .aliases import Settings
from .clock import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLength:
    """The length of a training on this rank; None where it cannot be known.

    `epochs` is None in a training by iterations. `accumulative_counts` iterations make one optimizer step; a window
    goes on over the end of an epoch, and the last one of the training is stepped even if it is shorter.

    >>> length = RunLength.of({"max_epochs": 5}, loader_length=16, accumulative_counts=3)
    >>> length.epochs, length.iters, length.iters_per_epoch, length.steps
    (5, 80, 16, 27)
    """

    epochs: int | None = None
    iters: int | None = None
    iters_per_epoch: int | None = None
    accumulative_counts: int = 1

    @classmethod
    def of(cls, train_cfg: Settings, loader_length: int | None, accumulative_counts: int = 1) -> Self:
        """Return the length that a `train_cfg` gives with a loader of so many batches.

        Raises ValueError for a `limit_batches` that cannot be meant.
        """
        per_epoch = pass_length(
            loader_length, train_cfg.get("limit_batches"), train_cfg.get("overfit_batches")
        )
        iters, epochs = train_cfg.get("max_iters"), train_cfg.get("max_epochs")
        if iters is not None:
            return cls(iters=int(iters), iters_per_epoch=per_epoch, accumulative_counts=accumulative_counts)
        return cls(iters_per_epoch=per_epoch, accumulative_counts=accumulative_counts).for_epochs(epochs)

    def for_epochs(self, epochs: int | None) -> Self:
        """Return the same training for another number of epochs.

        >>> RunLength(iters_per_epoch=10).for_epochs(3).iters
        30
        """
        known = epochs is not None and self.iters_per_epoch is not None
        iters = int(epochs) * self.iters_per_epoch if known else None  # type: ignore[operator,arg-type]  # asked above
        return replace(self, epochs=None if epochs is None else int(epochs), iters=iters)

    def continued(self, *, iters: int, epochs: int, batches: int) -> Self:
        """Return the length of a run that continues after so many iterations, epochs, and batches of the next one.

        What is done may have been done with other batches, so only what is left is counted with these.

        >>> RunLength(iters_per_epoch=10).for_epochs(3).continued(iters=7, epochs=1, batches=2).iters
        25
        """
        if self.epochs is None or self.iters_per_epoch is None:
            return self
        left = (self.epochs - epochs) * self.iters_per_epoch - batches
        return replace(self, iters=iters + max(left, 0))

    @property
    def by_epoch(self) -> bool:
        """Whether the end is given in epochs."""
        return self.epochs is not None

    @property
    def steps(self) -> int | None:
        """Optimizer steps of the whole training."""
        return None if self.iters is None else ceil(self.iters / self.accumulative_counts)

    @property
    def passes(self) -> float | None:
        """Passes over the loader, a fraction if the training ends within one."""
        if self.epochs is not None:
            return self.epochs
        if self.iters is None or not self.iters_per_epoch:
            return None
        return self.iters / self.iters_per_epoch

    def total(self, unit: Unit) -> float | None:
        """Return the whole length in a unit of the clock; None for samples, which only the loader can tell.

        >>> RunLength(iters=40, iters_per_epoch=8).total("epoch")
        5.0
        """
        return {"epoch": self.passes, "iter": self.iters, "step": self.steps}.get(unit)


def loader_length(loader: object) -> int | None:
    """Return the batches in a pass of this rank, None for a loader whose length is not known."""
    if not isinstance(loader, Sized):
        return None
    try:
        return len(loader)
    except TypeError:  # a loader of a stream has `__len__` and cannot tell
        return None


def pass_length(
    loader: int | None, limit_batches: float | None = None, overfit_batches: int | None = None
) -> int | None:
    """Return the batches that a pass uses of a loader of so many.

    `limit_batches` is a count, or a share if it is a float up to 1.0; `overfit_batches` takes its place. Raises
    ValueError for a limit that cannot be meant, or for a share of a length that is not known.

    >>> pass_length(40), pass_length(40, 10), pass_length(40, 0.5), pass_length(None, 10)
    (40, 10, 20, 10)
    """
    limit = limit_batches if overfit_batches is None else overfit_batches
    if limit is None:
        return loader
    if isinstance(limit, bool) or limit <= 0 or (isinstance(limit, float) and limit > 1):
        raise ValueError(f"`limit_batches` is a number of batches or a share up to 1.0, not {limit!r}")
    if isinstance(limit, float):
        if loader is None:
            raise ValueError(f"limit_batches={limit!r} is a share, but the length of the loader is not known")
        return max(1, round(loader * limit))
    return limit if loader is None else min(loader, limit)
