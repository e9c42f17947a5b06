"""How long something took."""

from __future__ import annotations

from time import time
from typing import Self

__all__ = [
    "Timer",
    "TimerError",
    "check_time",
]


class TimerError(Exception):
    """A timer that does not run was asked for its time."""


class Timer:
    """A clock that runs from its `start`, by default at once; as a context it prints its seconds at the end.

    `print_tmpl` is how: `"{:.3f}"` unless it says more.

    >>> with Timer(print_tmpl="{:.0f} seconds"):
    ...     pass
    0 seconds
    """

    def __init__(self, start: bool = True, print_tmpl: str | None = None) -> None:
        self.print_tmpl = print_tmpl or "{:.3f}"
        self._started: float | None = None
        self._checked = 0.0
        if start:
            self.start()

    @property
    def is_running(self) -> bool:
        """Whether it was started."""
        return self._started is not None

    def start(self) -> None:
        """Run; one that runs already keeps its beginning, but for `since_last_check`."""
        self._checked = time()
        if self._started is None:
            self._started = self._checked

    def since_start(self) -> float:
        """Seconds since the start, which is a check too. Raises `TimerError` if it does not run."""
        if self._started is None:
            raise TimerError("timer is not running")
        self._checked = time()
        return self._checked - self._started

    def since_last_check(self) -> float:
        """Seconds since the last check or the start. Raises `TimerError` if it does not run."""
        before = self._checked
        self.since_start()
        return self._checked - before

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        print(self.print_tmpl.format(self.since_last_check()))
        self._started = None


_timers: dict[str, Timer] = {}


def check_time(timer_id: str) -> float:
    """Seconds since the last call with this name; 0 at the first.

    >>> check_time("a place in the code")
    0
    """
    if timer_id not in _timers:
        _timers[timer_id] = Timer()
        return 0
    return _timers[timer_id].since_last_check()
