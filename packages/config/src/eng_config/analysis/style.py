"""Which of the two styles a Python configuration is written in: text with `_base_`, or imports."""

from __future__ import annotations

import ast
import re
import sys
from functools import cache
from typing import TypeGuard

from ..errors import ConfigParsingError
from ..origin import Origin
from .syntax import parse_python, syntax_tree

__all__ = [
    "BASE",
    "is_base_assignment",
    "is_builtin_module",
    "is_import_style",
    "is_own_module",
    "is_read_base",
    "may_be_import_style",
    "split_base",
]

BASE = "_base_"
OWN_MODULES = ("eng_config", "mmengine.config")
BASE_ASSIGNMENT = re.compile(r"\b_base_[ \t]*=(?!=)")
#: letters and lines that are parsed to find the end of `_base_ = ...`, so that no file is parsed over and over
MAX_HEAD = 5_000
MAX_BASE_LINES = 50
DECISIVE = re.compile(r"^[ \t]*(?:from|import|with)\b", re.MULTILINE)


def may_be_import_style(text: str) -> bool:
    """Whether the text must be parsed to know its style; most texts need not.

    >>> may_be_import_style("lr = 0.1"), may_be_import_style("import math")
    (False, True)
    """
    return DECISIVE.search(text) is not None


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


def split_base(text: str, file: str) -> tuple[ast.Assign | None, str]:
    """The statement that names the bases, and the text with nothing in its place; lines stay where they are.

    >>> split_base("lr = 1\\n_base_ = [\\n'a.py']\\nx = 2", "cfg.py")[1]
    'lr = 1\\n(\\n)\\nx = 2'
    """
    found = BASE_ASSIGNMENT.search(text)
    if found is None:
        return None, text
    for tree in (head(text, found.start()), None):
        for statement in (tree or parse_python(text, file)).body:
            if is_base_assignment(statement):
                return statement, without(text, statement)
    return None, text


def head(text: str, position: int) -> ast.Module | None:
    """The tree of the first lines, up to the end of the statement at a position; None where that is not near."""
    end = position
    for _ in range(MAX_BASE_LINES):
        end = text.find("\n", end + 1)
        if not 0 <= end < MAX_HEAD:
            return None
        try:
            return syntax_tree(text[:end])
        except SyntaxError:  # it goes on
            continue
        except (ValueError, RecursionError, MemoryError):
            return None
    return None


def without(text: str, statement: ast.stmt) -> str:
    """The text with an empty tuple in the place of a statement, as many lines long."""
    lines = text.encode().split(b"\n")  # the offsets of a tree count bytes
    first, last = statement.lineno - 1, (statement.end_lineno or statement.lineno) - 1
    before, after = lines[first][: statement.col_offset], lines[last][statement.end_col_offset :]
    lines[first : last + 1] = [before + b"(" + b"\n" * (last - first) + b")" + after]
    return b"\n".join(lines).decode()


def is_base_assignment(statement: ast.stmt) -> TypeGuard[ast.Assign]:
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
