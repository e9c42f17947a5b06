"""The data formats: YAML, JSON and TOML, from text and to text.

What a format has no word for is written as a mapping with one marked key (`{"__tuple__": [1, 2]}`), or in YAML
with the tag that PyYAML has for tuples, and read back from there: dumping and loading gives an equal configuration
in every format. No tag and no marked key reaches anything but plain data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from .bounds import MAX_ALIKE, MAX_DEPTH, alike, check_weight, too_deep
from .errors import ConfigError, ConfigSyntaxError, ConfigTypeError, ConfigValueError
from .origin import Origin, join_path

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


# JSON


def read_json(text: str, file: str) -> Any:
    try:
        data = json.loads(text) if text.strip() else None
    except json.JSONDecodeError as error:
        raise ConfigSyntaxError(
            f"this is not JSON: {error.msg}", origin=Origin(file, error.lineno)
        ) from error
    except ValueError as error:  # a number of too many digits
        raise ConfigSyntaxError(f"this is not JSON: {error}", origin=Origin(file, 1)) from error
    except RecursionError:
        raise too_deep(Origin(file, 1)) from None
    check_weight(data, file)
    return decode(data)


def write_json(data: Any) -> str:
    return json.dumps(encode(data), ensure_ascii=False)


# TOML


#: a key of more parts than the values may be deep
MANY_DOTS = re.compile(
    rf"""(?:^|[\[{{,])[ \t]*+(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{MAX_DEPTH}}}""",
    re.MULTILINE,
)


def read_toml(text: str, file: str) -> Any:
    import tomllib  # slow to import: only who reads TOML pays

    if MANY_DOTS.search(
        text
    ):  # the time that tomllib takes grows with the square of the length of a dotted key
        raise too_deep(Origin(file, 1))
    try:
        data = tomllib.loads(text)
    except ValueError as error:  # what TOML does not allow, or a number of too many digits
        found = re.search(r"line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise ConfigSyntaxError(f"this is not TOML: {error}", origin=Origin(file, line)) from error
    except RecursionError:
        raise too_deep(Origin(file, 1)) from None
    check_weight(data, file)
    return decode(data)


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


# What the formats cannot say

ATOMS = (str, int, float, bool, type(None))


def encode(
    value: Any, *, none: Any = None, tuples: bool = False, keys: tuple[type, ...] = (str,), path: str = ""
) -> Any:
    """Plain data for a value of a configuration; `none` stands for None, `tuples` may stay, `keys` too."""
    kind = type(value)
    if kind is str and not is_encodable(value):
        raise ConfigValueError(
            f"{value!r:.60} has a character that UTF-8 cannot write; dump to a `.py` file", path=path
        )
    if kind in (str, int, float, bool):
        return value
    if value is None:
        return none

    def part(value: Any, step: Any) -> Any:
        return encode(value, none=none, tuples=tuples, keys=keys, path=join_path(path, step))

    if isinstance(value, dict):
        for key in value:
            if type(key) is str:
                part(key, key)
        if all(type(key) in keys for key in value) and not (len(value) == 1 and next(iter(value)) in MARKS):
            return {key: part(child, key) for key, child in value.items()}
        return {"__pairs__": [[part(key, key), part(child, key)] for key, child in value.items()]}
    if kind is list or (kind is tuple and tuples):
        return kind(part(child, step) for step, child in enumerate(value))
    if kind is tuple or kind is set or kind is frozenset:
        return {f"__{kind.__name__}__": [part(child, step) for step, child in enumerate(value)]}
    if kind is bytes:
        return {"__bytes__": value.hex()}
    if kind is complex:
        return {"__complex__": [value.real, value.imag]}
    raise ConfigTypeError(
        f"{value!r} is a {kind.__name__}, which is no data; name it by a text and let it be built", path=path
    )


def is_encodable(text: str) -> bool:
    """Whether the text has no lone surrogate, as bytes of the command line that are not UTF-8 become."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


MARKS: dict[str, Callable[[Any], Any]] = {
    "__bytes__": bytes.fromhex,
    "__complex__": lambda parts: complex(*parts),
    "__frozenset__": frozenset,
    "__none__": lambda _: None,
    "__pairs__": dict,
    "__set__": set,
    "__tuple__": tuple,
}


#: the marks of what is made of keys that are hashed, and where those are
HASHED: dict[str, Callable[[Any], Any]] = {
    "__frozenset__": iter,
    "__pairs__": lambda pairs: (key for key, _ in pairs),
    "__set__": iter,
}


def decode(value: Any) -> Any:
    """The value that `encode` was given."""
    if isinstance(value, dict):
        if len(value) == 1:
            ((mark, inner),) = value.items()
            if mark in MARKS:
                return unmark(mark, decode(inner))
        return {key: decode(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(decode, value))
    return value.isoformat() if hasattr(value, "isoformat") else value  # dates are texts, as in JSON


def unmark(mark: str, value: Any) -> Any:
    try:
        if mark in HASHED and alike(HASHED[mark](value)):
            raise ValueError(f"more than {MAX_ALIKE:,} of them have the same hash")
        return MARKS[mark](value)
    except (TypeError, ValueError) as error:
        raise ConfigValueError(f"`{mark}` marks {value!r:.60}: {error}; write what a dump writes") from error


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
