"""Directories of torch.distributed.checkpoint, read as data: their metadata and their values are pickles.

torch reads both with a pickle that runs whatever it names. Here the metadata is built from the classes of that
format alone, values are read with `weights_only`, and a metadata that points out of its directory is refused.
"""

from __future__ import annotations

import io
import pickle
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, TypeAlias, cast

import torch
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner
from torch.distributed.checkpoint.filesystem import FileSystem, FileSystemReader, FileSystemWriter
from torch.distributed.checkpoint.metadata import Metadata, TensorStorageMetadata
from torch.distributed.checkpoint.planner import ReadItem
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.tensor import DTensor

from eng_fileio import write_error

from .errors import CorruptCheckpointError, StateMismatchError, UnsafeCheckpointError
from .untrusted import refuse_inflation, typed_errors

SPREAD = (DTensor,)
"""Types of tensors of which each rank has a part."""

METADATA = ".metadata"
_MISFITS = (AssertionError, RuntimeError, ValueError)
"""What torch raises where names or shapes of the state to fill differ from those that were saved."""
_SHARD = re.compile(r"__\d+_\d+\.distcp")
_CLASSES = {
    **dict.fromkeys(
        (
            "BytesStorageMetadata",
            "ChunkStorageMetadata",
            "Metadata",
            "MetadataIndex",
            "StorageMeta",
            "TensorProperties",
            "TensorStorageMetadata",
            "_MEM_FORMAT_ENCODING",
        ),
        "torch.distributed.checkpoint.metadata",
    ),
    "_StorageInfo": "torch.distributed.checkpoint.filesystem",
    "Size": "torch",
    "_get_layout": "torch.serialization",
    "PosixPath": "pathlib",
    "WindowsPath": "pathlib",
    "OrderedDict": "collections",
}


Place: TypeAlias = Callable[[tuple[Any, ...], tuple[int, ...], torch.dtype], Tensor | None]
"""`place(path, shape, dtype)`: the tensor to read into, such as an empty DTensor of this rank; None reads the whole."""


def read_shards(path: Path, map_location: Any = "cpu", place: Place | None = None) -> dict[str, Any]:
    """The whole state of a directory, put together in this process; of what `place` makes a DTensor of, its part.

    Raises:
        UnsafeCheckpointError: It names something that is not part of the format.
        CorruptCheckpointError: It is not such a directory.
    """
    with typed_errors(path):
        return _read_all(PlainReader(path), map_location, place)


def _read_all(reader: PlainReader, map_location: Any, place: Place | None) -> dict[str, Any]:
    metadata = reader.read_metadata()
    paths = metadata.planner_data or {}
    flat: dict[str, Any] = {}
    for name, item in metadata.state_dict_metadata.items():
        chosen = None
        if place is not None and isinstance(item, TensorStorageMetadata):
            chosen = place(tuple(paths.get(name, (name,))), tuple(item.size), item.properties.dtype)
        flat[name] = _empty(item, map_location) if chosen is None else chosen
    planner = PlainPlanner(flatten_state_dict=False, flatten_sharded_tensors=False)
    with unwrapped():
        load(flat, storage_reader=reader, planner=planner, no_dist=True)
    state: dict[str, Any] = {}
    for name, value in flat.items():
        _insert(state, paths.get(name, (name,)), value)
    return state


@contextmanager
def unwrapped() -> Iterator[None]:
    """Raise what really happened, where torch would raise a collection of every rank's tracebacks."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "torch.distributed is disabled")  # as it was asked for
            yield
    except CheckpointException as error:
        failure = next(iter(error.failures.values()))
        raise failure[0] from None


def write_shards(state: Mapping[str, Any], folder: Path, *, alone: bool, target: Path) -> None:
    """Write this rank's part of a state, to the disk; rank 0 also writes what the whole is made of.

    `target` is the final name of the folder, for messages.

    Raises:
        WriteError: The disk is full, the folder read-only, the quota used up, the device broken.
    """
    writer = FileSystemWriter(folder, sync_files=True, overwrite=True)
    writer.fs = files = _Files()
    try:
        with unwrapped():
            save(dict(state), storage_writer=writer, no_dist=alone)
    except Exception as error:
        if files.refusal is None:
            raise
        raise write_error(files.refusal, target, folder) from error


class _Files(FileSystem):
    """torch's file system, which remembers what the system refused: torch raises a complaint of its own after that."""

    def __init__(self) -> None:
        self.refusal: OSError | None = None

    @contextmanager
    def create_stream(self, path: Any, mode: str) -> Iterator[Any]:
        with self.remembering(), super().create_stream(path, mode) as stream:
            yield _Stream(stream, self)

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """Remember the first `OSError` of the body."""
        try:
            yield
        except OSError as error:
            self.refusal = self.refusal or error
            raise


