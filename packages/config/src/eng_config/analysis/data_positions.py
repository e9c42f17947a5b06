"""The positions of the data formats, by their tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from ..marks import MARKS
from .position import Position

__all__ = ["data_positions"]


def data_positions(text: str, file: str, suffix: str) -> Position:
    """Return the positions of a text that loads."""
    return SCANNERS[suffix](text, file)


def yaml_positions(text: str, file: str) -> Position:
    """The positions of the first document."""
    from ..yaml_text import Loader, MappingNode, SequenceNode  # only who reads YAML waits for PyYAML

    loader = Loader(text)

    def position(node: Any) -> Position:
        made = Position(file, node.start_mark.line + 1)
        if isinstance(node, MappingNode):
            loader.flatten_mapping(node)
            made.inside = {
                loader.construct_object(key, deep=True): position(value) for key, value in node.value
            }
        elif isinstance(node, SequenceNode):
            made.inside = {step: position(part) for step, part in enumerate(node.value)}
        return unmarked(made)

    try:
        root = loader.get_single_node()
        return position(root) if root is not None else Position(file, 1)
    finally:
        loader.dispose()


def unmarked(position: Position) -> Position:
    """A value that a format has no word for: what is under its mark is inside of the value itself."""
    if len(position.inside) == 1:
        ((mark, inner),) = position.inside.items()
        if mark in MARKS:
            position.inside = inner.inside
    return position


TOKEN = re.compile(
    r"[ \t\r]*(?:#[^\n]*)?"
    r'(\n|"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|[\[\]{},=.:]'
    r"|[^\s\[\]{},=.:#\"']+)",
    re.DOTALL,
)


class Tokens:
    """A walk over the tokens of a JSON or TOML text, which have the same brackets and texts."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.words: list[str] = []
        self.lines: list[int] = []
        self.index = 0
        line, done = 1, 0
        for found in TOKEN.finditer(text + "\n"):  # so that a line end follows a comment at the end
            line += text.count("\n", done, found.start(1))
            done = found.start(1)
            self.words.append(found[1])
            self.lines.append(line)

    @property
    def word(self) -> str:
        return self.words[self.index] if self.index < len(self.words) else ""

    def at(self) -> Position:
        """The position of the current token."""
        return Position(self.file, self.lines[self.index] if self.index < len(self.lines) else 1)

    def skip_newlines(self) -> bool:
        """Go to the next token that is not a line end; False at the end of the text."""
        while self.word == "\n":
            self.index += 1
        return self.index < len(self.words)

    def items(self, closing: str) -> Any:
        """Once for each item up to the closing bracket, which is skipped."""
        self.index += 1
        while self.skip_newlines() and self.word != closing:
            yield
            self.skip_newlines()
            self.index += self.word == ","
        self.index += 1

    def value(self) -> Position:
        self.skip_newlines()
        position = self.at()
        if self.word == "[":
            for _ in self.items("]"):
                position.inside[len(position.inside)] = self.value()
        elif self.word == "{":
            for _ in self.items("}"):
                self.assignment(position)
        else:  # a number with a dot or a date is several tokens
            while self.word not in ("\n", ",", "]", "}", ""):
                self.index += 1
        return unmarked(position)

    def assignment(self, position: Position) -> None:
        """`a.b = value` or `"a": value`, up to what follows it."""
        *outer, last = self.key()
        place = self.at()
        self.skip_newlines()
        self.index += 1
        for part in outer:
            position = position.inside.setdefault(part, Position(self.file, place.line))
        position.inside[last] = self.value()

    def key(self) -> list[str]:
        """The key of JSON at the current token, up to what follows it."""
        self.index += 1
        return [json.loads(self.words[self.index - 1])]


class TomlTokens(Tokens):
    """A walk over the tokens of a TOML text, one statement after the other."""

    def document(self) -> Position:
        root = table = Position(self.file, 1)
        while self.skip_newlines():
            if self.word != "[":
                self.assignment(table)
                continue
            place = self.at()
            brackets = 2 if self.words[self.index + 1] == "[" else 1
            self.index += brackets
            table = self.table(root, self.key(), place.line, brackets == 2)
            self.index += brackets
        return without_marks(root)

    def table(self, position: Position, parts: list[str], line: int, array: bool) -> Position:
        """The position of `[a.b]`, or of the new last element of `[[a.b]]`."""
        for step, part in enumerate(parts):
            fresh = part not in position.inside
            position = position.inside.setdefault(part, Position(self.file, line))
            last = step == len(parts) - 1
            if last and array:
                position.inside[len(position.inside)] = position = Position(self.file, line)
            elif not fresh and not last and len(position.inside) - 1 in position.inside:
                position = position.inside[len(position.inside) - 1]
        return position

    def key(self) -> list[str]:
        """The parts of a dotted key, up to what follows it."""
        import tomllib  # slow to import, only who reads TOML waits for it

        start = self.index
        while self.words[self.index + 1] == ".":
            self.index += 2
        self.index += 1
        return [next(iter(tomllib.loads(f"{word} = 1"))) for word in self.words[start : self.index : 2]]


def without_marks(position: Position) -> Position:
    for inner in position.inside.values():
        without_marks(inner)
    return unmarked(position)


SCANNERS: dict[str, Callable[[str, str], Position]] = {
    ".json": lambda text, file: Tokens(text, file).value(),
    ".toml": lambda text, file: TomlTokens(text, file).document(),
    ".yaml": yaml_positions,
    ".yml": yaml_positions,
}
