"""Which files of a finished run are handed to a tracker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

__all__ = ["files_with_suffix", "work_dir_of"]


def files_with_suffix(folder: str | Path | None, suffixes: str | Sequence[str]) -> Iterator[Path]:
    """Every file below the folder whose name ends in one of the suffixes, in order of name."""
    if folder is None:
        return
    endings = (suffixes,) if isinstance(suffixes, str) else tuple(suffixes)
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file() and path.name.endswith(endings):
            yield path


def work_dir_of(config: Any) -> str | None:
    """The ``work_dir`` of a configuration, if it has one."""
    folder = config.get("work_dir") if hasattr(config, "get") else None
    return None if folder is None else str(folder)
