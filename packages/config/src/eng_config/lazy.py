"""Objects that a configuration names by importing them, imported when they are first needed.

Reading a file in the import style imports none of the libraries it names, so it is fast, it works where they are
not installed, and a dump can write the names back.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from importlib import import_module
from typing import Any

from .errors import ConfigEvaluationError, ConfigImportError, ConfigTypeError

__all__ = ["Lazy", "LazyAttr", "LazyObject", "holds_lazy", "reading_file", "resolve"]


class Lazy:
    """A name that stands for an object not imported yet; two are equal when their dotted names are."""

    __slots__ = ("_location",)
    _location: str | None

    def build(self) -> Any:
        """Import the object."""
        raise NotImplementedError

    @property
    def dotted(self) -> str:
        """The whole dotted name, which a dump writes."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> LazyAttr:
        if name[:2] == "__":  # protocols that ask for their method: nothing to import
            raise AttributeError(name)
        return LazyAttr(name, self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise ConfigEvaluationError(
            f"`{self.dotted}` is not imported while the file is read, so it cannot be called here; "
            f"write `dict(type={self}, ...)` and let it be built"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lazy) and self.dotted == other.dotted

    def __hash__(self) -> int:
        return hash(self.dotted)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.dotted}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Lazy:
        return self  # it never changes

    def _where(self) -> str:
        return f"{self._location}: " if self._location else ""

    def _not_found(self, error: Exception) -> ConfigImportError:
        return ConfigImportError(f"{self._where()}cannot import `{self.dotted}`: {error}")


class LazyObject(Lazy):
    """What `from module import imported` or `import module` will give.

    `module` may be several dotted names of one package: all are imported, and the package is given. `location` is
    the place of the import statement, for errors.

    >>> LazyObject("os.path", "join").build()("a", "b")
    'a/b'
    >>> LazyObject("collections").OrderedDict.dotted
    'collections.OrderedDict'
    """

    __slots__ = ("_imported", "_module")

    def __init__(
        self, module: str | Sequence[str], imported: str | None = None, location: str | None = None
    ) -> None:
        names: Any = [module] if isinstance(module, str) else module
        if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
            raise ConfigTypeError(f"`module` is a dotted name or a list of them, not {module!r}")
        texts: Any = (imported, location)
        if not all(isinstance(text, str | None) for text in texts):
            raise ConfigTypeError(f"`imported` and `location` are texts or None, not {texts!r}")
        self._module = module
        self._imported = imported
        self._location = location

    @property
    def module(self) -> str:
        """The dotted name of the module; of several modules the package they share."""
        return self._module if isinstance(self._module, str) else self._module[0].partition(".")[0]

    @property
    def dotted(self) -> str:
        return f"{self.module}.{self._imported}" if self._imported else self.module

    def build(self) -> Any:
        """Import the object; a failure is an `ImportError` that says where the file asked for it."""
        names = (self._module,) if isinstance(self._module, str) else self._module
        try:
            modules = [import_module(name) for name in names]
            if not isinstance(self._module, str):
                return import_module(self.module)
            return modules[0] if self._imported is None else getattr(modules[0], self._imported)
        except (ImportError, AttributeError) as error:
            raise self._not_found(error) from error
        except Exception as error:
            error.add_note(f"{self._where()}imported by the configuration")
            raise

    def __str__(self) -> str:
        return self._imported or self.module

    def __reduce__(self) -> tuple[Any, ...]:
        return LazyObject, (self._module, self._imported, self._location)


class LazyAttr(Lazy):
    """The attribute `name` of another lazy object."""

    __slots__ = ("_name", "_source")

    def __init__(self, name: str, source: LazyObject | Lazy, location: str | None = None) -> None:
        self._name = name
        self._source = source
        self._location = location

    @property
    def module(self) -> str:
        """The dotted name of what the attribute is taken from."""
        return self._source.dotted

    @property
    def dotted(self) -> str:
        return f"{self._source.dotted}.{self._name}"

    def build(self) -> Any:
        """Import the source and take the attribute; a missing one is an `ImportError` with the dotted name."""
        source = self._source.build()
        try:
            return getattr(source, self._name)
        except AttributeError as error:
            raise self._not_found(error) from error

    def __str__(self) -> str:
        return self._name

    def __reduce__(self) -> tuple[Any, ...]:
        return LazyAttr, (self._name, self._source, self._location)


# On while a file in the import style is read: what it names stays a name, in the values of its bases too
reading_file: ContextVar[bool] = ContextVar("reading_file", default=False)


def resolve(value: Any) -> Any:
    """The object itself for a lazy one, any other value unchanged; objects in a list are put into that very list."""
    if reading_file.get():
        return value
    if isinstance(value, Lazy):
        return value.build()
    if type(value) is list and holds_lazy(value):
        value[:] = [resolve(part) for part in value]
    elif type(value) is tuple and holds_lazy(value):
        return tuple(resolve(part) for part in value)
    return value


def holds_lazy(value: Any) -> bool:
    """Whether the value is lazy, or a list or tuple, to any depth, with a lazy object in it."""
    if type(value) is list or type(value) is tuple:
        return any(holds_lazy(part) for part in value)
    return isinstance(value, Lazy)
