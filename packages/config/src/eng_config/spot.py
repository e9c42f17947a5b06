"""One value in the text of a file: where it stands and what is inside of it."""

from __future__ import annotations

from typing import Any

__all__ = ["Spot", "step_into"]


class Spot:
    """Where a value stands, the spots inside of it, the spot whose place it took, and how it was set."""

    __slots__ = ("before", "file", "how", "inside", "line")

    def __init__(
        self,
        file: str,
        line: int,
        inside: dict[Any, Spot] | None = None,
        *,
        before: Spot | None = None,
        how: str = "file",
    ) -> None:
        self.file = file
        self.line = line
        self.inside: dict[Any, Spot] = {} if inside is None else inside
        self.before = before
        self.how = how

    def copy(self) -> Spot:
        """The same spots, so that keys of the copy may be set; what was there before is shared."""
        inside = {key: spot.copy() for key, spot in self.inside.items()}
        return Spot(self.file, self.line, inside, before=self.before, how=self.how)

    def put(self, key: Any, spot: Spot) -> None:
        """Set a key inside, remembering what it takes the place of."""
        old = self.inside.get(key)
        self.inside[key] = (
            spot if old is None else Spot(spot.file, spot.line, spot.inside, before=old, how=spot.how)
        )


def step_into(spot: Spot, step: Any) -> Spot | None:
    """The spot at a key or a position, which may be written as digits."""
    found = spot.inside.get(step)
    if found is None and isinstance(step, str) and step.isdigit():
        found = spot.inside.get(int(step))
    return found
