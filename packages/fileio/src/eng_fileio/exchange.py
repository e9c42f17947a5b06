"""Replace a directory by another one, in one step where the system can.

A rename replaces a file, but not a directory that is not empty. Linux and macOS can exchange two names instead; where
the file system cannot, the old directory gets a temporary name first, and the name does not exist for a moment.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from .atomic import sync_directory, temporary_name

_AT_FDCWD = -100  # of Linux: paths are relative to the working directory
_RENAME_EXCHANGE = 2
_RENAME_SWAP = 2  # of macOS
_CANNOT = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EXDEV, errno.EPERM}


def replace_directory(temporary: Path, target: Path) -> Path | None:
    """Rename `temporary` to `target`; return the path of what had that name before, for the caller to delete.

    Both are in one directory, which is flushed. Killed at any moment, there is the old or the new one under the name;
    where names cannot be exchanged, it may be that both are there under temporary names.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("old", "new"):
        ...     (folder / name).mkdir()
        ...     _ = (folder / name / "content").write_text(name)
        >>> left = replace_directory(folder / "new", folder / "old")
        >>> (folder / "old" / "content").read_text(), (left / "content").read_text()
        ('new', 'old')
    """
    left = None
    if os.path.lexists(target):
        left = temporary if _exchange(temporary, target) else _two_renames(temporary, target)
    else:
        os.rename(temporary, target)
    sync_directory(target.parent)
    return left


def _two_renames(temporary: Path, target: Path) -> Path:
    left = temporary_name(target)
    os.rename(target, left)
    os.rename(temporary, target)
    return left


def _exchange(one: Path, other: Path) -> bool:
    """Whether the two names were exchanged; False where that is not possible."""
    call = _system_call()
    if call is None:
        return False
    if call(os.fsencode(one), os.fsencode(other)) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT:
        return False
    raise OSError(code, os.strerror(code), str(one), None, str(other))


@cache
def _system_call() -> Callable[[bytes, bytes], int] | None:
    """The system's exchange of two names; None where it has none."""
    try:
        library, platform = ctypes.CDLL(None, use_errno=True), str(sys.platform)
        if platform.startswith("linux"):
            renameat2 = library.renameat2
            return lambda one, other: int(renameat2(_AT_FDCWD, one, _AT_FDCWD, other, _RENAME_EXCHANGE))
        if platform == "darwin":
            renamex_np = library.renamex_np
            return lambda one, other: int(renamex_np(one, other, _RENAME_SWAP))
    except (AttributeError, OSError, TypeError):
        pass
    return None
