"""One configuration file as it was read: where its values are written, found without executing it.

A file is analysed when somebody asks for a line of it, never before. The positions of the bases and of the file are
merged as their values were. A value that is computed has the line of the statement that computes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..merge import DELETE
from ..node import ConfigDict
from ..origin import Origin, Path, spell_path
from ..substitute import ENVIRONMENT, tokens_in
from .position import Derived, Position

__all__ = ["Content", "Layer"]


class Layer:
    """One file: its text, its values, and the files below it. It is the trace of the nodes that were read from it."""

    __slots__ = (
        "_derived",
        "_mentions",
        "_tree",
        "bases",
        "file",
        "imported",
        "prepared",
        "suffix",
        "text",
        "tokens",
        "values",
    )

    def __init__(
        self,
        *,
        file: str,
        text: str,
        prepared: str,
        suffix: str,
        values: Mapping[Any, Any] | None = None,
        bases: tuple[Layer, ...] = (),
        imported: Mapping[int, Layer] | None = None,
        tokens: Mapping[str, str] | None = None,
    ) -> None:
        self.file = file
        self.text = text
        self.prepared = prepared
        self.suffix = suffix
        self.values = values
        self.bases = bases
        #: by line, what an import under `read_base()` reads; None for a file in the text style
        self.imported = imported
        #: the texts that stand for values of the bases, and the key paths of those
        self.tokens = tokens or {}
        self._tree: Position | None = None
        self._derived: list[Derived] = []
        self._mentions: dict[str, bool] = {}

    def tree(self) -> Position:
        """The positions of everything that the file and its bases set."""
        if self._tree is None:
            below = Position(self.file, 1)
            for base in self.bases:
                below.inside.update(base.tree().copy().inside)
            own, self._derived = self.own_positions(below)
            self._tree = own if self.values is None else laid_over(below, own, self.values)
        return self._tree

    def own_positions(self, below: Position) -> tuple[Position, list[Derived]]:
        """The positions of this file alone, and what it computes; statements that change `_base_` change `below`."""
        # imported here because most runs ask for no line
        if self.suffix == ".py":
            from .python_positions import python_positions

            imported = {line: layer.tree().copy() for line, layer in (self.imported or {}).items()}
            own, derived = python_positions(self.prepared, self.file, below, imported)
        else:
            from .data_positions import data_positions

            own = data_positions(self.prepared, self.file, self.suffix)
            mark_references(own, self.values, self.tokens)
            derived = list(own.derived((), set()))
        hows = environment_lines(self.text)
        if hows:
            mark_lines(own, self.file, hows)
        return own, derived

    def everything(self) -> Iterator[Layer]:
        """This file and all below, bases first."""
        for base in (*self.bases, *(self.imported or {}).values()):
            yield from base.everything()
        yield self

    def derived(self) -> list[Derived]:
        """What this file, without its bases, computes from what."""
        self.tree()
        return self._derived

    def mentions(self, name: str) -> bool:
        """Whether the text may compute something from the top-level name; quick, and only sure if it does not."""
        known = self._mentions.get(name)
        if known is None:
            if self.suffix == ".py":
                # anywhere but in front of an assignment or as the name of an argument
                used = re.compile(rf"{re.escape(name)}(?<!\w{re.escape(name)})(?!\w)(?! *=(?![=}}:!]))")
                known = used.search(self.prepared) is not None
            else:
                known = any(path.partition(".")[0] == name for path in self.tokens.values())
            self._mentions[name] = known
        return known

    def chain(self, path: Path) -> tuple[Origin, ...]:
        """Everything that set the value at `path`, first to last; for a computed value, what computed it."""
        position = self.tree()
        for step in path:
            deeper = position.at(step)
            if deeper is None:
                break
            position = deeper
        found: list[Origin] = []
        here: Position | None = position
        while here is not None:
            found.append(Origin(here.file, here.line, spell_path(path), here.how))
            here = here.before
        return tuple(reversed(found))

    def sets(self, key: Any) -> bool:
        """Whether the text of the files shows where this top-level key is set."""
        return self.tree().at(key) is not None

    def locate(self, path: str) -> Origin:
        """Where this very file sets the value at a written path, before it is merged."""
        position, _ = self.own_positions(Position(self.file, 1))
        for step in path.split("."):
            position = position.at(step) or position
        return Origin(self.file, position.line, path)

    def __reduce__(self) -> tuple[Any, ...]:
        return restore_layer, (self.file, self.tree())


def restore_layer(file: str, tree: Position) -> Layer:
    """A layer that has its positions but not its text."""
    layer = Layer(file=file, text="", prepared="", suffix=".py")
    layer._tree = tree
    return layer


def laid_over(below: Position | None, own: Position, value: Any) -> Position:
    """The positions of a value after it was merged over what was below."""
    inside: dict[Any, Position] = {}
    parts: Any = ()
    if isinstance(value, dict):
        replaces = bool(dict.get(value, DELETE, False))
        if below is not None and not replaces:
            inside.update(below.inside)
        parts = [pair for pair in dict.items(value) if pair[0] != DELETE]
    elif isinstance(value, (list, tuple)):
        parts = enumerate(value)
    for key, part in parts:
        mine = own.inside.get(key) or Position(own.file, own.line, how=own.how)
        inside[key] = laid_over(inside.get(key), mine, part)
    return Position(own.file, own.line, inside, before=own.before or below, how=own.how)


def mark_references(position: Position, value: Any, tokens: Mapping[str, str]) -> None:
    """Put in what the values of a data file read: those that are `{{ _base_.key.path }}`."""
    if not tokens:
        return
    if isinstance(value, str):
        position.reads = tuple(tuple(tokens[token].split(".")) for token in tokens_in(value, tokens))
    elif isinstance(value, (dict, list, tuple)):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            if key in position.inside:
                mark_references(position.inside[key], part, tokens)


def mark_lines(position: Position, file: str, hows: Mapping[int, str]) -> None:
    """Say of the values on some lines of the file how they were set."""
    if position.file == file:
        position.how = hows.get(position.line, position.how)
    for inner in position.inside.values():
        mark_lines(inner, file, hows)


def environment_lines(text: str) -> dict[int, str]:
    """The lines that an environment variable was put into, and what to say of the values there."""
    return {
        text.count("\n", 0, found.start()) + 1: f"environment variable {found['name']}"
        for found in ENVIRONMENT.finditer(text)
    }


class Content(NamedTuple):
    """What a file and its bases give: values, where they are written, the raw texts, and what was put in."""

    values: ConfigDict
    layer: Layer
    text: str
    environment: Mapping[str, str] = {}
    #: names that the file only imports
    imported: Mapping[str, Any] = {}
