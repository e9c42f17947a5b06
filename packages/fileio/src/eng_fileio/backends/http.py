"""Files on web servers, to read."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from ..backend import BaseStorageBackend, PathLike
from ..download import Patience, fetch


class HTTPBackend(BaseStorageBackend):
    """Reads files of web servers; a body that was cut, or a web page instead of a file, is an error.

    Args:
        timeout_seconds: For the connection, and for each next piece of the body.
        retries: Further attempts after a failure that may pass.
        backoff_seconds: Before the first further attempt; doubled before each next one.
    """

    def __init__(self, timeout_seconds: float = 60.0, retries: int = 3, backoff_seconds: float = 0.5) -> None:
        self._patience = Patience(
            timeout_seconds=timeout_seconds, retries=retries, backoff_seconds=backoff_seconds
        )

    def get(self, filepath: PathLike) -> bytes:
        content = io.BytesIO()
        fetch(str(filepath), content, patience=self._patience)
        return content.getvalue()

    @contextmanager
    def open(self, filepath: PathLike) -> Iterator[BinaryIO]:
        with tempfile.TemporaryFile() as content:
            fetch(str(filepath), content, patience=self._patience)
            content.seek(0)
            yield content
