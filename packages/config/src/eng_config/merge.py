"""The rules by which one dictionary is merged over another, for any dictionaries.

- a dictionary over a dictionary is merged key by key; with `_delete_=True` it takes the other's place;
- anything else, a list or None too, takes the place of what was there;
- a dictionary over something that is no dictionary is a mistake, unless it says `_delete_=True`;
- `_delete_` itself never stays in the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import ConfigTypeError
from .origin import join_path

__all__ = ["DELETE", "merge_into", "without_flags"]

DELETE = "_delete_"


def merge_into(
    base: dict[Any, Any], child: Mapping[Any, Any], *, strict: bool = True, path: str = ""
) -> None:
    """Merge `child` over `base`, in place; the dictionaries of `child` are copied, never shared.

    Raises `ConfigTypeError` for a dictionary over something else, when `strict`.

    >>> base = dict(optimizer=dict(type="SGD", lr=0.1), steps=[1, 2])
    >>> merge_into(base, dict(optimizer=dict(lr=0.2), steps=[3]))
    >>> base
    {'optimizer': {'type': 'SGD', 'lr': 0.2}, 'steps': [3]}
    """
    for key, value in child.items():
        if isinstance(value, dict):
            old = dict.get(base, key)
            if key in base and not value.get(DELETE, False):
                if isinstance(old, dict):
                    merge_into(old, value, strict=strict, path=join_path(path, key))
                    continue
                if strict:
                    raise ConfigTypeError(
                        f"a dictionary cannot be merged into {old!r} ({type(old).__name__}); "
                        "add `_delete_=True` to the dictionary to put it in that place",
                        path=join_path(path, key),
                    )
            base[key] = without_flags(value)
        elif key != DELETE:
            base[key] = without_flags(value)


def without_flags(value: Any) -> Any:
    """The same value with every `_delete_` in it left out; dictionaries, lists and tuples are copies."""
    kind = type(value)
    if isinstance(value, dict):
        items = ((key, without_flags(part)) for key, part in dict.items(value) if key != DELETE)
        return dict(items) if kind is dict else kind(items)
    if kind is list or kind is tuple:
        return kind(without_flags(part) for part in value)
    return value
