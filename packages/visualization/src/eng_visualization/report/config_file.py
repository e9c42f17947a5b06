"""The dumped configuration of a run as a list of settings, read without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = ["Setting", "read_settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One value of a configuration, as Python writes it, and the ``file:line`` that set it if that is known."""

    path: str
    value: str
    origin: str


def read_settings(text: str, origins: Mapping[str, str]) -> tuple[Setting, ...]:
    """Every value of a configuration that consists of assignments; none of what Python does not take for one."""
    found: dict[str, str] = {}
    try:
        for statement in ast.parse(text).body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                found.update(_leaves(statement.targets[0].id, statement.value))
    except (
        ValueError,
        SyntaxError,
        RecursionError,
        MemoryError,
    ):  # the last two by what is nested too deeply
        return ()
    return tuple(Setting(path=key, value=value, origin=_origin(key, origins)) for key, value in found.items())


def _leaves(path: str, node: ast.expr) -> Iterator[tuple[str, str]]:
    """
    >>> list(_leaves("a", ast.parse("dict(b=[1, dict(c='x')], d={})").body[0].value))
    [('a.b.0', '1'), ('a.b.1.c', "'x'"), ('a.d', '{}')]
    """
    parts: list[tuple[str, ast.expr]] = []
    match node:
        case ast.Call(func=ast.Name(id="dict"), args=[]):
            parts = [(str(keyword.arg), keyword.value) for keyword in node.keywords]
        case ast.Dict():
            parts = [
                (ast.unparse(key) if not isinstance(key, ast.Constant) else str(key.value), value)
                for key, value in zip(node.keys, node.values, strict=True)
                if key is not None
            ]
        case ast.List() | ast.Tuple():
            parts = [(str(index), item) for index, item in enumerate(node.elts)]
            if all(
                isinstance(item, ast.Constant) for item in node.elts
            ):  # a short list of values is one value
                parts = []
    if not parts:
        yield path, ast.unparse(node)
    for key, value in parts:
        yield from _leaves(f"{path}.{key}", value)


def _origin(path: str, origins: Mapping[str, str]) -> str:
    """That of the value, of its first item, or of what it is part of."""
    if path in origins:
        return origins[path]
    if f"{path}.0" in origins:
        return origins[f"{path}.0"]
    above = path.rpartition(".")[0]
    return _origin(above, origins) if above else ""
