"""Everything that this package raises on its own account.

    CheckpointError
    ├── PlainDataError          also a TypeError: a state holds more than plain data, at a named key path
    ├── UnsafeCheckpointError   a file asks for code; it was not loaded
    ├── CorruptCheckpointError  a file is not what was written
    ├── ManifestError           a manifest is damaged or lies
    ├── NoValidCheckpoint       there are checkpoints, and none is whole
    └── StateMismatchError      also a RuntimeError: names or shapes of weights do not fit

A disk that refuses to be written raises `eng_fileio.WriteError`.
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
        self.path = path
        super().__init__(f"`{path}` holds {what}, and {may_hold or _PLAIN}. Store what it is made of instead")


class UnsafeCheckpointError(CheckpointError):
    """A file names a global that is not plain data; nothing of it has run.

    Attributes:
        name: The dotted name of that global, that it names.
    """

    def __init__(self, path: str, name: str) -> None:
        self.name = name
        super().__init__(
            f"{path} was not loaded: it asks for `{name}`, which is not plain data and could run any code. "
            "If you trust whoever wrote the file: trust=True"
        )


class CorruptCheckpointError(CheckpointError):
    """A file is not what was written.

    Attributes:
        reason: What is wrong, in a few words.
    """

    def __init__(self, path: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"{path} is damaged: {reason}")


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
        self.skipped = tuple(skipped)
        reasons = "".join(f"\n  {item.name}: {item.reason}" for item in skipped)
        super().__init__(
            f"{folder} has checkpoints, but none is whole:{reasons}\n"
            "Restore one of them, or start in an empty folder"
        )


class StateMismatchError(CheckpointError, RuntimeError):
    """Weights do not fit the module, or nothing of them does."""
