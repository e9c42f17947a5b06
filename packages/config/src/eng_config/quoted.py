"""Which parts of a Python text are not code: its texts and its comments."""

from __future__ import annotations

import tokenize
from io import StringIO

__all__ = ["quoted_parts"]

#: since Python 3.12 an f-string is many tokens
OPENING = getattr(tokenize, "FSTRING_START", None)
CLOSING = getattr(tokenize, "FSTRING_END", None)
BETWEEN_STATEMENTS = frozenset({tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT})
NO_CODE = frozenset({tokenize.COMMENT, tokenize.NL})


def quoted_parts(text: str) -> list[tuple[int, int, bool]]:
    """The first position and the one after the last of every text and comment, in order, and whether it is a value.

    Comments are none, nor are texts that stand as a statement of their own. What is no Python has no parts: who
    compiles it will say why.

    >>> quoted_parts("'about'\\nx = 'a'  # b")
    [(0, 7, False), (12, 15, True), (17, 20, False)]
    """
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    parts: list[tuple[int, int, bool]] = []
    opened: list[int] = []
    before = tokenize.NEWLINE
    try:
        for kind, _, (row, column), (last_row, last_column), _ in tokenize.generate_tokens(
            StringIO(text).readline
        ):
            start, end = starts[row - 1] + column, starts[last_row - 1] + last_column
            if kind == tokenize.STRING:
                parts.append((start, end, before not in BETWEEN_STATEMENTS))
            elif kind == tokenize.COMMENT:
                parts.append((start, end, False))
            elif kind == OPENING:
                opened.append(start)
            elif kind == CLOSING:
                start = opened.pop()
                while parts and parts[-1][0] > start:  # a text within the f-string
                    parts.pop()
                parts.append((start, end, True))
            if kind not in NO_CODE:
                before = kind
    except (tokenize.TokenError, SyntaxError):
        return []
    return parts
