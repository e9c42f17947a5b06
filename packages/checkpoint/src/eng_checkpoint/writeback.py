"""Let the disk begin while the rest is still being written, so that the flush at the end finds little left to do.

A hint, never a promise: where the system has no such call, or refuses, the flush at the end does it all.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache

_SYNC_FILE_RANGE_WRITE = 2


def begin_writeback(descriptor: int, offset: int, size: int) -> None:
    """Ask the system to start writing these bytes of an open file to the disk; does not wait for it."""
    call = _sync_file_range()
    if call is not None:
        call(descriptor, offset, size, _SYNC_FILE_RANGE_WRITE)


@cache
def _sync_file_range() -> Callable[[int, int, int, int], int] | None:
    """The system call, of Linux alone; what goes wrong on the disk is still reported by fsync."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        function = ctypes.CDLL(None).sync_file_range
    except (AttributeError, OSError):
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    function.restype = ctypes.c_int
    call: Callable[[int, int, int, int], int] = function
    return call
