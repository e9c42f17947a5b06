"""The spots of the data formats."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from .formats import MARKS
from .spot import Spot

__all__ = ["json_spots", "toml_spots", "yaml_spots"]


def yaml_spots(text: str, file: str, hows: Mapping[int, str]) -> Spot:
    """The spots of the first document of a YAML text that loads."""
    from .yaml_text import Loader, MappingNode, SequenceNode  # only who reads YAML waits for PyYAML

    loader = Loader(text)

    def spot(node: Any) -> Spot:
        line = node.start_mark.line + 1
        inside: dict[Any, Spot] = {}
        if isinstance(node, MappingNode):
            loader.flatten_mapping(node)
            inside = {loader.construct_object(key, deep=True): spot(value) for key, value in node.value}
        elif isinstance(node, SequenceNode):
            inside = {step: spot(part) for step, part in enumerate(node.value)}
        return lifted(Spot(file, line, inside, how=hows.get(line, "file")))

    try:
        root = loader.get_single_node()
        return spot(root) if root is not None else Spot(file, 1)
    finally:
        loader.dispose()


def lifted(spot: Spot) -> Spot:
    """A value that a format has no word for: the spots of what is under its mark are its own."""
    if len(spot.inside) == 1:
        ((mark, inner),) = spot.inside.items()
        if mark in MARKS:
            return Spot(spot.file, spot.line, inner.inside, how=spot.how)
    return spot


JSON_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+)')


def json_spots(text: str, file: str, hows: Mapping[int, str]) -> Spot:
    """The spots of a JSON text that loads."""
    tokens = list(JSON_TOKEN.finditer(text))
    starts = [found.start(1) for found in tokens]
    lines = line_numbers(text, starts)
    words = [found[1] for found in tokens]
    position = 0

    def spot() -> Spot:
        nonlocal position
        word, line = words[position], lines[position]
        position += 1
        inside: dict[Any, Spot] = {}
        if word in "[{":
            closing = "]" if word == "[" else "}"
            while words[position] != closing:
                key: Any = len(inside)
                if word == "{":
                    key = json.loads(words[position])
                    position += 2
                inside[key] = spot()
                position += words[position] == ","
            position += 1
        return lifted(Spot(file, line, inside, how=hows.get(line, "file")))

    return spot() if words else Spot(file, 1)


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


def toml_spots(text: str, file: str, hows: Mapping[int, str]) -> Spot:
    """The spots of a TOML text that loads."""
    return TomlReader(text, file, hows).read()


class TomlReader:
    """A walk over the tokens of a TOML text, one statement after the other."""

    def __init__(self, text: str, file: str, hows: Mapping[int, str]) -> None:
        tokens = list(TOML_TOKEN.finditer(text))
        self.words = [found[1] for found in tokens]
        self.lines = line_numbers(text, [found.start(1) for found in tokens])
        self.file, self.hows = file, hows
        self.position = 0

    def read(self) -> Spot:
        root = table = Spot(self.file, 1)
        while self.skip_newlines():
            line = self.lines[self.position]
            if self.word == "[":
                array = self.words[self.position + 1] == "["
                self.position += 2 if array else 1
                table = self.table(root, self.key(), line, array)
                self.position += 2 if array else 1
            else:
                self.assignment(table)
        return decoded(root)

    @property
    def word(self) -> str:
        return self.words[self.position] if self.position < len(self.words) else ""

    def skip_newlines(self) -> bool:
        """Go to the next token that is no line end; False at the end of the text."""
        while self.word == "\n":
            self.position += 1
        return self.position < len(self.words)

    def key(self) -> list[str]:
        """The parts of a dotted key, up to what follows it."""
        import tomllib  # as in formats.py

        parts = []
        while True:
            word = self.word
            parts.append(next(iter(tomllib.loads(f"{word} = 1"))))
            self.position += 1
            if self.word != ".":
                return parts
            self.position += 1

    def table(self, spot: Spot, parts: list[str], line: int, array: bool) -> Spot:
        """The spot of `[a.b]`, or of the new last element of `[[a.b]]`."""
        for step, part in enumerate(parts):
            fresh = part not in spot.inside
            spot = spot.inside.setdefault(part, self.at(line))
            last = step == len(parts) - 1
            if last and array:
                spot.inside[len(spot.inside)] = spot = self.at(line)
            elif not fresh and not last and len(spot.inside) - 1 in spot.inside:
                spot = spot.inside[len(spot.inside) - 1]
        return spot

    def assignment(self, spot: Spot) -> None:
        """`a.b = value`, up to what follows it."""
        *outer, last = self.key()
        line = self.lines[self.position]
        self.position += 1
        for part in outer:
            spot = spot.inside.setdefault(part, self.at(line))
        spot.inside[last] = self.value()

    def value(self) -> Spot:
        spot = self.at(self.lines[self.position])
        opening = self.word
        self.position += 1
        if opening == "[":
            while self.skip_newlines() and self.word != "]":
                spot.inside[len(spot.inside)] = self.value()
                self.skip_newlines()
                self.position += self.word == ","
            self.position += 1
        elif opening == "{":
            while self.skip_newlines() and self.word != "}":
                self.assignment(spot)
                self.skip_newlines()
                self.position += self.word == ","
            self.position += 1
        else:  # a number with a dot is several tokens
            while self.word not in ("\n", ",", "]", "}", ""):
                self.position += 1
        return spot

    def at(self, line: int) -> Spot:
        return Spot(self.file, line, how=self.hows.get(line, "file"))


def decoded(spot: Spot) -> Spot:
    """The spots with every mark lifted."""
    for key, inner in spot.inside.items():
        spot.inside[key] = decoded(inner)
    return lifted(spot)
