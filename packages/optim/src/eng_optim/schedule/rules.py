"""The formulas: pure functions from a step to a factor.

A rule says which part of its starting value a parameter has at step k = 0, 1, ... of the schedule's active
interval. It knows no optimizer, no group and no parameter; `scheduler.py` applies any rule to any slot. A
floor, where there is one, is the scheduler's affair too: the factor then applies to what lies above the
floor.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from math import cos, pi, sqrt

Rule = Callable[[int], float]
"""From the step within the active interval, from 0, to the factor on the starting value."""

Curve = Callable[[float], float]
"""A way from 0 to 1."""


def constant(k: int, *, factor: float, total: int) -> float:
    """`factor` for `total` steps, 1 from then on.

    >>> [constant(k, factor=0.5, total=2) for k in range(4)]
    [0.5, 0.5, 1.0, 1.0]
    """
    return factor if k < total else 1.0


def linear(k: int, *, start: float, end: float, total: int) -> float:
    """From `start` to `end` in a straight line over `total` steps; `start` if there is but one.

    >>> [linear(k, start=0.0, end=1.0, total=4) for k in range(5)]
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    return start + (end - start) * k / total if k else start


def step(k: int, *, gamma: float, size: int) -> float:
    """One more factor `gamma` every `size` steps.

    >>> [step(k, gamma=0.5, size=2) for k in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    return gamma ** (k // size)


def multi_step(k: int, *, gamma: float, milestones: Sequence[int]) -> float:
    """One more factor `gamma` at each of the ascending `milestones`; one that occurs twice counts twice.

    >>> [multi_step(k, gamma=0.5, milestones=[1, 3, 3]) for k in range(4)]
    [1.0, 0.5, 0.5, 0.125]
    """
    return gamma ** bisect_right(milestones, k)


def exponential(k: int, *, gamma: float) -> float:
    """One more factor `gamma` at every step.

    >>> [exponential(k, gamma=0.5) for k in range(3)]
    [1.0, 0.5, 0.25]
    """
    return gamma**k


def cosine(k: int, *, period: int) -> float:
    """Half a wave from 1 down to 0 over `period` steps, and up again after it.

    >>> [round(cosine(k, period=2), 3) for k in range(5)]
    [1.0, 0.5, 0.0, 0.5, 1.0]
    """
    return (1.0 + cos(pi * k / period)) / 2.0


def polynomial(k: int, *, power: float, total: int) -> float:
    """`(1 - k / total) ** power`, and 0 after `total` steps.

    >>> [polynomial(k, power=2, total=2) for k in range(4)]
    [1.0, 0.25, 0.0, 0.0]
    """
    return (1.0 - k / total) ** power if k < total else 0.0


def warm_up(k: int, *, start: float, total: int, then: Rule) -> float:
    """From `start` towards 1 in a straight line for `total` steps; after them `then`, which begins at its
    step 0.

    >>> [warm_up(k, start=0.0, total=2, then=lambda k: 0.5**k) for k in range(5)]
    [0.0, 0.5, 1.0, 0.5, 0.25]
    """
    return start + (1.0 - start) * k / total if k < total else then(k - total)


def inverse_sqrt(k: int, *, timescale: float) -> float:
    """`sqrt(timescale / (timescale + k))`: the decay of the original transformer.

    >>> [inverse_sqrt(k, timescale=1) for k in (0, 3, 15)]
    [1.0, 0.5, 0.25]
    """
    return sqrt(timescale / (timescale + k))


def late_decay(k: int, *, stable: int, total: int, end: float, curve: Curve) -> float:
    """1 for `stable` steps, then down along `curve` to `end`, reached at the last of `total` steps.

    >>> [late_decay(k, stable=2, total=4, end=0.0, curve=straight) for k in range(5)]
    [1.0, 1.0, 0.5, 0.0, 0.0]
    """
    if k < stable:
        return 1.0
    if k >= total - 1:
        return end
    return end + (1.0 - end) * (1.0 - curve((k - stable + 1) / (total - stable)))


def straight(x: float) -> float:
    """From 0 to 1 in a straight line."""
    return x


def half_wave(x: float) -> float:
    """From 0 to 1 along half a cosine wave.

    >>> half_wave(0.5)
    0.49999999999999994
    """
    return (1.0 - cos(pi * x)) / 2.0


def root(x: float) -> float:
    """From 0 to 1 along the square root: most of the way at the beginning.

    >>> root(0.25)
    0.5
    """
    return sqrt(x)


CURVES: dict[str, Curve] = {"cos": half_wave, "linear": straight, "sqrt": root}
"""The ways from 0 to 1 that a configuration can name."""


def one_cycle(k: int, *, knots: Sequence[tuple[float, float]], curve: Curve) -> float:
    """From knot to knot `(step, factor)` along `curve`; the first one is where the cycle begins.

    >>> [one_cycle(k, knots=[(0, 1.0), (2, 5.0), (4, 0.0)], curve=straight) for k in range(5)]
    [1.0, 3.0, 5.0, 2.5, 0.0]
    """
    last, final = knots[-1]
    if k >= last:
        return final
    until = next(i for i in range(1, len(knots)) if knots[i - 1][0] < knots[i][0] >= k)
    (start, before), (stop, after) = knots[until - 1], knots[until]
    return before + (after - before) * curve((k - start) / (stop - start))
