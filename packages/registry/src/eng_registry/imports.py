"""Names that are import paths: allowed only where code says so, because a name may come from anybody's file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from types import ModuleType

TYPE_CHECKING = False  # as in `typing`, whose import costs more than this package
if TYPE_CHECKING:
    from typing import Any

_allowed: ContextVar[tuple[str, ...]] = ContextVar("eng_registry.allow_import", default=())


@contextmanager
def allow_import(*patterns: str) -> Iterator[None]:
    """Let names that match one of `patterns` be imported within the block, in this thread or task.

    `"torch.nn.Linear"` allows that name, `"torch.nn.*"` all below `torch.nn`, and `"*"` everything, which is
    right for files that are trusted as code.

    >>> from eng_registry import Registry
    >>> numbers = Registry("number", scope="demo")
    >>> with allow_import("fractions.*"):
    ...     numbers.build({"type": "fractions.Fraction", "numerator": 1, "denominator": 2})
    Fraction(1, 2)
    """
    token = _allowed.set(_allowed.get() + patterns)
    try:
        yield
    finally:
        _allowed.reset(token)


def is_allowed(path: str, own: Sequence[str] = ()) -> bool:
    """Whether `path` matches a pattern in force or one of `own`.

    >>> is_allowed("torch.nn.Linear", ["torch.nn.*"]), is_allowed("torch.hub.load", ["torch.nn.*"])
    (True, False)
    """
    return any(
        pattern in ("*", path) or (pattern.endswith(".*") and path.startswith(pattern[:-1]))
        for pattern in (*_allowed.get(), *own)
    )


def import_object(path: str, own: Sequence[str] = ()) -> Any | None:
    """What an import path names, or None if it names nothing or is not allowed.

    `"my_package.*"` opens `my_package`, not what it imports: modules that only are an attribute of another
    (`my_package.os.system`) are not entered, and an object that another package defines must be allowed by
    its own path as well.
    """
    parts = path.split(".")
    if not is_allowed(path, own) or not all(part.isidentifier() for part in parts):
        return None
    module, attributes = _longest_module(parts)
    if module is None:
        return None
    found: Any = module
    for name in attributes:
        found = getattr(found, name, None)
        if found is None or isinstance(found, ModuleType):
            return None
    return found if _is_home(found, parts[0], own) else None


def _longest_module(parts: list[str]) -> tuple[ModuleType | None, list[str]]:
    """The deepest module on the path, and the names after it."""
    for count in range(len(parts), 0, -1):
        name = ".".join(parts[:count])
        try:
            return import_module(name), parts[count:]
        except ModuleNotFoundError as error:
            missing = error.name or ""
            if name != missing and not name.startswith(f"{missing}."):
                raise  # the module is there; something that it needs is not
    return None, parts


def _is_home(found: Any, package: str, own: Sequence[str]) -> bool:
    if isinstance(found, ModuleType):
        return True
    module = getattr(found, "__module__", None)
    if not isinstance(module, str):
        return is_allowed("*", own)  # nobody can tell where it comes from
    name = getattr(found, "__qualname__", "")
    return module.partition(".")[0] == package or is_allowed(f"{module}.{name}", own)
