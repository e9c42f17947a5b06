"""A save that takes long says so while it does; a storage that hangs would look like a training that hangs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)

_SLOW_SECONDS = 5.0
_SLOW_BYTES_PER_SECOND = 20e6  # slower than a memory card is a storage that somebody should look at
_FIRST_SECONDS = 10.0
_SELDOM_SECONDS = 300.0


@contextmanager
def warning_when_slow(path: str | Path, written: Callable[[], int]) -> Iterator[None]:
    """Warn when the body, which writes `path`, has been slow, and more and more seldom while it still is.

    Args:
        written: How many bytes there are by now.
    """
    begin, ended = time.monotonic(), threading.Event()

    def watch() -> None:
        pause = _FIRST_SECONDS
        while not ended.wait(pause):
            seconds, size = time.monotonic() - begin, written()
            if size / seconds < _SLOW_BYTES_PER_SECOND:
                logger.warning(
                    "%s is still being written after %.1f s: %.1f MB so far, %.1f MB/s; the storage is slow, or stuck",
                    path, seconds, size / 1e6, size / seconds / 1e6,
                )  # fmt: skip
            pause = min(2 * pause, _SELDOM_SECONDS)

    watcher = threading.Thread(target=watch, name="checkpoint-watch")
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
    seconds, size = time.monotonic() - begin, written()
    if seconds > _SLOW_SECONDS and size / seconds < _SLOW_BYTES_PER_SECOND:
        logger.warning("%s took %.1f s to be written: %.1f MB/s", path, seconds, size / seconds / 1e6)
