"""Configuration files with inheritance, overrides and the origin of every value."""

from .arguments import DictAction, parse_overrides
from .cli import add_cli_arguments
from .config import Config
from .errors import ConfigError, DerivedValuesWarning
from .lazy_file import read_base
from .node import ConfigDict
from .origin import Origin
from .part import Finder, Part

__all__ = [
    "Config",
    "ConfigDict",
    "ConfigError",
    "DerivedValuesWarning",
    "DictAction",
    "Finder",
    "Origin",
    "Part",
    "add_cli_arguments",
    "parse_overrides",
    "read_base",
]
