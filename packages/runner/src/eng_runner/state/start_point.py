"""Where a run begins: from scratch, from given weights, or where a checkpoint was taken."""

from __future__ import annotations

import logging
from enum import StrEnum

from eng_checkpoint import find_newest_valid
from eng_dist import broadcast_object_list, is_main_process

from ..engine.run import Run
from .restore import Checkpoint, read

_log = logging.getLogger(__name__)


class Stage(StrEnum):
    """How far a run is in taking over what it begins with."""

    PENDING = "pending"
    """Nobody has looked yet whether there is something to resume from."""
    FRESH = "fresh"
    """There is nothing to resume from: the weights are the initial ones, or those of `load_from`."""
    READ = "read"
    """A checkpoint to resume from is in memory."""
    LOADED = "loaded"
    """Weights, or the whole state, are in place."""


class StartPoint:
    """What `load_from` and `resume` ask for, and how much of it is done: the states of `Stage`, in their order."""

    __slots__ = ("_checkpoint", "load_from", "resume", "stage")

    def __init__(self, load_from: str | None, resume: bool) -> None:
        self.load_from = load_from
        self.resume = resume
        self.stage = Stage.PENDING
        self._checkpoint: Checkpoint | None = None

    def settle(self, run: Run) -> None:
        """Read the checkpoint that `resume` asks for: `load_from`, or the newest valid one of the work folder.

        Its seed becomes the seed of the run at once, because loaders are built from it.
        """
        if self.stage is not Stage.PENDING:
            return
        self._checkpoint = self._wanted(run) if self.resume else None
        self.stage = Stage.FRESH if self._checkpoint is None else Stage.READ

    def take_checkpoint(self) -> Checkpoint | None:
        """Return the checkpoint to restore, once, and keep nothing of it in memory."""
        checkpoint, self._checkpoint = self._checkpoint, None
        return checkpoint

    def done(self) -> None:
        """Note that weights are in place, wherever they are from."""
        self.stage, self._checkpoint = Stage.LOADED, None

    def _wanted(self, run: Run) -> Checkpoint | None:
        found = [self.load_from or (_newest(run.work_dir) if is_main_process() else None)]
        broadcast_object_list(found, src=0)
        if found[0] is None:
            run.logger.info("Nothing to resume from in %s; the run starts from the beginning", run.work_dir)
            return None
        return read(run, found[0])


def _newest(work_dir: str) -> str | None:
    found = find_newest_valid(work_dir)
    for skipped in found.skipped:
        _log.warning("checkpoint %s is skipped: %s", skipped.name, skipped.reason)
    return str(found.path) if found.path is not None else None
