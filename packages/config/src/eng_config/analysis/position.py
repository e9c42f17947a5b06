"""One value in the text of a file: where it stands and what is inside of it."""

from __future__ import annotations

from typing import Any

from ..origin import position_of

__all__ = ["Position", "step_into"]


class Position:
    """Where a value stands, the positions inside of it, the position whose place it took, and how it was set."""

    __slots__ = ("before", "file", "how", "inside", "line")

    def __init__(
        self,
        file: str,
        line: int,
        inside: dict[Any, Position] | None = None,
        *,
        before: Position | None = None,
        how: str = "file",
    ) -> None:
        self.file = file
        self.line = line
        self.inside: dict[Any, Position] = {} if inside is None else inside
        self.before = before
        self.how = how

    def copy(self) -> Position:
        """The same positions, so that keys of the copy may be set; what was there before is shared."""
        inside = {key: position.copy() for key, position in self.inside.items()}
        return Position(self.file, self.line, inside, before=self.before, how=self.how)

    def put(self, key: Any, position: Position) -> None:
        """Set a key inside, remembering what it takes the place of."""
        old = self.inside.get(key)
        self.inside[key] = (
            position
            if old is None
            else Position(position.file, position.line, position.inside, before=old, how=position.how)
        )


def step_into(position: Position, step: Any) -> Position | None:
    """The position at a key or a position, which may be written as digits."""
    found = position.inside.get(step)
    number = position_of(step)
    return position.inside.get(number) if found is None and number is not None else found
