"""The positions of the data formats."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ..formats import MARKS
from .position import Position

__all__ = ["json_positions", "toml_positions", "yaml_positions"]


def yaml_positions(text: str, file: str, hows: Mapping[int, str]) -> Position:
    """The positions of the first document of a YAML text that loads."""
    from ..yaml_text import Loader, MappingNode, SequenceNode  # only who reads YAML waits for PyYAML

    loader = Loader(text)

    def position(node: Any) -> Position:
        line = node.start_mark.line + 1
        inside: dict[Any, Position] = {}
        if isinstance(node, MappingNode):
            loader.flatten_mapping(node)
            inside = {loader.construct_object(key, deep=True): position(value) for key, value in node.value}
        elif isinstance(node, SequenceNode):
            inside = {step: position(part) for step, part in enumerate(node.value)}
        return lifted(Position(file, line, inside, how=hows.get(line, "file")))

    try:
        root = loader.get_single_node()
        return position(root) if root is not None else Position(file, 1)
    finally:
        loader.dispose()


def lifted(position: Position) -> Position:
    """A value that a format has no word for: the positions of what is under its mark are its own."""
    if len(position.inside) == 1:
        ((mark, inner),) = position.inside.items()
        if mark in MARKS:
            return Position(position.file, position.line, inner.inside, how=position.how)
    return position


JSON_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+)')


def json_positions(text: str, file: str, hows: Mapping[int, str]) -> Position:
    """The positions of a JSON text that loads."""
    tokens = list(JSON_TOKEN.finditer(text))
    starts = [found.start(1) for found in tokens]
    lines = line_numbers(text, starts)
    words = [found[1] for found in tokens]
    index = 0

    def position() -> Position:
        nonlocal index
        word, line = words[index], lines[index]
        index += 1
        inside: dict[Any, Position] = {}
        if word in "[{":
            closing = "]" if word == "[" else "}"
            while words[index] != closing:
                key: Any = len(inside)
                if word == "{":
                    key = json.loads(words[index])
                    index += 2
                inside[key] = position()
                index += words[index] == ","
            index += 1
        return lifted(Position(file, line, inside, how=hows.get(line, "file")))

    return position() if words else Position(file, 1)


def line_numbers(text: str, starts: list[int]) -> list[int]:
    """The line of each of these rising offsets."""
    lines, line, done = [], 1, 0
    for start in starts:
        line += text.count("\n", done, start)
        done = start
        lines.append(line)
    return lines


TOML_TOKEN = re.compile(
    r"[ \t\r]*(?:#[^\n]*)?"
    r'(\n|"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|[\[\]{},=.]'
    r"|[^\s\[\]{},=.#\"']+)",
    re.DOTALL,
)


def toml_positions(text: str, file: str, hows: Mapping[int, str]) -> Position:
    """The positions of a TOML text that loads."""
    return TomlReader(text, file, hows).read()


class TomlReader:
    """A walk over the tokens of a TOML text, one statement after the other."""

    def __init__(self, text: str, file: str, hows: Mapping[int, str]) -> None:
        tokens = list(TOML_TOKEN.finditer(text))
        self.words = [found[1] for found in tokens]
        self.lines = line_numbers(text, [found.start(1) for found in tokens])
        self.file, self.hows = file, hows
        self.index = 0

    def read(self) -> Position:
        root = table = Position(self.file, 1)
        while self.skip_newlines():
            line = self.lines[self.index]
            if self.word == "[":
                array = self.words[self.index + 1] == "["
                self.index += 2 if array else 1
                table = self.table(root, self.key(), line, array)
                self.index += 2 if array else 1
            else:
                self.assignment(table)
        return decoded(root)

    @property
    def word(self) -> str:
        return self.words[self.index] if self.index < len(self.words) else ""

    def skip_newlines(self) -> bool:
        """Go to the next token that is no line end; False at the end of the text."""
        while self.word == "\n":
            self.index += 1
        return self.index < len(self.words)

    def key(self) -> list[str]:
        """The parts of a dotted key, up to what follows it."""
        import tomllib  # as in formats.py

        parts = []
        while True:
            word = self.word
            parts.append(next(iter(tomllib.loads(f"{word} = 1"))))
            self.index += 1
            if self.word != ".":
                return parts
            self.index += 1

    def table(self, position: Position, parts: list[str], line: int, array: bool) -> Position:
        """The position of `[a.b]`, or of the new last element of `[[a.b]]`."""
        for step, part in enumerate(parts):
            fresh = part not in position.inside
            position = position.inside.setdefault(part, self.at(line))
            last = step == len(parts) - 1
            if last and array:
                position.inside[len(position.inside)] = position = self.at(line)
            elif not fresh and not last and len(position.inside) - 1 in position.inside:
                position = position.inside[len(position.inside) - 1]
        return position

    def assignment(self, position: Position) -> None:
        """`a.b = value`, up to what follows it."""
        *outer, last = self.key()
        line = self.lines[self.index]
        self.index += 1
        for part in outer:
            position = position.inside.setdefault(part, self.at(line))
        position.inside[last] = self.value()

    def value(self) -> Position:
        position = self.at(self.lines[self.index])
        opening = self.word
        self.index += 1
        if opening == "[":
            while self.skip_newlines() and self.word != "]":
                position.inside[len(position.inside)] = self.value()
                self.skip_newlines()
                self.index += self.word == ","
            self.index += 1
        elif opening == "{":
            while self.skip_newlines() and self.word != "}":
                self.assignment(position)
                self.skip_newlines()
                self.index += self.word == ","
            self.index += 1
        else:  # a number with a dot is several tokens
            while self.word not in ("\n", ",", "]", "}", ""):
                self.index += 1
        return position

    def at(self, line: int) -> Position:
        return Position(self.file, line, how=self.hows.get(line, "file"))


def decoded(position: Position) -> Position:
    """The positions with every mark lifted."""
    for key, inner in position.inside.items():
        position.inside[key] = decoded(inner)
    return lifted(position)
