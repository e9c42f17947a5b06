"""Which checkpoints may go: never before a newer one was read back from the disk and found whole."""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from eng_fileio import temporary_name

from .manifest import Entry, Kind, editing, entries_to_edit, write_entries
from .verify import Verify, check_verify, defect

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Which checkpoints stay: those that any of these rules wants, and always the newest.

    Attributes:
        last: So many of the newest; None keeps all.
        best: So many of the best by `metric`.
        metric: A name in the `metrics` they were saved with.
        rule: Whether a `greater` or a `less` value is better.
        every_steps: Those whose step is a multiple of it.

    Example:
        >>> from eng_checkpoint import Entry
        >>> saved = [
        ...     Entry(name=f"{n}", epoch=0, iter=n, step=n, bytes=0, xxh128="", metrics={"accuracy": score})
        ...     for n, score in ((100, 0.7), (200, 0.9), (300, 0.8), (400, 0.8))
        ... ]
        >>> rules = Keep(last=1, best=1, metric="accuracy", every_steps=300)
        >>> [entry.name for entry in rules.leaving(saved)]
        ['100']
    """

    last: int | None = None
    best: int = 0
    metric: str | None = None
    rule: Literal["greater", "less"] = "greater"
    every_steps: int | None = None

    def __post_init__(self) -> None:
        if self.last is not None and self.last < 1:
            raise ValueError(f"at least one checkpoint stays, so `last` is 1 or more, not {self.last}")
        if self.best < 0:
            raise ValueError(f"`best` is how many of the best stay, not {self.best}")
        if self.best and self.metric is None:
            raise ValueError("the best by what? `best` needs the name of a `metric`")
        if self.rule not in {"greater", "less"}:
            raise ValueError(f"`rule` is 'greater' or 'less', not {self.rule!r}")
        if self.every_steps is not None and self.every_steps < 1:
            raise ValueError(f"`every_steps` is 1 or more, not {self.every_steps}")

    def leaving(self, listed: Collection[Entry]) -> list[Entry]:
        """Of these entries, oldest first, the ones that no rule wants."""
        if self.last is None:
            return []
        candidates = [entry for entry in listed if entry.kind == "regular"]
        wanted = {entry.name for entry in [*candidates[-self.last :], *self.best_of(candidates)]}
        return [entry for entry in candidates if entry.name not in wanted and not self._is_milestone(entry)]

    def best_of(self, listed: Collection[Entry]) -> list[Entry]:
        """The best ones by the metric, the best first; of equals the newer."""
        sign = 1 if self.rule == "greater" else -1
        scored = [
            (sign * score, index, entry)
            for index, entry in enumerate(listed)
            if self.metric is not None and not math.isnan(score := entry.metrics.get(self.metric, math.nan))
        ]
        ranked = sorted(scored, key=lambda item: item[:2], reverse=True)
        return [entry for _, _, entry in ranked[: self.best]]

    def _is_milestone(self, entry: Entry) -> bool:
        return self.every_steps is not None and entry.step % self.every_steps == 0


KEEP_ALL = Keep()


def prune(
    folder: str | Path,
    *,
    kind: Kind = "regular",
    keep: int,
    protect: Collection[str] = (),
    verify: Verify = "full",
) -> list[str]:
    """Delete the oldest checkpoints of a folder until `keep` of that kind are left; returns their names.

    Only files that the folder's manifest lists are ever deleted. When the newest is damaged, nothing is,
    and a warning says so.

    Args:
        keep: At least 1.
        protect: Names that stay, beyond the `keep` newest.
        verify: How the newest is checked first: read it all, its size, or not.

    Example:
        >>> import tempfile
        >>> from eng_checkpoint import commit
        >>> folder = tempfile.mkdtemp()
        >>> for epoch in (1, 2, 3):
        ...     _ = commit(folder, f"epoch_{epoch}.pth", {}, epoch=epoch, iter=epoch, step=epoch)
        >>> prune(folder, keep=1)
        ['epoch_1.pth', 'epoch_2.pth']
    """
    if keep < 1:
        raise ValueError(f"at least one checkpoint stays, so `keep` is 1 or more, not {keep}")
    check_verify(verify)

    def leaving(listed: Collection[Entry]) -> list[Entry]:
        candidates = [entry for entry in listed if entry.kind == kind]
        return [entry for entry in candidates[:-keep] if entry.name not in protect]

    return delete(Path(folder), leaving, kind=kind, verify=verify)


def delete(
    folder: Path, choose: Callable[[Collection[Entry]], list[Entry]], *, kind: Kind, verify: Verify
) -> list[str]:
    """Delete what `choose` picks of a folder's list, if the newest of that kind is whole; returns the names."""
    with editing(folder):
        listed = entries_to_edit(folder)
        leaving = choose(listed)
        if not leaving:
            return []
        newest = [entry for entry in listed if entry.kind == kind][-1]
        reason = defect(folder / newest.name, newest.versions, verify)
        if reason is not None:
            logger.warning("nothing is deleted in %s: its newest, %s, is %s", folder, newest.name, reason)
            return []
        for entry in leaving:
            _remove(folder / entry.name)
        write_entries(folder, (entry for entry in listed if entry not in leaving))
    return [entry.name for entry in leaving]


def _remove(path: Path) -> None:
    """A directory leaves its name at once, and then file by file."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path.rename(temporary_name(path)))
    else:
        path.unlink(missing_ok=True)
