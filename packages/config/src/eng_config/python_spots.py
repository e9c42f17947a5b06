"""The spots of a Python file, by reading its statements in order as if they were run.

Names stand for the same spots wherever they are used, as they stand for the same objects when the file runs, so
that a change through one name is seen through the other.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from .spot import Spot
from .syntax import syntax_tree

__all__ = ["python_spots"]

COPIES = frozenset({"copy", "deepcopy", "dict", "list", "tuple", "OrderedDict", "ConfigDict"})


def python_spots(
    text: str, file: str, hows: Mapping[int, str], base: Spot, imported: Mapping[int, Spot] | None = None
) -> Spot:
    """The spots of every top-level name; `_base_` is `base`, and imports in line n give `imported[n]`'s names."""
    reader = Reader(file, hows, {"_base_": base}, imported or {})
    reader.run(syntax_tree(text).body)
    names = reader.names
    del names["_base_"]
    return Spot(file, 1, names)


class Reader:
    """The names of a file and what is known of their values, statement by statement."""

    def __init__(
        self, file: str, hows: Mapping[int, str], names: dict[Any, Spot], imported: Mapping[int, Spot]
    ) -> None:
        self.file = file
        self.hows = hows
        self.names = names
        self.imported = imported

    def spot(self, node: ast.expr | ast.stmt, inside: dict[Any, Spot] | None = None) -> Spot:
        return Spot(self.file, node.lineno, inside, how=self.hows.get(node.lineno, "file"))

    # Statements

    def run(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            self.do(statement)

    def do(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assign(targets=targets, value=value):
                spot = self.value(value)
                for target in targets:
                    self.assign(target, spot, value)
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

    def assign(self, target: ast.expr, spot: Spot, value: ast.expr) -> None:
        match target:
            case ast.Name(id="_base_"):  # names the bases; `_base_` itself stays what they gave
                pass
            case ast.Name(id=name):
                self.names[name] = spot
            case (
                ast.Subscript(value=owner, slice=ast.Constant(value=key))
                | ast.Attribute(value=owner, attr=key)
            ):
                container = self.known(owner)
                if container is not None:
                    container.put(key, spot)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for position, part in enumerate(targets):
                    inner = spot.inside.get(position) or self.spot(value)
                    self.assign(part, inner, value)
            case _:
                pass

    def call(self, owner: ast.expr, method: str, call: ast.Call) -> None:
        container = self.known(owner)
        if container is None:
            return
        if method in ("update", "merge"):
            for key, spot in self.pairs(call).items():
                self.merge(container, key, spot)
        elif method == "append" and call.args:
            container.inside[next_position(container)] = self.value(call.args[0])
        elif method == "extend" and call.args:
            start = next_position(container)
            for position, spot in self.value(call.args[0]).inside.items():
                container.inside[start + position] = spot
        elif method == "setdefault" and len(call.args) == 2 and isinstance(call.args[0], ast.Constant):
            container.inside.setdefault(call.args[0].value, self.value(call.args[1]))
        elif method == "pop" and call.args and isinstance(call.args[0], ast.Constant):
            container.inside.pop(call.args[0].value, None)
        elif method in ("insert", "sort", "reverse", "remove", "pop", "clear"):
            container.inside.clear()

    def merge(self, container: Spot, key: Any, spot: Spot) -> None:
        old = container.inside.get(key)
        if old is None or not old.inside or not spot.inside:
            container.put(key, spot)
        else:
            for deeper, part in spot.inside.items():
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

    def known(self, node: ast.expr) -> Spot | None:
        """The spot that the expression names, itself and no copy."""
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

    def value(self, node: ast.expr) -> Spot:
        """The spot of the value of an expression: its line, and what is known to be inside."""
        match node:
            case ast.Dict(keys=keys, values=values):
                inside: dict[Any, Spot] = {}
                for key, value in zip(keys, values, strict=True):
                    if key is None:
                        inside.update(self.value(value).inside)
                    elif isinstance(key, ast.Constant):
                        inside[key.value] = self.value(value)
                return self.spot(node, inside)
            case ast.Call(func=ast.Name(id="dict" | "ConfigDict" | "OrderedDict")):
                return self.spot(node, self.pairs(node))
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[only]) if name in COPIES:
                return self.spot(node, dict(self.value(only).copy().inside))
            case ast.Call(func=ast.Attribute(value=owner, attr="copy"), args=[]):
                return self.spot(node, dict(self.value(owner).inside))
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return self.spot(node, self.positions(parts))
            case ast.Name() | ast.Subscript() | ast.Attribute():
                found = self.known(node)
                return self.spot(node, found.inside if found is not None else None)
            case ast.BinOp(left=left, op=op, right=right):
                return self.combined(node, left, op, right)
        return self.spot(node)

    def pairs(self, call: ast.Call) -> dict[Any, Spot]:
        """What `dict(...)` or `x.update(...)` with these arguments holds."""
        inside: dict[Any, Spot] = {}
        for argument in call.args:
            inside.update(self.value(argument).inside)
        for keyword in call.keywords:
            spot = self.value(keyword.value)
            if keyword.arg is None:
                inside.update(spot.inside)
            else:
                inside[keyword.arg] = spot
        return inside

    def positions(self, parts: Sequence[ast.expr]) -> dict[Any, Spot]:
        """The spots of a list; those after a starred part of unknown length are left to the list's own."""
        inside: dict[Any, Spot] = {}
        for part in parts:
            if isinstance(part, ast.Starred):
                spread = self.value(part.value).inside
                if not spread:
                    break
                for spot in list(spread.values()):
                    inside[len(inside)] = spot
            else:
                inside[len(inside)] = self.value(part)
        return inside

    def combined(self, node: ast.expr | ast.stmt, left: ast.expr, op: ast.operator, right: ast.expr) -> Spot:
        """The spot of `left + right` of lists and `left | right` of dictionaries; else only its line."""
        first, second = self.value(left).inside, self.value(right).inside
        if isinstance(op, ast.BitOr):
            return self.spot(node, {**first, **second})
        if isinstance(op, ast.Add) and first:
            return self.spot(node, {**first, **{len(first) + step: spot for step, spot in second.items()}})
        return self.spot(node)


def next_position(container: Spot) -> int:
    return len(container.inside)
