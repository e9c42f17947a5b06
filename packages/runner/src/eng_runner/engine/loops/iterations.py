"""Training by iterations: the loader starts over as often as it has to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
class IterBasedTrainLoop(TrainLoop):
    """Train for `max_iters` iterations, validating every `val_interval` iterations from `val_begin` on.

    A finite loader starts over with a new epoch of its sampler; `runner.epoch` stays 0 as documented, `clock.epoch`
    counts the passes; one is over when the next one begins. `val_interval` may also be a string such as `'2 epochs'`.
    The other arguments are those of `TrainLoop`.
    """

    unit = "iter"
    epoch_under_way = 0

    def __init__(
        self,
        runner: Run,
        dataloader: Part,
        max_iters: int,
        val_begin: int = 1,
        val_interval: int | str = 1000,
        dynamic_intervals: Sequence[tuple[int, int]] | None = None,
        max_time: str | None = None,
        limit_batches: float | None = None,
        overfit_batches: int | None = None,
        count_samples: Count | None = None,
        count_tokens: Count | str | None = None,
    ) -> None:
        if int(max_iters) != max_iters:
            raise ValueError(f"`max_iters` must be a whole number, not {max_iters!r}")
        super().__init__(
            runner, dataloader, val_begin, val_interval, dynamic_intervals, max_time, limit_batches, overfit_batches,
            count_samples, count_tokens,
        )  # fmt: skip
        self.run_length = RunLength(iters=int(max_iters), iters_per_epoch=self.length)
        self.calendar = self.calendar.in_run(self.run_length)

    def run(self) -> nn.Module:
        """Train to the end; returns the model."""
        runner = self.runner
        runner.call_hook("before_train")
        runner.call_hook("before_train_epoch")
        self._begin_run()
        step = None if is_overridden(self, "run_iter", IterBasedTrainLoop) else self._step
        batches = iter(self.batches())
        runner.model.train()
        self._is_driving = True
        try:
            while self.state is not State.DONE:
                match self.state:
                    case State.TRAIN:
                        try:
                            data_batch = next(batches)
                        except StopIteration:
                            batches = iter(self.start_over())
                            continue
                        if step is None:
                            self.run_iter(data_batch)
                        else:
                            step(runner.clock.iter, data_batch)
                        self.state = self._next()
                        if not self.calendar.counts_own_unit:
                            self._before = copy(runner.clock)
                        if runner.stop.agreement.requested:
                            runner.stop.obey(runner)
                    case State.VALIDATE:
                        self._validate()
                        runner.model.train()
                        self.state = State.DONE if self._finished() else State.TRAIN
        finally:
            self._is_driving = False
        runner.call_hook("after_train_epoch")
        runner.call_hook("after_train")
        return runner.model

    def run_iter(self, data_batch: Batch) -> None:
        """Train on one batch."""
        self._step(self.runner.clock.iter, data_batch)
        if not self._is_driving:
            self._obey_stop()

    def start_over(self) -> Iterable[Batch]:
        """Count the pass that is over, and return the batches of the next one.

        Raises RuntimeError if the pass had no batch.
        """
        self._require_batches()
        self._next_pass()
        return self.batches()

    def end_pass(self) -> None:
        """Count nothing: here the point `after_train_epoch` is called once, at the end of the training."""

    def _finished(self) -> bool:
        return self.stop_training or self.runner.clock.iter >= self.max_iters

    def _next(self) -> State:
        if self.state is State.VALIDATE or self._due(last=self.runner.clock.iter >= self.max_iters):
            return State.VALIDATE
        return State.DONE if self._finished() else State.TRAIN
