"""Files on web servers, to read."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO

from ..backend import BaseStorageBackend, PathLike
from ..download import Patience, fetch

_MOST_BYTES_IN_MEMORY = 16 << 30


class HTTPBackend(BaseStorageBackend):
    """Reads files of web servers; a body that was cut, or a web page instead of a file, is an error.

    Args:
        timeout_seconds: For the connection, and for each next piece of the body.
        retries: Further attempts after a failure that may pass.
        backoff_seconds: Before the first further attempt; doubled before each next one.
        most_seconds: For everything, all attempts together.
        most_bytes: Of a file; 1 TiB by default, and 16 GiB of what `get` keeps in memory.
    """

    def __init__(
        self,
        timeout_seconds: float = 60.0,
        retries: int = 3,
        backoff_seconds: float = 0.5,
        most_seconds: float = 86_400.0,
        most_bytes: int = 1 << 40,
    ) -> None:
        self._patience = Patience(
            timeout_seconds=timeout_seconds,
            retries=retries,
            backoff_seconds=backoff_seconds,
            most_seconds=most_seconds,
            most_bytes=most_bytes,
        )

    def get(self, filepath: PathLike) -> bytes:
        content = io.BytesIO()
        most = min(self._patience.most_bytes, _MOST_BYTES_IN_MEMORY)
        fetch(str(filepath), content, patience=replace(self._patience, most_bytes=most))
        return content.getvalue()

    @contextmanager
    def open(self, filepath: PathLike) -> Iterator[BinaryIO]:
        with tempfile.TemporaryFile() as content:
            fetch(str(filepath), content, patience=self._patience)
            content.seek(0)
            yield content
