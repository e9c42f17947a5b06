"""The history of one value in words."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ..dump import value_text
from ..node import ConfigDict
from ..origin import Origin, spell_path, split_path
from ..paths import chain_at, value_at
from .derived import sources_of

__all__ = ["explain"]


def explain(root: ConfigDict, path: str, shown: Callable[[Any], Any]) -> str:
    """Return the value at a key path, every place that set it, first to last, and what it was computed from.

    `shown` gives a value as it may be written. Raises `MissingKeyError` where there is no value.
    """
    steps = split_path(path)
    value = shown(value_at(root, steps))
    chain = chain_at(root, steps)
    places = [(place_of(origin), said(origin)) for origin in chain]
    if (
        chain and chain[-1].how == "command line" and chain[-1].path == path
    ):  # the only one whose value is known
        places[-1] = places[-1][0], f"{path}={value}"
    for source in sources_of(root, steps):
        origins = chain_at(root, source)
        if origins:
            words = f"uses {spell_path(source)} = {value_text(shown(value_at(root, source)))}"
            places.append((place_of(origins[-1]), words))
    width = max((len(place) for place, _ in places), default=0)
    lines = [f"{path} = {value_text(value, len(path) + 3)}"]
    lines += [f"  {place:{width}}  {words}".rstrip() for place, words in places]
    if not chain:
        lines.append("  set by code; no file is known")
    return "\n".join(lines)


def place_of(origin: Origin) -> str:
    """File and line; a file below the current folder by its path from there."""
    return str(origin).removeprefix(os.path.join(os.getcwd(), ""))


def said(origin: Origin) -> str:
    """The line of the file; for an override, the path that it is of."""
    if origin.how == "command line":
        return origin.path
    import linecache  # takes a tenth of the time that this package takes to import

    line = linecache.getline(origin.file, origin.line).strip()
    if origin.how in ("file", "code"):
        return line
    return f"{line}  ({origin.how})" if line else f"({origin.how})"
