"""The file system of this machine.

Its own verbs beyond the few are those where the system does better than reading and writing bytes: copying
keeps permissions, links are possible, and a path is already local.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..atomic import atomic_write
from ..backend import BaseStorageBackend, PathLike


class LocalBackend(BaseStorageBackend):
    """Files of this machine; paths may be str or Path.

    Example:
        >>> import tempfile
        >>> local, folder = LocalBackend(), tempfile.mkdtemp()
        >>> local.put_text("hello", local.join_path(folder, "new", "greeting.txt"))
        >>> list(local.list_dir_or_file(folder, recursive=True))
        ['new', 'new/greeting.txt']
    """

    allow_symlink = True

    def get(self, filepath: PathLike) -> bytes:
        with open(filepath, "rb") as file:
            return file.read()

    def put(self, obj: bytes | bytearray | memoryview, filepath: PathLike) -> None:
        with atomic_write(filepath) as file:
            file.write(obj)

    def open(self, filepath: PathLike) -> BinaryIO:
        return open(filepath, "rb")

    def upload(self, source: BinaryIO, filepath: PathLike) -> None:
        with atomic_write(filepath) as file:
            shutil.copyfileobj(source, file, 1 << 20)

    def isfile(self, filepath: PathLike) -> bool:
        return os.path.isfile(filepath)

    def isdir(self, filepath: PathLike) -> bool:
        return os.path.isdir(filepath)

    def exists(self, filepath: PathLike) -> bool:
        return os.path.exists(filepath)

    def remove(self, filepath: PathLike) -> None:
        if os.path.isdir(filepath):  # some systems call this a matter of permissions
            raise IsADirectoryError(f"{filepath} is a directory; `rmtree` deletes those")
        os.remove(filepath)

    def rmtree(self, dir_path: PathLike) -> None:
        shutil.rmtree(dir_path)

    def scan(self, dir_path: PathLike) -> Iterator[tuple[str, bool]]:
        with os.scandir(dir_path) as entries:
            for entry in entries:
                yield entry.name, entry.is_dir()

    def join_path(self, filepath: PathLike, *filepaths: PathLike) -> str:
        return os.path.join(str(filepath), *(str(part) for part in filepaths))

    @contextmanager
    def get_local_path(self, filepath: PathLike) -> Iterator[str | Path]:  # type: ignore[override]  # the path as it came
        yield filepath

    def copyfile(self, src: PathLike, dst: PathLike) -> str:
        """Copy a file with its permissions, whole or not at all; into `dst` when that is a directory."""
        return str(_copy(src, os.path.join(dst, os.path.basename(src)) if os.path.isdir(dst) else dst))

    def copyfile_from_local(self, src: PathLike, dst: PathLike) -> str:
        return self.copyfile(src, dst)

    def copyfile_to_local(self, src: PathLike, dst: PathLike) -> str | Path:
        return self.copyfile(src, dst)

    def copytree(self, src: PathLike, dst: PathLike) -> str:
        return str(shutil.copytree(src, dst, copy_function=_copy))

    def copytree_from_local(self, src: PathLike, dst: PathLike) -> str:
        return self.copytree(src, dst)

    def copytree_to_local(self, src: PathLike, dst: PathLike) -> PathLike:
        return self.copytree(src, dst)

    def copy_if_symlink_fails(self, src: PathLike, dst: PathLike) -> bool:
        """Link `dst` to `src`; where links are not possible, copy. Whether a link was made."""
        try:
            os.symlink(src, dst)
            return True
        except OSError:
            return super().copy_if_symlink_fails(src, dst)


def _copy(src: PathLike, dst: PathLike) -> PathLike:
    if os.path.exists(dst) and os.path.samefile(src, dst):
        raise shutil.SameFileError(f"{src!r} and {dst!r} are the same file")
    with open(src, "rb") as source, atomic_write(dst, needed=os.fstat(source.fileno()).st_size) as target:
        shutil.copyfileobj(source, target, 1 << 20)
    shutil.copymode(src, dst)
    return dst
