"""Everything that this package raises on its own account.

    FileIOError
    ├── WriteError            also an OSError: the disk, the quota or the permission said no
    ├── UnsafePickleError     also a pickle.UnpicklingError: a pickle asked for more than plain data
    ├── DownloadError         also an OSError: a server did not hand over the whole file
    └── UnsupportedVerbError  also a NotImplementedError: this backend cannot do that

What the operating system says about reading (`FileNotFoundError`, `IsADirectoryError`, ...) stays as it is.
"""

from __future__ import annotations

import errno
import pickle
from functools import partial
from typing import Any


class FileIOError(Exception):
    """Base of this package's errors."""


class WriteError(FileIOError, OSError):
    """A file could not be written; nothing is left under its name that was not there before.

    Attributes:
        filename: The final path.
        written: Bytes that had been written when it failed.
        needed: Bytes that the file was going to have, where that was known.
        free: Bytes left on that file system, or None when they cannot be asked for.
        free_inodes: Inodes left on that file system, or None where their number is not limited.
    """

    def __init__(
        self,
        cause: OSError,
        path: str,
        *,
        written: int,
        free: int | None,
        needed: int | None = None,
        free_inodes: int | None = None,
    ) -> None:
        self.written = written
        self.needed = needed
        self.free = free
        self.free_inodes = free_inodes
        whole = "" if needed is None else f" of {needed:,}"
        room = "" if free is None else f", {free:,} bytes free there"
        reason = cause.strerror or str(cause)
        if cause.errno == errno.ENOSPC and free_inodes == 0:
            reason = "No inode left, which every file needs, however small: delete files there"
        super().__init__(cause.errno, f"{reason} (after {written:,}{whole} bytes{room})", path)
        self._made_of = partial(
            WriteError, OSError(cause.errno, cause.strerror or str(cause)), path,
            written=written, free=free, needed=needed, free_inodes=free_inodes,
        )  # fmt: skip

    def __reduce__(self) -> tuple[Any, ...]:
        return self._made_of, ()  # errors travel from process to process


class UnsafePickleError(FileIOError, pickle.UnpicklingError):
    """A pickle names a global that is not plain data; nothing of it has run.

    Attributes:
        name: The dotted name of that global.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"the pickle asks for `{self.name}`, which is not plain data, so it was not loaded. "
            "If you trust whoever wrote the file: load(..., trust=True)"
        )


class DownloadError(FileIOError, OSError):
    """A remote file did not arrive whole and right; nothing of it was kept under its name."""


class UnsupportedVerbError(FileIOError, NotImplementedError):
    """A verb that a backend does not offer."""

    def __init__(self, backend: str, verb: str) -> None:
        super().__init__(backend, verb)
        self.backend = backend
        self.verb = verb

    def __str__(self) -> str:
        return f"{self.backend} cannot `{self.verb}`"
