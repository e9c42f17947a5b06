"""What the data formats have no word for: tuples, sets, bytes, None, keys that are not texts.

It is written as a mapping with one marked key (`{"__tuple__": [1, 2]}`), or in YAML with the tag that PyYAML has for
tuples, and read back from there. No tag and no marked key gives anything but plain data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .bounds import MAX_ALIKE, alike
from .errors import ConfigTypeError, ConfigValueError
from .origin import join_path

__all__ = ["ATOMS", "MARKS", "decode", "encode"]

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
