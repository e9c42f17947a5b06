"""Configuration files with inheritance, overrides and the origin of every value.

The commands are imported when they are first asked for: reading a configuration does without.
"""

from typing import TYPE_CHECKING, Any

from .arguments import DictAction, parse_overrides
from .config import Config
from .errors import ConfigError, DerivedValuesWarning, UntrustedConfigError
from .lazy import LazyAttr, LazyObject
from .node import ConfigDict
from .origin import Origin
from .part import Finder, Part
from .reading.import_file import read_base

if TYPE_CHECKING:
    from .cli import add_cli_arguments

__all__ = [
    "Config",
    "ConfigDict",
    "ConfigError",
    "DerivedValuesWarning",
    "DictAction",
    "Finder",
    "LazyAttr",
    "LazyObject",
    "Origin",
    "Part",
    "UntrustedConfigError",
    "add_cli_arguments",
    "parse_overrides",
    "read_base",
]


def __getattr__(name: str) -> Any:
    if name == "add_cli_arguments":
        from .cli import add_cli_arguments

        return add_cli_arguments
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
