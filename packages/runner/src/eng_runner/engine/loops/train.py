"""The order of a training: epochs or iterations, and when to validate.

A training loop moves through named states, so that a checkpoint can say where it was taken: a run that was stopped
between an epoch and its validation validates first when it comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from enum import StrEnum
from typing import TYPE_CHECKING, Any, final

import torch

from eng_registry import LOOPS

from ..clock import Clock, Unit
from ..hook import Batch
from ..interval import Every
from ..step import TrainStep
from .base import BaseLoop
from .calendar import Calendar

if TYPE_CHECKING:
    from ...runner import Runner


class State(StrEnum):
    """Where a training loop is."""

    TRAIN = "train"
    VALIDATE = "validate"
    DONE = "done"


class TrainLoop(BaseLoop):
    """What epoch- and iteration-based training share: limits, the validation calendar, state, stopping.

    `max_time` is a duration such as `'11.5 hours'`, after which the run saves and ends as if it were interrupted; it
    can be resumed. `overfit_batches` trains on the same first batches in every pass, to see whether a model can learn.
    """

    trains = True
    unit: Unit
    _max_epochs: int
    _max_iters: int
    _step: TrainStep

    def __init__(
        self,
        runner: Runner,
        dataloader: Any,
        val_begin: int,
        val_interval: int | str,
        dynamic_intervals: Sequence[tuple[int, int]] | None,
        max_time: str | None,
        limit_batches: float | None,
        overfit_batches: int | None,
    ) -> None:
        super().__init__(
            runner, dataloader, limit_batches=limit_batches if overfit_batches is None else overfit_batches
        )
        self.calendar = Calendar.parse(
            val_interval, begin=val_begin, unit=self.unit, dynamic=dynamic_intervals
        )
        self.val_begin = val_begin
        self.val_interval = val_interval
        self.max_time = None if max_time is None else _seconds(max_time)
        self.overfits = overfit_batches is not None
        self.state = State.TRAIN
        self.stop_training = False
        self._before = Clock()
        metainfo = getattr(self.dataloader.dataset, "metainfo", None)
        if metainfo is not None:
            runner.visualizer.dataset_meta = metainfo

    @property
    def max_epochs(self) -> int:
        """Epochs of the whole training; 1 in iteration-based training."""
        return self._max_epochs

    @property
    def max_iters(self) -> int:
        """Iterations of the whole training."""
        return self._max_iters

    @property
    def epoch(self) -> int:
        """Index of the epoch under way, from 0."""
        return self.runner.epoch

    @property
    def iter(self) -> int:
        """Index of the iteration under way, from 0, over the whole run."""
        return self.runner.iter

    def state_dict(self) -> dict[str, Any]:
        """What comes next, and whether to stop; the counters are the clock's."""
        return {"state": self._next().value, "stop_training": self.stop_training}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from there; a finished run goes on if it is longer by now."""
        self.state = State.VALIDATE if state["state"] == State.VALIDATE else State.TRAIN
        self.stop_training = bool(state["stop_training"])

    def resumed(self) -> None:
        """Called when the clock was set from a checkpoint."""
        self.runner.iter = self.runner.clock.iter
        self._before = copy(self.runner.clock)

    def _next(self) -> State:
        """The state that follows, judged by the clock."""
        raise NotImplementedError

    def _due(self, *, last: bool) -> bool:
        return self.runner.val_loop is not None and self.calendar.due(
            self.runner.clock, self._before, last=last
        )

    def _validate(self) -> None:
        if self.runner.val_loop is not None:
            self.runner.val_loop.run()
        self.state = State.TRAIN

    def _next_pass(self) -> None:
        """Put the loader at the beginning of the next pass, and count the pass that has ended."""
        clock = self.runner.clock
        clock.epoch += 1
        self.dataloader.set_position(0 if self.overfits else clock.epoch)

    def _samples_per_iter(self) -> int:
        return (self.dataloader.batch_size or 1) * self.runner.strategy.data_place()[1]

    def _samples_per_pass(self) -> int | None:
        """Samples of a whole pass over all ranks, whose last batch may be smaller; None where that is not known."""
        try:
            drawn = len(self.dataloader.sampler) * self.runner.strategy.data_place()[1]
        except TypeError:
            return None
        return None if self.length is None else min(drawn, self.length * self._samples_per_iter())


def _seconds(duration: str) -> float:
    wrong = ValueError(f"`max_time` is a duration such as '90 min' or '11.5 hours', not {duration!r}")
    try:
        every = Every.parse(duration)
    except ValueError as error:
        raise wrong from error
    if every.of != "second":
        raise wrong
    return every.n


@final
@LOOPS.register_module()
class EpochBasedTrainLoop(TrainLoop):
    """Train for `max_epochs` passes over the loader, validating every `val_interval` epochs from `val_begin` on.

    `val_interval` may also be a text such as `'500 iters'`. `dynamic_intervals` is a list of (epoch, interval): from
    that epoch on (1-based) the other interval holds. The other arguments are those of `TrainLoop`.
    """

    unit = "epoch"

    def __init__(
        self,
        runner: Runner,
        dataloader: Any,
        max_epochs: int,
        val_begin: int = 1,
        val_interval: int | str = 1,
        dynamic_intervals: Sequence[tuple[int, int]] | None = None,
        max_time: str | None = None,
        limit_batches: float | None = None,
        overfit_batches: int | None = None,
    ) -> None:
        if int(max_epochs) != max_epochs:
            raise ValueError(f"`max_epochs` must be a whole number, not {max_epochs!r}")
        super().__init__(
            runner, dataloader, val_begin, val_interval, dynamic_intervals, max_time, limit_batches, overfit_batches
        )  # fmt: skip
        self._max_epochs = int(max_epochs)
        if self.length is None:
            raise TypeError(
                "training by epochs needs a loader with a length; give `limit_batches`, or use by_epoch=False and "
                "`max_iters` for this one"
            )
        self._max_iters = self._max_epochs * self.length

    def run(self) -> torch.nn.Module:
        """Train to the end; returns the model."""
        runner = self.runner
        runner.call_hook("before_train")
        self.state = State.DONE if self._finished() and self.state is State.TRAIN else self.state
        while self.state is not State.DONE:
            match self.state:
                case State.TRAIN:
                    self.run_epoch()
                case State.VALIDATE:
                    self._validate()
            self.state = self._next()
        runner.call_hook("after_train")
        return runner.model

    def resumed(self) -> None:
        """Called when the clock was set from a checkpoint."""
        super().resumed()
        clock = self.runner.clock
        self.runner.epoch = clock.epoch
        if self.length is not None:  # counted from here: other processes than now may have done what is done
            left = (self.max_epochs - clock.epoch) * self.length - self.dataloader.batch
            self._max_iters = clock.iter + max(left, 0)

    def run_epoch(self) -> None:
        """One pass over the loader, or what a resumed run still has to do of it."""
        runner, loader, clock = self.runner, self.dataloader, self.runner.clock
        runner.call_hook("before_train_epoch")
        runner.model.train()
        self._step = TrainStep(runner, samples=self._samples_per_iter())
        samples_before = clock.samples - loader.batch * self._step.samples
        self._before = copy(clock)
        for batch_idx, data_batch in enumerate(self.batches(), start=loader.batch):
            self._step(batch_idx, data_batch)
            if not self.calendar.counts_own_unit:
                self._validate_inside()
            if runner.stop.agreement.requested:
                runner.stop.obey(runner)
        samples = self._samples_per_pass()
        if samples is not None:
            clock.samples = samples_before + samples
        self._next_pass()
        self.state = State.VALIDATE if self._due(last=clock.epoch >= self.max_epochs) else State.TRAIN
        runner.call_hook("after_train_epoch")
        runner.epoch = clock.epoch

    def run_iter(self, idx: int, data_batch: Batch) -> None:
        """Train on one batch, the `idx`-th of its epoch."""
        self._step(idx, data_batch)

    def _validate_inside(self) -> None:
        """Validate in the middle of an epoch, if it is due."""
        clock = self.runner.clock
        if clock.iter < self.max_iters and self._due(last=False):
            self._validate()
            self.runner.model.train()
        self._before = copy(clock)

    def _finished(self) -> bool:
        return self.stop_training or self.runner.clock.epoch >= self.max_epochs

    def _next(self) -> State:
        inside = not self.calendar.counts_own_unit and self.runner.clock.iter < self.max_iters
        if self.state is State.VALIDATE or (inside and self._due(last=False)):
            return State.VALIDATE
        return State.DONE if self._finished() else State.TRAIN


@final
@LOOPS.register_module()
class IterBasedTrainLoop(TrainLoop):
    """Train for `max_iters` iterations, validating every `val_interval` iterations from `val_begin` on.

    A finite loader starts over with a new epoch of its sampler; `runner.epoch` stays 0 as documented, `clock.epoch`
    counts the passes; one is over when the next one begins. `val_interval` may also be a text such as `'2 epochs'`. The
    other arguments are those of `TrainLoop`.
    """

    unit = "iter"

    def __init__(
        self,
        runner: Runner,
        dataloader: Any,
        max_iters: int,
        val_begin: int = 1,
        val_interval: int | str = 1000,
        dynamic_intervals: Sequence[tuple[int, int]] | None = None,
        max_time: str | None = None,
        limit_batches: float | None = None,
        overfit_batches: int | None = None,
    ) -> None:
        if int(max_iters) != max_iters:
            raise ValueError(f"`max_iters` must be a whole number, not {max_iters!r}")
        super().__init__(
            runner, dataloader, val_begin, val_interval, dynamic_intervals, max_time, limit_batches, overfit_batches
        )  # fmt: skip
        self._max_epochs = 1
        self._max_iters = int(max_iters)

    def run(self) -> torch.nn.Module:
        """Train to the end; returns the model."""
        runner = self.runner
        runner.call_hook("before_train")
        runner.call_hook("before_train_epoch")
        self._step = TrainStep(runner, samples=self._samples_per_iter())
        self._before = copy(runner.clock)
        batches = iter(self.batches())
        runner.model.train()
        self.state = State.DONE if self._finished() and self.state is State.TRAIN else self.state
        while self.state is not State.DONE:
            match self.state:
                case State.TRAIN:
                    try:
                        data_batch = next(batches)
                    except StopIteration:
                        batches = iter(self._start_over())
                        continue
                    self._step(runner.clock.iter, data_batch)
                    self.state = self._next()
                    if not self.calendar.counts_own_unit:
                        self._before = copy(runner.clock)
                    if runner.stop.agreement.requested:
                        runner.stop.obey(runner)
                case State.VALIDATE:
                    self._validate()
                    runner.model.train()
                    self.state = State.DONE if self._finished() else State.TRAIN
        runner.call_hook("after_train_epoch")
        runner.call_hook("after_train")
        return runner.model

    def run_iter(self, data_batch: Batch) -> None:
        """Train on one batch."""
        self._step(self.runner.clock.iter, data_batch)

    def _start_over(self) -> Iterable[Any]:
        if self.dataloader.batch == 0:
            raise RuntimeError(
                "the training loader yields no batch at all; look at its dataset, batch_size and drop_last"
            )
        self._next_pass()
        return self.batches()

    def _finished(self) -> bool:
        return self.stop_training or self.runner.clock.iter >= self.max_iters

    def _next(self) -> State:
        if self.state is State.VALIDATE or self._due(last=self.runner.clock.iter >= self.max_iters):
            return State.VALIDATE
        return State.DONE if self._finished() else State.TRAIN
