"""A folder of checkpoints for any training loop: save, resume, keep the right ones, optionally in the background."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, final

from .background import BackgroundSaver
from .errors import Skipped
from .file import MapLocation, load_file
from .latest import Found, find_newest_valid
from .manifest import Entry, check_counts, check_metrics, editing, entries, write_entries
from .retention import KEEP_ALL, Keep, delete
from .save import commit
from .verify import Verify, check_verify, defect


@final
class Checkpoints:
    """The checkpoints of one run, in one folder.

    Args:
        folder: Made by the first save.
        keep: Which ones stay when a new one is safe; default all.
        background: Save on a thread of its own; the training waits for a copy in memory only. What goes
            wrong there is raised by the next `save`, by `check` or by `close`.
        name: Of a new checkpoint, with `{step}`, `{epoch}` and `{iter}`.
        verify: How closely a checkpoint is looked at before it is loaded, or before older ones go.

    Example:
        >>> import tempfile, torch
        >>> checkpoints = Checkpoints(tempfile.mkdtemp(), keep=Keep(last=2))
        >>> for step in (1, 2, 3):
        ...     checkpoints.save({"step": step, "weight": torch.ones(2)}, step=step)
        >>> [entry.name for entry in checkpoints.entries]
        ['step_2.pth', 'step_3.pth']
        >>> checkpoints.load()["step"]
        3
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        keep: Keep = KEEP_ALL,
        background: bool = False,
        name: str = "step_{step}.pth",
        verify: Verify = "full",
    ) -> None:
        check_verify(verify)
        try:
            name.format(step=0, epoch=0, iter=0)
        except (LookupError, ValueError) as error:
            raise ValueError(f"`name` may hold {{step}}, {{epoch}} and {{iter}} only: {name!r}") from error
        self.folder = Path(folder)
        self.keep = keep
        self._name = name
        self._verify = verify
        self._saver = BackgroundSaver() if background else None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What is committed, oldest first."""
        return entries(self.folder)

    def save(
        self,
        state: Mapping[str, Any],
        *,
        step: int,
        epoch: int = 0,
        iter: int | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Save a state; when this returns, and not in the background, it is safe.

        Raises:
            PlainDataError: The state holds more than tensors and plain values.
            WriteError: The disk said no; what was saved before is untouched.
        """
        counts = check_counts(step=step, epoch=epoch, iter=step if iter is None else iter)
        numbers = check_metrics(metrics)
        name = self._name.format(**counts)

        def write(state: Mapping[str, Any]) -> None:
            commit(
                self.folder,
                name,
                state,
                epoch=counts["epoch"],
                iter=counts["iter"],
                step=counts["step"],
                metrics=numbers,
            )
            delete(self.folder, self.keep.leaving, kind="regular", verify=self._verify)

        if self._saver is None:
            write(state)
        else:
            self._saver.submit(write, state, name=str(self.folder / name))

    def load(self, *, map_location: MapLocation = "cpu") -> dict[str, Any] | None:
        """The newest state that is whole; None when nothing was saved yet.

        Raises:
            NoValidCheckpoint: Something was saved, and none of it is whole: starting anew would lose it.
        """
        found = self.newest()
        if found.path is None:
            return None
        return load_file(found.path, map_location=map_location, verify="off")

    def newest(self) -> Found:
        """The newest one that is whole, and which were passed over."""
        self.wait()
        return find_newest_valid(self.folder, verify=self._verify)

    def best(self) -> Entry | None:
        """The best one by the metric of `keep`."""
        best = self.keep.best_of([entry for entry in self.entries if entry.kind == "regular"])
        return best[0] if best else None

    def quarantine(self) -> tuple[Skipped, ...]:
        """Take every damaged checkpoint out of the list, under the name `*.corrupt`; says which and why."""
        self.wait()
        damaged = []
        with editing(self.folder):
            listed = self.entries
            for entry in listed:
                path = self.folder / entry.name
                reason = defect(path, entry.versions, "full")
                if reason is not None:
                    damaged.append(Skipped(name=entry.name, reason=reason))
                    if path.exists():
                        path.rename(path.with_name(f"{path.name}.corrupt"))
            if damaged:
                names = {item.name for item in damaged}
                write_entries(self.folder, (entry for entry in listed if entry.name not in names))
        return tuple(damaged)

    def check(self) -> None:
        """Raise what went wrong in the background since the last look; waits for nothing."""
        if self._saver is not None:
            self._saver.check()

    def wait(self, timeout_seconds: float | None = None) -> None:
        """Return when no save is in flight, or raise what it raised.

        Raises:
            TimeoutError: It is still in flight after so many seconds, and goes on; the error names its path.
        """
        if self._saver is not None:
            self._saver.wait(timeout_seconds)

    def close(self, timeout_seconds: float | None = None) -> None:
        """`wait`, and let go of the memory for copies."""
        if self._saver is not None:
            self._saver.close(timeout_seconds)

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._saver is not None:
            self._saver.__exit__(kind, error, trace)
