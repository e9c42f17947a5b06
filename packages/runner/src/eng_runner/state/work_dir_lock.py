"""One run at a time writes into a folder; a second one is refused and told who was first.

The lock is the operating system's on an open file, so that it ends with its process however that ends: there is no
stale lock that a person would have to remove. The text in the file only says whose it is.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl

LOCK = ".lock"

_held: set[str] = set()
"""Folders of this process: the system's locks do not keep a process from itself."""


class WorkDirInUseError(RuntimeError):
    """Another run is training in this folder."""


@contextmanager
def locked(folder: str | Path, *, name: str) -> Iterator[None]:
    """Hold a folder for the run of this name. Raises WorkDirInUseError naming the run that holds it already.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, locked(folder, name="first"):
    ...     try:
    ...         with locked(folder, name="second"):
    ...             pass
    ...     except WorkDirInUseError as error:
    ...         print("first" in str(error))
    True
    """
    path = Path(folder).resolve() / LOCK
    if str(path) in _held:
        raise _refused(path)
    _held.add(str(path))
    try:
        with _locked_file(path) as file:
            owner = {
                "name": name,
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "start": time.strftime("%Y-%m-%d %H:%M:%S"),
            }
            os.ftruncate(file, 0)
            os.pwrite(file, json.dumps(owner).encode(), 0)
            yield
            os.ftruncate(file, 0)
    finally:
        _held.discard(str(path))


@contextmanager
def _locked_file(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
    try:
        if sys.platform != "win32":
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise _refused(path) from None
            except OSError:  # a file system without locks: nothing to hold on to
                pass
        yield file
    finally:
        os.close(file)


def _refused(path: Path) -> WorkDirInUseError:
    try:
        owner = json.loads(path.read_text())
        who = f"{owner['name']}, process {owner['pid']} on {owner['host']}, since {owner['start']}"
    except (OSError, ValueError, KeyError, TypeError):
        who = "it has not said its name yet"
    return WorkDirInUseError(
        f"another run is training in {path.parent}: {who}. Give this one another `work_dir`, or end the other one first"
    )
