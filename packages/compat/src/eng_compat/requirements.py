"""Functions that say what they need before they run."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import wraps
from importlib import import_module
from typing import ParamSpec, TypeVar

__all__ = [
    "check_prerequisites",
    "requires_executable",
    "requires_package",
]

P = ParamSpec("P")
R = TypeVar("R")

MESSAGE = 'Prerequisites "{}" are required in method "{}" but not found, please install them first.'


def check_prerequisites(
    prerequisites: str | Sequence[str], checker: Callable[[str], bool], msg_tmpl: str = MESSAGE
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator: before every call, each of `prerequisites` must satisfy `checker`.

    What is missing is printed in one line, `msg_tmpl` with the names and that of the function; then `RuntimeError`.
    """
    names = [prerequisites] if isinstance(prerequisites, str) else list(prerequisites)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            missing = [name for name in names if not checker(name)]
            if missing:
                print(msg_tmpl.format(", ".join(missing), function.__name__))
                raise RuntimeError("Prerequisites not meet.")
            return function(*args, **kwargs)

        return checked

    return decorate


def requires_package(prerequisites: str | Sequence[str]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator: the function needs these packages, under the names by which they are imported.

    >>> @requires_package(["json", "no_such_package"])
    ... def shown():
    ...     return 1
    >>> shown()
    Traceback (most recent call last):
    ...
    RuntimeError: Prerequisites not meet.
    """
    return check_prerequisites(prerequisites, _can_be_imported)


def requires_executable(prerequisites: str | Sequence[str]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator: the function needs these programs on the search path."""
    return check_prerequisites(prerequisites, lambda name: shutil.which(name) is not None)


def _can_be_imported(name: str) -> bool:
    try:
        import_module(name)
    except ImportError:
        return False
    return True
