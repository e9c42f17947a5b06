"""Rows for a reader: a rich table on a terminal, aligned plain lines in a file or a pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Collection[str] = ()
) -> None:
    """Print rows under their columns; the columns of `numbers` are aligned to the right."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
        for row in rows:
            table.add_row(*map(Text, row))
        Console().print(table)
    else:
        print("\n".join(plain_lines(columns, rows, numbers=numbers)))


def plain_lines(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Collection[str] = ()
) -> list[str]:
    """One line for the columns and one for each row, two blanks between cells.

    >>> plain_lines(["name", "size"], [["a", "1"], ["bc", "10"]], numbers=["size"])
    ['name  size', 'a        1', 'bc      10']
    """
    table = [list(columns), *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(columns))]
    right = [column in numbers for column in columns]
    lines = []
    for row in table:
        cells = [
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(row, widths, right, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def size_text(count: int) -> str:
    """A number of bytes for a person.

    >>> size_text(512), size_text(86_000), size_text(5 << 30)
    ('512 B', '84.0 KiB', '5.0 GiB')
    """
    size, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{count} B" if unit == "B" else f"{size:.1f} {unit}"


def short_path(path: str) -> str:
    """A path as seen from the current folder, if it lies below; a text that is no absolute path as it is."""
    if not os.path.isabs(path):
        return path
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative
