"""How often something happens: `Every(500, of="step")`, or in a configuration `500`, `'500 steps'`, `'10k samples'`.

The rule is a pure function of two readings of the clock, so that a cadence needs no state of its own and means the
same after a resume. Seconds are the exception: their reading is handed in by the caller.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from time import monotonic
from typing import Literal

from .clock import Clock

Unit = Literal["epoch", "iter", "step", "sample", "second"]

_UNITS: dict[str, tuple[Unit, float]] = {
    "epoch": ("epoch", 1),
    "iter": ("iter", 1),
    "iteration": ("iter", 1),
    "batch": ("iter", 1),
    "step": ("step", 1),
    "sample": ("sample", 1),
    "s": ("second", 1),
    "sec": ("second", 1),
    "second": ("second", 1),
    "min": ("second", 60),
    "minute": ("second", 60),
    "h": ("second", 3600),
    "hour": ("second", 3600),
}
_SCALE = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
_TEXT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kKmMgG]?)\s*([a-zA-Z]+)\s*")
"""The blanks may be missing: the command line drops them from `--cfg-options train_cfg.val_interval='500 steps'`."""


class IntervalError(ValueError, TypeError):
    """A text is no interval; a TypeError too, as is documented of hooks that took only whole numbers once."""


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
        """Read the documented integer (in the unit `of`) or a text like `'2 epochs'`, `'15 min'`, `'10k samples'`.

        Raises IntervalError, a ValueError, for any other text and TypeError for any other type.
        """
        if isinstance(value, Every):
            return value
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise TypeError(
                f"an interval is an int or a text like '500 steps', not {type(value).__name__}: {value!r}"
            )
        if isinstance(value, int):
            return cls(value, of, begin)
        match = _TEXT.fullmatch(value)
        scale, unit = _scale_and_unit(match[2].lower(), match[3].lower()) if match else ("", None)
        if match is None or unit is None:
            raise IntervalError(
                f"interval {value!r} is not understood; write a number and one of epochs, iters, steps, samples, "
                "seconds, min, hours: '500 steps', '10k samples', '15 min'"
            )
        n = float(match[1]) * _SCALE[scale] * unit[1]
        return cls(int(n) if n == int(n) else n, unit[0], begin)

    def due(self, now: float, *, before: float) -> bool:
        """Whether a multiple of `n` (counted from `begin`) lies in the half-open interval `(before, now]`."""
        if self.n <= 0 or now < self.begin:
            return False
        return (now - self.begin) // self.n > (before - self.begin) // self.n


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

    def start(self, clock: Clock) -> None:
        """The run begins, or goes on, here."""
        self._began = monotonic()
        self._before = self._reading(clock)

    def due(self, clock: Clock, *, epoch_ends: bool = False) -> bool:
        """Whether a multiple of the interval was crossed since this was asked last.

        The clock counts an epoch a little after its last iteration; `epoch_ends` says that this is the last one.
        """
        before, self._before = self._before, self._reading(clock)
        if epoch_ends and self.every.of == "epoch":
            self._before += 1
        return self.every.due(self._before, before=before)

    def _reading(self, clock: Clock) -> float:
        return monotonic() - self._began if self.every.of == "second" else clock.reading(self.every.of)


def _scale_and_unit(scale: str, name: str) -> tuple[str, tuple[Unit, float] | None]:
    """What a word means; its first letter may be its own or a multiplier: `15min` is minutes, `2msamples` millions."""
    return ("", whole) if (whole := _unit(scale + name)) else (scale, _unit(name))


def _unit(name: str) -> tuple[Unit, float] | None:
    return _UNITS.get(name) or _UNITS.get(name.removesuffix("s")) or _UNITS.get(name.removesuffix("es"))
