"""The positions of a Python file, by a walk over its statements in the order in which they run.

Names stand for the same positions wherever they are used, as they stand for the same objects when the file runs, so
that a change through one name is seen through the other.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..origin import Path
from .parse import BASE, parse
from .position import Derived, Position

__all__ = ["python_positions"]

MAKERS = frozenset({"dict", "ConfigDict", "OrderedDict"})
COPIES = MAKERS | {"copy", "deepcopy", "list", "tuple"}


def python_positions(
    text: str, file: str, base: Position, imported: Mapping[int, Position] | None = None
) -> tuple[Position, list[Derived]]:
    """Return the positions of the top-level names, and what the file computes from what.

    `_base_` is `base`, and line n imports from `imported[n]`.
    """
    walk = Walk(file, {BASE: base}, imported or {})
    walk.run(parse(text, file).body)
    del walk.names[BASE]
    return Position(file, 1, walk.names), walk.derived


class Walk:
    """The names of a file and what is known of their values, statement by statement."""

    def __init__(self, file: str, names: dict[Any, Position], imported: Mapping[int, Position]) -> None:
        self.file = file
        self.names = names
        self.imported = imported
        self.derived: list[Derived] = []
        self.seen = {*base_positions(names), *base_positions(imported)}

    def at(
        self, node: ast.expr | ast.stmt, inside: dict[Any, Position] | None = None, reads: Iterable[Path] = ()
    ) -> Position:
        return Position(self.file, node.lineno, inside, reads=tuple(dict.fromkeys(reads)))

    # Statements

    def run(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            match statement:
                case ast.Assign(targets=targets, value=value):
                    position = self.value(value)
                    for target in targets:
                        self.assign(target, position)
                case ast.AnnAssign(target=target, value=ast.expr() as value):
                    self.assign(target, self.value(value))
                case ast.AugAssign(target=target, op=op, value=value):
                    old = self.known(target) or self.at(target)
                    self.assign(target, self.combined(statement, op, old, self.value(value)))
                case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr=method)) as call):
                    container = self.known(owner)
                    if container is not None:
                        self.call(container, method, call)
                case ast.Delete(targets=targets):
                    for target in targets:
                        self.delete(target)
                case ast.ImportFrom(names=aliases) if statement.lineno in self.imported:
                    self.take(aliases, self.imported[statement.lineno].inside)
                case ast.For(target=target, iter=iterable, body=body, orelse=orelse):
                    self.assign(target, self.at(statement, reads=sources(iterable)))
                    self.run([*body, *orelse])
                case ast.If(body=body, orelse=orelse) | ast.While(body=body, orelse=orelse):
                    self.run([*body, *orelse])
                case ast.With(body=body):
                    self.run(body)
                case ast.Try(body=body, orelse=orelse, finalbody=finalbody):
                    self.run([*body, *orelse, *finalbody])
                case _:
                    pass

    def take(self, aliases: Sequence[ast.alias], given: Mapping[Any, Position]) -> None:
        """Import names of a base."""
        for alias in aliases:
            if alias.name == "*":
                self.names.update(given)
            elif alias.name in given:
                self.names[alias.asname or alias.name] = given[alias.name]

    def note(self, path: Path | None, position: Position) -> None:
        """Remember what is computed from what in a value that is put at a path."""
        if path:
            self.derived += position.derived(path, self.seen)

    def assign(self, target: ast.expr, position: Position) -> None:
        self.note(path_of(target), position)
        match target:
            case ast.Name(id="_base_"):  # names the bases; `_base_` itself stays what they gave
                pass
            case ast.Name(id=name):
                self.names[name] = position
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for index, part in enumerate(targets):
                    whole = Position(self.file, position.line, reads=position.reads)
                    self.assign(part, position.inside.get(index, whole))
            case _:
                container, key = self.slot(target)
                if container is not None:
                    container.put(key, position)

    def delete(self, target: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.names.pop(target.id, None)
        container, key = self.slot(target)
        if container is not None:
            container.inside.pop(key, None)

    def call(self, container: Position, method: str, call: ast.Call) -> None:
        """Change a container as a call of one of its methods does."""
        path = path_of(call.func.value) if isinstance(call.func, ast.Attribute) else None
        following = len(container.inside)
        added: dict[Any, Position] = {}
        match method, call.args:
            case (("update" | "merge"), _):
                changes = self.pairs(call)
                self.note(path, changes)
                for key, position in changes.inside.items():
                    container.merge(key, position)
            case "append", [value, *_]:
                added = {following: self.value(value)}
            case "extend", [value, *_]:
                parts = self.value(value).inside.items()
                added = {following + index: position for index, position in parts}
            case "setdefault", [ast.Constant(value=key), default] if key not in container.inside:
                added = {key: self.value(default)}
            case "pop", [ast.Constant(value=key), *_]:
                container.inside.pop(key, None)
            case (("insert" | "sort" | "reverse" | "remove" | "pop" | "clear"), _):
                container.inside.clear()
            case _:
                pass
        for key, position in added.items():
            self.note((*path, key) if path else None, position)
            container.inside[key] = position

    # Expressions

    def slot(self, node: ast.expr) -> tuple[Position | None, Any]:
        """The container and the key in it that an item or an attribute names."""
        match node:
            case (
                ast.Subscript(value=owner, slice=ast.Constant(value=key))
                | ast.Attribute(value=owner, attr=key)
            ):
                return self.known(owner), key
        return None, None

    def known(self, node: ast.expr) -> Position | None:
        """The position that the expression names, itself and not a copy."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        container, key = self.slot(node)
        return container.inside.get(key) if container is not None else None

    def value(self, node: ast.expr) -> Position:
        """The position of the value of an expression: its line, what it reads, and what is known to be inside."""
        match node:
            case ast.Dict(keys=keys, values=values):
                return self.display(node, keys, values)
            case ast.Call(func=ast.Name(id=name)) if name in MAKERS:
                return self.pairs(node)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[only]) if name in COPIES:
                original = self.value(only)
                return self.at(node, original.copy(reads=not original.reads).inside, original.reads)
            case ast.Call(func=ast.Attribute(value=owner, attr="copy"), args=[]):
                original = self.value(owner)
                return self.at(node, dict(original.inside), original.reads)
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return self.sequence(node, parts)
            case ast.Name() | ast.Subscript() | ast.Attribute():
                found = self.known(node)
                return self.at(node, found.inside if found is not None else None, sources(node))
            case ast.BinOp(left=left, op=op, right=right):
                return self.combined(node, op, self.value(left), self.value(right))
        return self.at(node, reads=sources(node))

    def display(
        self, node: ast.expr, keys: Iterable[ast.expr | None], values: Iterable[ast.expr]
    ) -> Position:
        made = self.at(node)
        for key, value in zip(keys, values, strict=True):
            position = self.value(value)
            if isinstance(key, ast.Constant):
                made.inside[key.value] = position
            elif key is None:
                made.inside.update(position.inside)
                made.reads += position.reads
            else:
                made.reads += tuple(position.all_reads())
        return made

    def pairs(self, call: ast.Call) -> Position:
        """What `dict(...)` or `x.update(...)` with these arguments has."""
        spread = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg is None)]
        named = [keyword for keyword in call.keywords if keyword.arg is not None]
        made = self.display(call, [None] * len(spread), spread)
        made.inside.update({keyword.arg: self.value(keyword.value) for keyword in named})
        return made

    def sequence(self, node: ast.expr, parts: Sequence[ast.expr]) -> Position:
        """The positions of a list; those after a starred part of unknown length are left to the list's own."""
        made = self.at(node)
        for part in parts:
            if not isinstance(part, ast.Starred):
                made.inside[len(made.inside)] = self.value(part)
                continue
            spread = self.value(part.value)
            made.reads += spread.reads
            if not spread.inside:
                break
            for position in list(spread.inside.values()):
                made.inside[len(made.inside)] = position
        return made

    def combined(
        self, node: ast.expr | ast.stmt, op: ast.operator, left: Position, right: Position
    ) -> Position:
        """The position of `left + right` of lists and `left | right` of dictionaries; else only what it reads."""
        first, second = left.inside, right.inside
        if isinstance(op, ast.BitOr):
            return self.at(node, {**first, **second}, (*left.reads, *right.reads))
        if isinstance(op, ast.Add) and first:
            inside = {**first, **{len(first) + index: position for index, position in second.items()}}
            return self.at(node, inside, (*left.reads, *right.reads))
        return self.at(node, reads=(*left.all_reads(), *right.all_reads()))


def base_positions(roots: Mapping[Any, Position]) -> Iterator[Position]:
    """All positions of the bases, whose own files have noted what they compute."""
    for position in roots.values():
        yield position
        yield from base_positions(position.inside)


def sources(node: ast.AST) -> Iterator[Path]:
    """The paths that an expression reads, the longest of each."""
    path = path_of(node)
    if path is not None:
        yield path
        return
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.comprehension):
            yield from sources(part.iter)
        elif isinstance(part, (ast.expr, ast.keyword)):
            yield from sources(part)


def path_of(node: ast.AST) -> Path | None:
    """The key path that a name, an item or an attribute spells; `_base_` in front is left out."""
    match node:
        case ast.Name(id=name):
            return () if name == BASE else (name,)
        case ast.Subscript(value=owner, slice=ast.Constant(value=key)) | ast.Attribute(value=owner, attr=key):
            path = path_of(owner)
            return None if path is None else (*path, key)
    return None
