"""Evaluating a file under overrides: whatever it computes from an overridden value follows.

After each statement the overridden values are put back in their places, as if the file said so itself.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import CodeType
from typing import Any

from ..merge import DELETE, merge_into
from ..origin import position_of
from .syntax import no_python

__all__ = ["compiled", "overlay", "run_program"]


def run_program(tree: ast.Module, file: str, names: dict[str, Any], overrides: Mapping[str, Any]) -> None:
    """Execute a trusted file; with overrides, statement by statement."""
    whole = compiled(
        tree, file
    )  # also where it is run in pieces: what cannot be compiled does not run at all
    if not overrides:
        exec(whole, names)
        return
    for statement in tree.body:
        exec(compiled(ast.Module([statement], []), file), names)
        overlay(names, overrides)


def compiled(program: ast.Module | str, file: str) -> CodeType:
    """The code of a text or of a syntax tree; `ConfigSyntaxError` with the line for what is no Python."""
    try:
        return compile(program, file, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise no_python(error, file) from error


def overlay(names: dict[Any, Any], overrides: Mapping[str, Any]) -> None:
    """Put the overridden values in, in place, wherever what they are in is there already.

    A dictionary that will be merged over one of the bases gets no keys that it does not say itself.

    >>> names = {"lr": 0.1, "model": {"depth": 50}}
    >>> overlay(names, {"lr": 0.2, "model.depth": 18, "neck.width": 3})
    >>> names
    {'lr': 0.2, 'model': {'depth': 18}}
    """
    inherited = names.get("_base_", ())
    for path, value in overrides.items():
        *outer, last = path.split(".")
        container: Any = names
        for step in outer:
            container = inner(container, step)
        position = position_of(last)
        if isinstance(container, list) and position is not None and position < len(container):
            container[position] = value
        elif isinstance(container, dict) and (last in container or (outer and outer[0] not in inherited)):
            old = dict.get(container, last)
            if isinstance(value, dict) and isinstance(old, dict) and not value.get(DELETE):
                merge_into(old, value, strict=False)
            else:
                container[last] = value


def inner(container: Any, step: str) -> Any:
    """What is at one step of a path; None where nothing is."""
    if isinstance(container, dict):
        return dict.get(container, step)
    position = position_of(step)
    if isinstance(container, list) and position is not None and position < len(container):
        return container[position]
    return None
