"""Training by epochs: passes over the loader, each followed by its validation."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

from torch import nn

from eng_registry import LOOPS

from ..aliases import Batch, Part
from ..counting import Count
from ..length import RunLength
from ..overriding import is_overridden
from ..run import Run
from .train import State, TrainLoop


@LOOPS.register_module()
class EpochBasedTrainLoop(TrainLoop):
    """Train for `max_epochs` passes over the loader, validating every `val_interval` epochs from `val_begin` on.

    `val_interval` may also be a string such as `'500 iters'`. `dynamic_intervals` is a list of (epoch, interval): from
    that epoch on (1-based) the other interval holds. The other arguments are those of `TrainLoop`.
    """

    unit = "epoch"

    def __init__(
        self,
        runner: Run,
        dataloader: Part,
        max_epochs: int,
        val_begin: int = 1,
        val_interval: int | str = 1,
        dynamic_intervals: Sequence[tuple[int, int]] | None = None,
        max_time: str | None = None,
        limit_batches: float | None = None,
        overfit_batches: int | None = None,
        count_samples: Count | None = None,
        count_tokens: Count | str | None = None,
    ) -> None:
        if int(max_epochs) != max_epochs:
            raise ValueError(f"`max_epochs` must be a whole number, not {max_epochs!r}")
        super().__init__(
            runner, dataloader, val_begin, val_interval, dynamic_intervals, max_time, limit_batches, overfit_batches,
            count_samples, count_tokens,
        )  # fmt: skip
        if self.dataloader.endless and not self.is_limited:
            raise ValueError(
                "training by epochs needs an end of the pass, and this loader never ends; give `limit_batches`, or use "
                "by_epoch=False and `max_iters`"
            )
        self.run_length = RunLength(iters_per_epoch=self.length).for_epochs(max_epochs)
        self.calendar = self.calendar.in_run(self.run_length)

    def run(self) -> nn.Module:
        """Train to the end; returns the model."""
        runner = self.runner
        runner.call_hook("before_train")
        self._begin_run()
        while self.state is not State.DONE:
            match self.state:
                case State.TRAIN:
                    passes = runner.clock.epoch
                    self.run_epoch()
                    if runner.clock.epoch == passes:  # a `run_epoch` that does not call `after_train_epoch`
                        self.end_pass()
                    runner.epoch = runner.clock.epoch
                case State.VALIDATE:
                    self._validate()
            self.state = self._next()
        runner.call_hook("after_train")
        return runner.model

    def resumed(self) -> None:
        """Take over the clock of a checkpoint; other ranks than now may have done what is done."""
        super().resumed()
        clock = self.runner.clock
        self.runner.epoch = clock.epoch
        self.run_length = self.run_length.continued(
            iters=clock.iter, epochs=clock.epoch, batches=self.dataloader.batch
        )

    def run_epoch(self) -> None:
        """Train on one pass over the loader, or on what a resumed run still has to do of it."""
        runner = self.runner
        runner.call_hook("before_train_epoch")
        runner.model.train()
        iterate = self.run_iter if is_overridden(self, "run_iter", EpochBasedTrainLoop) else self._step
        validates_inside = not self.calendar.counts_own_unit
        self._is_driving = True
        try:
            for batch_idx, data_batch in enumerate(self.batches(), start=self.dataloader.batch):
                iterate(batch_idx, data_batch)
                if validates_inside:
                    self._validate_inside()
                if runner.stop.agreement.requested:
                    runner.stop.obey(runner)
        finally:
            self._is_driving = False
        self._require_batches()
        runner.call_hook("after_train_epoch")
        runner.epoch = runner.clock.epoch

    def run_iter(self, idx: int, data_batch: Batch) -> None:
        """Train on one batch, the `idx`-th of its epoch."""
        self._step(idx, data_batch)
        if not self._is_driving:
            if not self.calendar.counts_own_unit:
                self._validate_inside()
            self._obey_stop()

    def begin_pass(self) -> None:
        """Note where the epoch begins; called when the loop calls the point `before_train_epoch`."""
        super().begin_pass()
        self._before = copy(self.runner.clock)

    def end_pass(self) -> None:
        """Count the epoch, and settle what follows; called when the loop calls the point `after_train_epoch`."""
        clock = self.runner.clock
        self._next_pass()
        self.state = State.VALIDATE if self._due(last=clock.epoch >= self.max_epochs) else State.TRAIN

    def _validate_inside(self) -> None:
        """Validate in the middle of an epoch, if it is due."""
        clock = self.runner.clock
        if clock.iter != self.run_length.iters and self._due(last=False):
            self._validate()
            self.runner.model.train()
        self._before = copy(clock)

    def _finished(self) -> bool:
        return self.stop_training or self.runner.clock.epoch >= self.max_epochs

    def _next(self) -> State:
        inside = not self.calendar.counts_own_unit and self.runner.clock.iter != self.run_length.iters
        if self.state is State.VALIDATE or (inside and self._due(last=False)):
            return State.VALIDATE
        return State.DONE if self._finished() else State.TRAIN
