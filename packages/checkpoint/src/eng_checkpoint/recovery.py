"""Recover from a kill during the replacement of one directory by another.

Where the system cannot exchange two names, both directories, the listed one and its replacement, have temporary names
for a moment. Their digests identify them.
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
    """Delete the temporary files of dead writers in a folder, after `recover` has renamed what the manifest lists."""
    with suppress(ManifestError):  # which the next who edits the list deals with
        recover(folder, entries(folder))
    remove_leftovers(folder)


def recover(folder: Path, listed: Iterable[Entry]) -> None:
    """Rename complete directories that an interrupted save has left under temporary names to their listed names."""
    missing = [entry for entry in listed if not os.path.lexists(folder / entry.name)]
    if missing:
        with editing(folder):  # another process may be replacing or deleting it at this moment
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
        logger.warning("%s was found as %s, but could not be renamed: %s", target, found.name, error)
    else:
        logger.warning(
            "%s was found as %s, left by an interrupted save, and was renamed",
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
