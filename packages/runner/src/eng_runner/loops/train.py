"""The order of a training: epochs or iterations, and when to validate.

A training loop moves through named states, so that a checkpoint can say where it was taken: a run that was stopped
between an epoch and its validation validates first when it comes back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, final

import torch

from eng_dist import get_world_size
from eng_registry import LOOPS

from ..step import TrainStep
from .base import BaseLoop

if TYPE_CHECKING:
    from ..runner import Runner


class State(StrEnum):
    """Where a training loop is."""

    TRAIN = "train"
    VALIDATE = "validate"
    DONE = "done"


class TrainLoop(BaseLoop):
    """What epoch- and iteration-based training share: limits, the validation calendar, state, stopping."""

    trains = True
    max_epochs: int
    max_iters: int

    def __init__(
        self,
        runner: Runner,
        dataloader: Any,
        val_begin: int,
        val_interval: int,
        dynamic_intervals: Sequence[tuple[int, int]] | None,
    ) -> None:
        super().__init__(runner, dataloader)
        self.val_begin = val_begin
        self.val_interval = val_interval
        self.dynamic_milestones, self.dynamic_intervals = calc_dynamic_intervals(
            val_interval, dynamic_intervals
        )
        self.state = State.TRAIN
        self.stop_training = False
        metainfo = getattr(self.dataloader.dataset, "metainfo", None)
        if metainfo is not None:
            runner.visualizer.dataset_meta = metainfo

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

    def _next(self) -> State:
        """The state that follows, judged by the clock."""
        raise NotImplementedError

    def _samples_per_iter(self) -> int:
        return (self.dataloader.batch_size or 1) * get_world_size()

    def _validation_due(self, done: int, last: bool) -> bool:
        """Whether to validate after `done` epochs or iterations."""
        if self.runner.val_loop is None or done < self.val_begin:
            return False
        interval = self.val_interval
        for milestone, changed in zip(self.dynamic_milestones, self.dynamic_intervals, strict=True):
            if done >= milestone:
                interval = changed
        return last or done % interval == 0

    def _validate(self) -> None:
        if self.runner.val_loop is not None:
            self.runner.val_loop.run()
        self.state = State.TRAIN


@final
@LOOPS.register_module()
class EpochBasedTrainLoop(TrainLoop):
    """Train for `max_epochs` passes over the loader, validating every `val_interval` epochs from `val_begin` on.

    `dynamic_intervals` is a list of (epoch, interval): from that epoch on (1-based) the other interval holds.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: Any,
        max_epochs: int,
        val_begin: int = 1,
        val_interval: int = 1,
        dynamic_intervals: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        if int(max_epochs) != max_epochs:
            raise ValueError(f"`max_epochs` must be a whole number, not {max_epochs!r}")
        super().__init__(runner, dataloader, val_begin, val_interval, dynamic_intervals)
        self.max_epochs = int(max_epochs)
        if self.length is None:
            raise TypeError(
                "training by epochs needs a loader with a length; use by_epoch=False and `max_iters` for this one"
            )
        self.max_iters = self.max_epochs * self.length

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
        self.runner.epoch = self.runner.clock.epoch

    def run_epoch(self) -> None:
        """One pass over the loader, or what a resumed run still has to do of it."""
        runner, loader = self.runner, self.dataloader
        runner.call_hook("before_train_epoch")
        runner.model.train()
        self.run_iter = TrainStep(runner, samples=self._samples_per_iter())
        for batch_idx, data_batch in enumerate(loader, start=loader.batch):
            self.run_iter(batch_idx, data_batch)
            if runner.stop.requested:
                runner.stop.leave(runner)
        runner.clock.epoch += 1
        loader.set_position(runner.clock.epoch)
        self.state = State.VALIDATE if self._due() else State.TRAIN
        runner.call_hook("after_train_epoch")
        runner.epoch = runner.clock.epoch

    def _due(self) -> bool:
        done = self.runner.clock.epoch
        return self._validation_due(done, last=done >= self.max_epochs)

    def _finished(self) -> bool:
        return self.stop_training or self.runner.clock.epoch >= self.max_epochs

    def _next(self) -> State:
        if self.state is State.VALIDATE:
            return State.VALIDATE
        return State.DONE if self._finished() else State.TRAIN


@final
@LOOPS.register_module()
class IterBasedTrainLoop(TrainLoop):
    """Train for `max_iters` iterations, validating every `val_interval` iterations from `val_begin` on.

    A finite loader starts over with a new epoch of its sampler; `runner.epoch` stays 0 as documented, `clock.epoch`
    counts the passes.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: Any,
        max_iters: int,
        val_begin: int = 1,
        val_interval: int = 1000,
        dynamic_intervals: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        if int(max_iters) != max_iters:
            raise ValueError(f"`max_iters` must be a whole number, not {max_iters!r}")
        super().__init__(runner, dataloader, val_begin, val_interval, dynamic_intervals)
        self.max_epochs = 1
        self.max_iters = int(max_iters)

    def run(self) -> torch.nn.Module:
        """Train to the end; returns the model."""
        runner = self.runner
        runner.call_hook("before_train")
        runner.call_hook("before_train_epoch")
        self.run_iter = TrainStep(runner, samples=self._samples_per_iter())
        batches = iter(self.dataloader)
        runner.model.train()
        self.state = State.DONE if self._finished() and self.state is State.TRAIN else self.state
        while self.state is not State.DONE:
            match self.state:
                case State.TRAIN:
                    try:
                        data_batch = next(batches)
                    except StopIteration:
                        batches = self._start_over()
                        continue
                    self.run_iter(runner.clock.iter, data_batch)
                    self.state = self._next()
                    if runner.stop.requested:
                        runner.stop.leave(runner)
                case State.VALIDATE:
                    self._validate()
                    runner.model.train()
                    self.state = State.DONE if self._finished() else State.TRAIN
        runner.call_hook("after_train_epoch")
        runner.call_hook("after_train")
        return runner.model

    def _start_over(self) -> Any:
        if self.dataloader.batch == 0:
            raise RuntimeError(
                "the training loader yields no batch at all; look at its dataset, batch_size and drop_last"
            )
        self.runner.clock.epoch += 1
        self.dataloader.set_position(self.runner.clock.epoch)
        return iter(self.dataloader)

    def _finished(self) -> bool:
        return self.stop_training or self.runner.clock.iter >= self.max_iters

    def _next(self) -> State:
        done = self.runner.clock.iter
        if self._validation_due(done, last=done >= self.max_iters):
            return State.VALIDATE
        return State.DONE if self._finished() else State.TRAIN


def calc_dynamic_intervals(
    start_interval: int, dynamic_intervals: Sequence[tuple[int, int]] | None = None
) -> tuple[list[int], list[int]]:
    """Milestones and the intervals that hold from each of them on; the first milestone is 0.

    >>> calc_dynamic_intervals(5, [(11, 2)])
    ([0, 11], [5, 2])
    """
    pairs: list[Any] = [(0, start_interval), *(dynamic_intervals or [])]
    if not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        raise TypeError(
            f"`dynamic_intervals` is a list of (milestone, interval) tuples, not {dynamic_intervals!r}"
        )
    return [milestone for milestone, _ in pairs], [interval for _, interval in pairs]
