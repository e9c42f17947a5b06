"""Everything this package raises, as one tree.

    RegistryError
    ├── WrongTypeError      (TypeError, AssertionError)  an argument of the registry's own functions
    ├── TakenError          (KeyError, AssertionError)   a name or a scope that belongs to another object
    ├── NotRegisteredError  (KeyError)                   nothing of that name can be found
    │   └── AmbiguousNameError                           two packages offer that name
    └── BuildError                                       a configuration that cannot become an object
        ├── InvalidConfigError (TypeError)               it is not a mapping, or its `type` is no type
        ├── MissingTypeError   (KeyError)                it does not say what to build
        └── ArgumentsError     (TypeError)               what it names does not take these arguments

Each knows `path`, the place in the configuration (`model.backbone.init_cfg[0]`), and `origin`, the file and line
that wrote it, where the configuration can tell. While an error travels out of nested builds the path grows at its
front, so the words are put together only when somebody reads them.
"""

from __future__ import annotations

from typing import Any


class RegistryError(Exception):
    """Base of all errors of this package; `str(error)` is the whole message."""

    def __init__(self, what: str, *, path: str = "", origin: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.path = path
        self.origin = origin
        #: the configuration that `path` starts from; forgotten when the error is pickled
        self.subject: Any = None
        #: whether `path` starts from the root of the whole configuration
        self.absolute = False
        #: the key of the mapping at `path` that is to blame, where one is
        self.blamed: str | None = None

    def __str__(self) -> str:
        place = f"{self.origin}: " if self.origin else ""
        return f"{place}`{self.path}`: {self.what}" if self.path else f"{place}{self.what}"

    def __reduce__(self) -> tuple[Any, ...]:
        state = {key: value for key, value in self.__dict__.items() if key != "subject"}
        return type(self), (self.what,), state | {"subject": None}


class WrongTypeError(RegistryError, TypeError, AssertionError):
    """An argument of the registry's own functions has the wrong type."""


class TakenError(RegistryError, KeyError, AssertionError):
    """A name or a scope already belongs to another object."""


class NotRegisteredError(RegistryError, KeyError):
    """Nothing of that name can be found."""


class AmbiguousNameError(NotRegisteredError):
    """Two packages registered different objects under that name; their scopes tell them apart."""


class BuildError(RegistryError):
    """A configuration cannot become an object."""


class InvalidConfigError(BuildError, TypeError):
    """What should be built is not a mapping, or its `type` is neither a name nor callable."""


class MissingTypeError(BuildError, KeyError):
    """The configuration does not say what to build."""


class ArgumentsError(BuildError, TypeError):
    """What is named does not take these arguments."""
