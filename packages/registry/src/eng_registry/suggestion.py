"""The nearest name: one small pure function for every "did you mean".

Not `difflib`: its import alone costs more than this package may, and it is blind to swapped letters.
"""

from __future__ import annotations

from collections.abc import Iterable


def suggest(word: str, choices: Iterable[str]) -> str:
    """The words "did you mean `X`?" for the choice nearest to `word`, or "" where none is near.

    Near means: equal but for case, or at most one edit (insertion, deletion, replacement, swap of neighbours)
    for every three letters, case counted as equal.

    >>> suggest("ResNt", ["SGD", "ResNet", "VGG"])
    'did you mean `ResNet`?'
    >>> suggest("Adam", ["SGD"])
    ''
    """
    found = nearest(word, choices)
    return f"did you mean `{found}`?" if found is not None else ""


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice with the fewest edits from `word`, the alphabetically first among equals, None if all are far."""
    target = word.lower()
    limit = max(1, len(target) // 3)
    best: tuple[int, str] | None = None
    for choice in choices:
        other = choice.lower()
        if abs(len(other) - len(target)) > limit:
            continue
        candidate = (edits(target, other), choice)
        if candidate[0] <= limit and (best is None or candidate < best):
            best = candidate
    return best[1] if best else None


def edits(a: str, b: str) -> int:
    """The number of single-letter edits between two words (Damerau 1964, optimal string alignment).

    >>> edits("Adma", "Adam"), edits("lr", "lrs"), edits("same", "same")
    (1, 1, 0)
    """
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]
