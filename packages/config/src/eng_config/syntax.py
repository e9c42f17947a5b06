"""Python's parser, in one thread at a time.

CPython before 3.11.8 and 3.12.2 counts the depth of a tree that it makes for all threads together, and two that meet
end with a SystemError (https://github.com/python/cpython/issues/106905). A configuration is looked at by trackers on
threads of their own, while the run goes on.
"""

from __future__ import annotations

import ast
import threading

__all__ = ["syntax_tree"]

_one_at_a_time = threading.RLock()


def syntax_tree(text: str, file: str = "<unknown>") -> ast.Module:
    """What `ast.parse` returns, or raises."""
    with _one_at_a_time:
        return ast.parse(text, file)
