"""Text files that hold one thing per line: lists of names, tables of labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .backend import BackendArgs
from .formats import pick_backend_args
from .verbs import get_text


def list_from_file(
    filename: str | Path,
    prefix: str = "",
    offset: int = 0,
    max_num: int = 0,
    encoding: str = "utf-8",
    file_client_args: BackendArgs = None,
    backend_args: BackendArgs = None,
) -> list[str]:
    r"""The lines of a text file, without their ends.

    Args:
        prefix: Put before each line.
        offset: So many lines are skipped first.
        max_num: At most so many lines; 0 means all.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "names.txt")
        >>> _ = path.write_text("a.jpg\nb.jpg\nc.jpg\n")
        >>> list_from_file(path, prefix="train/", offset=1)
        ['train/b.jpg', 'train/c.jpg']
    """
    text = get_text(filename, encoding, pick_backend_args(file_client_args, backend_args))
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    chosen = lines[offset : offset + max_num] if max_num > 0 else lines[offset:]
    return [prefix + line.rstrip("\n\r") for line in chosen]


def dict_from_file(
    filename: str | Path,
    key_type: Callable[[str], Any] = str,
    encoding: str = "utf-8",
    file_client_args: BackendArgs = None,
    backend_args: BackendArgs = None,
) -> dict[Any, str | list[str]]:
    r"""A table of two or more columns as a dict: first column to second, or to the list of the others.

    Raises:
        ValueError: A line with a key and nothing else.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "labels.txt")
        >>> _ = path.write_text("1 cat\n2 brown dog\n")
        >>> dict_from_file(path, key_type=int)
        {1: 'cat', 2: ['brown', 'dog']}
    """
    table: dict[Any, str | list[str]] = {}
    lines = list_from_file(
        filename, encoding=encoding, file_client_args=file_client_args, backend_args=backend_args
    )
    for number, line in enumerate(lines, 1):
        columns = line.split()
        if len(columns) < 2:
            raise ValueError(f"{filename}:{number}: a key and a value, but there is {line!r}")
        table[key_type(columns[0])] = columns[1] if len(columns) == 2 else columns[1:]
    return table
