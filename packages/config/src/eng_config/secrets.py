"""Keeping what came out of the environment out of whatever is written.

A reference without a default, `{{$TOKEN}}`, says that its value belongs to the machine and not to the file. Texts
that hold such a value show the reference again when a configuration is dumped or printed; loading the dump puts the
value back in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .substitute import ENVIRONMENT

__all__ = ["hide", "secret_values"]

SHORT = 4


def secret_values(text: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The values, longest first, and the references without default by which the text took them in.

    >>> secret_values("a = '{{$TOKEN}}'; n = {{'$N:4'}}", {"TOKEN": "s3cret", "N": "8"})
    {'s3cret': '{{$TOKEN}}'}
    """
    names = (
        {found["name"] for found in ENVIRONMENT.finditer(text) if not found["default"]} if "$" in text else ()
    )
    values = {environment[name]: f"{{{{${name}}}}}" for name in names if environment.get(name)}
    return dict(sorted(values.items(), key=lambda item: -len(item[0])))


def hide(value: Any, secrets: Mapping[str, str]) -> Any:
    """The value with the references in the place of what they stand for; a short one only where it is all of a text."""
    if isinstance(value, str):
        for secret, reference in secrets.items():
            if value == secret or len(secret) >= SHORT:
                value = value.replace(secret, reference)
        return value
    if isinstance(value, dict):
        return {key: hide(part, secrets) for key, part in dict.items(value)}
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(hide(part, secrets) for part in value)
    return value
