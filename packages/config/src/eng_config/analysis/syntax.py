"""Python's parser, in one thread at a time.

CPython before 3.11.8 and 3.12.2 counts the depth of a tree that it makes for all threads together, and two that meet
end with a SystemError (https://github.com/python/cpython/issues/106905). A configuration is looked at by trackers on
threads of their own, while the run goes on.
"""

from __future__ import annotations

import ast
import threading

from ..errors import ConfigSyntaxError
from ..origin import Origin

__all__ = ["no_python", "parse_python", "syntax_tree"]

_one_at_a_time = threading.RLock()


def syntax_tree(text: str, file: str = "<unknown>") -> ast.Module:
    """What `ast.parse` returns, or raises."""
    with _one_at_a_time:
        return ast.parse(text, file)


def parse_python(text: str, file: str) -> ast.Module:
    """The syntax tree; `ConfigSyntaxError` with the line for what is no Python."""
    try:
        return syntax_tree(text, file)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise no_python(error, file) from error


def no_python(error: Exception, file: str) -> ConfigSyntaxError:
    """What to say of a text that Python's parser or compiler refuses."""
    line = getattr(error, "lineno", None) or 1
    what = getattr(error, "msg", None) or str(error)
    return ConfigSyntaxError(f"this is not Python: {what}", origin=Origin(file, line))
