"""A live view on a terminal; in a file, a pipe or a CI job there are only the plain lines.

    epoch 3/15 ━━━━━━━━╸━━━━━━━━━━━━━━━━━━━━━━━━━━━  69/345 0:00:04 0:00:16
    loss 0.3464  lr 1.6962e-03  4,210 samples/s
    validated at epoch 2: accuracy 94.44

Nothing here reads a tensor: loss and rate are those of the last log line, so that the view does not make the device
wait between two of them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any, final

from eng_dist import is_main_process
from eng_registry import HOOKS

from ..engine.aliases import Batch
from ..engine.hook import Hook
from ..engine.run import Run
from .logger import LoggerHook

if TYPE_CHECKING:
    from rich.live import Live
    from rich.progress import Progress, TaskID


REFRESH_SECONDS = 0.2


@final
@HOOKS.register_module(gives_way=True)
class ProgressHook(Hook):
    """Shows how far the training is, the time left, and the newest loss, rate, throughput and validation.

    It takes part only on the main process, and only if the console is a terminal that can move its cursor and no
    environment variable `CI` says that nobody watches. `NO_COLOR` takes the colours away.
    """

    priority = "LOWEST"

    def __init__(self) -> None:
        self._live: Live | None = None
        self._next_refresh = 0.0

    def takes_part(self, point: str, runner: Run) -> bool:
        """Nothing is shown where nobody looks."""
        console = runner.console
        if console is None or not is_main_process() or in_ci(os.environ):
            return False
        return console.is_terminal and not console.is_dumb_terminal

    def before_train(self, runner: Run) -> None:
        """Open the view."""
        from rich.console import Group  # not needed where nobody looks
        from rich.live import Live
        from rich.text import Text

        self._progress, self._task = _progress_bar(runner)
        self._numbers, self._validated = Text(""), Text("", style="dim")
        self._logger = next((hook for hook in runner.hooks if isinstance(hook, LoggerHook)), None)
        self._rate_from = (perf_counter(), runner.clock.samples)
        self._live = Live(
            Group(self._progress, self._numbers, self._validated),
            console=runner.console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            refresh_per_second=1 / REFRESH_SECONDS,
        )
        self._live.start()

    def after_train_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Move on, a few times a second at most."""
        now = perf_counter()
        if now >= self._next_refresh and self._live is not None:
            self._next_refresh = now + REFRESH_SECONDS
            epochs = f"epoch {runner.epoch + 1}/{runner.max_epochs}" if runner.max_epochs > 1 else "training"
            self._progress.update(self._task, completed=runner.clock.iter, description=epochs)
            self._numbers.plain = self._newest(now, runner.clock.samples)

    def _newest(self, now: float, samples: int) -> str:
        """Loss and rate of the last log line, and the samples per second since the last look."""
        (then, before), self._rate_from = self._rate_from, (now, samples)
        logged = {} if self._logger is None else self._logger.last_logged
        parts = [f"{name} {logged[name]:.4f}" for name in ("loss",) if name in logged]
        parts += [f"{name} {logged[name]:.4e}" for name in logged if name.endswith("lr")]
        if samples > before and now > then:
            parts.append(f"{(samples - before) / (now - then):,.0f} samples/s")
        return "  ".join(parts)

    def before_val(self, runner: Run) -> None:
        """What happens now is no training; it does not count for the throughput either."""
        if self._live is not None:
            self._progress.update(self._task, description="validating", completed=runner.clock.iter)

    def after_val_epoch(self, runner: Run, metrics: dict[str, Any] | None = None) -> None:
        """Show the newest metrics."""
        if self._live is None:
            return
        numbers = {name: value for name, value in (metrics or {}).items() if isinstance(value, (int, float))}
        at = f"epoch {runner.epoch}" if runner.max_epochs > 1 else f"iteration {runner.clock.iter}"
        shown = "  ".join(f"{name} {value:.4g}" for name, value in numbers.items())
        self._validated.plain = f"validated at {at}: {shown}"
        self._rate_from = (perf_counter(), runner.clock.samples)

    def after_train(self, runner: Run) -> None:
        """Close the view."""
        self._close()

    def on_exception(self, runner: Run, exception: BaseException) -> None:
        """Leave the terminal as it was."""
        self._close()

    def _close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def in_ci(environment: Mapping[str, str]) -> bool:
    """Whether a CI service runs this, by the variable that all of them set.

    >>> in_ci({"CI": "true"}), in_ci({"CI": "false"}), in_ci({})
    (True, False, False)
    """
    return environment.get("CI", "").lower() not in ("", "0", "false", "no")


def _progress_bar(runner: Run) -> tuple[Progress, TaskID]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    progress = Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=runner.console,
    )
    return progress, progress.add_task("training", total=runner.max_iters, completed=runner.clock.iter)
