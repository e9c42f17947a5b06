"""An LMDB database as a place for files, whose names are its keys. The extra `lmdb`."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from ..backend import BaseStorageBackend, PathLike

# a process may open a database once only, so backends of the same one share it
_open_databases: WeakValueDictionary[tuple[Any, ...], Any] = WeakValueDictionary()


class LmdbBackend(BaseStorageBackend):
    """Files that are the values of a database; it is opened by the first question.

    Args:
        db_path: The database's directory.
        kwargs: For `lmdb.open`.

    Raises:
        ImportError: The client is not installed.
    """

    def __init__(
        self,
        db_path: str | Path,
        readonly: bool = True,
        lock: bool = False,
        readahead: bool = False,
        **kwargs: Any,
    ) -> None:
        try:
            self._lmdb = import_module("lmdb")
        except ImportError as error:
            raise ImportError("LmdbBackend needs its client: pip install 'eng-fileio[lmdb]'") from error
        self.db_path = str(db_path)
        self._options = {"readonly": readonly, "lock": lock, "readahead": readahead, **kwargs}
        self._database: Any = None

    def get(self, filepath: PathLike) -> bytes:
        value = self._read(filepath)
        if value is None:
            raise FileNotFoundError(f"{self.db_path} has no key {str(filepath)!r}")
        return value

    def get_text(self, filepath: PathLike, encoding: str = "utf-8") -> str:
        self._cannot("get_text")

    def put(self, obj: bytes | bytearray | memoryview, filepath: PathLike) -> None:
        with self._open().begin(write=True) as transaction:
            transaction.put(_key(filepath), bytes(obj))

    def isfile(self, filepath: PathLike) -> bool:
        return self._read(filepath) is not None

    def isdir(self, filepath: PathLike) -> bool:
        return False

    def close(self) -> None:
        """Let go of the database; it closes with its last user, and the next question opens it again."""
        self._database = None

    def __getstate__(self) -> dict[str, Any]:
        # An open database must not cross into another process; there it is opened anew.
        return {**self.__dict__, "_database": None, "_lmdb": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lmdb=import_module("lmdb"))

    def _read(self, filepath: PathLike) -> bytes | None:
        with self._open().begin() as transaction:
            value: bytes | None = transaction.get(_key(filepath))
            return value

    def _open(self) -> Any:
        if self._database is None:
            key = (os.getpid(), os.path.realpath(self.db_path), *sorted(self._options.items()))
            self._database = _open_databases.get(key) or self._lmdb.open(self.db_path, **self._options)
            _open_databases[key] = self._database
        return self._database


def _key(filepath: PathLike) -> bytes:
    return str(filepath).encode("ascii")
