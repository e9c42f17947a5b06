"""Everything this package raises, as one tree.

    RegistryError
    ├── WrongTypeError       (TypeError, AssertionError)  an argument of the registry's own functions
    ├── TakenError           (KeyError, AssertionError)   a name or a scope that belongs to another object
    ├── NotRegisteredError   (KeyError)                   nothing of that name can be found
    │   └── AmbiguousNameError                            several packages offer that name
    └── BuildError                                        a configuration that cannot become an object
        ├── InvalidConfigError (TypeError, AssertionError)  no mapping, no type, or a contradiction in itself
        ├── MissingTypeError   (KeyError)                   it does not say what to build
        └── ArgumentsError     (TypeError)                  what it names does not take these arguments

Each knows `path`, the place in the configuration (`model.backbone.init_cfg[0]`), and `origin`, the file and
line that wrote it, where the configuration can tell. While an error travels out of nested builds its path
grows at the front, so the words are put together only when somebody reads them.
"""

from __future__ import annotations

from eng_registry.key_path import KeyPath

TYPE_CHECKING = False  # as in `typing`, whose import costs more than this package
if TYPE_CHECKING:
    from typing import Any


class RegistryError(Exception):
    """Base of all errors of this package; `str(error)` is the whole message.

    >>> str(RegistryError("no such part", path="model.neck", origin="net.py:7"))
    'net.py:7: `model.neck`: no such part'
    """

    #: the key that is to blame, of the mapping at `path`
    key = "type"

    def __init__(self, what: str, *, path: str = "", origin: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.key_path = KeyPath(path, origin)

    @property
    def path(self) -> str:
        """The key path in the configuration; "" for its root or where there is no configuration."""
        return self.key_path.path

    @property
    def origin(self) -> str | None:
        """`file:line` of the configuration, or None."""
        return self.key_path.origin

    def __str__(self) -> str:
        file_line = f"{self.origin}: " if self.origin else ""
        return f"{file_line}`{self.path}`: {self.what}" if self.path else f"{file_line}{self.what}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.what,), self.__dict__


class WrongTypeError(RegistryError, TypeError, AssertionError):
    """An argument of the registry's own functions has the wrong type."""


class TakenError(RegistryError, KeyError, AssertionError):
    """A name or a scope already belongs to another object."""


class NotRegisteredError(RegistryError, KeyError):
    """Nothing of that name can be found."""


class AmbiguousNameError(NotRegisteredError):
    """Several packages registered different objects under that name; their scopes tell them apart."""


class BuildError(RegistryError):
    """A configuration cannot become an object."""


class InvalidConfigError(BuildError, TypeError, AssertionError):
    """What should be built is no mapping, its `type` is neither a name nor callable, or it contradicts itself."""


class MissingTypeError(BuildError, KeyError):
    """The configuration does not say what to build."""


class ArgumentsError(BuildError, TypeError):
    """What the configuration names does not take these arguments."""
