"""Numbers and tables as text."""

from __future__ import annotations

from collections.abc import Sequence

_STEPS = ((1e14, 1e15, "P"), (1e11, 1e12, "T"), (1e8, 1e9, "G"), (1e5, 1e6, "M"), (1e2, 1e3, "K"))


def as_size(number: float) -> str:
    """A number of at most three decimals with a letter for its thousands, beginning at a tenth of each.

    >>> as_size(3856), as_size(130), as_size(99), as_size(25_557_032)
    ('3.856K', '0.13K', '99', '25.557M')
    """
    for least, unit, letter in _STEPS:
        if number > least:
            return f"{number / unit:.3f}".rstrip("0").rstrip(".") + letter
    return f"{number:.3f}".rstrip("0").rstrip(".")


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns of equal width under a line; the first to the left, the others to the right.

    >>> print(aligned(["name", "size"], [["a", "1"], [" a.b", "12"]]))
    name | size
    -----+-----
    a    |    1
     a.b |   12
    """
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [
        " | ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (head, *rows)
    ]
    lines.insert(1, "-+-".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)
