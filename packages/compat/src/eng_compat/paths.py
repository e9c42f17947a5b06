"""Paths on this machine: what old code asks before it reads and writes. Other places are eng_fileio's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from eng_fileio import LocalBackend

__all__ = [
    "check_file_exist",
    "find_vcs_root",
    "fopen",
    "is_abs",
    "is_filepath",
    "mkdir_or_exist",
    "scandir",
    "symlink",
]


def is_filepath(x: object) -> bool:
    """Whether it can name a file: a text or a `Path`."""
    return isinstance(x, str | Path)


def fopen(filepath: str | Path, *args: Any, **kwargs: Any) -> IO[Any]:
    """`open` for a text or a `Path`; `ValueError` for anything else."""
    if not is_filepath(filepath):
        raise ValueError(f"`filepath` should be a string or a Path, not {filepath!r}")
    file: IO[Any] = open(filepath, *args, **kwargs)  # noqa: SIM115  the caller closes it
    return file


def check_file_exist(filename: str | Path, msg_tmpl: str = 'file "{}" does not exist') -> None:
    """Raise `FileNotFoundError` with the text of `msg_tmpl` unless there is such a file."""
    if not os.path.isfile(filename):
        raise FileNotFoundError(msg_tmpl.format(filename))


def mkdir_or_exist(dir_name: str | Path, mode: int = 0o777) -> None:
    """Make a folder and those above it, if they are not there; `~` is the home directory, nothing stays nothing."""
    if dir_name != "":
        os.makedirs(os.path.expanduser(dir_name), mode=mode, exist_ok=True)


def symlink(src: str | Path, dst: str | Path, overwrite: bool = True, **kwargs: Any) -> None:
    """Make `dst` a link to `src`; what was there before is removed if `overwrite`, else `FileExistsError`."""
    if os.path.lexists(dst) and overwrite:
        os.remove(dst)
    os.symlink(src, dst, **kwargs)


def scandir(
    dir_path: str | Path,
    suffix: str | tuple[str, ...] | None = None,
    recursive: bool = False,
    case_sensitive: bool = True,
) -> Iterator[str]:
    """The files in a folder, by their paths from it, without hidden files.

    Hidden folders are entered, as in MMEngine. Raises `TypeError` for a `dir_path` that is no path and a `suffix` that
    is neither a text nor a tuple.
    """
    if not is_filepath(dir_path):
        raise TypeError(f'"dir_path" must be a string or Path object, not {dir_path!r}')
    if not isinstance(suffix, str | tuple | None):
        raise TypeError(f'"suffix" must be a string or tuple of strings, not {suffix!r}')
    if suffix is not None and not case_sensitive:
        suffix = suffix.lower() if isinstance(suffix, str) else tuple(each.lower() for each in suffix)
    return _files(Path(dir_path), suffix, recursive, case_sensitive)


def _files(
    folder: Path, suffix: str | tuple[str, ...] | None, recursive: bool, case_sensitive: bool
) -> Iterator[str]:
    for path in LocalBackend().list_dir_or_file(folder, list_dir=False, recursive=recursive):
        name = path if case_sensitive else path.lower()
        if (suffix is None or name.endswith(suffix)) and (folder / path).is_file():  # no link to nowhere
            yield path


def is_abs(path: str | Path) -> bool:
    """Whether a path starts at a root: of this machine, of a web server, or of S3."""
    return os.path.isabs(path) or str(path).startswith(("http://", "https://", "s3://"))


def find_vcs_root(path: str | Path, markers: tuple[str, ...] = (".git",)) -> str | None:
    """The nearest folder at or above a path that holds one of `markers`, or None."""
    start = Path(path).expanduser().resolve()
    for folder in [start, *start.parents]:
        if any((folder / marker).exists() for marker in markers):
            return str(folder)
    return None
