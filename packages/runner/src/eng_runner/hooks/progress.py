"""A live bar on a terminal; in a file or a pipe there are only the plain lines."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, final

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from eng_dist import is_main_process
from eng_registry import HOOKS

from ..hook import Batch, Hook

if TYPE_CHECKING:
    from ..runner import Runner

REFRESH_SECONDS = 0.1


@final
@HOOKS.register_module()
class ProgressHook(Hook):
    """Shows how far the training is: epoch, iterations, the last validation metric, time left.

    It takes part only on the main process and only if the console is a terminal.
    """

    priority = "LOWEST"

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._next_refresh = 0.0

    def takes_part(self, point: str, runner: Runner) -> bool:
        """Nothing is shown where nobody looks."""
        console = runner.console
        return console is not None and console.is_terminal and is_main_process()

    def before_train(self, runner: Runner) -> None:
        """Open the bar."""
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=runner.console,
            transient=True,
        )
        self._task = self._progress.add_task(
            "training", total=runner.max_iters, completed=runner.clock.iter, note=""
        )
        self._progress.start()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Batch = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Move the bar, a few times a second at most."""
        now = perf_counter()
        if now >= self._next_refresh and self._progress is not None:
            self._next_refresh = now + REFRESH_SECONDS
            epochs = f"epoch {runner.epoch + 1}/{runner.max_epochs}" if runner.max_epochs > 1 else "training"
            self._progress.update(self._task, completed=runner.clock.iter, description=epochs)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Show the newest metrics."""
        numbers = {name: value for name, value in (metrics or {}).items() if isinstance(value, (int, float))}
        if self._progress is not None:
            self._progress.update(
                self._task, note="  ".join(f"{name} {value:.4g}" for name, value in numbers.items())
            )

    def after_train(self, runner: Runner) -> None:
        """Close the bar."""
        self._close()

    def on_exception(self, runner: Runner, exception: BaseException) -> None:
        """Leave the terminal as it was."""
        self._close()

    def _close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
