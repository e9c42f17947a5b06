"""Fewer points for the same picture of a curve."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["downsample"]


def downsample(
    xs: Sequence[float], ys: Sequence[float], most: int = 1200
) -> list[tuple[float, float | None]]:
    """At most about `most` points: of each stretch the least and the largest, so that no spike is lost.

    What is not finite becomes ``None``, a gap.

    Example:
        >>> spike = [0.0] * 1000
        >>> spike[500] = 9.0
        >>> points = downsample(range(1000), spike, most=20)
        >>> len(points) <= 22, (500, 9.0) in points
        (True, True)
    """
    points = [(x, y if math.isfinite(y) else None) for x, y in zip(xs, ys, strict=True)]
    if len(points) <= most:
        return points
    size = math.ceil(len(points) / max(1, most // 2))
    kept: list[tuple[float, float | None]] = [points[0]]
    for begin in range(0, len(points), size):
        stretch = points[begin : begin + size]
        numbers = [(y, x) for x, y in stretch if y is not None]
        if not numbers:
            kept.append(stretch[0])
            continue
        extremes = {min(numbers), max(numbers)}
        kept += sorted((x, y) for y, x in extremes)
    kept.append(points[-1])
    return kept
