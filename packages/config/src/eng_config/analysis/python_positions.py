"""The positions of a Python file, by reading its statements in order as if they were run.

Names stand for the same positions wherever they are used, as they stand for the same objects when the file runs, so
that a change through one name is seen through the other.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from .position import Position
from .syntax import syntax_tree

__all__ = ["python_positions"]

COPIES = frozenset({"copy", "deepcopy", "dict", "list", "tuple", "OrderedDict", "ConfigDict"})


def python_positions(
    text: str,
    file: str,
    hows: Mapping[int, str],
    base: Position,
    imported: Mapping[int, Position] | None = None,
) -> Position:
    """The positions of every top-level name; `_base_` is `base`, and imports in line n give `imported[n]`'s names."""
    reader = Reader(file, hows, {"_base_": base}, imported or {})
    reader.run(syntax_tree(text).body)
    names = reader.names
    del names["_base_"]
    return Position(file, 1, names)


class Reader:
    """The names of a file and what is known of their values, statement by statement."""

    def __init__(
        self, file: str, hows: Mapping[int, str], names: dict[Any, Position], imported: Mapping[int, Position]
    ) -> None:
        self.file = file
        self.hows = hows
        self.names = names
        self.imported = imported

    def position(self, node: ast.expr | ast.stmt, inside: dict[Any, Position] | None = None) -> Position:
        return Position(self.file, node.lineno, inside, how=self.hows.get(node.lineno, "file"))

    # Statements

    def run(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            self.do(statement)

    def do(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assign(targets=targets, value=value):
                position = self.value(value)
                for target in targets:
                    self.assign(target, position, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self.assign(target, self.value(value), value)
            case ast.AugAssign(target=target, op=op, value=value):
                self.assign(target, self.combined(statement, target, op, value), value)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr=method)) as call):
                self.call(owner, method, call)
            case ast.Delete(targets=targets):
                for target in targets:
                    self.delete(target)
            case ast.ImportFrom(names=aliases) if statement.lineno in self.imported:
                given = self.imported[statement.lineno].inside
                for alias in aliases:
                    if alias.name == "*":
                        self.names.update(given)
                    elif alias.name in given:
                        self.names[alias.asname or alias.name] = given[alias.name]
            case ast.If() | ast.For() | ast.While():
                self.run(statement.body)
                self.run(statement.orelse)
            case ast.With(body=body):
                self.run(body)
            case ast.Try(body=body, orelse=orelse, finalbody=finalbody):
                self.run([*body, *orelse, *finalbody])
            case _:
                pass

    def assign(self, target: ast.expr, position: Position, value: ast.expr) -> None:
        match target:
            case ast.Name(id="_base_"):  # names the bases; `_base_` itself stays what they gave
                pass
            case ast.Name(id=name):
                self.names[name] = position
            case (
                ast.Subscript(value=owner, slice=ast.Constant(value=key))
                | ast.Attribute(value=owner, attr=key)
            ):
                container = self.known(owner)
                if container is not None:
                    container.put(key, position)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for index, part in enumerate(targets):
                    inner = position.inside.get(index) or self.position(value)
                    self.assign(part, inner, value)
            case _:
                pass

    def call(self, owner: ast.expr, method: str, call: ast.Call) -> None:
        container = self.known(owner)
        if container is None:
            return
        if method in ("update", "merge"):
            for key, position in self.pairs(call).items():
                self.merge(container, key, position)
        elif method == "append" and call.args:
            container.inside[next_position(container)] = self.value(call.args[0])
        elif method == "extend" and call.args:
            start = next_position(container)
            for index, position in self.value(call.args[0]).inside.items():
                container.inside[start + index] = position
        elif method == "setdefault" and len(call.args) == 2 and isinstance(call.args[0], ast.Constant):
            container.inside.setdefault(call.args[0].value, self.value(call.args[1]))
        elif method == "pop" and call.args and isinstance(call.args[0], ast.Constant):
            container.inside.pop(call.args[0].value, None)
        elif method in ("insert", "sort", "reverse", "remove", "pop", "clear"):
            container.inside.clear()

    def merge(self, container: Position, key: Any, position: Position) -> None:
        old = container.inside.get(key)
        if old is None or not old.inside or not position.inside:
            container.put(key, position)
        else:
            for deeper, part in position.inside.items():
                self.merge(old, deeper, part)

    def delete(self, target: ast.expr) -> None:
        match target:
            case ast.Name(id=name):
                self.names.pop(name, None)
            case (
                ast.Subscript(value=owner, slice=ast.Constant(value=key))
                | ast.Attribute(value=owner, attr=key)
            ):
                container = self.known(owner)
                if container is not None:
                    container.inside.pop(key, None)
            case _:
                pass

    # Expressions

    def known(self, node: ast.expr) -> Position | None:
        """The position that the expression names, itself and no copy."""
        match node:
            case ast.Name(id=name):
                return self.names.get(name)
            case (
                ast.Subscript(value=owner, slice=ast.Constant(value=key))
                | ast.Attribute(value=owner, attr=key)
            ):
                container = self.known(owner)
                return container.inside.get(key) if container is not None else None
        return None

    def value(self, node: ast.expr) -> Position:
        """The position of the value of an expression: its line, and what is known to be inside."""
        match node:
            case ast.Dict(keys=keys, values=values):
                inside: dict[Any, Position] = {}
                for key, value in zip(keys, values, strict=True):
                    if key is None:
                        inside.update(self.value(value).inside)
                    elif isinstance(key, ast.Constant):
                        inside[key.value] = self.value(value)
                return self.position(node, inside)
            case ast.Call(func=ast.Name(id="dict" | "ConfigDict" | "OrderedDict")):
                return self.position(node, self.pairs(node))
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[only]) if name in COPIES:
                return self.position(node, dict(self.value(only).copy().inside))
            case ast.Call(func=ast.Attribute(value=owner, attr="copy"), args=[]):
                return self.position(node, dict(self.value(owner).inside))
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return self.position(node, self.positions(parts))
            case ast.Name() | ast.Subscript() | ast.Attribute():
                found = self.known(node)
                return self.position(node, found.inside if found is not None else None)
            case ast.BinOp(left=left, op=op, right=right):
                return self.combined(node, left, op, right)
        return self.position(node)

    def pairs(self, call: ast.Call) -> dict[Any, Position]:
        """What `dict(...)` or `x.update(...)` with these arguments holds."""
        inside: dict[Any, Position] = {}
        for argument in call.args:
            inside.update(self.value(argument).inside)
        for keyword in call.keywords:
            position = self.value(keyword.value)
            if keyword.arg is None:
                inside.update(position.inside)
            else:
                inside[keyword.arg] = position
        return inside

    def positions(self, parts: Sequence[ast.expr]) -> dict[Any, Position]:
        """The positions of a list; those after a starred part of unknown length are left to the list's own."""
        inside: dict[Any, Position] = {}
        for part in parts:
            if isinstance(part, ast.Starred):
                spread = self.value(part.value).inside
                if not spread:
                    break
                for position in list(spread.values()):
                    inside[len(inside)] = position
            else:
                inside[len(inside)] = self.value(part)
        return inside

    def combined(
        self, node: ast.expr | ast.stmt, left: ast.expr, op: ast.operator, right: ast.expr
    ) -> Position:
        """The position of `left + right` of lists and `left | right` of dictionaries; else only its line."""
        first, second = self.value(left).inside, self.value(right).inside
        if isinstance(op, ast.BitOr):
            return self.position(node, {**first, **second})
        if isinstance(op, ast.Add) and first:
            return self.position(
                node, {**first, **{len(first) + step: position for step, position in second.items()}}
            )
        return self.position(node)


def next_position(container: Position) -> int:
    return len(container.inside)
