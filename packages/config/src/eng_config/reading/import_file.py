"""Reading configuration files in the import style: Python that imports its bases and names its classes.

    with read_base():
        from .resnet import *
    from torch.optim import SGD

    optimizer.update(type=SGD, lr=0.1)

The imports under `read_base()` read the named file, by this reader and not by Python's, so that nothing stays in
`sys.modules`. Every other import that is not of the standard library becomes a `LazyObject`.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from ..analysis.layer import Content, Layer
from ..analysis.parse import (
    PythonText,
    check_read_base,
    is_base_assignment,
    is_builtin_module,
    is_own_module,
    parse,
)
from ..errors import ConfigParsingError, UntrustedConfigError, suggest
from ..lazy import Lazy, LazyObject, reading_file
from ..node import node_of
from ..origin import Origin
from .bases import package_folder
from .source import Reading, execute, names_beside, settings

__all__ = ["read_base", "read_import_file"]


@contextmanager
def read_base() -> Iterator[None]:
    """Mark the imports of the bases of a configuration: `with read_base(): from .base import *`."""
    yield


def read_import_file(
    python: PythonText,
    reading: Reading,
    *,
    chain: tuple[str, ...] = (),
    origin: Origin | None = None,
) -> Content:
    """Read a file in the import style and its bases; `chain` are the files that led here."""
    file = python.file
    chain = reading.enter(file, chain, "", origin)
    if not reading.trusted:
        raise UntrustedConfigError(
            "this file imports, and it is not trusted; read it with `trust=True` if it is yours",
            origin=Origin(file, 1),
        )
    for statement in python.tree.body:
        if is_base_assignment(statement):
            raise ConfigParsingError(
                "this file is written in the text style, with `_base_ =`, and a file in the import style cannot take "
                "it as its base; write `with read_base():` in both, or `_base_ = ` in both",
                origin=Origin(file, statement.lineno),
            )
    rewriter = Rewriter(file)
    program = ast.fix_missing_locations(rewriter.visit(python.tree))
    bases = {}
    for statement in rewriter.bases:
        here = Origin(file, statement.lineno)
        path = base_file(statement, file)
        text = PythonText(reading.text(path, here), path)
        bases[statement.lineno] = read_import_file(text, reading, chain=chain, origin=here)
    names, imported = run(program, file, bases, rewriter.imported, reading)
    values = settings({name: names[name] for name in names if name not in imported}, beside=(Lazy,))
    layer = Layer(
        file=file,
        text=python.text,
        prepared=python.text,
        suffix=".py",
        values=values,
        imported={line: base.layer for line, base in bases.items()},
    )
    whole = "\n".join([*(base.text for base in bases.values()), f"{file}\n{python.text}"])
    return Content(
        node_of(values), layer, whole, imported={name: names[name] for name in imported if name in names}
    )


def run(
    program: ast.Module, file: str, bases: dict[int, Content], imported: set[str], reading: Reading
) -> tuple[dict[str, Any], set[str]]:
    """The names of a file after it was executed, and those of them that it only imports."""
    only_imported = set(imported)
    names: dict[str, Any] = {"__file__": file, "__name__": "__config__", "__lazy__": LazyObject}

    def take(line: int, wanted: dict[str, str]) -> None:
        base = bases[line]
        for name, own_name in (wanted or {name: name for name in (*base.values, *base.imported)}).items():
            if name in base.values:
                names[own_name] = base.values[name]
                only_imported.discard(own_name)
            elif name in base.imported:
                names[own_name] = base.imported[name]
                only_imported.add(own_name)
            else:
                raise ConfigParsingError(
                    f"the base `{base.layer.file}` has no `{name}`{suggest(name, base.values)}; "
                    f"there is: {', '.join(base.values)}",
                    origin=Origin(file, line),
                )

    names["__take__"] = take
    token = reading_file.set(True)
    try:
        execute(program, file, names, reading.overrides)
    finally:
        reading_file.reset(token)
    return names, only_imported


class Rewriter(ast.NodeTransformer):
    """Turns imports into what they mean in a configuration, and remembers the bases and the imported names."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.bases: list[ast.ImportFrom] = []
        self.imported: set[str] = set()
        self.packages: dict[str, list[str]] = {}

    def visit_With(self, node: ast.With) -> Any:
        check_read_base(node, self.file)
        return [self.base(statement) for statement in node.body]

    def base(self, statement: ast.stmt) -> ast.stmt:
        """The statement that takes the names of a base."""
        if not isinstance(statement, ast.ImportFrom):
            self.refuse(statement, "only `from ... import ...` may stand under `with read_base():`")
        self.bases.append(statement)
        everything = statement.names[0].name == "*"
        wanted = {} if everything else {alias.name: alias.asname or alias.name for alias in statement.names}
        return self.statement(statement, f"__take__({statement.lineno}, {wanted!r})")

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        module = node.module or ""
        if node.level:
            self.refuse(node, "a relative import reads a base, so it must stand under `with read_base():`")
        if node.names[0].name == "*":
            self.refuse(node, f"`from {module} import *` does not say what it imports; name every object")
        bound = [(alias.name, alias.asname or alias.name) for alias in node.names]
        self.imported.update(name for _, name in bound)
        if is_own_module(module):
            node.names = [alias for alias in node.names if alias.name != "read_base"]
            return node if node.names else None
        if is_builtin_module(module):
            return node
        return [self.lazy(node, own, module, name) for name, own in bound]

    def visit_Import(self, node: ast.Import) -> Any:
        kept, statements = [], []
        for alias in node.names:
            package = alias.name.partition(".")[0]
            own = alias.asname or package
            self.imported.add(own)
            if is_builtin_module(alias.name):
                kept.append(alias)
            elif alias.asname:
                statements.append(self.lazy(node, own, alias.name))
            else:
                modules = self.packages.setdefault(package, [])
                modules.append(alias.name)
                statements.append(self.lazy(node, own, modules))
        if kept:
            statements.append(ast.copy_location(ast.Import(names=kept), node))
        return statements

    def refuse(self, node: ast.stmt, what: str) -> NoReturn:
        raise ConfigParsingError(what, origin=Origin(self.file, node.lineno))

    def lazy(
        self, node: ast.stmt, own: str, module: str | list[str], imported: str | None = None
    ) -> ast.stmt:
        """The assignment of a `LazyObject` to a name."""
        where = f"{self.file}, line {node.lineno}"
        return self.statement(node, f"{own} = __lazy__({module!r}, {imported!r}, {where!r})")

    def statement(self, node: ast.stmt, text: str) -> ast.stmt:
        """The statement of a text, at the lines of a node."""
        (made,) = parse(text).body
        for part in ast.walk(made):
            ast.copy_location(part, node)
        return made


def base_file(statement: ast.ImportFrom, file: str) -> str:
    """The file that an import under `read_base()` names."""
    where = Origin(file, statement.lineno)
    module = statement.module
    if not module:
        raise ConfigParsingError(
            "`from . import x` names a folder; name the file: `from .x import *`", origin=where
        )
    parts = module.split(".")
    if statement.level:
        folder = os.path.dirname(file)
        for _ in range(statement.level - 1):
            folder = os.path.dirname(folder)
    else:
        if len(parts) == 1:
            raise ConfigParsingError(
                f"`{module}` is a package or a single module; name a file in a package: `from {module}.x import *`",
                origin=where,
            )
        folder = str(package_folder(parts.pop(0), where))
    path = os.path.join(folder, *parts)
    if os.path.isdir(path) and not os.path.isfile(path + ".py"):
        raise ConfigParsingError(f"the base `{path}` is a folder; name a file in it", origin=where)
    if not os.path.isfile(path + ".py"):
        near = suggest(f"{parts[-1]}.py", names_beside(path))
        raise ConfigParsingError(f"there is no base file `{path}.py`{near}", origin=where)
    return path + ".py"
