"""Read the files of a run's folder, which is untrusted: what is outside of it, or too large, is not read."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["MOST_BYTES", "bytes_in", "json_in", "lines_in", "number", "numbers_of", "text_in"]

logger = logging.getLogger(__name__)

MOST_BYTES = 512 << 20
"""Of one text file: a million records of scalars are a third of it."""


def bytes_in(root: Path, path: Path, most: int = MOST_BYTES) -> bytes | None:
    """Return the content of a file below `root`; None where there is none, or where it is not to be read.

    A link that leads out of the folder is not followed, since its target would become part of a page that is published.
    A pipe is not opened.
    """
    try:
        real = path.resolve()
        if not real.is_file():
            return None
        if not real.is_relative_to(root.resolve()):
            logger.warning("%s is not read: it leads out of %s", path, root)
            return None
        if real.stat().st_size > most:
            logger.warning(
                "%s is not read: it has %s bytes, and %s are the most",
                path,
                f"{real.stat().st_size:,}",
                f"{most:,}",
            )
            return None
        with open(real, "rb") as file:
            return file.read(most)
    except (OSError, RuntimeError) as error:  # pathlib calls a loop of links the latter
        logger.warning("%s is not read: %s", path, error)
        return None


def text_in(root: Path, path: Path) -> str | None:
    """Return the text of a file below `root`, as `bytes_in` does; what is not UTF-8 is replaced."""
    content = bytes_in(root, path)
    return None if content is None else content.decode(errors="replace")


def lines_in(root: Path, path: Path) -> list[str]:
    """Return the lines of a file below `root`; none where it is not read."""
    return (text_in(root, path) or "").splitlines()


def json_in(root: Path, path: Path) -> dict[str, Any]:
    """Return the mapping that a JSON file below `root` holds; an empty one where it holds none."""
    text = text_in(root, path)
    try:
        content = {} if text is None else json.loads(text)
    except (ValueError, RecursionError) as error:
        logger.warning("%s is not read: %s", path, error)
        return {}
    return content if isinstance(content, dict) else {}


def number(value: Any) -> float | None:
    """Return a number of a JSON file as a float, infinite and NaN ones too; None for anything else."""
    if not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def numbers_of(mapping: Any) -> Iterator[tuple[str, float]]:
    """Yield what is a number in a mapping, in its order; nothing for what is not a mapping."""
    if isinstance(mapping, Mapping):
        for name, value in mapping.items():
            if number(value) is not None:
                yield str(name), value
