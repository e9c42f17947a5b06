"""Objects that can be found by name, and the one in force in the current context.

The same few rules as everywhere in the engine: `get_instance` makes or finds, `get_current_instance` gives
the one in force, which belongs to the context (a `ContextVar`), so two runs in one process do not meet.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, Self

from eng_visualization.errors import check

__all__ = ["Named"]

_creation = threading.RLock()


class Named:
    """An object with a name, of which its class keeps the instances.

    Each subclass keeps its own; a class that says ``shared=True`` also knows the instances of its subclasses.
    """

    _instance_dict: ClassVar[dict[str, Any]]
    _in_force: ClassVar[ContextVar[Any]]
    _shared_with: ClassVar[tuple[type[Named], ...]] = ()

    def __init_subclass__(cls, *, shared: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._instance_dict = {}
        # a name (made by get_instance) or the object itself (in force by as_current)
        cls._in_force = ContextVar(f"current {cls.__qualname__}", default=None)
        if shared:
            cls._shared_with = (*cls._shared_with, cls)

    def __init__(self, name: object) -> None:
        check(
            isinstance(name, str) and name, f"{type(self).__qualname__} needs a non-empty name, got {name!r}"
        )
        self._instance_name = str(name)

    @property
    def instance_name(self) -> str:
        """The name under which `get_instance` finds this object."""
        return self._instance_name

    @classmethod
    def get_instance(cls, name: str, **kwargs: Any) -> Self:
        """The instance of that name, made with `kwargs` if there is none; a new one becomes the current one.

        Arguments for an instance that exists already are ignored, with a ``UserWarning``.
        """
        check(isinstance(name, str), f"the name of an instance must be a str, got {type(name).__name__}")
        with _creation:
            instance: Self | None = cls._instance_dict.get(name)
            if instance is None:
                instance = cls(name=name, **kwargs)
                for home in cls._homes():
                    home._instance_dict[name] = instance
                    home._in_force.set(name)
            elif kwargs:
                message = f"{cls.__qualname__} `{name}` exists already; {sorted(kwargs)} are ignored"
                warnings.warn(message, UserWarning, stacklevel=2)
            return instance

    @classmethod
    def get_current_instance(cls) -> Self:
        """The instance in force here: of the innermost `as_current`, else the last one made.

        Raises:
            RuntimeError: If there is none.
        """
        current: Any = cls._in_force.get()
        if isinstance(current, str):
            current = cls._instance_dict.get(current)
        if current is None:
            current = next(reversed(cls._instance_dict.values()), None)
        if current is None:
            kind = cls.__name__
            raise RuntimeError(f"there is no {kind} yet: call {kind}.get_instance(name) first")
        instance: Self = current
        return instance

    @classmethod
    def check_instance_created(cls, name: str) -> bool:
        """Whether this class has an instance of that name."""
        return name in cls._instance_dict

    @contextmanager
    def as_current(self) -> Iterator[Self]:
        """Inside the ``with`` block this is what `get_current_instance` returns, in this context only."""
        tokens = [(home, home._in_force.set(self)) for home in self._homes()]
        try:
            yield self
        finally:
            for home, token in tokens:
                home._in_force.reset(token)

    @classmethod
    def _homes(cls) -> list[type[Named]]:
        return [cls, *(home for home in cls._shared_with if home is not cls)]
