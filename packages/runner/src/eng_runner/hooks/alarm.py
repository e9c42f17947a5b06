"""Something that happens every so many seconds, on a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import final


@final
class Alarm:
    """Calls `ring` every `seconds` until `cancel`; without arguments it never rings."""

    def __init__(self, seconds: float = 0, ring: Callable[[], None] | None = None) -> None:
        self._cancelled = threading.Event()
        if ring is not None:
            threading.Thread(target=self._run, args=(seconds, ring), name="eng-alarm", daemon=True).start()

    def cancel(self) -> None:
        """Ring no more."""
        self._cancelled.set()

    def _run(self, seconds: float, ring: Callable[[], None]) -> None:
        while not self._cancelled.wait(seconds):
            ring()
