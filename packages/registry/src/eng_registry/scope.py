"""The scope in force: which project's names are meant when a name carries no prefix.

It lives in a `ContextVar`, so threads and asyncio tasks do not see each other's. Which registry answers for a
scope is not known here but in `lookup.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from eng_registry.errors import WrongTypeError
from eng_registry.log import logger

ROOT_SCOPE = "eng"
#: Other names of a scope: configurations written for MMEngine say `mmengine.X`.
ALIASES = {"mmengine": ROOT_SCOPE}


def canonical(scope: str) -> str:
    """The one name of a scope that has several.

    >>> canonical("mmengine"), canonical("mmdet")
    ('eng', 'mmdet')
    """
    return ALIASES.get(scope, scope)


def split_scope_key(key: str) -> tuple[str | None, str]:
    """The scope before the first dot, and the rest.

    >>> split_scope_key("A"), split_scope_key("s.t.A")
    ((None, 'A'), ('s', 't.A'))
    """
    scope, dot, rest = key.partition(".")
    return (scope, rest) if dot else (None, key)


class DefaultScope:
    """A scope and the name of who set it; the newest one from `get_instance` is in force in its thread or task.

    >>> with DefaultScope.overwrite_default_scope("mmdet"):
    ...     DefaultScope.get_current_instance()
    DefaultScope(name='mmdet', scope_name='mmdet')
    """

    __slots__ = ("_name", "_outer", "_scope_name")

    def __init__(self, name: str, scope_name: str) -> None:
        self._name = _text(name, "the name of a default scope")
        self._scope_name = _text(scope_name, "scope_name")
        self._outer = in_force.get()

    @property
    def instance_name(self) -> str:
        return self._name

    @property
    def scope_name(self) -> str:
        return self._scope_name

    def __repr__(self) -> str:
        return f"DefaultScope(name={self._name!r}, scope_name={self._scope_name!r})"

    @classmethod
    def get_instance(cls, name: str, **kwargs: str) -> DefaultScope:
        """The scope of that name; if there is none yet, a new one from `kwargs`, which comes into force."""
        known = cls._named(name)
        if known is not None:
            return known
        new = cls(name, **kwargs)
        in_force.set(new)
        return new

    @classmethod
    def get_current_instance(cls) -> DefaultScope | None:
        """The scope in force, or None: then every registry searches itself and its parents."""
        return in_force.get()

    @classmethod
    def check_instance_created(cls, name: str) -> bool:
        """Whether a scope of that name was made here and not left again."""
        return cls._named(name) is not None

    @classmethod
    @contextmanager
    def overwrite_default_scope(cls, scope_name: str | None) -> Iterator[None]:
        """Put another scope in force for a block; None changes nothing."""
        if scope_name is None:
            yield
            return
        token = in_force.set(cls(scope_name, scope_name))
        try:
            yield
        finally:
            in_force.reset(token)

    @staticmethod
    def _named(name: str) -> DefaultScope | None:
        scope = in_force.get()
        while scope is not None and scope._name != name:
            scope = scope._outer
        return scope


in_force: ContextVar[DefaultScope | None] = ContextVar("eng_registry.scope", default=None)


def init_default_scope(scope: str) -> None:
    """Put `scope` in force from now on; a WARNING says so if another one was in force.

    >>> import contextvars
    >>> def script():
    ...     init_default_scope("mmdet")
    ...     return DefaultScope.get_current_instance().scope_name
    >>> contextvars.copy_context().run(script), DefaultScope.get_current_instance()
    ('mmdet', None)
    """
    current = in_force.get()
    if current is not None:
        if current.scope_name == scope:
            return
        logger(__name__).warning("The default scope changes from `%s` to `%s`.", current.scope_name, scope)
    in_force.set(DefaultScope(scope, scope))


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise WrongTypeError(f"{what} must be a non-empty str, not {type(value).__name__}: {value!r}")
    return value
