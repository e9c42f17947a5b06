"""A file that grows by lines, each of which is whole or, after a kill, cut off before the next one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

__all__ = ["LineFile"]

_TAIL_BYTES = 1 << 20


class LineFile:
    """Appends lines; each is with the operating system when `append` returns.

    The file stays open between them, since opening costs many times what writing a line does.

    Args:
        path: Of the file, which the first line makes.

    Example:
        >>> import tempfile
        >>> file = LineFile(Path(tempfile.mkdtemp(), "scalars.json"))
        >>> file.append('{"loss": 0.5}')
        >>> file.path.read_text()
        '{"loss": 0.5}\\n'
        >>> file.close()
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def append(self, line: str) -> None:
        """Write a line, which has no line break. Raises OSError; the next line then begins anew."""
        file = self._open()
        left = memoryview(f"{line}\n".encode())
        try:
            while left:
                left = left[file.write(left) :]
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file; a later line opens it again."""
        file, self._file = self._file, None  # first, since closing may fail: on a network, or over a quota
        if file is not None:
            file.close()

    def __del__(self) -> None:
        self.close()

    def _open(self) -> BinaryIO:
        if self._file is not None and os.fstat(self._file.fileno()).st_nlink == 0:  # somebody deleted it
            self.close()
        if self._file is None:
            _cut_unfinished_line(self.path)
            self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115  # open between the lines
        return self._file


def _cut_unfinished_line(path: Path) -> None:
    """A writer that was killed may have left half a line, which would spoil the next one."""
    if not path.exists():
        return
    with open(path, "r+b") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - _TAIL_BYTES))
        tail = file.read()
        if tail and not tail.endswith(b"\n"):
            file.truncate(end - len(tail) + tail.rfind(b"\n") + 1)
