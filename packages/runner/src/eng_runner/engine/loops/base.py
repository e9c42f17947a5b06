"""What a loop is: a loader, and something to run over it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

from eng_dataset import Loader

if TYPE_CHECKING:
    from ...runner import Runner


class BaseLoop:
    """What runs: a loader, and `run()`. Subclass it and register it in LOOPS for an order of your own.

    `dataloader` is a mapping, a torch DataLoader or any iterable; the attribute is always a `Loader`. `limit_batches`
    ends each pass early: after so many batches, or after that share of them if it is a float up to 1.0. `length` is
    how many batches a pass has, None where that is not known.
    """

    trains = False
    """Whether the loader may shuffle, drop and pad: an evaluation sees each sample exactly once."""

    def __init__(self, runner: Runner, dataloader: Any, *, limit_batches: float | None = None) -> None:
        self._runner = runner
        self.dataloader: Loader = runner.as_loader(dataloader, training=self.trains)
        whole = _length(self.dataloader)
        self.length = whole if limit_batches is None else _limited(whole, limit_batches)
        self.is_limited = self.length != whole

    @property
    def runner(self) -> Runner:
        """Whose loop this is."""
        return self._runner

    def run(self) -> Any:
        """Run to the end and return the result of it."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it runs: define run(self)")

    def batches(self) -> Iterable[Any]:
        """The batches from the loader's position to the end of the pass."""
        if not self.is_limited or self.length is None:
            return self.dataloader
        return islice(self.dataloader, max(0, self.length - self.dataloader.batch))


def _length(loader: Loader) -> int | None:
    """Batches in a pass of this rank, None where that is not known."""
    try:
        return len(loader)
    except TypeError:
        return None


def _limited(length: int | None, limit: int | float) -> int:
    """The smaller one of a length and a limit, which is a count or a share.

    >>> _limited(40, 10), _limited(40, 0.5), _limited(None, 10)
    (10, 20, 10)
    """
    if isinstance(limit, bool) or limit <= 0 or (isinstance(limit, float) and limit > 1):
        raise ValueError(f"`limit_batches` is a number of batches or a share up to 1.0, not {limit!r}")
    if isinstance(limit, float):
        if length is None:
            raise ValueError(f"limit_batches={limit!r} is a share, but how long the loader is is not known")
        return max(1, round(length * limit))
    return limit if length is None else min(length, limit)
