"""Numbers as one short string: base64 of little-endian doubles, the same on every machine."""

from __future__ import annotations

import base64
import sys
from array import array
from collections.abc import Iterable

__all__ = ["decode", "encode"]


def encode(values: Iterable[float]) -> str:
    """Return the numbers as a string.

    >>> encode([0.0, 1.0])
    'AAAAAAAAAAAAAAAAAADwPw=='
    """
    doubles = array("d", values)
    if sys.byteorder == "big":
        doubles.byteswap()
    return base64.b64encode(doubles.tobytes()).decode("ascii")


def decode(text: str | Iterable[float]) -> list[float]:
    """Return the numbers of a string that `encode` made; other numbers are returned as floats.

    >>> decode("AAAAAAAAAAAAAAAAAADwPw==")
    [0.0, 1.0]
    """
    if not isinstance(text, str):
        return [float(value) for value in text]
    doubles = array("d")
    doubles.frombytes(base64.b64decode(text, validate=True))
    if sys.byteorder == "big":
        doubles.byteswap()
    return doubles.tolist()
