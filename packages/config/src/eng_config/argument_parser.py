"""A command line made from a configuration: one option for each of its values."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

__all__ = ["add_options"]


def add_options(parser: argparse.ArgumentParser, values: dict[Any, Any]) -> None:
    """Add an option for every value, by its key path; a list takes several values of the type of its first."""
    for path, value in leaves(values):
        name = f"--{path}"
        if isinstance(value, bool):
            parser.add_argument(name, action="store_true", default=value)
        elif isinstance(value, (str, int, float)):
            parser.add_argument(name, type=type(value), default=value)
        elif isinstance(value, (list, tuple)) and value:
            parser.add_argument(name, type=type(value[0]), nargs="+", default=value)


def leaves(values: dict[Any, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no dictionary, with its key path."""
    for key, value in values.items():
        path = f"{above}.{key}" if above else str(key)
        if isinstance(value, dict):
            yield from leaves(value, path)
        else:
            yield path, value
