"""What one does with files, whatever the place: each verb finds the backend of its path and hands it the
work.

The path that decides is the first one, except for `*_from_local`, where the first is local by its name. All
verbs share one backend object per prefix and arguments.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from .backend import BackendArgs, BaseStorageBackend, PathLike
from .resolve import get_file_backend


def get(filepath: PathLike, backend_args: BackendArgs = None) -> bytes:
    """The bytes of a file."""
    return _backend(filepath, backend_args).get(filepath)


def get_text(filepath: PathLike, encoding: str = "utf-8", backend_args: BackendArgs = None) -> str:
    """The text of a file."""
    return _backend(filepath, backend_args).get_text(filepath, encoding)


def put(obj: bytes | bytearray | memoryview, filepath: PathLike, backend_args: BackendArgs = None) -> None:
    """Write bytes to a file, whole or not at all; missing directories are made."""
    _backend(filepath, backend_args).put(obj, filepath)


def put_text(obj: str, filepath: PathLike, backend_args: BackendArgs = None) -> None:
    """Write text to a file, whole or not at all; missing directories are made."""
    _backend(filepath, backend_args).put_text(obj, filepath)


def exists(filepath: PathLike, backend_args: BackendArgs = None) -> bool:
    """Whether there is a file or a directory of that name."""
    return _backend(filepath, backend_args).exists(filepath)


def isdir(filepath: PathLike, backend_args: BackendArgs = None) -> bool:
    """Whether there is a directory of that name."""
    return _backend(filepath, backend_args).isdir(filepath)


def isfile(filepath: PathLike, backend_args: BackendArgs = None) -> bool:
    """Whether there is a file of that name."""
    return _backend(filepath, backend_args).isfile(filepath)


def join_path(filepath: PathLike, *filepaths: PathLike, backend_args: BackendArgs = None) -> str:
    """The parts as one path of the place that the first part names.

    >>> join_path("s3://bucket/data/", "train", backend_args={"backend": "local"})
    's3://bucket/data/train'
    """
    return _backend(filepath, backend_args).join_path(filepath, *filepaths)


def get_local_path(
    filepath: PathLike, backend_args: BackendArgs = None
) -> AbstractContextManager[str | Path]:
    """A path of the local disk with the file's content, for as long as the `with` block lasts."""
    return _backend(filepath, backend_args).get_local_path(str(filepath))


def copyfile(src: PathLike, dst: PathLike, backend_args: BackendArgs = None) -> str:
    """Copy a file within the place of `src`; into `dst` when that is a directory. Returns where it went."""
    return _backend(src, backend_args).copyfile(src, dst)


def copytree(src: PathLike, dst: PathLike, backend_args: BackendArgs = None) -> str:
    """Copy a directory within the place of `src` to a new name."""
    return _backend(src, backend_args).copytree(src, dst)


def copyfile_from_local(src: PathLike, dst: PathLike, backend_args: BackendArgs = None) -> str:
    """Copy a local file to the place of `dst`."""
    return _backend(dst, backend_args).copyfile_from_local(src, dst)


def copytree_from_local(src: PathLike, dst: PathLike, backend_args: BackendArgs = None) -> str:
    """Copy a local directory to the place of `dst`, to a new name."""
    return _backend(dst, backend_args).copytree_from_local(src, dst)


def copyfile_to_local(src: PathLike, dst: PathLike, backend_args: BackendArgs = None) -> PathLike:
    """Copy a file of the place of `src` to the local disk."""
    return _backend(src, backend_args).copyfile_to_local(src, dst)


def copytree_to_local(src: PathLike, dst: PathLike, backend_args: BackendArgs = None) -> PathLike:
    """Copy a directory of the place of `src` to the local disk."""
    return _backend(src, backend_args).copytree_to_local(src, dst)


def remove(filepath: PathLike, backend_args: BackendArgs = None) -> None:
    """Delete a file."""
    _backend(filepath, backend_args).remove(filepath)


def rmtree(dir_path: PathLike, backend_args: BackendArgs = None) -> None:
    """Delete a directory and everything below it."""
    _backend(dir_path, backend_args).rmtree(dir_path)


def copy_if_symlink_fails(src: PathLike, dst: PathLike, backend_args: BackendArgs = None) -> bool:
    """Link `dst` to `src`, or copy where that is not possible; whether it is a link."""
    return _backend(src, backend_args).copy_if_symlink_fails(src, dst)


def list_dir_or_file(
    dir_path: PathLike,
    list_dir: bool = True,
    list_file: bool = True,
    suffix: str | tuple[str, ...] | None = None,
    recursive: bool = False,
    backend_args: BackendArgs = None,
) -> Iterator[str]:
    """The paths below a directory, relative to it; see `BaseStorageBackend.list_dir_or_file`."""
    backend = _backend(dir_path, backend_args)
    return backend.list_dir_or_file(dir_path, list_dir, list_file, suffix, recursive)


def generate_presigned_url(
    url: str, client_method: str = "get_object", expires_in: int = 3600, backend_args: BackendArgs = None
) -> str:
    """A URL that opens `url` without credentials for `expires_in` seconds, where the place can make one."""
    return _backend(url, backend_args).generate_presigned_url(url, client_method, expires_in)


def _backend(path: PathLike, backend_args: BackendArgs) -> BaseStorageBackend:
    return get_file_backend(path, backend_args=backend_args, enable_singleton=True)
