"""YAML by PyYAML's safe classes: no tag makes anything but plain data."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import yaml
from yaml import MappingNode, SequenceNode
from yaml.constructor import ConstructorError

from .bounds import MAX_ALIKE, MAX_DEPTH, alike, check_weight, too_deep
from .errors import ConfigError, ConfigSyntaxError
from .origin import Origin

__all__ = ["Loader", "MappingNode", "SequenceNode", "load", "save"]

TUPLE = "tag:yaml.org,2002:python/tuple"
FLOAT = "tag:yaml.org,2002:float"
INT = "tag:yaml.org,2002:int"
MAX_DIGITS = 4_000
MAX_MERGED = 100_000
DATE = "tag:yaml.org,2002:timestamp"
MERGE = "tag:yaml.org,2002:merge"
# YAML 1.1 asks for a dot in a number with an exponent, so that `1e-3` would be a text
INDENTATION = re.compile(r"^[ ?:-]*+", re.MULTILINE)
EXPONENT = re.compile(r"[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?[eE][-+]?[0-9]+|[-+]?\.[0-9][0-9_]*[eE][-+]?[0-9]+")


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # one of two classes
    """The safe loader, which also knows tuples and `1e-3`, takes dates as texts, and bounds what `<<` multiplies."""

    merged = 0
    yaml_implicit_resolvers: ClassVar[dict[Any, Any]] = {
        letter: [(tag, pattern) for tag, pattern in known if tag != DATE]
        for letter, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def flatten_mapping(self, node: Any) -> None:
        """Put the keys of the mappings under `<<` in front of the mapping's own ones; the first of several wins."""
        merged: list[Any] = []
        own: list[Any] = []
        for key, value in node.value:
            if key.tag == MERGE:
                for source in reversed(value.value if isinstance(value, SequenceNode) else [value]):
                    merged.extend(self.pairs_of(source))
            else:
                own.append((key, value))
        node.value = merged + own

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        self.flatten_mapping(node)
        if len(node.value) > MAX_ALIKE and alike(
            self.construct_object(key, deep=True) for key, _ in node.value
        ):
            raise ConstructorError(
                None, None, f"more than {MAX_ALIKE:,} keys of the same hash", node.start_mark
            )
        return super().construct_mapping(node, deep=deep)

    def pairs_of(self, source: Any) -> list[Any]:
        if not isinstance(source, MappingNode):
            raise ConstructorError(None, None, "expected a mapping under `<<`", source.start_mark)
        self.flatten_mapping(source)
        self.merged += len(source.value)
        if self.merged > MAX_MERGED:
            raise ConstructorError(None, None, f"more than {MAX_MERGED:,} keys under `<<`", source.start_mark)
        pairs: list[Any] = source.value
        return pairs


class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # one of two classes
    """The safe dumper, which also knows tuples and writes no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def read_int(loader: Any, node: Any) -> int:
    """A whole number; one of many parts in base 60 (`1:30:00`) takes quadratic time."""
    if len(node.value) > MAX_DIGITS:
        raise ConstructorError(None, None, f"a number of more than {MAX_DIGITS:,} digits", node.start_mark)
    number: int = loader.construct_yaml_int(node)
    return number


Loader.add_constructor(INT, read_int)
Loader.add_constructor(TUPLE, lambda loader, node: tuple(loader.construct_sequence(node, deep=True)))
Dumper.add_representer(tuple, lambda dumper, data: dumper.represent_sequence(TUPLE, data))
for side in (Loader, Dumper):
    side.add_implicit_resolver(FLOAT, EXPONENT, list("-+0123456789."))


def load(text: str, file: str) -> Any:
    """What the first document of the text holds; `ConfigSyntaxError` with the line for anything refused."""
    try:
        if may_be_deep(text):
            check_depth(text, file)
        data = yaml.load(text, Loader)
        check_weight(data, file)
        return data
    except ConfigError:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        if "could not determine a constructor" in what:
            what = f"{what.rsplit(' ', 1)[1]} is a tag, and only plain data is read; write the value itself"
        line = mark.line + 1 if mark else 1
        raise ConfigSyntaxError(f"this is not YAML: {what}", origin=Origin(file, line)) from error
    except (
        Exception
    ) as error:  # PyYAML's constructors raise whatever their conversions raise, as for `!!int ''`
        raise ConfigSyntaxError(f"this is not YAML: {error}", origin=Origin(file, 1)) from error


def may_be_deep(text: str) -> bool:
    """Whether the text could be nested deeper than `MAX_DEPTH`: by brackets, or by columns, two levels each at most."""
    widest = max(map(len, INDENTATION.findall(text)), default=0)
    return 2 * widest > MAX_DEPTH or text.count("[") + text.count("{") > MAX_DEPTH


def check_depth(text: str, file: str) -> None:
    """Refuse a text whose nesting would overflow the stack of the parser, which is written in C and does not look."""
    depth = 0
    for event in yaml.parse(text, Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise too_deep(Origin(file, event.start_mark.line + 1 if event.start_mark else 1))
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def save(data: Any) -> str:
    """Block style, in the order of the data."""
    text: str = yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False)
    return text
