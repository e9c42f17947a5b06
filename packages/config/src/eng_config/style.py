"""Which of the two styles a Python configuration is written in: text with `_base_`, or imports."""

from __future__ import annotations

import ast
import sys
from functools import cache

from .errors import ConfigParsingError
from .origin import Origin

__all__ = [
    "BASE",
    "is_base_assignment",
    "is_builtin_module",
    "is_import_style",
    "is_own_module",
    "is_read_base",
]

BASE = "_base_"
OWN_MODULES = ("eng_config", "mmengine.config")


def is_import_style(tree: ast.Module, file: str) -> bool:
    """Whether the file imports its bases and classes; the first statement that decides wins, outer ones first.

    Raises `ConfigParsingError` for a `with` that is not `with read_base():`.
    """
    level: list[ast.AST] = list(tree.body)
    while level:
        for node in level:
            match node:
                case ast.Assign(targets=[ast.Name(id="_base_"), *_]):
                    return False
                case ast.With():
                    if not is_read_base(node):
                        raise ConfigParsingError(
                            "the only `with` of a configuration is `with read_base():`",
                            origin=Origin(file, node.lineno),
                        )
                    return True
                case ast.ImportFrom(level=0, module=module, names=[ast.alias(name="Config")]) if module in (
                    "mmengine",
                    "eng_config",
                ):
                    pass
                case ast.ImportFrom(level=dots, module=module):
                    if dots or not is_builtin_module(module or ""):
                        return True
                case ast.Import(names=names):
                    if not all(is_builtin_module(alias.name) for alias in names):
                        return True
                case _:
                    pass
        level = [
            child
            for node in level
            if isinstance(node, ast.stmt)
            for child in ast.iter_child_nodes(node)
            if isinstance(child, (ast.stmt, ast.ExceptHandler))
        ]
    return False


def is_base_assignment(statement: ast.stmt) -> bool:
    """Whether the statement is `_base_ = ...`."""
    return (
        isinstance(statement, ast.Assign)
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Name)
        and statement.targets[0].id == BASE
    )


def is_read_base(node: ast.With) -> bool:
    """Whether the statement is `with read_base():`."""
    match node.items:
        case [ast.withitem(context_expr=ast.Call(func=ast.Name(id="read_base"), args=[], keywords=[]))]:
            return True
        case [
            ast.withitem(context_expr=ast.Call(func=ast.Attribute(attr="read_base"), args=[], keywords=[]))
        ]:
            return True
    return False


@cache
def is_builtin_module(name: str) -> bool:
    """Whether importing the module is part of the language: the standard library, and this very package.

    >>> is_builtin_module("os.path"), is_builtin_module("torch"), is_builtin_module(".base")
    (True, False, False)
    """
    return is_own_module(name) or name.partition(".")[0] in sys.stdlib_module_names


def is_own_module(name: str) -> bool:
    """Whether the module is this package, by its own name or by MMEngine's."""
    return name.startswith(OWN_MODULES)
