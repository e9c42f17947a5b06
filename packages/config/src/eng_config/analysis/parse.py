"""Python text as a syntax tree, and what its outline says: its style, and the bases that it names."""

from __future__ import annotations

import ast
import re
import sys
import threading
from functools import cache
from typing import TypeGuard

from ..errors import ConfigParsingError, ConfigSyntaxError
from ..origin import Origin

__all__ = [
    "BASE",
    "PythonText",
    "check_read_base",
    "invalid_python",
    "is_base_assignment",
    "is_builtin_module",
    "is_own_module",
    "parse",
]

BASE = "_base_"
OWN_MODULES = ("eng_config", "mmengine.config")
BASE_ASSIGNMENT = re.compile(r"\b_base_[ \t]*=(?!=)")
#: characters and lines that are parsed to find the end of `_base_ = ...`, so that no file is parsed over and over
MAX_HEAD = 5_000
MAX_BASE_LINES = 50
DECISIVE = re.compile(r"^[ \t]*(?:from|import|with)\b", re.MULTILINE)
# CPython before 3.11.8 and 3.12.2 counts the depth of the tree that it builds for all threads together, and two that
# meet end with a SystemError (https://github.com/python/cpython/issues/106905). Trackers look at a configuration in
# threads of their own while the run continues.
_one_at_a_time = threading.RLock()


def parse(text: str, file: str = "<unknown>") -> ast.Module:
    """Return the syntax tree; raises `ConfigSyntaxError` with the line for what is not Python."""
    try:
        with _one_at_a_time:
            return ast.parse(text, file)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise invalid_python(error, file) from error


def invalid_python(error: Exception, file: str) -> ConfigSyntaxError:
    """The error for text that Python's parser or compiler refuses."""
    line = getattr(error, "lineno", None) or 1
    what = getattr(error, "msg", None) or str(error)
    return ConfigSyntaxError(f"this is not Python: {what}", origin=Origin(file, line))


class PythonText:
    """One Python text, its syntax tree, and what its outline says: the style of the file and the bases that it names.

    The tree is made once, when it is needed first; most texts are read without one.
    """

    __slots__ = ("_tree", "file", "text")

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self._tree: ast.Module | None = None

    @property
    def tree(self) -> ast.Module:
        """The syntax tree; raises `ConfigSyntaxError`."""
        if self._tree is None:
            self._tree = parse(self.text, self.file)
        return self._tree

    def is_import_style(self) -> bool:
        """Whether the file imports its bases and classes; the first statement that decides wins, outer ones first.

        Raises `ConfigParsingError` for a `with` that is not `with read_base():`.

        >>> PythonText("from torch.optim import SGD", "cfg.py").is_import_style()
        True
        >>> PythonText("import math", "cfg.py").is_import_style()
        False
        """
        if DECISIVE.search(self.text) is None:  # nearly always, and without the tree
            return False
        for node in ast.walk(self.tree):
            match node:
                case ast.Assign(targets=[ast.Name(id="_base_"), *_]):
                    return False
                case ast.With():
                    check_read_base(node, self.file)
                    return True
                case ast.ImportFrom(
                    level=0, module="mmengine" | "eng_config", names=[ast.alias(name="Config")]
                ):
                    pass
                case ast.ImportFrom(level=dots, module=module) if dots or not is_builtin_module(module or ""):
                    return True
                case ast.Import(names=names) if not all(is_builtin_module(alias.name) for alias in names):
                    return True
                case _:
                    pass
        return False

    def base_assignment(self) -> ast.Assign | None:
        """The statement `_base_ = ...` at the top level."""
        found = BASE_ASSIGNMENT.search(self.text)
        if found is None:
            return None
        for tree in (self._head(found.start()), None):
            for statement in (tree or self.tree).body:
                if is_base_assignment(statement):
                    return statement
        return None

    def _head(self, position: int) -> ast.Module | None:
        """The tree of the first lines, up to the end of the statement at a position; None where that is not near."""
        end = position
        for _ in range(MAX_BASE_LINES if self._tree is None else 0):
            end = self.text.find("\n", end + 1)
            if not 0 <= end < MAX_HEAD:
                break
            try:
                return parse(self.text[:end], self.file)
            except ConfigSyntaxError:  # the statement continues on the next line
                continue
        return None

    def text_without(self, statement: ast.stmt | None) -> str:
        """The text with an empty tuple in the place of a statement, as many lines long.

        >>> text = PythonText("lr = 1\\n_base_ = [\\n'a.py']\\nx = 2", "cfg.py")
        >>> text.text_without(text.base_assignment())
        'lr = 1\\n(\\n)\\nx = 2'
        """
        if statement is None:
            return self.text
        lines = self.text.encode().split(b"\n")  # the offsets of a tree count bytes
        first, last = statement.lineno - 1, (statement.end_lineno or statement.lineno) - 1
        before, after = lines[first][: statement.col_offset], lines[last][statement.end_col_offset :]
        lines[first : last + 1] = [before + b"(" + b"\n" * (last - first) + b")" + after]
        return b"\n".join(lines).decode()

    def tree_without_base(self) -> ast.Module:
        """The tree without the statement that names the bases."""
        return ast.Module([part for part in self.tree.body if not is_base_assignment(part)], [])


def check_read_base(node: ast.With, file: str) -> None:
    """Raise `ConfigParsingError` for a `with` that is not `with read_base():`."""
    match node.items:
        case [ast.withitem(context_expr=ast.Call(func=named, args=[], keywords=[]))]:
            if getattr(named, "id", getattr(named, "attr", "")) == "read_base":
                return
    raise ConfigParsingError(
        "the only `with` of a configuration is `with read_base():`", origin=Origin(file, node.lineno)
    )


def is_base_assignment(statement: ast.stmt) -> TypeGuard[ast.Assign]:
    """Whether the statement is `_base_ = ...`."""
    match statement:
        case ast.Assign(targets=[ast.Name(id="_base_")]):
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
