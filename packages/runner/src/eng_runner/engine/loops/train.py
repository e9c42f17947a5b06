"""What epoch- and iteration-based training share: limits, the validation calendar, state, stopping.

A training loop moves through named states, so that a checkpoint can say where it was taken: a run that was stopped
between an epoch and its validation validates first when it comes back. The two orders are in `epochs.py` and
`iterations.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from enum import StrEnum

from ..aliases import Part, Settings, Values
from ..clock import Clock, Unit
from ..counting import BatchCounter, Count
from ..interval import Every
from ..length import RunLength, loader_length, pass_length
from ..run import Run, is_configured
from ..step import TrainStep
from .base import BaseLoop
from .calendar import Calendar


class State(StrEnum):
    """Where a training loop is."""

    TRAIN = "train"
    VALIDATE = "validate"
    DONE = "done"


class TrainLoop(BaseLoop):
    """The base of the training loops.

    `max_time` is a duration such as `'11.5 hours'`, after which the run saves and ends as if it were interrupted; it
    can be resumed. `overfit_batches` trains on the same first batches in every pass, to see whether a model can learn.
    `count_samples` and `count_tokens` are functions of a batch for `clock.samples` and `clock.tokens`, see
    `BatchCounter`.

    A subclass may override `run`, `run_epoch` and `run_iter`: whatever it overrides is called, and the others may be
    called from there.
    """

    trains = True
    unit: Unit
    run_length: RunLength
    """How long the training is, counted anew after a resume."""

    def __init__(
        self,
        runner: Run,
        dataloader: Part,
        val_begin: int,
        val_interval: int | str,
        dynamic_intervals: Sequence[tuple[int, int]] | None,
        max_time: str | None,
        limit_batches: float | None,
        overfit_batches: int | None,
        count_samples: Count | None = None,
        count_tokens: Count | str | None = None,
    ) -> None:
        super().__init__(runner, dataloader)
        whole = loader_length(self.dataloader)
        self.length = pass_length(whole, limit_batches, overfit_batches)
        has_limit = limit_batches is not None or overfit_batches is not None
        self.is_limited = self.length != whole or (self.dataloader.endless and has_limit)
        self.calendar = Calendar.parse(
            val_interval, begin=val_begin, unit=self.unit, dynamic=dynamic_intervals
        )
        self.val_begin = val_begin
        self.val_interval = val_interval
        self.max_time = None if max_time is None else _seconds(max_time)
        self.overfits = overfit_batches is not None
        self.counter = BatchCounter(
            shares=runner.strategy.data_place()[1], batch_size=self.dataloader.batch_size,
            samples=count_samples, tokens=count_tokens,
        )  # fmt: skip
        self.state = State.TRAIN
        self.stop_training = False
        self._before = Clock()
        self._bound_step: TrainStep | None = None
        self._is_driving = False  # while `run` or `run_epoch` of this package calls `run_iter`
        metainfo = getattr(self.dataloader.dataset, "metainfo", None)
        if metainfo is not None:
            runner.visualizer.dataset_meta = metainfo

    @property
    def max_epochs(self) -> int:
        """Epochs of the whole training; 1 in iteration-based training."""
        return 1 if self.run_length.epochs is None else self.run_length.epochs

    @property
    def max_iters(self) -> int:
        """Iterations of the whole training; 0 where the loader cannot tell."""
        return self.run_length.iters or 0

    @property
    def epoch(self) -> int:
        """Index of the epoch under way, from 0."""
        return self.runner.epoch

    @property
    def iter(self) -> int:
        """Index of the iteration under way, from 0, over the whole run."""
        return self.runner.iter

    def state_dict(self) -> Values:
        """Return what comes next; the counters are the clock's.

        A wish to stop is not part of it: a run that a hook has ended trains on where it is resumed without that hook,
        or for longer. A hook that ends a run keeps in its own state that it has.
        """
        return {"state": self._next().value}

    def load_state_dict(self, state: Settings) -> None:
        """Continue from there; a finished run continues if it is longer by now."""
        self.state = State.VALIDATE if state["state"] == State.VALIDATE else State.TRAIN

    def resumed(self) -> None:
        """Take over the clock of a checkpoint; called when it is set."""
        clock = self.runner.clock
        clock.batch, clock.batches = self.dataloader.batch, self.length or 0
        self.runner.iter = clock.iter
        self._before = copy(clock)

    @property
    def _step(self) -> TrainStep:
        """One iteration with the parts that take part in it, bound when a pass begins or is first asked for."""
        if self._bound_step is None:
            self._bound_step = TrainStep(self.runner, self.dataloader, self.counter)
        return self._bound_step

    def begin_pass(self) -> None:
        """Bind what takes part in the iterations anew; called when the loop calls the point `before_train_epoch`."""
        self._bound_step = None

    def _next(self) -> State:
        """Return the state that follows, judged by the clock."""
        raise NotImplementedError

    def _finished(self) -> bool:
        """Return whether there is nothing left to train."""
        raise NotImplementedError

    def _begin_run(self) -> None:
        self.runner.clock.batches = self.length or 0
        self._before = copy(self.runner.clock)
        if self._finished() and self.state is State.TRAIN:
            self.state = State.DONE

    def _due(self, *, last: bool) -> bool:
        return is_configured(self.runner.val_loop) and self.calendar.due(
            self.runner.clock, self._before, last=last
        )

    def _validate(self) -> None:
        if is_configured(self.runner.val_loop):
            try:
                self.runner.val_loop.run()
            except BaseException:
                self.runner.model.train()  # for who catches it and goes on
                raise
        self.state = State.TRAIN

    def _obey_stop(self) -> None:
        """Save and leave where the ranks have agreed to, if somebody has asked for it."""
        stop = self.runner.stop
        if stop.agreement.requested:
            stop.obey(self.runner)

    def _require_batches(self) -> None:
        """Raise RuntimeError after a pass without any batch: nothing would ever be trained."""
        if self.dataloader.batch == 0:
            raise RuntimeError(
                "the training loader yields no batch at all; look at its dataset, batch_size and drop_last"
            )

    def _next_pass(self) -> None:
        """Count the pass that has ended, and put the loader at the beginning of the next one."""
        clock = self.runner.clock
        clock.epoch += 1
        clock.batch = 0
        self.dataloader.set_position(0 if self.overfits else clock.epoch)


def _seconds(duration: str) -> float:
    wrong = ValueError(f"`max_time` is a duration such as '90 min' or '11.5 hours', not {duration!r}")
    try:
        every = Every.parse(duration)
    except ValueError as error:
        raise wrong from error
    if every.of != "second":
        raise wrong
    return every.n
