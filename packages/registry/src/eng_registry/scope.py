"""The scope in force: which project's names are meant when a name carries no prefix.

It lives in a `ContextVar`, so threads and asyncio tasks do not see each other's. Which registry belongs to a scope is
not known here; see `lookup.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from eng_registry.errors import WrongTypeError

ROOT_SCOPE = "eng"
#: Other names of the root scope: configurations written for MMEngine say `mmengine.X`.
ALIASES = {"mmengine": ROOT_SCOPE}

logger = logging.getLogger(__name__)


def canonical(scope: str) -> str:
    """The one name of a scope that has several.

    >>> canonical("mmengine"), canonical("mmdet")
    ('eng', 'mmdet')
    """
    return ALIASES.get(scope, scope)


class DefaultScope:
    """A named scope; the newest one obtained by `get_instance` is in force in this thread or task.

    >>> with DefaultScope.overwrite_default_scope("mmdet"):
    ...     DefaultScope.get_current_instance().scope_name
    'mmdet'
    """

    __slots__ = ("_name", "_outer", "_scope_name")

    def __init__(self, name: str, scope_name: str) -> None:
        if not isinstance(name, str) or not name:
            raise WrongTypeError(f"the name of a default scope must be a non-empty str, not {name!r}")
        if not isinstance(scope_name, str):
            raise WrongTypeError(f"scope_name must be a str, not {type(scope_name).__name__}")
        self._name = name
        self._scope_name = scope_name
        self._outer: DefaultScope | None = None

    @property
    def scope_name(self) -> str:
        return self._scope_name

    @property
    def instance_name(self) -> str:
        return self._name

    def __repr__(self) -> str:
        return f"DefaultScope(name={self._name!r}, scope_name={self._scope_name!r})"

    @classmethod
    def get_instance(cls, name: str, **kwargs: str) -> DefaultScope:
        """The scope of that name; a new one, made from `kwargs`, comes into force."""
        known = _find(name)
        if known is not None:
            return known
        new = cls(name, **kwargs)
        new._outer = in_force.get()
        in_force.set(new)
        return new

    @classmethod
    def check_instance_created(cls, name: str) -> bool:
        return _find(name) is not None

    @classmethod
    def get_current_instance(cls) -> DefaultScope | None:
        """The scope in force, or None: without one every registry searches itself and its parents."""
        return in_force.get()

    @classmethod
    @contextmanager
    def overwrite_default_scope(cls, scope_name: str | None) -> Iterator[None]:
        """Put another scope in force for a block; None changes nothing."""
        if scope_name is None:
            yield
            return
        token = in_force.set(inner_scope(scope_name))
        try:
            yield
        finally:
            in_force.reset(token)


in_force: ContextVar[DefaultScope | None] = ContextVar("eng_registry.scope", default=None)


def inner_scope(scope_name: str) -> DefaultScope:
    """A scope to put in force for a block, remembering the one outside it."""
    inner = DefaultScope(f"overwrite-{scope_name}", scope_name)
    inner._outer = in_force.get()
    return inner


def init_default_scope(scope: str) -> None:
    """Put `scope` in force from now on; a WARNING is logged if it takes the place of another one."""
    current = in_force.get()
    if current is not None and current.scope_name == scope:
        return
    new = DefaultScope(scope, scope)
    new._outer = current
    if current is not None:
        logger.warning("The default scope changes from `%s` to `%s`.", current.scope_name, scope)
    in_force.set(new)


def _find(name: str) -> DefaultScope | None:
    scope = in_force.get()
    while scope is not None and scope.instance_name != name:
        scope = scope._outer
    return scope
