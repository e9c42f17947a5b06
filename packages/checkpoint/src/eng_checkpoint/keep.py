"""Which checkpoints may go: never before a newer one was read back from the disk and found whole."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path

from .manifest import Entry, Kind, editing, entries, write_entries
from .verify import Verify, defect

logger = logging.getLogger(__name__)


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
    folder = Path(folder)
    with editing:
        listed = entries(folder)
        leaving = to_delete(listed, kind=kind, keep=keep, protect=protect)
        if not leaving:
            return []
        newest = [entry for entry in listed if entry.kind == kind][-1]
        reason = defect(folder / newest.name, newest.versions, verify)
        if reason is not None:
            logger.warning("nothing is deleted in %s: its newest, %s, is %s", folder, newest.name, reason)
            return []
        for entry in leaving:
            (folder / entry.name).unlink(missing_ok=True)
        write_entries(folder, (entry for entry in listed if entry not in leaving))
    return [entry.name for entry in leaving]


def to_delete(
    listed: Collection[Entry], *, kind: Kind, keep: int, protect: Collection[str] = ()
) -> list[Entry]:
    """The entries of that kind that are neither among the `keep` newest nor protected, oldest first."""
    candidates = [entry for entry in listed if entry.kind == kind]
    return [entry for entry in candidates[:-keep] if entry.name not in protect]
