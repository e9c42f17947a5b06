"""Tables and headings as HTML; cells, captions and headings are escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

__all__ = ["html_table", "with_filter", "with_heading"]


def html_table(heads: Iterable[str], rows: Iterable[Sequence[Any]], caption: str = "") -> str:
    """Return a table that scrolls where it is too wide; the first cell of a row is its heading."""
    top = "".join(f"<th scope=col>{escape(head)}" for head in heads)
    body = "".join(
        f"<tr><th scope=row>{escape(str(first))}{''.join(f'<td>{escape(str(cell))}' for cell in rest)}"
        for first, *rest in rows
    )
    words = f"<caption>{escape(caption)}</caption>" if caption else ""
    table = f"<table>{words}<thead><tr>{top}</thead><tbody>{body}</tbody></table>"
    return f"<div class=wide tabindex=0 role=group>{table}</div>"


def with_filter(table: str, kind: str = "") -> str:
    """Return the table below a field that filters its rows."""
    words = '<input type=search placeholder="Filter" aria-label="Filter the table">'
    return f'<div class="filtered {kind}">{words}{table}</div>'


def with_heading(title: str, body: str) -> str:
    """Return the body below a heading; nothing where there is no body."""
    return f"<h3>{escape(title)}</h3>{body}" if body else ""
