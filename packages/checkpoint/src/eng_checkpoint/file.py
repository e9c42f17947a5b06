"""One checkpoint under one name: written whole, hashed on the way, checked and read without running code."""

from __future__ import annotations

import logging
import pickle
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

import torch

from eng_fileio import atomic_write

from .errors import CheckpointError, CorruptCheckpointError, PlainDataError
from .legacy import is_reference_class, one_at_a_time, stand_ins
from .manifest import defect_of_file
from .names import MANIFEST
from .plain import check_plain
from .portable import save_portable
from .safetensors import SUFFIX, read_safetensors, write_safetensors
from .slow_save import warning_when_slow
from .tensors import bytes_of
from .untrusted import refuse_inflation, refused_global, typed_errors
from .verify import FileInfo, Verify, begins_as_zip, check_verify, new_hash
from .writeback import begin_writeback

logger = logging.getLogger(__name__)

MapLocation: TypeAlias = Any
"""Whatever `torch.load` takes: None, a device or its name, a dict, a function."""

_PIECE_BYTES = 1 << 20
_WRITEBACK_BYTES = 8 << 20


def save_file(state: Mapping[str, Any], path: str | Path) -> FileInfo:
    """Write a state to a file that is whole under its name or is not there.

    The tensors are streamed, those of another device one at a time, and hashed on the way; the file has all of them as
    tensors of the CPU. A name that ends with `.safetensors` takes named tensors, and that format.

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
    if not isinstance(state, dict):
        raise PlainDataError("the state", f"a {type(state).__name__}, which is no dict")
    check_plain(state)
    write = write_safetensors if Path(path).suffix == SUFFIX else save_portable
    hashing: _HashingFile | None = None
    with (
        warning_when_slow(path, lambda: hashing.bytes if hashing is not None else 0),
        atomic_write(path, needed=bytes_of(state)) as file,
    ):
        with _HashingFile(file) as hashing:
            write(state, cast("BinaryIO", hashing))
        yield FileInfo(name=Path(path).name, bytes=hashing.bytes, xxh128=hashing.hexdigest())


def load_file(
    path: str | Path,
    *,
    map_location: MapLocation = "cpu",
    trust: bool = False,
    verify: Verify = "full",
    mmap: bool = False,
) -> dict[str, Any]:
    """The state that a file, or the directory of a sharded checkpoint, holds.

    A file of a folder with a manifest is compared with it, any other one with the checksums that it carries.

    Args:
        map_location: Where the tensors go, as for `torch.load`.
        trust: Let the file build whatever it likes, which is: run whatever it likes. It is logged.
        verify: `full` reads every byte a second time, at the same time; `size` compares sizes; `off` does
        not look.
        mmap: Map a `.pth` file into memory instead of reading it: pages are read on access and shared by the
            processes of a machine. For a state that is copied into a model or an optimizer at once; the file
            must not change as long as its tensors live.

    Raises:
        UnsafeCheckpointError: The file asks for more than plain data, without `trust`; nothing of it has run.
        CorruptCheckpointError: The file is not what was written.
        CheckpointError: It is a zip archive with compressed members, which could take any memory; nothing was read.
        FileNotFoundError: There is none.
    """
    path = Path(path)
    check_verify(verify)
    if not path.exists():
        raise FileNotFoundError(f"there is no checkpoint {path}")
    if not (path.is_file() or path.is_dir()):
        raise CheckpointError(
            f"{path} is a device, a pipe or a socket, and a checkpoint is a file or a directory"
        )
    if (path / MANIFEST).is_file():
        raise CheckpointError(
            f"{path} is a folder of checkpoints; Checkpoints({str(path)!r}).load() reads its newest"
        )
    if path.is_file():
        with open(path, "rb") as file:
            refuse_inflation(file, path)
    with ThreadPoolExecutor(1) as aside:
        checked = aside.submit(defect_of_file, path, verify)
        try:
            state = _read(path, map_location, trust, mmap) if not trust else None
        except CheckpointError:
            _raise_if_damaged(path, checked.result())
            raise
        _raise_if_damaged(path, checked.result())
    if trust:
        logger.warning("%s is loaded with trust: whatever code it names can run", path)
        state = _read(path, map_location, trust, mmap)
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} holds a {type(state).__name__}, and a checkpoint is a dict")
    return state


def _read(path: Path, map_location: MapLocation, trust: bool, mmap: bool) -> Any:
    with typed_errors(path):
        if path.is_dir():
            from .shards import read_shards  # a second of import that only directories need

            return read_shards(path, map_location)
        if path.suffix == SUFFIX:
            return read_safetensors(path, map_location)
        options = {
            "map_location": map_location,
            "mmap": mmap and begins_as_zip(path),
        }  # older files cannot be mapped
        if trust:
            return torch.load(path, **options, weights_only=False)
        return _read_plain(path, options)


def _read_plain(path: Path, options: dict[str, Any]) -> Any:
    """With an empty allow-list; only if that refuses a class of the reference's files, with stand-ins."""
    with one_at_a_time:  # no other reading may meet the stand-ins
        try:
            return torch.load(path, **options, weights_only=True)
        except pickle.UnpicklingError as error:
            if not is_reference_class(refused_global(error)):
                raise
        with stand_ins() as to_plain:
            return to_plain(torch.load(path, **options, weights_only=True))


def _raise_if_damaged(path: Path, reason: str | None) -> None:
    if reason is not None:
        raise CorruptCheckpointError(str(path), reason)


class _HashingFile:
    """A file to write to once, from the first byte to the last, that knows the digest of what it was given.

    Large pieces are hashed and written bit by bit, so that the second of the two finds the bytes in the processor's
    cache, and the disk is sent what has come together.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = new_hash()
        self._refusal: OSError | None = None
        self._handled: BaseException | None = None
        self._sent_bytes = 0
        self.bytes = 0

    def __enter__(self) -> _HashingFile:
        self._handled = sys.exception()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        # after an error torch goes on to write its table of contents, and complains of that
        if self._refusal is not None and error is not self._refusal:
            raise self._refusal from None
        if isinstance(error, RuntimeError) and error.__context__ not in (None, self._handled):
            raise error.__context__ from None  # such as Ctrl-C

    def write(self, data: Any) -> int:
        with memoryview(data).cast("B") as content:
            try:
                for begin in range(0, len(content), _PIECE_BYTES):
                    self._pass_on(content[begin : begin + _PIECE_BYTES])
            except OSError as error:
                self._refusal = self._refusal or error
                raise
            return len(content)

    def flush(self) -> None:
        self._file.flush()

    def hexdigest(self) -> str:
        return self._hash.hexdigest()

    def _pass_on(self, piece: memoryview) -> None:
        self._hash.update(piece)
        self._file.write(piece)
        self.bytes += len(piece)
        if self.bytes - self._sent_bytes >= _WRITEBACK_BYTES:
            self._file.flush()
            begin_writeback(self._file.fileno(), self._sent_bytes, self.bytes - self._sent_bytes)
            self._sent_bytes = self.bytes
