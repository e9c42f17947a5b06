"""The same running statistics on every rank."""

from __future__ import annotations

from typing import final

from eng_dist import all_reduce_params
from eng_registry import HOOKS

from ..engine.hook import Hook
from ..engine.run import Run


@final
@HOOKS.register_module()
class SyncBuffersHook(Hook):
    """Averages buffers (batch-norm statistics) over ranks after each training epoch and before validation."""

    priority = "NORMAL"

    def __init__(self) -> None:
        self._synced_at = -1

    def takes_part(self, point: str, runner: Run) -> bool:
        """One process has nothing to average."""
        return runner.distributed

    def before_val_epoch(self, runner: Run) -> None:
        """Average, unless it was just done."""
        self._sync(runner)

    def after_train_epoch(self, runner: Run) -> None:
        """Average."""
        self._sync(runner)

    def _sync(self, runner: Run) -> None:
        if self._synced_at != runner.clock.iter:
            all_reduce_params(runner.bare_model.buffers(), op="mean")
            self._synced_at = runner.clock.iter
