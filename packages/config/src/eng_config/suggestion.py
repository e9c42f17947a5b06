"""The nearest name: one function for every "did you mean"."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["nearest", "suggest"]

#: the least similarity, of 0 to 1 as `difflib` counts it, at which one name is taken for another one mistyped
CUTOFF = 0.76


def suggest(word: str, choices: Iterable[str]) -> str:
    """Return `` (did you mean `X`?)`` for the choice most similar to `word`, or "" if none is similar enough.

    >>> suggest("optmizer", ["optimizer", "model"])
    ' (did you mean `optimizer`?)'
    """
    found = nearest(word, choices)
    return f" (did you mean `{found}`?)" if found is not None else ""


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """Return the choice most similar to `word`, or None if none is similar enough.

    Case does not count, nor does the order of the letters: swapped ones are a large part of a short name.
    """
    from difflib import get_close_matches  # imported here because only errors need it

    spelled = {choice.lower(): choice for choice in sorted(choices, reverse=True)}
    found = get_close_matches(word.lower(), spelled, n=1, cutoff=CUTOFF)
    letters = sorted(word.lower())
    found = found or [name for name in spelled if word and sorted(name) == letters]
    return spelled[found[0]] if found else None
