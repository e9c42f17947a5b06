"""Reading untrusted bytes: checks before the first read, and one tree of errors for whatever the read raises.

A caller has only `CheckpointError` to expect, so that the search for the newest complete checkpoint continues.
"""

from __future__ import annotations

import errno
import pickle
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import torch

from .errors import CheckpointError, CorruptCheckpointError, UnsafeCheckpointError

_ZIP = b"PK\x03\x04"
_NOT_HERE = "Attempting to deserialize object on"


@contextmanager
def typed_errors(path: str | Path) -> Iterator[None]:
    """Convert whatever the body raises while it reads `path` into a `CheckpointError`.

    Raises:
        UnsafeCheckpointError: A pickle names what is not plain data.
        CorruptCheckpointError: The bytes are not those of a checkpoint.
        OSError: The system could not read.
        torch.OutOfMemoryError: The device that the tensors were to go to is full.
    """
    try:
        yield
    except (CheckpointError, torch.OutOfMemoryError):
        raise
    except pickle.UnpicklingError as error:
        name = refused_global(error)
        if name is not None:
            raise UnsafeCheckpointError(str(path), name) from error
        raise CorruptCheckpointError(str(path), _reason(error)) from error
    except MemoryError as error:
        raise CorruptCheckpointError(str(path), "it asks for more memory than there is") from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # which torch raises for a cut file
            raise
        raise CorruptCheckpointError(str(path), "it is not a file of torch, or a part of one") from error
    except Exception as error:
        if _NOT_HERE in str(error):
            raise CheckpointError(
                f"{path} holds tensors of a device that this machine does not have: map_location='cpu' takes "
                f"them to the CPU ({_reason(error)})"
            ) from error
        raise CorruptCheckpointError(str(path), _reason(error)) from error


def refused_global(error: pickle.UnpicklingError) -> str | None:
    """Return the global that torch refused to load, None if the error has another reason."""
    match = re.search(r"GLOBAL ([\w.]+)", str(error))
    return match[1] if match else None


def refuse_inflation(file: IO[bytes], path: str | Path) -> None:
    """Return if reading a file takes no more memory than it has bytes; only its table of contents is read.

    Raises:
        CheckpointError: It is a zip archive with a compressed member.
        CorruptCheckpointError: It is one whose members are larger than itself, or whose table cannot be read.
    """
    with typed_errors(path):
        begin = file.tell()
        if file.read(4) == _ZIP:
            file.seek(0, 2)
            size = file.tell() - begin
            with zipfile.ZipFile(file) as archive:
                reason = inflation(archive, size)
            if reason is not None:
                raise CheckpointError(
                    f"{path} was not read: {reason}. If you trust its author, save it anew: "
                    "torch.save(torch.load(OLD, weights_only=True), NEW)"
                )
        file.seek(begin)


def inflation(archive: zipfile.ZipFile, size: int) -> str | None:
    """Return why reading an archive of `size` bytes would take more memory than that; None if it would not."""
    total = 0
    for item in archive.infolist():
        total += item.file_size
        if item.compress_type != zipfile.ZIP_STORED:
            return (
                f"its member `{item.filename}` is compressed, and those of a checkpoint are stored as they are, so "
                "that reading takes no more memory than the file has bytes"
            )
        if total > size:
            return f"its members are larger than itself, {total:,} bytes up to `{item.filename}` of {size:,}"
    return None


def _reason(error: Exception) -> str:
    """Return the one sentence of torch's long message that states the reason."""
    match = re.search(r"WeightsUnpickler error: (.*)", str(error))
    said = match[1] if match else str(error).split("\n")[0]
    return said.strip() or f"it is not a file of torch, or a part of one ({type(error).__name__})"
