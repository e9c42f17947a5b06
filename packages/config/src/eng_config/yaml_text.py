"""YAML by PyYAML's safe classes: no tag makes anything but plain data."""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml import MappingNode, SequenceNode

from .errors import ConfigSyntaxError
from .origin import Origin

__all__ = ["Loader", "MappingNode", "SequenceNode", "load", "save"]

TUPLE = "tag:yaml.org,2002:python/tuple"
FLOAT = "tag:yaml.org,2002:float"
# YAML 1.1 asks for a dot in a number with an exponent, so that `1e-3` would be a text
EXPONENT = re.compile(r"[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?[eE][-+]?[0-9]+|[-+]?\.[0-9][0-9_]*[eE][-+]?[0-9]+")


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # one of two classes
    """The safe loader, which also knows tuples and `1e-3`."""


class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # one of two classes
    """The safe dumper, which also knows tuples and writes no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


Loader.add_constructor(TUPLE, lambda loader, node: tuple(loader.construct_sequence(node, deep=True)))
Dumper.add_representer(tuple, lambda dumper, data: dumper.represent_sequence(TUPLE, data))
for side in (Loader, Dumper):
    side.add_implicit_resolver(FLOAT, EXPONENT, list("-+0123456789."))


def load(text: str, file: str) -> Any:
    """What the first document of the text holds; `ConfigSyntaxError` with the line for anything refused."""
    try:
        return yaml.load(text, Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        if "could not determine a constructor" in what:
            what = f"{what.rsplit(' ', 1)[1]} is a tag, and only plain data is read; write the value itself"
        line = mark.line + 1 if mark else 1
        raise ConfigSyntaxError(f"this is not YAML: {what}", origin=Origin(file, line)) from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ConfigSyntaxError(f"this is not YAML: {error}", origin=Origin(file, 1)) from error


def save(data: Any) -> str:
    """Block style, in the order of the data."""
    text: str = yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False)
    return text
