"""Where the values of a file are written, as a tree: one position for each key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..origin import Path, position_of, spell_path

__all__ = ["Derived", "Position"]


class Position:
    """Where one value is written, what is inside, what it replaced, and which other values it is computed from."""

    __slots__ = ("before", "file", "how", "inside", "line", "reads")

    def __init__(
        self,
        file: str,
        line: int,
        inside: dict[Any, Position] | None = None,
        *,
        before: Position | None = None,
        how: str = "file",
        reads: tuple[Path, ...] = (),
    ) -> None:
        self.file = file
        self.line = line
        self.inside: dict[Any, Position] = {} if inside is None else inside
        self.before = before
        self.how = how
        #: the paths that the value reads, without those that the positions inside have themselves
        self.reads = reads

    def copy(self, *, reads: bool = True) -> Position:
        """Return the same positions, so that keys of the copy can be set; what was there before is shared."""
        inside = {key: inner.copy(reads=reads) for key, inner in self.inside.items()}
        mine = self.reads if reads else ()
        return Position(self.file, self.line, inside, before=self.before, how=self.how, reads=mine)

    def put(self, key: Any, position: Position) -> None:
        """Set a key inside, remembering what it replaces."""
        old = self.inside.get(key)
        if old is not None:
            new = position
            position = Position(new.file, new.line, new.inside, before=old, how=new.how, reads=new.reads)
        self.inside[key] = position

    def merge(self, key: Any, position: Position) -> None:
        """Set a key inside as merging does: a dictionary over a dictionary key by key."""
        old = self.inside.get(key)
        if old is None or not old.inside or not position.inside:
            self.put(key, position)
        else:
            for deeper, part in position.inside.items():
                old.merge(deeper, part)

    def at(self, step: Any) -> Position | None:
        """Return the position at a key, or at an index, which may be written as digits."""
        found = self.inside.get(step)
        index = position_of(step)
        return self.inside.get(index) if found is None and index is not None else found

    def all_reads(self) -> Iterator[Path]:
        """The paths that the value or anything inside reads; what a copied value read itself is left out."""
        yield from self.reads
        if not self.reads:
            for inner in self.inside.values():
                yield from inner.all_reads()

    def derived(self, path: Path, seen: set[Position]) -> Iterator[Derived]:
        """What is computed from other values in the value at `path`; `seen` are the positions that were visited."""
        if self in seen:  # the same object under another name
            return
        seen.add(self)
        yield from (Derived(path, read, self.file, self.line) for read in self.reads if read)
        for key, inner in self.inside.items():
            yield from inner.derived((*path, key), seen)


class Derived(NamedTuple):
    """A value that is computed from another one: its path, the path that it reads, and its line."""

    path: Path
    reads: Path
    file: str
    line: int

    def __str__(self) -> str:
        return f"`{spell_path(self.path)}` ({self.file}:{self.line})"
