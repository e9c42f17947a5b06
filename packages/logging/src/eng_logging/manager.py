"""Objects that can be found by name, and the one that is in force.

A class that derives from `ManagerMixin` keeps its instances by name (`get_instance`) and knows which one is
current (`get_current_instance`). What is current belongs to the context (a `ContextVar`): two runs in two
threads or tasks do not meet. Code that can be handed the object should be handed the object.
"""

from __future__ import annotations

import inspect
import threading
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, Self

from eng_logging.errors import ArgumentError

__all__ = ["ManagerMeta", "ManagerMixin"]

_creation = threading.RLock()


class ManagerMeta(type):
    """Gives each class its own instances, and checks that they can be made from a name."""

    def __init__(cls, *args: Any) -> None:
        super().__init__(*args)
        cls._instance_dict: OrderedDict[str, Any] = OrderedDict()
        # a name (made by get_instance) or the object itself (in force by as_current)
        cls._in_force: ContextVar[Any] = ContextVar(f"current {cls.__qualname__}", default=None)
        if "name" not in inspect.signature(cls.__dict__.get("__init__", cls)).parameters:
            raise ArgumentError(f"{cls.__qualname__}.__init__ must take an argument `name`")


class ManagerMixin(metaclass=ManagerMeta):
    """An object with a name, of which its class keeps the instances.

    Example:
        >>> class Board(ManagerMixin):
        ...     def __init__(self, name=""):
        ...         super().__init__(name)
        >>> board = Board.get_instance("first run")
        >>> Board.get_instance("first run") is board is Board.get_current_instance()
        True
    """

    _instance_dict: ClassVar[OrderedDict[str, Any]]
    _in_force: ClassVar[ContextVar[Any]]

    def __init__(self, name: str = "", **kwargs: Any) -> None:
        self._set_name(name)
        super().__init__(**kwargs)

    def _set_name(self, name: object) -> None:
        if not isinstance(name, str) or not name:
            raise ArgumentError(
                f"an instance of {type(self).__qualname__} needs a non-empty str as name, got {name!r}"
            )
        self._instance_name = name

    @property
    def instance_name(self) -> str:
        """The name under which `get_instance` finds this object."""
        return self._instance_name

    @classmethod
    def get_instance(cls, name: str, **kwargs: Any) -> Self:
        """The instance of that name, made with `kwargs` if there is none; a new one becomes the current one.

        Arguments for an instance that exists already are ignored, with a ``UserWarning``.
        """
        if not isinstance(name, str):
            raise ArgumentError(f"the name of an instance must be a str, got {type(name).__name__}")
        with _creation:
            instance: Self | None = cls._instance_dict.get(name)
            if instance is None:
                instance = cls(name=name, **kwargs)
                cls._keep(name, instance)
            elif kwargs:
                message = (
                    f"{cls.__qualname__} `{name}` exists already; the arguments {sorted(kwargs)} are ignored"
                )
                warnings.warn(message, UserWarning, stacklevel=2)
            return instance

    @classmethod
    def get_current_instance(cls) -> Self:
        """The instance in force here: of the innermost `as_current`, else the last one made in this context,
        else the last one made anywhere.

        Raises:
            RuntimeError: If there is none.
        """
        current: Any = cls._in_force.get()
        if isinstance(current, str):
            current = cls._instance_dict.get(current)
        if current is None:
            try:
                current = cls._instance_dict[next(reversed(cls._instance_dict))]
            except (StopIteration, KeyError):
                kind = cls.__qualname__
                raise RuntimeError(f"there is no {kind} yet: call {kind}.get_instance(name) first") from None
        instance: Self = current
        return instance

    @classmethod
    def check_instance_created(cls, name: str) -> bool:
        """Whether this very class has an instance of that name."""
        return name in cls._instance_dict

    @contextmanager
    def as_current(self) -> Iterator[Self]:
        """Inside the ``with`` block this is what `get_current_instance` returns, in this context only."""
        token = self._in_force.set(self)
        try:
            yield self
        finally:
            self._in_force.reset(token)

    @classmethod
    def _keep(cls, name: str, instance: Any) -> None:
        cls._instance_dict[name] = instance
        cls._in_force.set(name)
