"""What a loop is: a loader, and something to run over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eng_dataset import Loader

if TYPE_CHECKING:
    from ..runner import Runner


class BaseLoop:
    """What runs: a loader, and `run()`. Subclass it and register it in LOOPS for an order of your own.

    `dataloader` is a mapping, a torch DataLoader or any iterable; the attribute is always a `Loader`. `length` is how
    many batches it has, None where that is not known.
    """

    trains = False
    """Whether the loader may shuffle, drop and pad: an evaluation sees each sample exactly once."""

    def __init__(self, runner: Runner, dataloader: Any) -> None:
        self.runner = runner
        self.dataloader: Loader = runner.as_loader(dataloader, training=self.trains)
        self.length = _length(self.dataloader)

    def run(self) -> Any:
        """Run to the end and return the result of it."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it runs: define run(self)")


def _length(loader: Loader) -> int | None:
    """Batches in a pass of this rank, None where that is not known."""
    try:
        return len(loader)
    except TypeError:
        return None
