"""A configuration as text; as Python, one assignment for each key, sorted, that loads as an equal configuration."""

from __future__ import annotations

import keyword
import math
import sys
import unicodedata
from collections.abc import Callable
from typing import Any

from .errors import ConfigError, ConfigTypeError, ConfigValueError
from .formats import write_data
from .lazy import Lazy
from .origin import join_path

__all__ = ["difference", "is_name", "python_text", "text_of", "value_text", "write"]

WIDTH = 79
INDENT = "    "


def text_of(data: dict[Any, Any], suffix: str, *, formatted: bool = True) -> str:
    """Return the text of the data in one of the formats, named by its suffix; `formatted` is for Python."""
    return python_text(data, formatted=formatted) if suffix == ".py" else write_data(data, suffix)


def python_text(data: dict[Any, Any], *, formatted: bool = True) -> str:
    """Python source for the data, keys sorted at every level; without `formatted` each key is one line.

    Raises `ConfigTypeError` with the key path for an object that no text gives back: one that is not importable by
    its name. Importable ones become their dotted name.

    >>> print(python_text(dict(b=(2,), a=dict(lr=0.1))), end="")
    a = dict(lr=0.1)
    b = (2, )
    """
    lines = []
    for key in sorted(data, key=str):
        if not is_name(key):
            raise ConfigValueError(
                f"the key {key!r} cannot stand at the top of a Python file; dump to YAML or JSON",
                path=str(key),
            )
        lines.append(f"{key} = {write(data[key], '', len(key) + 3 if formatted else -(10**9), str(key))}\n")
    return "".join(lines)


def value_text(value: Any, column: int = 0) -> str:
    """One value as `python_text` writes it, from a column on; an object that no text gives back by its `repr`.

    >>> value_text(dict(type="SGD", lr=0.1))
    "dict(lr=0.1, type='SGD')"
    """
    try:
        return write(value, "", column, "")
    except ConfigError:
        return repr(value)


def write(value: Any, indent: str, column: int, path: str) -> str:
    """The text of a value that starts at `column`, with the lines that follow indented one step deeper."""
    short = flat(value, path)
    if column + len(short) <= WIDTH or not isinstance(value, (dict, list, tuple)) or not value:
        return short
    inner = indent + INDENT
    if isinstance(value, dict):
        if all(map(is_name, value)):
            opening, closing, spell = "dict(", ")", "{}=".format
        else:
            opening, closing, spell = "{", "}", "{!r}: ".format
        parts = []
        for key in sorted(value, key=str):
            start = spell(key)
            parts.append(start + write(value[key], inner, len(inner) + len(start) + 1, join_path(path, key)))
    else:
        opening, closing = ("(", ")") if isinstance(value, tuple) else ("[", "]")
        parts = [write(part, inner, len(inner) + 1, join_path(path, step)) for step, part in enumerate(value)]
    return f"{opening}\n" + "".join(f"{inner}{part},\n" for part in parts) + f"{indent}{closing}"


def flat(value: Any, path: str) -> str:
    """The text of a value on one line."""
    kind = type(value)
    writer = WRITERS.get(kind)
    if writer is not None:
        return writer(value)
    if isinstance(value, dict):
        keys = sorted(value, key=str)
        if all(map(is_name, keys)):
            return (
                "dict(" + ", ".join([f"{key}={flat(value[key], join_path(path, key))}" for key in keys]) + ")"
            )
        return "{" + ", ".join([f"{key!r}: {flat(value[key], join_path(path, key))}" for key in keys]) + "}"
    if kind is list:
        return "[" + ", ".join([flat(part, path) for part in value]) + "]"
    if kind is tuple:
        inner = ", ".join([flat(part, path) for part in value])
        return f"({inner}, )" if len(value) == 1 else f"({inner})"
    if kind is set or kind is frozenset:
        inner = ", ".join(sorted(flat(part, path) for part in value))
        return f"{kind.__name__}([{inner}])"
    name = import_name(value)
    if name is None:
        raise ConfigTypeError(
            f"{value!r} has no text that gives it back; name it by a text and let it be built", path=path
        )
    return repr(name)


def write_float(value: float) -> str:
    return repr(value) if math.isfinite(value) else f"float('{value!r}')"


WRITERS: dict[type, Callable[[Any], str]] = {
    bool: repr,
    bytes: repr,
    complex: lambda value: f"complex({write_float(value.real)}, {write_float(value.imag)})",
    float: write_float,
    int: repr,
    str: repr,
    type(None): repr,
}


def is_name(key: Any) -> bool:
    """Whether the key can be written as a keyword argument, and is read back as it is (Python normalizes names).

    >>> is_name("width"), is_name("class"), is_name("\N{MICRO SIGN}")
    (True, False, False)
    """
    return (
        isinstance(key, str)
        and key.isidentifier()
        and not keyword.iskeyword(key)
        and (key.isascii() or unicodedata.is_normalized("NFKC", key))
    )


def import_name(value: Any) -> str | None:
    """The dotted name by which importing gives this very object, if there is one."""
    if isinstance(value, Lazy):
        return value.dotted
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str):
        return None
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return f"{module}.{name}" if found is value else None


def difference(old: str, new: str, old_name: str = "", new_name: str = "") -> str:
    """Return a unified diff of two texts; empty when they are equal.

    >>> print(difference("a = 1", "a = 2", "old.py", "new.py"))
    --- old.py
    +++ new.py
    @@ -1 +1 @@
    -a = 1
    +a = 2
    """
    from difflib import unified_diff  # few commands compare

    return "\n".join(unified_diff(old.splitlines(), new.splitlines(), old_name, new_name, lineterm=""))
