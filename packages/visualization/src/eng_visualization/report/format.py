"""Numbers, sizes and times as a reader wants to see them."""

from __future__ import annotations

import math
from datetime import datetime

__all__ = ["number_text", "size_text", "time_text"]


def number_text(value: float) -> str:
    """Return a number with four digits, an integer with all of them.

    >>> number_text(3), number_text(0.123456), number_text(99.16666666)
    ('3', '0.1235', '99.17')
    """
    return str(value) if isinstance(value, int) or not math.isfinite(value) else f"{value:.4g}"


def size_text(size: float) -> str:
    """Return a number of bytes with its unit.

    >>> size_text(314_896)
    '307.5 KiB'
    """
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"


def time_text(start: str) -> str:
    """Return the time in the name of a start, ``20260101_120000``; another name as it is."""
    try:
        return datetime.strptime(start[:15], "%Y%m%d_%H%M%S").strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return start
