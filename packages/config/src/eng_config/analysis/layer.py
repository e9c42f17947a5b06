"""The lines of a configuration file at which its values stand, found without running it.

A file is analysed when somebody asks for a line of it, never before. The result is a tree of positions, one for each
key; the trees of the bases and of the file are merged as their values were. A value that is computed has the line
of the statement that computes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..merge import DELETE
from ..origin import Origin, Path, spell_path
from ..substitute import ENVIRONMENT
from .position import Position, step_into

__all__ = ["Layer"]


class Layer:
    """One file as it was read: its text, its values, and the files below it. It is the trace of its nodes."""

    __slots__ = (
        "_tree",
        "bases",
        "file",
        "imported",
        "mentions",
        "prepared",
        "reads",
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
        self.imported = imported
        #: the texts that stand for values of the bases, and the key paths of those
        self.tokens = tokens or {}
        #: what `derived.py` found out about the file, None before it was asked
        self.reads: dict[str, list[Any]] | None = None
        #: whether the text has a name where it is read, of those names that were asked for
        self.mentions: dict[str, bool] = {}
        self._tree: Position | None = None

    def tree(self) -> Position:
        """The positions of everything that the file and its bases set."""
        if self._tree is None:
            below = Position(self.file, 1)
            for base in self.bases:
                below.inside.update(base.tree().copy().inside)
            own = self.own_positions(below)
            if self.values is not None:
                own = laid_over(below, own, self.values)
            self._tree = own
        return self._tree

    def everything(self) -> Iterator[Layer]:
        """This file and all below, bases first."""
        for base in (*self.bases, *(self.imported or {}).values()):
            yield from base.everything()
        yield self

    def own_positions(self, below: Position) -> Position:
        """The positions of this file alone; statements that change `_base_` change `below`."""
        hows = environment_lines(self.text)
        if self.suffix == ".py":
            from .python_positions import (
                python_positions,
            )  # these two are for questions, which most runs never ask

            imported = {line: layer.tree().copy() for line, layer in (self.imported or {}).items()}
            return python_positions(self.prepared, self.file, hows, below, imported)
        from .data_positions import json_positions, toml_positions, yaml_positions

        scan = (
            json_positions
            if self.suffix == ".json"
            else toml_positions
            if self.suffix == ".toml"
            else yaml_positions
        )
        return scan(self.prepared, self.file, hows)

    def chain(self, path: Path) -> tuple[Origin, ...]:
        """Everything that set the value at `path`, first to last; for a computed value, what computed it."""
        position = self.tree()
        for step in path:
            deeper = step_into(position, step)
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
        """Whether the text of the files shows where this key at the top is set."""
        return step_into(self.tree(), key) is not None

    def locate(self, path: str) -> Origin:
        """Where this very file sets the value at a written path, before it is merged."""
        position = self.own_positions(Position(self.file, 1))
        for step in path.split("."):
            position = step_into(position, step) or position
        return Origin(self.file, position.line, path)

    def __reduce__(self) -> tuple[Any, ...]:
        return restore_layer, (self.file, self.tree())


def restore_layer(file: str, tree: Position) -> Layer:
    """A layer that knows its positions and has forgotten its text."""
    layer = Layer(file=file, text="", prepared="", suffix="")
    layer._tree = tree
    return layer


def laid_over(below: Position | None, own: Position, value: Any) -> Position:
    """The positions of a value after it was merged over what was below."""
    inside: dict[Any, Position] = {}
    if isinstance(value, dict):
        replaces = bool(dict.get(value, DELETE, False))
        if below is not None and not replaces:
            inside.update(below.inside)
        for key, part in dict.items(value):
            if key != DELETE:
                mine = own.inside.get(key) or Position(own.file, own.line, how=own.how)
                inside[key] = laid_over(None if replaces else inside.get(key), mine, part)
    elif isinstance(value, (list, tuple)):
        for step, part in enumerate(value):
            inside[step] = laid_over(
                None, own.inside.get(step) or Position(own.file, own.line, how=own.how), part
            )
    return Position(own.file, own.line, inside, before=own.before or below, how=own.how)


def environment_lines(text: str) -> dict[int, str]:
    """The lines that an environment variable was put into, and what to say of the values there."""
    return {
        text.count("\n", 0, found.start()) + 1: f"environment variable {found['name']}"
        for found in ENVIRONMENT.finditer(text)
    }
