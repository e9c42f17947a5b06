"""A request to save a checkpoint: one frozen object from the hook that asks to the function that writes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from eng_checkpoint import BackgroundSaver

from .aliases import Settings, Value, Values

Kind = Literal["regular", "best"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveRequest:
    """What to save, and where.

    `folder` and `name` make the path. `kind` is what the list of checkpoints calls it, `metrics` what it records
    beside it. With a `saver` the file is written in the background, and `then` is called when it is safe.
    `backend_args` are those of the storage backend of `folder`.

    >>> SaveRequest(folder="runs/a", name="epoch_1.pth").path
    'runs/a/epoch_1.pth'
    """

    folder: str
    name: str
    kind: Kind = "regular"
    save_optimizer: bool = True
    save_param_scheduler: bool = True
    by_epoch: bool = True
    meta: Settings | None = None
    metrics: Mapping[str, float] | None = None
    backend_args: Values | None = None
    saver: BackgroundSaver | None = None
    then: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        if self.meta is not None and not isinstance(self.meta, dict):
            raise TypeError(
                f"`meta` should be a dict or None, not {type(self.meta).__name__}: {self.meta!r:.80}"
            )

    @property
    def path(self) -> str:
        """Where the checkpoint goes."""
        return os.path.join(self.folder, self.name)

    @property
    def is_local(self) -> bool:
        """Whether the folder is one of this file system, where a list of checkpoints is kept."""
        return self.backend_args is None and "://" not in self.folder

    def documented(self) -> Values:
        """Return the part of the request that `Runner.save_checkpoint` has documented arguments for."""
        return {
            "out_dir": self.folder,
            "filename": self.name,
            "save_optimizer": self.save_optimizer,
            "save_param_scheduler": self.save_param_scheduler,
            "meta": self.meta,
            "by_epoch": self.by_epoch,
            "backend_args": self.backend_args,
        }

    def with_changes(self, **documented: Value) -> SaveRequest:
        """Return the request with what an overridden `Runner.save_checkpoint` has changed of it."""
        return replace(self, **documented)
