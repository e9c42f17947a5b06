"""Stopping cleanly: a signal sets a flag, the loop finishes its iteration, saves, and leaves with the signal's code.

The handler itself does nothing that could go wrong in the middle of an operation. A second signal leaves at once.
Handlers are put in force for the time of a training and restored afterwards.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn, final

from eng_dist import get_world_size

if TYPE_CHECKING:
    from .runner import Runner

_log = logging.getLogger(__name__)


class Interrupted(SystemExit):
    """The run was stopped by a signal after saving; its code is 128 + the signal's number."""


@final
class Stop:
    """Whether somebody asked this run to end. `requested` is read after each iteration."""

    def __init__(self) -> None:
        self.requested = False
        self._signal = 0

    def request(self, signum: int = signal.SIGTERM) -> None:
        """Ask the run to save and end after the iteration under way."""
        self.requested = True
        self._signal = signum

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to SIGTERM and SIGINT while training; only the main thread of a single process can."""
        if threading.current_thread() is not threading.main_thread() or get_world_size() > 1:
            yield
            return
        before: dict[int, Any] = {
            number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)
        }
        for number in before:
            signal.signal(number, self._on_signal)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if self.requested:
            signal.signal(signum, signal.SIG_DFL)
            signal.raise_signal(signum)
        self.request(signum)

    def leave(self, runner: Runner) -> NoReturn:
        """Save where the run is and leave."""
        name = signal.Signals(self._signal).name
        path = runner.save_checkpoint(runner.work_dir, f"iter_{runner.clock.iter}.pth")
        _log.warning("stopped by %s after iteration %d; resume from %s", name, runner.clock.iter, path)
        raise Interrupted(128 + self._signal)
