"""What a loop is: a loader, and something to run over it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from eng_dataset import Loader

from ..aliases import Batch, Part
from ..length import loader_length, pass_length
from ..run import Run


class BaseLoop:
    """What runs: a loader, and `run()`. Subclass it and register it in LOOPS for an order of your own.

    `dataloader` is a mapping, a torch DataLoader or any iterable; the attribute is always a `Loader`. `limit_batches`
    ends each pass early: after so many batches, or after that share of them if it is a float up to 1.0. `length` is
    how many batches a pass has, None where that is not known.

    A training loop of your own calls the points of hooks (`before_train_iter`, `after_train_iter`,
    `after_train_epoch`, ...) with `runner.call_hook`; the clock of the run follows them.
    """

    trains = False
    """Whether the loader may shuffle, drop and pad: an evaluation sees each sample exactly once."""

    def __init__(self, runner: Run, dataloader: Part, *, limit_batches: float | None = None) -> None:
        self._runner = runner
        self.dataloader: Loader = runner.as_loader(dataloader, training=self.trains)
        whole = loader_length(self.dataloader)
        self.length = pass_length(whole, limit_batches)
        self.is_limited = self.length != whole or (self.dataloader.endless and limit_batches is not None)

    @property
    def runner(self) -> Run:
        """The run that this loop belongs to."""
        return self._runner

    @property
    def samples_per_iter(self) -> int:
        """Samples that a full batch holds over all ranks."""
        return (self.dataloader.batch_size or 1) * self.runner.strategy.data_place()[1]

    def run(self) -> Part:
        """Run to the end and return the result of it."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it runs: define run(self)")

    def batches(self) -> Iterable[Batch]:
        """Return the batches from the loader's position to the end of the pass."""
        if not self.is_limited or self.length is None:
            return self.dataloader
        return islice(self.dataloader, max(0, self.length - self.dataloader.batch))

    def begin_pass(self) -> None:
        """Prepare a pass that begins; called when the loop calls the point `before_<mode>_epoch`."""

    def end_pass(self) -> None:
        """Count a pass of the training that is over; called when the loop calls the point `after_train_epoch`."""
        clock = self.runner.clock
        clock.epoch, clock.batch = clock.epoch + 1, 0
