"""One checkpoint in one file: written whole, hashed on the way, read without running code."""

from __future__ import annotations

import hashlib
import logging
import pickle
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias, cast

import torch

from eng_fileio import atomic_write

from .errors import CheckpointError, CorruptCheckpointError, UnsafeCheckpointError
from .plain import check_plain

logger = logging.getLogger(__name__)

Verify: TypeAlias = Literal["full", "size", "off"]
MapLocation: TypeAlias = Any
"""Whatever `torch.load` takes: None, a device or its name, a dict, a function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """What was written: the name, the size and the digest of the content."""

    name: str
    bytes: int
    sha256: str


def save_file(state: Mapping[str, Any], path: str | Path) -> FileInfo:
    """Write a state to a file that is whole under its name or is not there.

    The tensors are streamed, those of another device one at a time, and hashed on the way.

    Raises:
        PlainDataError: The state holds more than tensors and plain values; nothing was written.
        WriteError: The disk said no; nothing is left under `path` that was not there before.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "state.pth")
        >>> info = save_file({"step": 7, "weight": torch.ones(2)}, path)
        >>> info.bytes == path.stat().st_size
        True
        >>> load_file(path)["weight"]
        tensor([1., 1.])
    """
    with writing(state, path) as info:
        return info


@contextmanager
def writing(state: Mapping[str, Any], path: str | Path) -> Iterator[FileInfo]:
    """`save_file` with a place to act between the last byte and the moment the file gets its name."""
    check_plain(state)
    with atomic_write(path) as file:
        hashing = _HashingFile(file)
        torch.save(state, cast("BinaryIO", hashing))
        yield FileInfo(name=Path(path).name, bytes=hashing.bytes, sha256=hashing.hexdigest())


def load_file(path: str | Path, *, map_location: MapLocation = "cpu", trust: bool = False) -> dict[str, Any]:
    """The state that a file holds.

    Args:
        map_location: Where the tensors go, as for `torch.load`.
        trust: Let the file build whatever it likes, which is: run whatever it likes. It is logged.

    Raises:
        UnsafeCheckpointError: The file asks for more than plain data, without `trust`; nothing of it has run.
        CorruptCheckpointError: The file cannot be read.
        FileNotFoundError: There is none.
    """
    if trust:
        logger.warning("%s is loaded with trust: whatever code it names can run", path)
    try:
        state = torch.load(path, map_location=map_location, weights_only=not trust)
    except pickle.UnpicklingError as error:
        name = _refused_global(str(error))
        if name is None:
            raise CorruptCheckpointError(str(path), str(error).split("\n")[0]) from error
        raise UnsafeCheckpointError(str(path), name, "") from error
    except (EOFError, RuntimeError) as error:
        raise CorruptCheckpointError(str(path), str(error).split("\n")[0]) from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} holds a {type(state).__name__}, and a checkpoint is a dict")
    return state


def digest(path: str | Path) -> FileInfo:
    """Size and digest of a file, read from the disk."""
    with open(path, "rb") as file:
        content = hashlib.file_digest(file, "sha256")
        return FileInfo(name=Path(path).name, bytes=file.tell(), sha256=content.hexdigest())


def _refused_global(message: str) -> str | None:
    match = re.search(r"GLOBAL ([\w.]+)|global(?: |: )`?([\w.]+)", message)
    return (match[1] or match[2]) if match else None


class _HashingFile:
    """A file to write to once, from the first byte to the last, that knows the digest of what it was
    given."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.bytes = 0

    def write(self, data: Any) -> int:
        self._hash.update(data)
        self.bytes += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def hexdigest(self) -> str:
        return self._hash.hexdigest()
