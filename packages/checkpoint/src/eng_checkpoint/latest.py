"""The newest checkpoint of a folder that is whole, and why newer ones were passed over."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import ManifestError, NoValidCheckpoint, Skipped
from .manifest import Entry, entries
from .names import LAST, MANIFEST
from .recovery import recover
from .verify import Verify, check_verify, defect, zip_defect

logger = logging.getLogger(__name__)

_LONGEST_PATH = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search came to; `path` is None when the folder has no checkpoint at all.

    Attributes:
        entry: None for a file that no manifest lists.
    """

    path: Path | None = None
    entry: Entry | None = None
    skipped: tuple[Skipped, ...] = ()


def find_newest_valid(folder: str | Path, *, verify: Verify = "full") -> Found:
    """The newest regular checkpoint of a folder that is whole on the disk.

    A directory that an interrupted save has left under a temporary name is renamed first.

    Without a manifest (a folder of an older engine), files `*.pth` are tried by the numbers in their names,
    the one that `last_checkpoint` names first; their zip checksums are verified, and a warning says that no
    manifest was. So are those that a list had which was damaged, behind what is listed since.

    Args:
        verify: `full` reads every byte, `size` compares sizes, `off` takes the newest that exists.

    Raises:
        NoValidCheckpoint: There are some, and none is whole.

    Example:
        >>> import tempfile
        >>> from eng_checkpoint import commit
        >>> folder = tempfile.mkdtemp()
        >>> find_newest_valid(folder).path is None
        True
        >>> for n in (1, 2):
        ...     _ = commit(folder, f"iter_{n}.pth", {"n": n}, epoch=0, iter=n, step=n)
        >>> _ = Path(folder, "iter_2.pth").write_bytes(b"half")
        >>> found = find_newest_valid(folder)
        >>> found.path.name, found.skipped[0].name, found.skipped[0].reason[:9]
        ('iter_1.pth', 'iter_2.pth', 'truncated')
    """
    check_verify(verify)
    folder = Path(folder)
    skipped: list[Skipped] = []
    try:
        listed = [entry for entry in entries(folder) if entry.kind == "regular"]
    except ManifestError as error:
        listed = []
        skipped.append(Skipped(name=MANIFEST, reason=str(error)))
    recover(folder, listed)
    for entry in reversed(listed):
        reason = defect(folder / entry.name, entry.versions, verify)
        if reason is None:
            return _found(folder / entry.name, entry, skipped)
        skipped.append(Skipped(name=entry.name, reason=reason))
    names = {entry.name for entry in listed}
    for path in _unlisted(folder) if not listed or _has_lost_a_list(folder) else ():
        if path.name in names:
            continue
        reason = zip_defect(path)
        if reason is None:
            logger.warning("%s was not verified: no manifest lists it", path)
            return _found(path, None, skipped)
        skipped.append(Skipped(name=path.name, reason=reason))
    if skipped:
        raise NoValidCheckpoint(str(folder), skipped)
    return Found()


def find_latest_checkpoint(path: str | Path) -> str | None:
    """What the text file `last_checkpoint` of a folder says, or None; a hint that is not checked."""
    hint = Path(path, LAST)
    if not hint.is_file():
        return None
    with open(hint, encoding="utf-8", errors="replace") as file:
        return file.read(_LONGEST_PATH).strip()


def _found(path: Path, entry: Entry | None, skipped: list[Skipped]) -> Found:
    for item in skipped:
        logger.warning("%s in %s is passed over: %s", item.name, path.parent, item.reason)
    return Found(path=path, entry=entry, skipped=tuple(skipped))


def _has_lost_a_list(folder: Path) -> bool:
    return any(folder.glob(f"{MANIFEST}.corrupt-*"))


def _unlisted(folder: Path) -> Iterator[Path]:
    """Files that look like regular checkpoints, the likeliest newest first."""
    named = find_latest_checkpoint(folder)
    hinted = Path(named).name if named else ""
    # looked for among the names of the folder, since a damaged hint may be no name at all
    files = {path.name: path for path in folder.iterdir() if path.is_file()} if folder.is_dir() else {}
    if hinted in files:
        yield files[hinted]
    others = [
        path
        for name, path in files.items()
        if name.endswith(".pth") and name != hinted and not name.startswith("best_")
    ]
    yield from sorted(others, key=_numbers, reverse=True)


def _numbers(path: Path) -> tuple[list[int], str]:
    return [int(number) for number in re.findall(r"\d+", path.stem)], path.name
