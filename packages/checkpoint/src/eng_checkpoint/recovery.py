"""What a process left that was killed while a directory took the name of another one.

Where the system cannot exchange two names, there is a moment without the name, and both directories, the listed one
and its replacement, have temporary names. Their content says which they are.
"""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from eng_fileio import remove_leftovers, sync_directory

from .errors import ManifestError
from .manifest import Entry, editing, entries
from .verify import defect

logger = logging.getLogger(__name__)

_SHORTEST_STEM = 100
"""Temporary names have as much of a long name as fits into one."""


def tidy(folder: Path) -> None:
    """Delete what writers that died have left in a folder, but for what a listed name belongs to."""
    with suppress(ManifestError):  # which the next who edits the list deals with
        recover(folder, entries(folder))
    remove_leftovers(folder)


def recover(folder: Path, listed: Iterable[Entry]) -> None:
    """Give listed names back to directories that are whole and have lost them, the replacement before the old one."""
    missing = [entry for entry in listed if not os.path.lexists(folder / entry.name)]
    if missing:
        with editing(folder):  # or else it might be one that is being replaced, or deleted, at this moment
            for entry in missing:
                _recover(folder, entry)


def _recover(folder: Path, entry: Entry) -> None:
    target = folder / entry.name
    found = None if os.path.lexists(target) else _content_of(folder, entry)
    if found is None:
        return
    try:
        os.rename(found, target)
        sync_directory(folder)
    except OSError as error:
        logger.warning("%s was found as %s, but cannot have its name: %s", target, found.name, error)
    else:
        logger.warning(
            "%s was found as %s, where an interrupted save had left it, and has its name again",
            target,
            found.name,
        )


def _content_of(folder: Path, entry: Entry) -> Path | None:
    stem = entry.name.encode()[:_SHORTEST_STEM].decode(errors="ignore")
    candidates = [path for path in folder.glob(f".{glob.escape(stem)}*.tmp-*") if path.is_dir()]
    for version in reversed(entry.versions):
        for path in candidates:
            if defect(path, (version,), "full") is None:
                return path
    return None
