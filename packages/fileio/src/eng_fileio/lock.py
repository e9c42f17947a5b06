"""One process at a time, among those of this machine and of others where the file system can lock."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


@contextmanager
def exclusive(path: str | Path) -> Iterator[None]:
    """Hold a file or folder that is there, for others who hold it in this way; waits for who does.

    The lock ends with its process, however that ends. Where the system (Windows) or the file system cannot lock,
    nobody is kept out.

    Example:
        >>> import tempfile
        >>> with exclusive(tempfile.mkdtemp()):
        ...     print("alone")
        alone
    """
    with ExitStack() as stack:
        with suppress(ImportError, OSError):
            import fcntl

            descriptor = os.open(path, os.O_RDONLY)
            stack.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # closing is not enough: a worker that was forked meanwhile holds it open as long as it lives
            stack.callback(fcntl.flock, descriptor, fcntl.LOCK_UN)
        yield
