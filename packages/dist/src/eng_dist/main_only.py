"""Functions that only rank 0 runs."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from eng_dist.environment import is_main_process

P = ParamSpec("P")
R = TypeVar("R")


def master_only(func: Callable[P, R]) -> Callable[P, R | None]:
    """Run `func` on rank 0 only; elsewhere the call returns None at once.

    `func` must not enter a collective, since the others never come.

    >>> @master_only
    ... def announce(name):
    ...     '''Say hello.'''
    ...     return f'hello {name}'
    >>> announce('world')
    'hello world'
    """

    @functools.wraps(func)
    def on_main_only(*args: P.args, **kwargs: P.kwargs) -> R | None:
        return func(*args, **kwargs) if is_main_process() else None

    return on_main_only
