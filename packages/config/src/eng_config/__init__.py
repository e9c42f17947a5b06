"""Configuration files with inheritance, overrides and the origin of every value."""

from .arguments import DictAction, parse_overrides
from .config import Config
from .errors import ConfigError
from .lazy_file import read_base
from .node import ConfigDict
from .origin import Origin

__all__ = [
    "Config",
    "ConfigDict",
    "ConfigError",
    "DictAction",
    "Origin",
    "parse_overrides",
    "read_base",
]
