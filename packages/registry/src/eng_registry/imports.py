"""Names that are import paths: allowed only where code says so, because a name may come from anybody's file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from fnmatch import fnmatchcase
from importlib import import_module
from types import ModuleType
from typing import Any

_allowed: ContextVar[tuple[str, ...]] = ContextVar("eng_registry.allow_import", default=())


@contextmanager
def allow_import(*patterns: str) -> Iterator[None]:
    """Let names that match one of `patterns` be imported within the block, in this thread or task.

    `"torch.nn.*"` allows what is below `torch.nn`, `"*"` everything: use that for files that are trusted as code.

    >>> from eng_registry import Registry
    >>> tools = Registry("tool", scope="demo")
    >>> with allow_import("fractions.*"):
    ...     tools.build({"type": "fractions.Fraction", "numerator": 1, "denominator": 2})
    Fraction(1, 2)
    """
    token = _allowed.set(_allowed.get() + patterns)
    try:
        yield
    finally:
        _allowed.reset(token)


def is_allowed(path: str, extra: tuple[str, ...] = ()) -> bool:
    """Whether `path` matches a pattern in force or one of `extra`."""
    patterns = _allowed.get() + extra
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def import_object(path: str, extra: tuple[str, ...] = ()) -> Any | None:
    """What the allowed import path names, or None.

    Names of other modules inside a module (`my_package.os.system`) are not followed, and what is found must be defined
    in the package it was asked from or itself be allowed: `"my_package.*"` opens `my_package`, not what it imports.
    """
    if not is_allowed(path, extra):
        return None
    parts = path.split(".")
    if not all(part.isidentifier() for part in parts):
        return None
    for count in range(len(parts), 0, -1):
        module_name = ".".join(parts[:count])
        try:
            found: Any = import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is not None and (
                module_name == error.name or module_name.startswith(error.name + ".")
            ):
                continue
            raise
        for part in parts[count:]:
            found = getattr(found, part, None)
            if found is None or isinstance(found, ModuleType):
                return None
        return found if _belongs(found, parts[0], extra) else None
    return None


def _belongs(found: Any, package: str, extra: tuple[str, ...]) -> bool:
    if isinstance(found, ModuleType):
        return True
    home = getattr(found, "__module__", None)
    if not isinstance(home, str):
        home = type(found).__module__
    name = getattr(found, "__qualname__", type(found).__qualname__)
    return home.partition(".")[0] == package or is_allowed(f"{home}.{name}", extra)
