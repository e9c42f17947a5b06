"""Every place that fsspec knows: s3, gcs, az, sftp, hf, memory, zip and more. The extra `remote`."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any, BinaryIO

from ..backend import BaseStorageBackend, PathLike

_RENAMING = {"file", "local", "sftp", "ssh"}
"""Places with real directories, where a rename replaces what has the name, in one step."""


class FsspecBackend(BaseStorageBackend):
    """Files of an fsspec file system, under their whole URLs.

    A file is sent in one piece, so an object store shows it whole or not at all; where files grow under the eyes of
    others (SFTP, a mounted disk) it is sent under a temporary name, and renamed.

    Args:
        path_mapping: Each key that a path holds is replaced by its value, once.
        storage_options: For the file system, such as `key`, `secret`, `endpoint_url` for s3.

    Example:
        >>> memory = FsspecBackend()
        >>> memory.put(b"123", "memory://folder/numbers.txt")
        >>> list(memory.list_dir_or_file("memory://folder"))
        ['numbers.txt']
    """

    def __init__(self, path_mapping: Mapping[str, str] | None = None, **storage_options: Any) -> None:
        self._path_mapping = dict(path_mapping or {})
        self._storage_options = storage_options

    def get(self, filepath: PathLike) -> bytes:
        fs, path = self._locate(filepath)
        return bytes(fs.cat_file(path))

    def put(self, obj: bytes | bytearray | memoryview, filepath: PathLike) -> None:
        self._write(filepath, lambda fs, path: fs.pipe_file(path, bytes(obj)))

    def isfile(self, filepath: PathLike) -> bool:
        fs, path = self._locate(filepath)
        return bool(fs.isfile(path))

    def isdir(self, filepath: PathLike) -> bool:
        fs, path = self._locate(filepath)
        return bool(fs.isdir(path))

    def remove(self, filepath: PathLike) -> None:
        fs, path = self._locate(filepath)
        if fs.isdir(path):
            raise IsADirectoryError(f"{filepath} is a directory; `rmtree` deletes those")
        if not fs.isfile(path):
            raise FileNotFoundError(f"there is no file {filepath}")
        fs.rm_file(path)

    def rmtree(self, dir_path: PathLike) -> None:
        fs, path = self._locate(dir_path)
        fs.rm(path, recursive=True)

    def scan(self, dir_path: PathLike) -> Iterator[tuple[str, bool]]:
        fs, path = self._locate(dir_path)
        for entry in fs.ls(path, detail=True):
            name = entry["name"].rstrip("/").rpartition("/")[2]
            if entry["name"].strip("/") != path.strip("/"):
                yield name, entry["type"] == "directory"

    def open(self, filepath: PathLike) -> AbstractContextManager[BinaryIO]:
        fs, path = self._locate(filepath)
        stream: AbstractContextManager[BinaryIO] = fs.open(path, "rb")
        return stream

    def upload(self, source: BinaryIO, filepath: PathLike) -> None:
        with tempfile.NamedTemporaryFile() as whole:
            shutil.copyfileobj(source, whole, 1 << 20)
            whole.flush()
            self._send(whole.name, filepath)

    def copyfile_from_local(self, src: PathLike, dst: PathLike) -> str:
        dst = self._inside(dst, src)
        self._send(str(src), dst)
        return dst

    def generate_presigned_url(
        self, url: str, client_method: str = "get_object", expires_in: int = 3600
    ) -> str:
        fs, path = self._locate(url)
        try:
            return str(fs.sign(path, expiration=expires_in))
        except NotImplementedError:
            self._cannot("generate_presigned_url")

    def _send(self, local: str, filepath: PathLike) -> None:
        self._write(filepath, lambda fs, path: fs.put_file(local, path))

    def _write(self, filepath: PathLike, write: Callable[[Any, str], object]) -> None:
        """Whole or not at all; missing directories are made where there is such a thing."""
        fs, path = self._locate(filepath)
        protocols = {fs.protocol} if isinstance(fs.protocol, str) else set(fs.protocol)
        if not protocols & _RENAMING:
            write(fs, path)
            return
        fs.makedirs(fs._parent(path), exist_ok=True)
        temporary = f"{fs._parent(path)}/.{secrets.token_hex(8)}.tmp"
        try:
            write(fs, temporary)
            fs.mv(temporary, path)
        except BaseException:
            with suppress(Exception):
                fs.rm_file(temporary)
            raise

    def _locate(self, filepath: PathLike) -> tuple[Any, str]:
        """The file system of a URL, and the path there."""
        from fsspec.core import url_to_fs  # a slow import that only remote paths need

        url = str(filepath)
        for old, new in self._path_mapping.items():
            url = url.replace(old, new, 1)
        protocol, separator, rest = url.partition("://")
        protocol = protocol.rpartition(":")[2]  # of `cluster:s3://...`
        url = f"{'s3' if protocol == 'petrel' else protocol}{separator}{rest}"
        fs, path = url_to_fs(url, **self._storage_options)
        fs.invalidate_cache()  # others may have written meanwhile; not every place lets its cache be turned off
        return fs, str(path)
