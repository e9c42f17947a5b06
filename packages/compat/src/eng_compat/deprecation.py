"""Old names of arguments and functions that still work for a while, and say what comes instead."""

from __future__ import annotations

import inspect
import logging
import warnings
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from eng_logging import print_log

__all__ = [
    "deprecated_api_warning",
    "deprecated_function",
]

P = ParamSpec("P")
R = TypeVar("R")


def deprecated_api_warning(
    name_dict: Mapping[str, str], cls_name: str | None = None
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """A decorator: keyword arguments arrive under their new names, with a `DeprecationWarning` for each old one.

    Raises `AssertionError` when a call has both names.

    >>> @deprecated_api_warning({"lr_mult": "factor"})
    ... def scaled(factor):
    ...     return 2 * factor
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     scaled(lr_mult=3)
    6
    """

    def decorate(function: Callable[..., R]) -> Callable[..., R]:
        shown = f"{cls_name}.{function.__name__}" if cls_name else function.__name__

        @wraps(function)
        def renamed(*args: Any, **kwargs: Any) -> R:
            for old, new in name_dict.items():
                if old not in kwargs:
                    continue
                assert new not in kwargs, (
                    f"`{shown}` was given both `{old}` and `{new}`, its new name: give only `{new}`"
                )
                text = f'"{old}" is deprecated in `{shown}`, please use "{new}" instead'
                warnings.warn(text, DeprecationWarning, stacklevel=2)
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return renamed

    return decorate


def deprecated_function(
    since: str, removed_in: str, instructions: str
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator: the function's first call logs a warning, and its documentation says so too.

    `instructions` is what to do instead, without a capital and a full stop.
    """
    end = f"will be removed in version {removed_in}."

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        name = f"{function.__module__}.{function.__name__}"
        warned: list[bool] = []

        @wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            if not warned:
                warned.append(True)
                text = f"'{name}' is deprecated in version {since} and {end} Please {instructions}."
                print_log(text, logger="current", level=logging.WARNING)
            return function(*args, **kwargs)

        note = [f".. deprecated:: {since}", f"    Deprecated and {end}", f"    Please {instructions}."]
        wrapper.__doc__ = "\n".join([*note, "", inspect.cleandoc(function.__doc__ or "")]).rstrip() + "\n"
        return wrapper

    return decorate
