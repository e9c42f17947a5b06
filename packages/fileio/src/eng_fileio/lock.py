"""One process at a time, among those of this machine and of others where the file system can lock."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock

_held_folders: set[int] = set()


@contextmanager
def exclusive(path: str | Path) -> Iterator[None]:
    """Lock a folder or a file for the `with` block; wait while another process or thread has it locked in this way.

    A file is created if there is none. The lock ends with its process, however that ends, also while workers that it
    has forked live on. Where the system or the file system cannot lock, and where `path` is a link, nothing is locked.

    Example:
        >>> import tempfile
        >>> with exclusive(tempfile.mkdtemp()):
        ...     print("alone")
        alone
    """
    with ExitStack() as stack:
        (_hold_folder if os.path.isdir(path) else _hold_file)(path, stack)
        yield


def _hold_file(path: str | Path, stack: ExitStack) -> None:
    lock = FileLock(path, fallback_to_soft=False)
    with suppress(OSError, NotImplementedError):
        lock.acquire()
        stack.callback(lock.release)


def _hold_folder(path: str | Path, stack: ExitStack) -> None:
    """A folder is locked by itself, so that no other file is needed in it."""
    with suppress(ImportError, OSError):
        import fcntl

        descriptor = os.open(path, os.O_RDONLY)
        _held_folders.add(descriptor)
        stack.callback(_let_go, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _let_go(descriptor: int) -> None:
    if descriptor in _held_folders:
        _held_folders.discard(descriptor)
        os.close(descriptor)


def _let_go_in_a_fork() -> None:
    """A worker that was forked has the descriptors too, and a lock is held as long as anybody has them."""
    for descriptor in list(_held_folders):
        _let_go(descriptor)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go_in_a_fork)
