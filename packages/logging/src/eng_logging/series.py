"""One scalar over time, bounded, and cheap to write.

Writing happens at every iteration, reading once in a while. So a value is kept as it comes (a number, or a
0-d tensor still being computed on some device) and becomes a float when a statistic is asked for: `append`
is the bare `deque.append`, one C call, no conversion and above all no wait for the device.

What a series holds is bounded, and so is its state: a checkpoint after a million iterations is as large as one
after a thousand. The last values are kept one by one; of all values ever, the count, sum, least and largest.

Not here: the collection of all series of a run (`history.py`), the sums over all values (`totals.py`), numbers as text
(`doubles.py`), and how a statistic is printed.
"""

from __future__ import annotations

import math
import threading
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, ClassVar

from eng_logging.device_values import DeviceValue
from eng_logging.doubles import decode, encode
from eng_logging.errors import ArgumentError
from eng_logging.totals import Totals

__all__ = ["HistoryBuffer"]

Statistic = Callable[..., Any]

STATE_LENGTH = 1000
"""How many of the last values a state holds, unless somebody asks for statistics of a longer window."""


class HistoryBuffer:
    """The last `max_length` values of one scalar, each with the number of things it counts for.

    A value is a *total* over its count, so the mean of a window is ``sum(values) / sum(counts)``.

    Args:
        log_history: Values to begin with.
        count_history: Their counts, one per value.
        max_length: How many values are kept one by one. Of older ones only totals are left.

    Example:
        >>> loss = HistoryBuffer(max_length=1000)
        >>> for value in (4.0, 2.0, 1.0):
        ...     loss.append(value)
        >>> loss.current(), loss.mean(2), loss.max()
        (1.0, 1.5, 4.0)
        >>> accuracy = HistoryBuffer()
        >>> accuracy.update(3, count=4)  # three of four were right
        >>> accuracy.mean()
        0.75
    """

    __slots__ = (
        "__weakref__",
        "_counts",
        "_max_length",
        "_pending",
        "_settling",
        "_totals",
        "_values",
        "_widest",
        "append",
    )

    _statistics_methods: ClassVar[dict[str, Statistic]] = {}

    append: Callable[[Any], None]
    """Add one value of count 1, as it is: a number or a detached one-element tensor. One C call, no sync.

    A tensor is kept by reference until a statistic is read: it must not be changed in place before."""

    def __init__(
        self,
        log_history: Iterable[float] = (),
        count_history: Iterable[float] = (),
        max_length: int = 1_000_000,
    ) -> None:
        values, counts = list(log_history), list(count_history)
        if len(values) != len(counts):
            raise ArgumentError(
                f"each value needs a count: got {len(values)} values and {len(counts)} counts"
            )
        if max_length < 1:
            raise ArgumentError(f"max_length must be at least 1, got {max_length}")
        self._max_length = max_length
        self._values: deque[float] = deque(map(float, values), max_length)
        # None means "every count is one", which is true for nearly every series
        self._counts: deque[float] | None = None
        if any(count != 1 for count in counts):
            self._counts = deque(map(float, counts), max_length)
        self._totals = Totals()
        self._totals.add(self._values, self._counts)
        self._widest = 0  # the longest window that somebody asked for
        self._pending: deque[Any] = deque(maxlen=max_length)
        # two threads that read would add up the same values twice; reentrant, since a signal may read as well
        self._settling = threading.RLock()
        self.append = self._pending.append

    def update(self, log_val: float, count: float = 1) -> None:
        """Add a total over `count` things.

        Raises:
            TypeError: If one of them is not a Python number (`append` is the way for tensors).
        """
        for number in (log_val, count):
            if not _is_number(number):
                raise TypeError(f"a value and its count are int or float, got {type(number).__name__}")
        self.put(log_val, count)

    def put(self, value: Any, count: float = 1) -> None:
        """Add a number or a one-element tensor over `count` things, without reading the tensor."""
        self.append(value if count == 1 else (value, count))

    @property
    def data(self) -> tuple[array[float], array[float]]:
        """Values and counts, oldest first, as two arrays of doubles (also for ``numpy.asarray``)."""
        self.settle()
        counts = [1.0] * len(self._values) if self._counts is None else self._counts
        return array("d", self._values), array("d", counts)

    @property
    def max_length(self) -> int:
        """How many values are kept."""
        return self._max_length

    @property
    def pending(self) -> int:
        """How many values were added since somebody last read one."""
        return len(self._pending)

    def __len__(self) -> int:
        return min(len(self._values) + len(self._pending), self._max_length)

    def __repr__(self) -> str:
        return f"HistoryBuffer({len(self)} values, max_length={self._max_length})"

    # ---- statistics -------------------------------------------------------------------------------------

    def current(self) -> float:
        """The newest value.

        Raises:
            ValueError: If there is none.
        """
        self._settle_or_raise()
        return self._values[-1]

    def mean(self, window_size: int | None = None) -> float:
        """``sum(values) / sum(counts)`` over a window.

        A window of `mean`, `max` and `min` is the last `window_size` values; ``None`` takes all that are kept. One
        that is as long as the life of the series takes every value there ever was, also those not kept.
        """
        window = self._window(window_size)
        if window is None:
            return _ratio(self._totals.values, self._totals.counts)
        total = sum(islice(reversed(self._values), window))
        if self._counts is None:
            return total / window
        return _ratio(total, sum(islice(reversed(self._counts), window)))

    def max(self, window_size: int | None = None) -> float:
        """The largest value of a window (see `mean`); NaN only if all are."""
        window = self._window(window_size)
        if window is None:
            return self._totals.largest
        return _extreme(max, list(islice(reversed(self._values), window)))

    def min(self, window_size: int | None = None) -> float:
        """The smallest value of a window (see `mean`); NaN only if all are."""
        window = self._window(window_size)
        if window is None:
            return self._totals.least
        return _extreme(min, list(islice(reversed(self._values), window)))

    @classmethod
    def register_statistics(cls, method: Statistic) -> Statistic:
        """Decorator: make ``method(buffer, ...)`` available to `statistics` under its own name.

        Example:
            >>> @HistoryBuffer.register_statistics
            ... def spread(buffer, window_size=None):
            ...     return buffer.max(window_size) - buffer.min(window_size)
            >>> HistoryBuffer([1.0, 4.0], [1, 1]).statistics("spread")
            3.0
        """
        name = method.__name__
        if name in _BUILT_IN or name in cls._statistics_methods:
            raise ArgumentError(f"there is a statistic `{name}` already; give the new one another name")
        cls._statistics_methods[name] = method
        return method

    def statistics(self, method_name: str, *args: Any, **kwargs: Any) -> Any:
        """A statistic by its name: ``mean``, ``max``, ``min``, ``current`` or a registered one.

        Raises:
            KeyError: If there is no statistic of that name.
        """
        method = _BUILT_IN.get(method_name) or self._statistics_methods.get(method_name)
        if method is None:
            known = ", ".join([*_BUILT_IN, *self._statistics_methods])
            raise KeyError(f"no statistic `{method_name}`; there are: {known}")
        return method(self, *args, **kwargs)

    # ---- state ------------------------------------------------------------------------------------------

    def state_dict(self, length: int = STATE_LENGTH) -> dict[str, Any]:
        """Plain data of bounded size, for a checkpoint.

        The state has the totals of all values, and of the last values as many as the longest window that anybody
        asked for, but at least `length`: a resumed series answers what this one is asked, with the same numbers.

        Values, counts and totals are base64 of little-endian doubles: one short string instead of many numbers.
        """
        self.settle()
        kept = min(len(self._values), max(length, self._widest))
        state: dict[str, Any] = {
            "max_length": self._max_length,
            "widest": self._widest,
            "totals": encode(self._totals.numbers()),
            "values": encode(_last(self._values, kept)),
        }
        if self._counts is not None:
            state["counts"] = encode(_last(self._counts, kept))
        return state

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Any]) -> HistoryBuffer:
        """A buffer from `state_dict()`, or from the fields that MMEngine's own buffer has in a checkpoint.

        Raises:
            ValueError: If the mapping is neither.
        """
        if "_log_history" in state:
            values, counts = state["_log_history"], state["_count_history"]
            return cls(values, counts, state.get("_max_length", 1_000_000))
        if "values" not in state:
            raise ValueError(f"not the state of a series: it has the keys {sorted(map(str, state))}")
        values = decode(state["values"])
        counts = decode(state["counts"]) if "counts" in state else [1.0] * len(values)
        series = cls(values, counts, state.get("max_length", 1_000_000))
        if "totals" in state:
            series._totals = Totals(*decode(state["totals"]))
        series._widest = state.get("widest", 0)
        return series

    def __reduce__(self) -> tuple[Any, ...]:
        return HistoryBuffer.from_state_dict, (self.state_dict(self._max_length),)

    def __deepcopy__(self, memo: dict[int, Any]) -> HistoryBuffer:
        return HistoryBuffer.from_state_dict(self.state_dict(self._max_length))

    # ---- from pending to numbers ------------------------------------------------------------------------

    def settle(self) -> None:
        """Turn what is pending into numbers. Reading does it by itself; calling it bounds what waits.

        Raises:
            ArgumentError: If something was added that is no number. It is left out, the others are not.
        """
        pending = self._pending
        with self._settling:  # also when nothing waits: another thread may be reading what did
            if not pending:
                return
            items = list(pending)
            for _ in items:  # not clear(): another thread may be appending
                pending.popleft()
            try:
                self._extend(items)
            except (TypeError, ValueError, RuntimeError):
                good = [item for item in items if _defect(item) is None]
                if len(good) == len(items):  # the device failed, not a value
                    raise
                self._extend(good)
                defect = next(filter(None, map(_defect, items)))
                raise ArgumentError(f"a value must be a number or have one element, got {defect}") from None

    def _extend(self, items: list[Any]) -> None:
        """Add items, all of them or, if one is no number, none."""
        kinds = set(map(type, items))
        counts = None
        if self._counts is not None or tuple in kinds:
            counts = [float(item[1]) if type(item) is tuple else 1.0 for item in items]
            items = [item[0] if type(item) is tuple else item for item in items]
        values = list(map(float, items)) if kinds <= _NUMBERS else list(map(_number, items))
        if counts is not None:
            if self._counts is None:
                self._counts = deque([1.0] * len(self._values), self._max_length)
            self._counts.extend(counts)
        self._values.extend(values)
        self._totals.add(values, counts)

    def _settle_or_raise(self) -> None:
        self.settle()
        if not self._values:
            raise ValueError("the series is empty: add a value before asking for a statistic")

    def _window(self, window_size: int | None) -> int | None:
        """How many of the kept values the window has; ``None`` if it is longer than these and has every one."""
        self._settle_or_raise()
        kept = len(self._values)
        if window_size is None:
            return kept
        if not (type(window_size) is int and window_size > 0):
            raise ArgumentError(f"window_size must be a positive int or None, got {window_size!r}")
        if window_size >= self._totals.length:
            return kept if kept == self._totals.length else None
        if window_size > self._widest:
            self._widest = min(window_size, self._max_length)
        return min(window_size, kept)


