"""What can go wrong with a configuration: one small tree, and "did you mean".

    ConfigError                       everything below; `.path` and `.origin` say where
    +-- MissingKeyError               (KeyError, AttributeError)  a key that is not there
    +-- ConfigKeyError                (KeyError)                  reserved, duplicate or impossible keys
    +-- ConfigTypeError               (TypeError)                 a value of the wrong kind
    +-- ConfigValueError              (ValueError)                a value or an override that cannot be read
    |   +-- ConfigOverrideError       (AssertionError)            an override that is not `KEY=VALUE`
    +-- ConfigFileNotFoundError       (FileNotFoundError)         a file or a base that is not there
    +-- ConfigFormatError             (OSError)                   a format that is not known
    +-- ConfigSyntaxError             (SyntaxError)               a file that cannot be parsed
    +-- ConfigImportError             (ImportError)               an import that the configuration asked for
    +-- ConfigParsingError            (RuntimeError)              two styles of configuration mixed
    +-- ConfigEvaluationError         (RuntimeError)              the file raised while it was read
    +-- UntrustedConfigError          (PermissionError)           code where only data is allowed

    DerivedValuesWarning              (UserWarning)               an override that other values do not follow

Every message is `file:line: key.path: what is wrong; what there is; what to do`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .origin import Origin

__all__ = [
    "ConfigError",
    "ConfigEvaluationError",
    "ConfigFileNotFoundError",
    "ConfigFormatError",
    "ConfigImportError",
    "ConfigKeyError",
    "ConfigOverrideError",
    "ConfigParsingError",
    "ConfigSyntaxError",
    "ConfigTypeError",
    "ConfigValueError",
    "DerivedValuesWarning",
    "MissingKeyError",
    "UntrustedConfigError",
    "nearest",
    "suggest",
]

#: the least similarity, of 0 to 1 as `difflib` counts it, at which one name is taken for another one mistyped
CUTOFF = 0.76


class ConfigError(Exception):
    """A problem of a configuration; `path` is the key path, `origin` the place in a file, when known.

    >>> print(ConfigError("is not a number; write `lr=0.1`", path="optimizer.lr"))
    optimizer.lr: is not a number; write `lr=0.1`
    """

    def __init__(self, what: str = "", *, path: str = "", origin: Origin | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.path = path or (origin.path if origin is not None else "")
        self.origin = origin

    def __str__(self) -> str:
        where = [str(part) for part in (self.origin, self.path) if part]
        return ": ".join([*where, self.what])

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.what, self.path, self.origin)


def _rebuild(kind: type[ConfigError], what: str, path: str, origin: Origin | None) -> ConfigError:
    return kind(what, path=path, origin=origin)


class MissingKeyError(ConfigError, KeyError, AttributeError):
    """A key that is not there, read as an item or as an attribute."""


class ConfigKeyError(ConfigError, KeyError):
    """A key that cannot be used here: reserved, given twice, or out of range."""


class ConfigTypeError(ConfigError, TypeError):
    """A value of the wrong kind."""


class ConfigValueError(ConfigError, ValueError):
    """A value, a path or an override that cannot be understood."""


class ConfigOverrideError(ConfigValueError, AssertionError):
    """An override that cannot be read; an `AssertionError` too, as scripts written for MMEngine expect."""


class ConfigFileNotFoundError(ConfigError, FileNotFoundError):
    """A configuration file, or a base of one, that is not there."""


class ConfigFormatError(ConfigError, OSError):
    """A file format that is not one of the known ones."""


class ConfigSyntaxError(ConfigError, SyntaxError):
    """A file that its parser refuses."""


class ConfigImportError(ConfigError, ImportError):  # type: ignore[misc]  # its `path` is None or a text, ours a text
    """An import that the configuration asked for failed."""


class ConfigParsingError(ConfigError, RuntimeError):
    """The text style and the import style are mixed, or one of them is used wrongly."""


class ConfigEvaluationError(ConfigError, RuntimeError):
    """The file raised an exception while it was evaluated; the exception is the `__cause__`."""


class UntrustedConfigError(ConfigError, PermissionError):
    """An untrusted file asks for something that only trusted code may do."""


class DerivedValuesWarning(UserWarning):
    """A value was overridden, but others that the file computed from it before stay as they are."""


def suggest(word: str, choices: Iterable[str]) -> str:
    """Return `` (did you mean `X`?)`` for the choice most similar to `word`, or "" if none is similar enough.

    >>> suggest("optmizer", ["optimizer", "model"])
    ' (did you mean `optimizer`?)'
    """
    found = nearest(word, choices)
    return f" (did you mean `{found}`?)" if found is not None else ""


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """Return the choice most similar to `word`, or None if none is similar enough.

    Case does not count, nor does the order of the letters: swapped ones are a large part of a short name.
    """
    from difflib import get_close_matches  # imported here because only errors need it

    spelled = {choice.lower(): choice for choice in sorted(choices, reverse=True)}
    found = get_close_matches(word.lower(), spelled, n=1, cutoff=CUTOFF)
    letters = sorted(word.lower())
    found = found or [name for name in spelled if word and sorted(name) == letters]
    return spelled[found[0]] if found else None
