"""The mean duration of a function or a block over many runs, printed now and then."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from time import perf_counter
from typing import Any, ClassVar, ParamSpec, Self, TypeVar

import torch

from eng_logging import print_log

__all__ = [
    "TimeCounter",
]

P = ParamSpec("P")
R = TypeVar("R")


class TimeCounter:
    """A decorator and a context; the same `tag` is the same counter everywhere.

    Args:
        log_interval: Print after so many runs each.
        warmup_interval: The first run that counts.
        with_sync: Wait for the GPU before and after.
        tag: What the line begins with; the name of a decorated function unless given. A context needs one.
        logger: Where the line goes, as for `print_log`.

    Raises:
        AssertionError: The intervals are no positive whole numbers, or a context has no tag.
    """

    instance_dict: ClassVar[dict[str, TimeCounter]] = {}

    log_interval: int
    warmup_interval: int
    with_sync: bool
    tag: str | None
    logger: logging.Logger | str | None

    def __new__(
        cls,
        log_interval: int = 1,
        warmup_interval: int = 1,
        with_sync: bool = True,
        tag: str | None = None,
        logger: logging.Logger | str | None = None,
    ) -> Self:
        intervals: dict[str, Any] = {"log_interval": log_interval, "warmup_interval": warmup_interval}
        for name, value in intervals.items():
            positive = isinstance(value, int) and value >= 1
            assert positive, f"`{name}` is a positive whole number, not {value!r}"
        known = cls.instance_dict.get(tag) if tag is not None else None
        if isinstance(known, cls):
            return known
        counter = super().__new__(cls)
        counter.log_interval = log_interval
        counter.warmup_interval = warmup_interval
        counter.with_sync = with_sync
        counter.tag = tag
        counter.logger = logger
        counter._runs = 0
        counter._seconds = 0.0
        counter._started = 0.0
        if tag is not None:
            cls.instance_dict[tag] = counter
        return counter

    _runs: int
    _seconds: float
    _started: float

    def __call__(self, fn: Callable[P, R]) -> Callable[P, R]:
        if self.tag is None:
            self.tag = fn.__name__

        @wraps(fn)
        def timed(*args: P.args, **kwargs: P.kwargs) -> R:
            started = self._now()
            result = fn(*args, **kwargs)
            self.print_time(self._now() - started)
            return result

        return timed

    def __enter__(self) -> Self:
        assert self.tag is not None, "a block has no name to print: give `TimeCounter(tag=...)`"
        self._started = self._now()
        return self

    def __exit__(self, *_: Any) -> None:
        self.print_time(self._now() - self._started)

    def print_time(self, elapsed: float) -> None:
        """Count a run of so many seconds."""
        self._runs += 1
        if self._runs < self.warmup_interval:
            return
        self._seconds += elapsed
        if self._runs % self.log_interval == 0:
            mean = self._seconds / (self._runs - self.warmup_interval + 1)
            text = f"[{self.tag}]-time per run averaged in the past {self._runs} runs: {1000 * mean:.1f} ms"
            print_log(text, self.logger)

    def _now(self) -> float:
        if self.with_sync and torch.cuda.is_available():
            torch.cuda.synchronize()
        return perf_counter()