_BUILT_IN: dict[str, Statistic] = {
    "mean": HistoryBuffer.mean,
    "max": HistoryBuffer.max,
    "min": HistoryBuffer.min,
    "current": HistoryBuffer.current,
}

_NUMBERS = {int, float}


def _ratio(total: float, count: float) -> float:
    """A mean over nothing is no number, and no reason to end a run."""
    return total / count if count else math.nan


def _extreme(pick: Callable[[list[float]], float], values: list[float]) -> float:
    """What `max` or `min` picks, wherever a NaN stands among the values."""
    return pick([value for value in values if value == value] or values)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float))


def _number(value: Any) -> float:
    """A float; a tensor is read here, and only here."""
    return float(value.item() if hasattr(value, "item") else value)


def _defect(item: Any) -> str | None:
    """What an item is instead of a value that can be added, in a few words; None if it can."""
    value, count = item if type(item) is tuple and len(item) == 2 else (item, 1)
    if isinstance(value, DeviceValue):  # it is a number, or else the device has failed
        return None
    try:
        _number(value), float(count)
    except (TypeError, ValueError, RuntimeError):
        shape = f" of shape {tuple(value.shape)}" if hasattr(value, "shape") else ""
        return f"{type(value).__name__}{shape}"
    return None


def _last(values: deque[float], length: int) -> list[float]:
    """From the right end, since the way from the left is as long as the run."""
    newest_first = list(islice(reversed(values), length))
    newest_first.reverse()
    return newest_first
