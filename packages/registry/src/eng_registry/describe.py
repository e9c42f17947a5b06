"""A registry as text."""

from __future__ import annotations

from collections.abc import Mapping

TYPE_CHECKING = False  # as in `typing`, whose import costs more than this package
if TYPE_CHECKING:
    from typing import Any


def table(title: str, objects: Mapping[str, Any]) -> str:
    """Return the names of a registry and their objects, sorted by name, as a table of text."""
    rows = [("Names", "Objects"), *((name, str(obj)) for name, obj in sorted(objects.items()))]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {obj}".rstrip() for name, obj in rows]
    lines.insert(1, f"{'-' * width}  {'-' * max(len(obj) for _, obj in rows)}")
    return "\n".join([title, *lines])
