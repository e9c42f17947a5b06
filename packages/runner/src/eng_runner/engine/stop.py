"""Stopping cleanly: a signal or the clock on the wall sets a flag, the loop finishes its iteration, saves, and leaves.

The signal handler itself does nothing that could go wrong in the middle of an operation. Several processes agree on
the iteration after which they stop. A second signal leaves at once. Handlers are put in force for the time of a
training and restored afterwards.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import final

from eng_dist import StopAgreement, is_main_process

from .aliases import Value
from .finite import weights_are_finite
from .run import Run

_log = logging.getLogger(__name__)

SAVE_AND_GO_ON = "SIGUSR1"
TIME_IS_OVER = "max_time"


class Interrupted(SystemExit):
    """The run was stopped after saving; the code is 128 + the signal's number, 0 where its `max_time` was over."""


@final
class Stop:
    """Whether somebody asked this run to end: `agreement.requested` is read after each iteration."""

    def __init__(self) -> None:
        self.agreement: StopAgreement | _NoAgreement = _NoAgreement()
        self._signals = 0
        self._wish = ""  # to end; it may come while the run is busy with a wish to save and go on

    def request(self, reason: str = "SIGTERM") -> None:
        """Ask the run to save and end after the iteration under way; the name of a signal decides the exit code."""
        if reason != SAVE_AND_GO_ON:
            self._wish = reason
        self.agreement.request(reason)

    @contextmanager
    def listening(self, runner: Run, *, max_time: float | None = None) -> Iterator[None]:
        """Listen to SIGTERM, SIGINT and SIGUSR1 while training, and to the clock; the main thread hears signals."""
        self._wish = ""
        self.agreement = StopAgreement(lambda: runner.clock.iter)
        timer = threading.Timer(max_time or 0, self.request, [TIME_IS_OVER])
        timer.daemon = True
        if max_time is not None and is_main_process():
            timer.start()
        before = self._take_signals()
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            timer.cancel()
            self.agreement.close()
            self.agreement = _NoAgreement()

    def _take_signals(self) -> dict[int, Value]:
        if threading.current_thread() is not threading.main_thread():
            return {}
        names = ("SIGTERM", "SIGINT", SAVE_AND_GO_ON)
        numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
        self._signals = 0
        return {number: signal.signal(number, self._on_signal) for number in numbers}

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if name != SAVE_AND_GO_ON:
            self._signals += 1
        if self._signals > 1:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.request(name)

    def obey(self, runner: Run) -> None:
        """Called between iterations once `requested`: save where all processes have agreed to, and leave.

        Raises Interrupted, or returns if the run goes on.
        """
        agreement = self.agreement
        if runner.clock.iter < agreement.last_step():
            return
        if agreement.reason == SAVE_AND_GO_ON:
            agreement.close()
            self.agreement = StopAgreement(lambda: runner.clock.iter)
            if self._wish:
                self.agreement.request(self._wish)
            _log.info("saved %s, as %s asked for", self._save(runner), agreement.reason)
            return
        path = self._save(runner)
        runner.call_hook("on_interrupt", reason=agreement.reason)
        _log.warning(
            "stopped by %s after iteration %d; resume from %s", agreement.reason, runner.clock.iter, path
        )
        if runner.requeue and is_main_process():
            requeue(os.environ)
        number = getattr(signal, agreement.reason, None)
        raise Interrupted(128 + number if number is not None else 0)

    def _save(self, runner: Run) -> str:
        """Save, unless the weights are lost: then the newest checkpoint is worth more. Returns what to resume from."""
        if not weights_are_finite(runner.bare_model):
            _log.error("not saved: the weights are infinite or NaN")
            return f"the newest checkpoint of {runner.work_dir}"
        return runner.save_checkpoint(runner.work_dir, f"iter_{runner.clock.iter}.pth")


def requeue(environment: Mapping[str, str]) -> bool:
    """Ask SLURM to start this job again, where it is one; returns whether it will."""
    job = environment.get("SLURM_JOB_ID")
    if job is None:
        _log.warning("not requeued: this is no SLURM job, SLURM_JOB_ID is not set")
        return False
    try:
        done = subprocess.run(["scontrol", "requeue", job], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        _log.error("job %s is not requeued: %s", job, error)
        return False
    if done.returncode != 0:
        _log.error("job %s is not requeued: scontrol says %s", job, done.stderr.strip())
        return False
    _log.info("job %s is requeued; start it with `resume=True`", job)
    return True


class _NoAgreement:
    """What stands there outside of a training: nothing can be asked for."""

    requested = False
    reason = ""

    def request(self, reason: str) -> None:
        """Nothing runs that could stop."""

    def last_step(self) -> int:
        """No step at all."""
        return 0

    def close(self) -> None:
        """Nothing to close."""


def in_notebook() -> bool:
    """Whether a person works in this process step by step, so that ending it would lose what is in memory."""
    return hasattr(sys, "ps1") or "ipykernel" in sys.modules
