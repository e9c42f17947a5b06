"""Everything that this package raises on its own account.

    CheckpointError
    ├── PlainDataError          also a TypeError: a state holds more than plain data, at a named key path
    ├── UnsafeCheckpointError   a file asks for code; it was not loaded
    ├── CorruptCheckpointError  a file is not what was written
    ├── ManifestError           a manifest is damaged or lies
    ├── NoValidCheckpoint       there are checkpoints, and none is whole
    └── StateMismatchError      also a RuntimeError: names or shapes of weights do not fit

A disk that refuses to be written raises `eng_fileio.WriteError`. The arguments of each error are what it is made of and
not its message, so that it survives a pickle: errors travel from rank to rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_PLAIN = (
    "a checkpoint holds only tensors and plain values (numbers, text, lists, dicts), "
    "so that reading it never runs code"
)


class CheckpointError(Exception):
    """Base of this package's errors."""


class PlainDataError(CheckpointError, TypeError):
    """A state holds something that is neither a tensor nor a JSON value.

    Attributes:
        path: Where, as `optimizer.state.0.hook`.
    """

    def __init__(self, path: str, what: str, may_hold: str = "") -> None:
        super().__init__(path, what, may_hold)
        self.path = path
        self.what = what
        self.may_hold = may_hold or _PLAIN

    def __str__(self) -> str:
        return f"`{self.path}` holds {self.what}, and {self.may_hold}. Store what it is made of instead"


class UnsafeCheckpointError(CheckpointError):
    """A file names a global that is not plain data; nothing of it has run.

    Attributes:
        name: The dotted name of that global, that it names.
    """

    def __init__(self, path: str, name: str) -> None:
        super().__init__(path, name)
        self.path = path
        self.name = name

    def __str__(self) -> str:
        return (
            f"{self.path} was not loaded: it asks for `{self.name}`, which is not plain data and could run any code. "
            "If you trust whoever wrote the file: trust=True"
        )


class CorruptCheckpointError(CheckpointError):
    """A file is not what was written.

    Attributes:
        reason: What is wrong, in a few words.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path} is damaged: {self.reason}"


class ManifestError(CheckpointError):
    """A manifest cannot be read, or lists what it must not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A checkpoint that was skipped, and why."""

    name: str
    reason: str


class NoValidCheckpoint(CheckpointError):
    """A folder has checkpoints, and none of them is whole.

    Attributes:
        skipped: Each of them, with the reason.
    """

    def __init__(self, folder: str, skipped: Sequence[Skipped]) -> None:
        super().__init__(folder, skipped)
        self.folder = folder
        self.skipped = tuple(skipped)

    def __str__(self) -> str:
        reasons = "".join(f"\n  {item.name}: {item.reason}" for item in self.skipped)
        return (
            f"{self.folder} has checkpoints, but none is whole:{reasons}\n"
            "Restore one of them, or start in an empty folder"
        )


class StateMismatchError(CheckpointError, RuntimeError):
    """Weights do not fit the module, or nothing of them does."""
