"""Which file and line set a value.

A node of a configuration has a `Place`: the trace of the files it was read from, its path in them, and what was
set on it since. Looking for lines is work, so nothing is looked for before somebody asks (`lines.py` does it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import FrameType
from typing import Any, NamedTuple, Protocol

__all__ = [
    "COMMAND_LINE",
    "Fixed",
    "Origin",
    "Place",
    "Trace",
    "caller_origin",
    "join_path",
    "position_of",
    "spell_path",
    "split_path",
]

COMMAND_LINE = "<command line>"
#: of a position in a list; Python refuses to convert thousands of them
MAX_DIGITS = 18

Path = tuple[Any, ...]


class Origin(NamedTuple):
    """The place that set the value at `path`: a file and a line counted from 1, and how it was set.

    >>> print(Origin("configs/base.py", 12, "optimizer.lr"))
    configs/base.py:12
    """

    file: str
    line: int
    path: str = ""
    how: str = "file"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


def join_path(path: str, key: Any) -> str:
    """The path one step further down: `a.b` and `c`, `a.b` and `0`.

    >>> join_path("model.stages", 0), join_path("", "model")
    ('model.stages.0', 'model')
    """
    return f"{path}.{key}" if path else str(key)


def spell_path(path: Iterable[Any]) -> str:
    """A path as overrides write it: `model.stages.0.width`."""
    return ".".join(map(str, path))


def split_path(path: str) -> Path:
    """The steps of a written path; digits are positions in lists, and `stages[0]` may be written too.

    >>> split_path("model.stages[0].width")
    ('model', 'stages', '0', 'width')
    """
    return tuple(part for part in path.replace("[", ".").replace("]", "").split(".") if part)


def position_of(step: Any) -> int | None:
    """Return the position in a list that one step of a path means: a whole number, or its digits; None for a key.

    >>> position_of("12"), position_of(3), position_of("x"), position_of("-1")
    (12, 3, None, None)
    """
    digits = str(step)
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < MAX_DIGITS else None


class Trace(Protocol):
    """What knows the origins of a tree of values."""

    def chain(self, path: Path) -> tuple[Origin, ...]:
        """Everything that set the value at `path`, first to last; empty when nothing is known."""

    def sets(self, key: Any) -> bool:
        """Whether a place is known that sets this key at the top; of one that has none, `chain` only tells the file."""


class Fixed(NamedTuple):
    """The trace of values that were all set at one place."""

    origin: Origin

    def chain(self, path: Path) -> tuple[Origin, ...]:
        return (self.origin._replace(path=spell_path(path)),)

    def sets(self, key: Any) -> bool:
        return True


class Place:
    """Where a node stands in the trace of its configuration, and what was set on it since it was read."""

    __slots__ = ("edits", "path", "trace")

    def __init__(
        self, trace: Trace, path: Path, edits: Mapping[Path, tuple[Origin, ...]] | None = None
    ) -> None:
        self.trace = trace
        self.path = path
        self.edits: dict[Path, tuple[Origin, ...]] = dict(edits) if edits else {}

    def copy(self) -> Place:
        return Place(self.trace, self.path, self.edits)

    def chain(self, *steps: Any) -> tuple[Origin, ...]:
        """Everything that set the value that many steps below this node, or the node itself, first to last."""
        edits: tuple[Origin, ...] = ()
        for count in range(1, len(steps) + 1):
            edits += self.edits.get(steps[:count], ())
        whole = (*self.path, *steps)
        if edits and not self.trace.sets(whole[0]):  # new since the file was read
            return edits
        return self.trace.chain(whole) + edits

    def find(self, *steps: Any) -> Origin | None:
        chain = self.chain(*steps)
        return chain[-1] if chain else None

    def record(self, steps: Path, origin: Origin) -> None:
        """Remember that the value at `steps` was set at `origin`, after everything else and whole."""
        edits = self.edits
        if not edits:
            edits[steps] = (origin,)
            return
        for inner in [other for other in edits if other[: len(steps)] == steps != other]:
            del edits[inner]
        edits[steps] = (*edits.get(steps, ()), origin)

    def record_caller(self, key: Any, frame: FrameType | None) -> Origin:
        """Remember that the first code outside of this package, from `frame` outwards, set `key`."""
        origin = caller_origin(frame)(spell_path((*self.path, key)))
        self.record((key,), origin)
        return origin

    def __getstate__(self) -> tuple[Any, ...]:
        return self.trace, self.path, self.edits

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.trace, self.path, self.edits = state


def caller_origin(frame: FrameType | None) -> Callable[[str], Origin]:
    """The origin, for any path, at the first code outside of this package from `frame` outwards."""
    while frame is not None and frame.f_back is not None and is_ours(frame):
        frame = frame.f_back
    file, line = ("<unknown>", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)
    make = Origin._make
    return lambda path: make((file, line, path, "code"))


def is_ours(frame: FrameType) -> bool:
    """Whether the frame runs code of this package."""
    return str(frame.f_globals.get("__name__", "")).startswith("eng_config.")
