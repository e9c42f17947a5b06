"""Which values of a file were computed from which others, found by reading its text.

An override changes one value; what the file had computed from it before stays as it was. Here is told which values
those are, so that it can be said, or the file evaluated again (`recompute.py`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ..node import ConfigDict
from ..origin import Path, spell_path
from ..substitute import tokens_in
from .layer import Layer
from .syntax import syntax_tree

__all__ = ["Derived", "derived_from", "names_read", "read_of", "sources_of"]


class Derived(NamedTuple):
    """A value that reads another one: its path, the path that it reads, and its line."""

    path: Path
    reads: Path
    file: str
    line: int

    def __str__(self) -> str:
        return f"`{spell_path(self.path)}` ({self.file}:{self.line})"


def derived_from(root: ConfigDict, path: Path) -> list[Derived]:
    """The values that were computed from the one at `path`, directly or through others."""
    tables = [reads_of(layer) for layer in layers(root)]
    found: dict[Path, Derived] = {}
    waiting = [path]
    while waiting:
        source = waiting.pop()
        for table in tables:
            for one in table.get(str(source[0]), ()):
                if meets(one.reads, source) and not meets(one.path, path) and one.path not in found:
                    found[one.path] = one
                    waiting.append(one.path)
    return sorted(found.values(), key=lambda one: (one.file, one.line))


def sources_of(root: ConfigDict, path: Path) -> list[Path]:
    """The paths that the value at `path` was computed from, nearest first, through others too."""
    every = [one for layer in layers(root) for parts in reads_of(layer).values() for one in parts]
    found: list[Path] = [path]
    for target in found:  # which grows meanwhile
        steps = tuple(map(str, target))
        found += dict.fromkeys(
            one.reads for one in every if tuple(map(str, one.path)) == steps and one.reads not in found
        )
    return found[1:]


def read_of(root: ConfigDict, names: Iterable[str]) -> set[str]:
    """Those of the top-level names that a file may compute something from: quick, and sure only of the others."""
    files = list(layers(root))
    return {name for name in names for layer in files if mentions(layer, name)}


def mentions(layer: Layer, name: str) -> bool:
    known = layer.mentions.get(name)
    if known is None:
        if layer.suffix == ".py":
            known = is_mentioned(layer.prepared, name)
        else:
            known = any(path.partition(".")[0] == name for path in layer.tokens.values())
        layer.mentions[name] = known
    return known


def is_mentioned(text: str, name: str) -> bool:
    """Whether Python text has a name anywhere but in front of an assignment or as the name of an argument.

    >>> is_mentioned("lr = 0.1\\nmodel = dict(lr=1)", "lr"), is_mentioned("lr = 0.1\\nwarm = lr / 10", "lr")
    (False, True)
    """
    start = text.find(name)
    while start >= 0:
        end = start + len(name)
        after = text[end : end + 8].lstrip(" ")
        is_part = is_letter(text[start - 1 : start]) or is_letter(text[end : end + 1])
        is_set = after[:1] == "=" and after[1:2] not in (
            "=",
            "}",
            ":",
            "!",
        )  # those compare, or are in f"{name=}"
        if not is_part and not is_set:
            return True
        start = text.find(name, end)
    return False


def is_letter(character: str) -> bool:
    return character.isalnum() or character == "_"


def names_read(root: ConfigDict) -> set[str]:
    """The top-level names that some expression of the files reads."""
    return {name for layer in layers(root) for name in reads_of(layer)}


def meets(one: Path, other: Path) -> bool:
    """Whether one path leads to the other or into it."""
    shorter = min(len(one), len(other))
    return tuple(map(str, one[:shorter])) == tuple(map(str, other[:shorter]))


def layers(root: ConfigDict) -> Iterator[Layer]:
    """The files that a configuration was read from, bases first."""
    trace = root._place.trace if root._place is not None else None
    if isinstance(trace, Layer):
        yield from trace.everything()


def reads_of(layer: Layer) -> dict[str, list[Derived]]:
    """Every value of a Python file that reads another one, by the top-level name that it reads."""
    if layer.reads is None:
        layer.reads = {}
        for one in find_reads(layer):
            if one.reads and one.path:
                layer.reads.setdefault(str(one.reads[0]), []).append(one)
    return layer.reads


def find_reads(layer: Layer) -> Iterator[Derived]:
    if layer.suffix != ".py":
        yield from references((), layer.values or {}, layer)
        return
    for statement in ast.walk(syntax_tree(layer.prepared)):
        match statement:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from assigned(target, value, layer)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                yield from assigned(target, value, layer)
            case ast.AugAssign(target=target, value=value):
                yield from assigned(target, value, layer)
            case ast.Call(func=ast.Attribute(value=owner, attr="update" | "merge")):
                path = path_of(owner)
                if path is not None:
                    yield from inside_call(path, statement, layer)
            case _:
                pass


def references(path: Path, value: Any, layer: Layer) -> Iterator[Derived]:
    """The values of a data file that are `{{ _base_.key.path }}`."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from references((*path, key), part, layer)
    elif isinstance(value, (list, tuple)):
        for position, part in enumerate(value):
            yield from references((*path, position), part, layer)
    elif isinstance(value, str):
        for token in tokens_in(value, layer.tokens):
            line = layer.locate(spell_path(path)).line
            yield Derived(path, tuple(layer.tokens[token].split(".")), layer.file, line)


def assigned(target: ast.expr, value: ast.expr, layer: Layer) -> Iterator[Derived]:
    path = path_of(target)
    if path is not None:
        yield from inside(path, value, layer)
    elif isinstance(target, (ast.Tuple, ast.List)):
        for part in target.elts:
            yield from assigned(part, value, layer)


def inside(path: Path, value: ast.expr, layer: Layer) -> Iterator[Derived]:
    """The values in an expression that is put at `path`, each with what it reads."""
    match value:
        case ast.Dict(keys=keys, values=values):
            for key, part in zip(keys, values, strict=True):
                deeper = (*path, key.value) if isinstance(key, ast.Constant) else path
                yield from inside(deeper, part, layer)
        case ast.Call(func=ast.Name(id="dict" | "ConfigDict")):
            yield from inside_call(path, value, layer)
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            for position, part in enumerate(parts):
                yield from inside((*path, position), part, layer)
        case _:
            for source in sources(value, layer):
                yield Derived(path, source, layer.file, value.lineno)


def inside_call(path: Path, call: ast.Call, layer: Layer) -> Iterator[Derived]:
    for argument in call.args:
        yield from inside(path, argument, layer)
    for keyword in call.keywords:
        yield from inside((*path, keyword.arg) if keyword.arg else path, keyword.value, layer)


def sources(value: ast.expr, layer: Layer) -> Iterator[Path]:
    """The paths that an expression reads, the longest of each."""
    path = path_of(value)
    if path is not None:
        yield path
        return
    for part in ast.iter_child_nodes(value):
        if isinstance(part, ast.expr):
            yield from sources(part, layer)
        elif isinstance(part, (ast.comprehension, ast.keyword)):
            yield from sources(part.iter if isinstance(part, ast.comprehension) else part.value, layer)


def path_of(node: ast.expr) -> Path | None:
    """The key path that a name, an item or an attribute spells; `_base_` in front is left out."""
    match node:
        case ast.Name(id="_base_"):
            return ()
        case ast.Name(id=name):
            return (name,)
        case ast.Subscript(value=owner, slice=ast.Constant(value=key)) | ast.Attribute(value=owner, attr=key):
            path = path_of(owner)
            return None if path is None else (*path, key)
    return None
