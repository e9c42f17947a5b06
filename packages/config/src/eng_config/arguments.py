"""Reading values from the command line: `model.depth=50 data.sizes=[1,2]`. Putting them in is `overrides.py`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .bounds import MAX_DEPTH
from .errors import ConfigOverrideError, ConfigTypeError
from .origin import COMMAND_LINE, Origin
from .overrides import Overrides

PARTNERS = {"[": "]", "(": ")"}
#: digits of a number that Python converts without being asked twice
MAX_NUMBER = 4_000

__all__ = ["DictAction", "add_options", "parse_overrides", "parse_value"]


def parse_overrides(arguments: Iterable[str]) -> Overrides:
    """The values of `KEY=VALUE` arguments, by key path, for `Config.merge_from_dict`.

    Raises `ConfigOverrideError` for an argument that is no `KEY=VALUE`, has unbalanced brackets or holds a mapping.

    >>> parse_overrides(["optimizer.lr=1e-3", "sizes=[(1,2),3]", "name=None", "flags=a,true"])
    {'optimizer.lr': 0.001, 'sizes': [(1, 2), 3], 'name': None, 'flags': ['a', True]}
    """
    values: dict[str, Any] = {}
    numbers: dict[str, int] = {}
    if not isinstance(arguments, Iterable):
        raise ConfigTypeError(f"overrides are a list of `KEY=VALUE`, not {arguments!r:.60}")
    for number, argument in enumerate(arguments, start=1):
        if not isinstance(argument, str):
            raise ConfigTypeError(f"an override is a str `KEY=VALUE`, not {argument!r:.60}")
        key, equals, text = argument.partition("=")
        key = key.strip()
        if not equals or not key:
            raise ConfigOverrideError(
                f"`{argument}` is no override; write `key.path=value`", origin=Origin(COMMAND_LINE, number)
            )
        try:
            values[key] = parse_value(text)
        except ConfigOverrideError as error:
            error.origin, error.path = Origin(COMMAND_LINE, number, key), key
            raise
        numbers[key] = number
    return Overrides(values, numbers)


def parse_value(text: str) -> Any:
    """The value that a text on the command line means.

    Brackets make lists and parentheses tuples, to any depth; bare commas make a list. A leaf is an int, a float,
    `true` or `false` in any case, exactly `None`, or a text. Quotes around the whole and all spaces are dropped.

    >>> parse_value("[(a,b),[1,2],false]")
    [('a', 'b'), [1, 2], False]
    """
    parts = split_at_commas(text.strip("\"' ").replace(" ", ""))
    items = [parse_item(part, 0) for part in parts]
    return items if len(items) > 1 else items[0]


def parse_item(text: str, depth: int) -> Any:
    kind = {"[": list, "(": tuple}.get(text[:1])
    if kind is None or text[-1:] != PARTNERS[text[0]]:
        return parse_leaf(text)
    if depth > MAX_DEPTH:
        raise ConfigOverrideError(
            f"the value is nested deeper than {MAX_DEPTH} levels; write it into a file with `_base_`"
        )
    inner = text[1:-1].removesuffix(",")
    return kind(parse_item(part, depth + 1) for part in (split_at_commas(inner) if inner else []))


def parse_leaf(text: str) -> Any:
    if text.startswith(("dict(", "{'", '{"')):
        raise ConfigOverrideError(
            f"`{text}` would be a text, since an override holds no mapping; set its keys one by one, as in "
            "`key.path.name=value`, or write it into a file with `_base_`"
        )
    if len(text) > MAX_NUMBER and text.lstrip("+-").isdecimal():
        raise ConfigOverrideError(
            f"a number of more than {MAX_NUMBER:,} digits; write it as a float, as in `1e300`"
        )
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            pass
    lowered = text.lower()
    if lowered in ("true", "false"):
        return lowered == "true"
    return None if text == "None" else text


def split_at_commas(text: str) -> list[str]:
    """The parts between the commas that are outside of all brackets."""
    parts, start, opened = [], 0, ""
    for index, letter in enumerate(text):
        if letter in PARTNERS:
            opened += letter
        elif letter in ")]":
            if not opened or PARTNERS[opened[-1]] != letter:
                raise unbalanced(text, index)
            opened = opened[:-1]
        elif letter == "," and not opened:
            parts.append(text[start:index])
            start = index + 1
    if opened:
        raise unbalanced(text, text.rindex(opened[-1]))
    return [*parts, text[start:]]


def unbalanced(text: str, index: int) -> ConfigOverrideError:
    return ConfigOverrideError(
        f"the `{text[index]}` at character {index + 1} of `{text}` has no partner; close every bracket"
    )


class DictAction(argparse.Action):
    """An argparse action for `nargs="+"` that collects `KEY=VALUE` arguments; repeating the option adds to them.

    >>> parser = argparse.ArgumentParser()
    >>> _ = parser.add_argument("--cfg-options", nargs="+", action=DictAction)
    >>> parser.parse_args(["--cfg-options", "a.b=1", "c=[x,y]"]).cfg_options
    {'a.b': 1, 'c': ['x', 'y']}
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        arguments = [values] if isinstance(values, str) else list(values or ())
        given = parse_overrides(arguments)
        before = getattr(namespace, self.dest, None)
        collected = before if isinstance(before, Overrides) else Overrides(before)
        setattr(namespace, self.dest, collected.joined(given))


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
