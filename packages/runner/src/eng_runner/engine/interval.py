"""How often something happens: `Every(500, of="step")`, or in a configuration `500`, `'500 steps'`, `'10k samples'`.

The rule is a pure function of two readings of the clock, so that an interval needs no state of its own and means the
same after a resume. Seconds are the exception: their reading is handed in by the caller.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from math import floor
from time import monotonic
from typing import Literal

from .clock import Clock
from .length import RunLength

Unit = Literal["epoch", "iter", "step", "sample", "token", "second", "run"]

_UNITS: dict[str, tuple[Unit, float]] = {
    "epoch": ("epoch", 1),
    "ep": ("epoch", 1),
    "iter": ("iter", 1),
    "iteration": ("iter", 1),
    "it": ("iter", 1),
    "batch": ("iter", 1),
    "step": ("step", 1),
    "sample": ("sample", 1),
    "token": ("token", 1),
    "tok": ("token", 1),
    "duration": ("run", 1),
    "dur": ("run", 1),
    "s": ("second", 1),
    "sec": ("second", 1),
    "second": ("second", 1),
    "min": ("second", 60),
    "minute": ("second", 60),
    "h": ("second", 3600),
    "hour": ("second", 3600),
}
_FRACTIONAL = ("epoch", "second", "run")
"""The units of which a part has a meaning: half an epoch, half a second, a tenth of the run.

Of the others `'2.5 iters'` has one too: what is due is so after iteration 3, 5, 8, 10.
"""
_SCALE = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
_TEXT = re.compile(r"\s*(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*([kKmMgG]?)\s*([a-zA-Z]+)\s*")
"""The blanks may be missing: the command line drops them from `--cfg-options train_cfg.val_interval='500 steps'`."""
_ROUNDING = 1e-9
"""How far a sum of fractions of an epoch may be off: three tenths are not quite 0.3."""


class IntervalError(ValueError, TypeError):
    """A string is not an interval; also a TypeError, as hooks that took only whole numbers are documented to raise."""


@dataclass(frozen=True, slots=True)
class Every:
    """Every `n` of a unit, counted from `begin`; `n <= 0` is never.

    >>> Every.parse("10k samples")
    Every(n=10000, of='sample', begin=0)
    >>> Every.parse(2, of="epoch").due(4, before=3)
    True
    """

    n: float
    of: Unit = "iter"
    begin: float = 0

    @classmethod
    def parse(cls, value: int | str | Every, *, of: Unit = "iter", begin: float = 0) -> Every:
        """Read the documented integer (in the unit `of`) or a string like `'2 epochs'`, `'15 min'`, `'0.1 dur'`.

        Units are epochs (ep), iters (it), steps, samples, tokens (tok), seconds, minutes, hours, and parts of the whole
        run (dur). Raises IntervalError, a ValueError, for any other string and for a part of what has no parts, and
        TypeError for any other type.
        """
        if isinstance(value, Every):
            return value
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise TypeError(
                f"an interval is an int or a string like '500 steps', not {type(value).__name__}: {value!r}"
            )
        if isinstance(value, int):
            return cls(value, of, begin)
        match = _TEXT.fullmatch(value)
        scale, unit = _scale_and_unit(match[2].lower(), match[3].lower()) if match else ("", None)
        if match is None or unit is None:
            raise IntervalError(
                f"interval {value!r} is not understood; write a number and one of epochs, iters, steps, samples, "
                "tokens, seconds, min, hours, dur: '500 steps', '10k samples', '15 min', '0.1 dur'"
            )
        n = float(match[1]) * _SCALE[scale] * unit[1]
        if 0 < n < 1 and unit[0] not in _FRACTIONAL:
            raise IntervalError(
                f"interval {value!r}: a part of one of these has no meaning; write at least 1"
            )
        return cls(int(n) if n == int(n) else n, unit[0], begin)

    def in_run(self, length: RunLength | None) -> Every:
        """Return the same interval in iterations if it is a part of the run, else unchanged.

        Raises IntervalError if the length of the run is not known.

        >>> Every.parse("0.25 dur").in_run(RunLength(iters=40))
        Every(n=10.0, of='iter', begin=0)
        """
        if self.of != "run":
            return self
        if length is None or length.iters is None:
            raise IntervalError(f"an interval of {self.n:g} of the run needs a run whose length is known")
        return replace(self, n=self.n * length.iters, of="iter")

    @property
    def is_whole(self) -> bool:
        """Whether it is a whole number of its unit."""
        return self.n == int(self.n)

    def due(self, now: float, *, before: float) -> bool:
        """Whether a multiple of `n` (counted from `begin`) lies in the half-open interval `(before, now]`."""
        if self.n <= 0 or now < self.begin:
            return False
        return floor((now - self.begin) / self.n + _ROUNDING) > floor(
            (before - self.begin) / self.n + _ROUNDING
        )


class Cadence:
    """Follows an interval through a run, asked once an iteration.

    >>> cadence, clock = Cadence(Every(4, of="sample")), Clock()
    >>> cadence.start(clock)
    >>> due = []
    >>> for clock.samples in (3, 6, 9, 12):
    ...     due.append(cadence.due(clock))
    >>> due
    [False, True, True, True]
    """

    def __init__(self, every: Every) -> None:
        self.every = every

    def start(self, clock: Clock, length: RunLength | None = None) -> None:
        """Begin, or continue, at a reading of the clock; `length` is that of the run, for parts of it."""
        self.every = self.every.in_run(length)
        self._began = monotonic()
        self._before = self._reading(clock)

    def due(self, clock: Clock) -> bool:
        """Whether a multiple of the interval was crossed since this was asked last."""
        before, self._before = self._before, self._reading(clock)
        return self.every.due(self._before, before=before)

    def _reading(self, clock: Clock) -> float:
        unit = self.every.of
        if unit == "second" or unit == "run":
            return monotonic() - self._began
        return clock.reading(unit)


def _scale_and_unit(scale: str, name: str) -> tuple[str, tuple[Unit, float] | None]:
    """What a word means; its first letter may be its own or a multiplier: `15min` is minutes, `2msamples` millions."""
    return ("", whole) if (whole := _unit(scale + name)) else (scale, _unit(name))


def _unit(name: str) -> tuple[Unit, float] | None:
    return _UNITS.get(name) or _UNITS.get(name.removesuffix("s")) or _UNITS.get(name.removesuffix("es"))