class _Stream:
    """A file to write to."""

    def __init__(self, stream: Any, files: _Files) -> None:
        self._stream = stream
        self._files = files

    def write(self, data: Any) -> int:
        with self._files.remembering():
            return int(self._stream.write(data))

    def flush(self) -> None:
        with self._files.remembering():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def fill_from_shards(state: dict[str, Any], path: Path, *, alone: bool) -> None:
    """Fill the tensors of a state in place, each rank its own part, and replace the other values."""
    reader = PlainReader(path)
    reader.read_metadata()  # what is wrong with it is raised here as it is; later it is one text among others
    try:
        with typed_errors(path), unwrapped():
            load(state, storage_reader=reader, planner=PlainPlanner(), no_dist=alone)
    except CorruptCheckpointError as error:
        if isinstance(error.__cause__, _MISFITS):
            raise StateMismatchError(f"{path} does not fit: {error.__cause__}") from error.__cause__
        raise


class PlainReader(FileSystemReader):
    """torch's reader, with a metadata that is only what it should be."""

    def read_metadata(self, *args: Any, **kwargs: Any) -> Metadata:
        path = Path(self.path) / METADATA
        if not path.is_file():
            raise CorruptCheckpointError(str(self.path), f"it has no {METADATA}")
        with typed_errors(path), open(path, "rb") as file:
            metadata = _MetadataUnpickler(file, str(self.path)).load()
        if not isinstance(metadata, Metadata):
            raise CorruptCheckpointError(str(path), f"it holds a {type(metadata).__name__}")
        for place in (metadata.storage_data or {}).values():
            if not _SHARD.fullmatch(place.relative_path) or place.transform_descriptors:
                raise CorruptCheckpointError(str(path), f"it points to {place.relative_path!r}")
        return metadata

    def _slice_file(self, file: IO[bytes], place: Any) -> IO[bytes]:
        """The bytes of one entry, which are a file of torch of their own."""
        refuse_inflation(cast("IO[bytes]", _Part(file, place.offset, place.length)), str(self.path))
        part: IO[bytes] = super()._slice_file(file, place)
        return part


class _Part(io.RawIOBase):
    """Some bytes of an open file, to read and to seek in."""

    def __init__(self, file: IO[bytes], begin: int, length: int) -> None:
        self._file, self._begin, self._length, self._at = file, begin, length, 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence])
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._length - self._at)
        self._file.seek(self._begin + self._at)
        content = self._file.read(left if size < 0 else min(size, left))
        self._at += len(content)
        return content


class PlainPlanner(DefaultLoadPlanner):
    """torch's planner, with values that are plain data."""

    def load_bytes(self, read_item: ReadItem, value: io.BytesIO) -> None:
        name = read_item.dest_index.fqn
        with typed_errors(f"`{name}`"):
            plain = torch.load(value, weights_only=True)
        if self.flatten_state_dict:
            _insert(self.original_state_dict, self.mappings[name], plain)
        else:
            self.state_dict[name] = plain


class _MetadataUnpickler(pickle.Unpickler):
    def __init__(self, file: io.BufferedReader, path: str) -> None:
        super().__init__(file)
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        if _CLASSES.get(name) == module or (module == "torch" and _is_dtype(name)):
            return super().find_class(module, name)
        if module.startswith("pathlib") and name in {"PosixPath", "WindowsPath"}:
            return super().find_class("pathlib", name)
        raise UnsafeCheckpointError(self._path, f"{module}.{name}")


def _is_dtype(name: str) -> bool:
    return isinstance(getattr(torch, name, None), torch.dtype)


def _empty(item: Any, map_location: Any) -> Tensor | None:
    if not isinstance(item, TensorStorageMetadata):
        return None
    device = map_location if isinstance(map_location, str | torch.device) else "cpu"
    return torch.empty(item.size, dtype=item.properties.dtype, device=device)


def _insert(state: Any, path: Sequence[Any], value: Any) -> None:
    """Put a value at a path of keys and of indices, making what is missing on the way."""
    for part, following in pairwise(path):
        below: Any = [] if isinstance(following, int) else {}
        if isinstance(state, list) and len(state) == part:
            state.append(below)
        elif isinstance(state, dict):
            state.setdefault(part, below)
        state = state[part]
    if isinstance(state, list) and len(state) == path[-1]:
        state.append(value)
    else:
        state[path[-1]] = value
