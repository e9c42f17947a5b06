"""What a place for files must be able to do, and what follows from that.

A backend writes the few verbs of the first part of `BaseStorageBackend`, as many as its place allows: only
`get` is obligatory. Every other verb is written here once, from those few; a verb that the place cannot do
says so by `UnsupportedVerbError`. Nothing here knows which backend serves which path; that is `resolve.py`.
"""

from __future__ import annotations

import io
import os
import posixpath
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TypeAlias

from .atomic import atomic_write
from .errors import UnsupportedVerbError

PathLike: TypeAlias = str | Path


class BaseStorageBackend(ABC):
    """Interface of a place for files.

    Example:
        >>> class Shelf(BaseStorageBackend):
        ...     def __init__(self):
        ...         self.files = {}
        ...     def get(self, filepath):
        ...         return self.files[str(filepath)]
        ...     def put(self, obj, filepath):
        ...         self.files[str(filepath)] = bytes(obj)
        >>> shelf = Shelf()
        >>> shelf.put_text("two words", "note")
        >>> shelf.get_text("note")
        'two words'
    """

    allow_symlink = False
    """Whether `copy_if_symlink_fails` can make a link here."""

    # ---- the few verbs that a backend writes -----------------------------------------------------

    @abstractmethod
    def get(self, filepath: PathLike) -> bytes:
        """The bytes of a file; `FileNotFoundError` when there is none."""

    def put(self, obj: bytes | bytearray | memoryview, filepath: PathLike) -> None:
        """Write a file, whole or not at all; missing directories are made, an old file is replaced."""
        self._cannot("put")

    def isfile(self, filepath: PathLike) -> bool:
        """Whether there is a file of that name."""
        self._cannot("isfile")

    def isdir(self, filepath: PathLike) -> bool:
        """Whether there is a directory of that name (in an object store: anything below it)."""
        self._cannot("isdir")

    def remove(self, filepath: PathLike) -> None:
        """Delete a file; `FileNotFoundError` when there is none, `IsADirectoryError` for a directory."""
        self._cannot("remove")

    def scan(self, dir_path: PathLike) -> Iterator[tuple[str, bool]]:
        """The names directly below a directory, each with whether it is a directory itself."""
        self._cannot("scan")

    def rmtree(self, dir_path: PathLike) -> None:
        """Delete a directory and everything below it."""
        self._cannot("rmtree")

    def generate_presigned_url(
        self, url: str, client_method: str = "get_object", expires_in: int = 3600
    ) -> str:
        """A URL that opens `url` without credentials for `expires_in` seconds."""
        self._cannot("generate_presigned_url")

    # ---- two that move whole files; a backend that can stream writes them better -----------------

    def open(self, filepath: PathLike) -> AbstractContextManager[BinaryIO]:
        """The file as a stream of bytes, to read once."""
        return io.BytesIO(self.get(filepath))

    def upload(self, source: BinaryIO, filepath: PathLike) -> None:
        """Write everything that `source` still holds to a file, as `put` does."""
        self.put(source.read(), filepath)

    # ---- what follows ----------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name of the class, for messages."""
        return type(self).__name__

    def get_text(self, filepath: PathLike, encoding: str = "utf-8") -> str:
        """The text of a file."""
        return self.get(filepath).decode(encoding)

    def put_text(self, obj: str, filepath: PathLike, encoding: str = "utf-8") -> None:
        """Write text to a file."""
        self.put(obj.encode(encoding), filepath)

    def exists(self, filepath: PathLike) -> bool:
        """Whether there is a file or a directory of that name."""
        return self.isfile(filepath) or self.isdir(filepath)

    def join_path(self, filepath: PathLike, *filepaths: PathLike) -> str:
        """The parts as one path of this place, with exactly one slash between them."""
        parts = [str(part).lstrip("/") for part in filepaths]
        return posixpath.join(str(filepath).removesuffix("/"), *parts) if parts else str(filepath)

    @contextmanager
    def get_local_path(self, filepath: PathLike) -> Iterator[str]:
        """A path of the local disk with the file's content, for as long as the block lasts."""
        suffix = posixpath.splitext(str(filepath))[1]
        suffix = suffix if suffix.isascii() and suffix[1:].isalnum() else ""
        descriptor, path = tempfile.mkstemp(suffix=suffix)
        try:
            with os.fdopen(descriptor, "wb") as target, self.open(filepath) as source:
                shutil.copyfileobj(source, target, _CHUNK_BYTES)
            yield path
        finally:
            os.unlink(path)

    def copyfile(self, src: PathLike, dst: PathLike) -> str:
        """Copy a file inside this place; into `dst` when that is a directory. Returns where it went."""
        dst = self._inside(dst, src)
        if str(src) == dst:
            raise shutil.SameFileError(f"{src!r} and {dst!r} are the same file")
        with self.open(src) as source:
            self.upload(source, dst)
        return dst

    def copyfile_from_local(self, src: PathLike, dst: PathLike) -> str:
        """Copy a file of the local disk into this place; returns where it went."""
        dst = self._inside(dst, src)
        with open(src, "rb") as source:
            self.upload(source, dst)
        return dst

    def copyfile_to_local(self, src: PathLike, dst: PathLike) -> str | Path:
        """Copy a file of this place to the local disk, whole or not at all; returns where it went."""
        if os.path.isdir(dst):
            inside = os.path.join(dst, posixpath.basename(str(src)))
            dst = Path(inside) if isinstance(dst, Path) else inside
        with self.open(src) as source, atomic_write(dst) as target:
            shutil.copyfileobj(source, target, _CHUNK_BYTES)
        return dst

    def copytree(self, src: PathLike, dst: PathLike) -> str:
        """Copy a directory inside this place; `dst` must not exist (`FileExistsError`)."""
        self._must_not_exist(dst)
        for file in self._files_below(src):
            self.copyfile(self.join_path(src, file), self.join_path(dst, file))
        return str(dst)

    def copytree_from_local(self, src: PathLike, dst: PathLike) -> str:
        """Copy a directory of the local disk into this place; `dst` must not exist (`FileExistsError`)."""
        self._must_not_exist(dst)
        for path in sorted(Path(src).rglob("*")):
            if path.is_file():
                self.copyfile_from_local(path, self.join_path(dst, path.relative_to(src).as_posix()))
        return str(dst)

    def copytree_to_local(self, src: PathLike, dst: PathLike) -> PathLike:
        """Copy a directory of this place to the local disk."""
        for file in self._files_below(src):
            self.copyfile_to_local(self.join_path(src, file), Path(dst, *file.split("/")))
        return dst

    def copy_if_symlink_fails(self, src: PathLike, dst: PathLike) -> bool:
        """Copy a file or a directory inside this place; False, for no link was made."""
        if self.isfile(src):
            self.copyfile(src, dst)
        else:
            self.copytree(src, dst)
        return False

    def list_dir_or_file(
        self,
        dir_path: PathLike,
        list_dir: bool = True,
        list_file: bool = True,
        suffix: str | tuple[str, ...] | None = None,
        recursive: bool = False,
    ) -> Iterator[str]:
        """The paths below a directory, relative to it, in alphabetical order; hidden files are left out.

        Args:
            suffix: Only files that end so; not together with `list_dir`.
            recursive: Also what is in the directories below.

        Raises:
            TypeError: `suffix` together with `list_dir`, or neither str nor tuple. Raised at the call.
        """
        if list_dir and suffix is not None:
            raise TypeError("`suffix` picks files, so it needs `list_dir=False`")
        if suffix is not None and not isinstance(suffix, str | tuple):
            raise TypeError(f"`suffix` is a str or a tuple of str, not {type(suffix).__name__}")
        return self._list(dir_path, "", list_dir, list_file, suffix, recursive)

    def _list(
        self,
        dir_path: PathLike,
        prefix: str,
        list_dir: bool,
        list_file: bool,
        suffix: str | tuple[str, ...] | None,
        recursive: bool,
    ) -> Iterator[str]:
        for name, is_dir in sorted(self.scan(dir_path)):
            if not is_dir:
                if list_file and not name.startswith(".") and (suffix is None or name.endswith(suffix)):
                    yield prefix + name
                continue
            if list_dir:
                yield prefix + name
            if recursive:
                below = self.join_path(dir_path, name)
                yield from self._list(below, f"{prefix}{name}/", list_dir, list_file, suffix, recursive)

    def _files_below(self, dir_path: PathLike) -> Iterator[str]:
        """Every file, hidden ones too, relative and with forward slashes."""
        for name, is_dir in self.scan(dir_path):
            if is_dir:
                below = self._files_below(self.join_path(dir_path, name))
                yield from (f"{name}/{path}" for path in below)
            else:
                yield name

    def _inside(self, dst: PathLike, src: PathLike) -> str:
        return self.join_path(dst, os.path.basename(src)) if self.isdir(dst) else str(dst)

    def _must_not_exist(self, dst: PathLike) -> None:
        if self.exists(dst):
            raise FileExistsError(f"{dst} is there already, and a tree is only copied to a new name")

    def _cannot(self, verb: str) -> NoReturn:
        raise UnsupportedVerbError(self.name, verb)


_CHUNK_BYTES = 1 << 20

Backend: TypeAlias = BaseStorageBackend
BackendArgs: TypeAlias = dict[str, Any] | None
