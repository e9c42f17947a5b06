"""The formulas: pure functions from a step to a factor.

A rule says which part of its starting value a parameter has at step k = 0, 1, ... of the schedule's active
interval. It knows no optimizer, no group and no parameter; `scheduler.py` applies any rule to any slot. A
floor, where there is one, is the scheduler's affair too: the factor then applies to what lies above the
floor.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from math import cos, pi

Rule = Callable[[int], float]
"""From the step within the active interval, from 0, to the factor on the starting value."""


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
