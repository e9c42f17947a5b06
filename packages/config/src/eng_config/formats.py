"""The data formats: YAML, JSON and TOML, from text and to text.

Dumping and loading gives an equal configuration in every format; `marks.py` has what the formats have no word for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from .bounds import MAX_DEPTH, check_weight, too_deep
from .errors import ConfigError, ConfigSyntaxError, ConfigTypeError
from .marks import ATOMS, decode, encode
from .origin import Origin

__all__ = ["DATA_SUFFIXES", "parse_data", "write_data"]

DATA_SUFFIXES = (".json", ".toml", ".yaml", ".yml")


def parse_data(text: str, suffix: str, file: str) -> dict[str, Any]:
    """The mapping that the text of a data file holds.

    Raises `ConfigSyntaxError` with the line for a text that the parser refuses and `ConfigTypeError` for one that
    holds no mapping.

    >>> parse_data("model: {depth: 50}", ".yaml", "cfg.yaml")
    {'model': {'depth': 50}}
    """
    try:
        data = READERS[suffix](text, file)
    except ConfigError as error:
        error.origin = error.origin or Origin(file, 1)
        raise
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigTypeError(
            f"a configuration is a mapping of keys to values, this file is one {type(data).__name__}",
            origin=Origin(file, 1),
        )
    return data


def write_data(data: dict[Any, Any], suffix: str) -> str:
    """The text of a data file that `parse_data` reads as an equal mapping.

    Raises `ConfigTypeError`, with the key path, for a value that is no data.

    >>> write_data({"a": 1, "b": (2, 3)}, ".json")
    '{"a": 1, "b": {"__tuple__": [2, 3]}}'
    """
    return WRITERS[suffix](data)


def parsed(name: str, load: Callable[[str], Any], text: str, file: str) -> Any:
    """What a parser of the standard library makes of a text; its errors get the line."""
    try:
        data = load(text)
    except ValueError as error:  # what the format does not allow, or a number of too many digits
        found = re.search(r"line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1 if name == "TOML" else 1
        what = getattr(error, "msg", error)
        raise ConfigSyntaxError(f"this is not {name}: {what}", origin=Origin(file, line)) from error
    except RecursionError:
        raise too_deep(Origin(file, 1)) from None
    check_weight(data, file)
    return data


# JSON


def read_json(text: str, file: str) -> Any:
    return decode(parsed("JSON", json.loads, text, file)) if text.strip() else None


def write_json(data: Any) -> str:
    return json.dumps(encode(data), ensure_ascii=False)


# TOML


#: a key of more parts than the values may be deep; the time of `tomllib` grows with the square of their number
MANY_DOTS = re.compile(
    rf"""(?:^|[\[{{,])[ \t]*+(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{MAX_DEPTH}}}""",
    re.MULTILINE,
)


def read_toml(text: str, file: str) -> Any:
    import tomllib  # slow to import: only who reads TOML pays

    if MANY_DOTS.search(text):
        raise too_deep(Origin(file, 1))
    return decode(parsed("TOML", tomllib.loads, text, file))


def write_toml(data: Any) -> str:
    """One line for each top-level key; Python's library reads TOML and does not write it."""
    encoded = encode(data, none={"__none__": True})
    return "".join(f"{toml_key(key)} = {toml_value(value)}\n" for key, value in encoded.items())


def toml_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else toml_value(key)


def toml_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml_key(key)} = {toml_value(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    if isinstance(value, str):  # TOML has JSON's escapes, but no surrogate pairs
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


# YAML


def read_yaml(text: str, file: str) -> Any:
    from .yaml_text import load  # PyYAML takes longer to import than all of this: only who reads YAML pays

    return decode(load(text, file))


def write_yaml(data: Any) -> str:
    from .yaml_text import save  # as above

    return save(encode(data, tuples=True, keys=ATOMS))


READERS: dict[str, Callable[[str, str], Any]] = {
    ".json": read_json,
    ".toml": read_toml,
    ".yaml": read_yaml,
    ".yml": read_yaml,
}
WRITERS: dict[str, Callable[[Any], str]] = {
    ".json": write_json,
    ".toml": write_toml,
    ".yaml": write_yaml,
    ".yml": write_yaml,
}
