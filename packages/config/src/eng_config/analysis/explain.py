"""The history of one value in words: every place that set it, first to last."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from ..dump import value_text
from ..origin import Origin

__all__ = ["history"]


def history(
    path: str,
    value: Any,
    chain: tuple[Origin, ...],
    sources: Iterable[tuple[str, Any, Origin]] = (),
) -> str:
    """The value, and a line for each place that set it, with what is written there.

    `sources` are the paths and values that it was computed from, each with the place that set that one.
    """
    lines = [f"{path} = {value_text(value, len(path) + 3)}"]
    places = [(place_of(origin), said(origin)) for origin in chain]
    if (
        chain and chain[-1].how == "command line" and chain[-1].path == path
    ):  # the only one whose value is known
        places[-1] = places[-1][0], f"{chain[-1].path}={value}"
    places += [(place_of(origin), f"uses {name} = {value_text(part)}") for name, part, origin in sources]
    width = max((len(place) for place, _ in places), default=0)
    lines += [f"  {place:{width}}  {words}".rstrip() for place, words in places]
    if not chain:
        lines.append("  set by code; no file is known")
    return "\n".join(lines)


def place_of(origin: Origin) -> str:
    """File and line; a file below the current folder by its path from there."""
    below = os.path.join(os.getcwd(), "")
    return str(origin).removeprefix(below)


def said(origin: Origin) -> str:
    """The line of the file; for an override, the path that it is of."""
    if origin.how == "command line":
        return origin.path
    import linecache  # takes a tenth of the time that this package takes to import

    line = linecache.getline(origin.file, origin.line).strip()
    if origin.how in ("file", "code"):
        return line
    return f"{line}  ({origin.how})" if line else f"({origin.how})"
