"""The history of one value in words: every place that set it, first to last."""

from __future__ import annotations

import linecache
from typing import Any

from .origin import Origin

__all__ = ["history"]


def history(path: str, value: Any, chain: tuple[Origin, ...]) -> str:
    """One line for the value, and one for each place that set it, with what is written there."""
    lines = [f"{path} = {value!r}"]
    width = max((len(str(origin)) for origin in chain), default=0)
    for origin in chain:
        lines.append(f"  {origin!s:{width}}  {said(origin)}".rstrip())
    if not chain:
        lines.append("  set by code; no file is known")
    return "\n".join(lines)


def said(origin: Origin) -> str:
    """The line of the file, or how else the value was set."""
    line = linecache.getline(origin.file, origin.line).strip() if origin.how != "command line" else ""
    if origin.how in ("file", "code"):
        return line
    return f"{line}  ({origin.how})" if line else f"({origin.how})"
