"""How long an iteration takes, how much of it is waiting for data, and when the run will end."""

from __future__ import annotations

from time import perf_counter
from typing import Any, final

from eng_registry import HOOKS

from ..engine.aliases import Batch
from ..engine.hook import Hook
from ..engine.run import Run


@final
@HOOKS.register_module()
class IterTimerHook(Hook):
    """Records `<mode>/time` and `<mode>/data_time` in seconds, and the information `eta`, in seconds.

    The estimate for training averages over all iterations since the start or the resume; for validation and test over
    the pass under way.
    """

    priority = "NORMAL"

    def before_train(self, runner: Run) -> None:
        """Start the clock of the training."""
        hub = runner.message_hub
        self._train_data_time = hub.series("train/data_time").append
        self._train_time = hub.series("train/time").append
        self._clock, self._last_iter = runner.clock, runner.max_iters
        self._first_iter = runner.clock.iter
        hub.update_info("eta", 0.0, resumed=False)
        self._info = hub.runtime_info
        self._start = self._tick = perf_counter()

    def before_train_epoch(self, runner: Run) -> None:
        """Waiting for the first batch begins."""
        self._tick = perf_counter()

    def before_train_iter(self, runner: Run, batch_idx: int, data_batch: Batch = None) -> None:
        """The batch is there."""
        self._train_data_time(perf_counter() - self._tick)

    def after_train_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """The iteration is done."""
        now = perf_counter()
        self._train_time(now - self._tick)
        self._tick = now
        done = self._clock.iter
        self._info["eta"] = (now - self._start) / (done - self._first_iter) * (self._last_iter - done)

    def before_val_epoch(self, runner: Run) -> None:
        """Start the clock of the pass."""
        self._before_pass(runner, "val")

    def before_test_epoch(self, runner: Run) -> None:
        """Start the clock of the pass."""
        self._before_pass(runner, "test")

    def _before_pass(self, runner: Run, mode: str) -> None:
        hub = runner.message_hub
        self._eval_data_time = hub.series(f"{mode}/data_time").append
        self._eval_time = hub.series(f"{mode}/time").append
        self._eval_tick = self._eval_start = perf_counter()

    def before_val_iter(self, runner: Run, batch_idx: int, data_batch: Batch = None) -> None:
        """The batch is there."""
        self._eval_data_time(perf_counter() - self._eval_tick)

    before_test_iter = before_val_iter

    def after_val_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: Any = None
    ) -> None:
        """The iteration is done."""
        self._after_eval_iter(runner, batch_idx, runner.val_loop)

    def after_test_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: Any = None
    ) -> None:
        """The iteration is done."""
        self._after_eval_iter(runner, batch_idx, runner.test_loop)

    def _after_eval_iter(self, runner: Run, batch_idx: int, loop: Any) -> None:
        now = perf_counter()
        self._eval_time(now - self._eval_tick)
        self._eval_tick = now
        if loop.length is not None:
            done = batch_idx + 1
            eta = (now - self._eval_start) / done * (loop.length - done)
            runner.message_hub.update_info("eta", eta, resumed=False)

    def after_val(self, runner: Run) -> None:
        """The time of a validation is no part of a training iteration."""
        self._tick = perf_counter()
