"""How many samples and tokens a batch holds, where its indices do not say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import final

import torch

from eng_dist import all_reduce, get_comm_device, get_world_size

from .aliases import Batch
from .clock import Clock

Count = Callable[[Batch], int]


@final
class BatchCounter:
    """Moves the samples and tokens of the clock by a batch.

    `count_samples` and `count_tokens` are functions of a batch on this rank; of tokens also the name of an entry of a
    batch whose elements are counted (`'input_ids'`). Without them samples are the indices of the batch, else what
    `samples_of` finds, else `batch_size`; tokens are not counted. All ranks have to read the same clock, so what is
    counted by a function is added up over them in each iteration.
    """

    def __init__(
        self, *, shares: int, batch_size: int | None, samples: Count | None, tokens: Count | str | None
    ) -> None:
        self.is_own = samples is not None or tokens is not None
        self._shares = shares
        self._batch_size = batch_size
        self._samples = samples
        self._tokens = _elements_of(tokens) if isinstance(tokens, str) else tokens

    def count(self, clock: Clock, batch: Batch, indices: Sequence[object] | None) -> None:
        """Add the samples and tokens of one batch, over all ranks."""
        if self._samples is not None:
            clock.samples += self._over_ranks(self._samples(batch))
        elif indices is not None:
            clock.samples += len(indices) * self._shares
        else:
            # ranks of a loader that is not ours may have batches of other sizes: only a size that is settled is shared
            found = samples_of(batch) if get_world_size() == 1 else None
            clock.samples += (found or self._batch_size or 1) * self._shares
        if self._tokens is not None:
            clock.tokens += self._over_ranks(self._tokens(batch))

    def _over_ranks(self, count: int) -> int:
        if self._shares == 1:
            return int(count)
        total = torch.tensor([int(count)], device=get_comm_device())
        all_reduce(total)
        return int(total) * self._shares // get_world_size()


def _elements_of(name: str) -> Count:
    def count(batch: Batch) -> int:
        if not isinstance(batch, Mapping) or name not in batch:
            known = ", ".join(map(str, batch)) if isinstance(batch, Mapping) else type(batch).__name__
            raise KeyError(f"`count_tokens` names {name!r}, which the batch does not have; it has {known}")
        return int(batch[name].numel())

    return count


def samples_of(batch: Batch) -> int | None:
    """Return how many samples a batch holds, as the usual collate functions make batches.

    A tensor or array counts by its first dimension. A tuple or list holds columns if it begins with a tensor or a
    list (then its first column counts), and samples otherwise; a mapping holds columns. None where there is nothing to
    count.

    >>> import torch
    >>> samples_of([torch.zeros(4, 2), torch.zeros(4)]), samples_of({"name": "a", "inputs": [1, 2, 3]})
    (4, 3)
    >>> samples_of([{"x": 1}, {"x": 2}])
    2
    """
    if isinstance(batch, Mapping):
        counts = map(_rows, batch.values())
        return next((count for count in counts if count is not None), None)
    if isinstance(batch, (list, tuple)) and batch:
        first = _rows(batch[0])
        return len(batch) if first is None else first
    return _rows(batch)


def _rows(column: Batch) -> int | None:
    """Return the length of a tensor, an array or a list; None for anything else."""
    shape = getattr(column, "shape", None)
    if shape is not None:
        return int(shape[0]) if len(shape) else None
    if isinstance(column, Sequence) and not isinstance(column, (str, bytes)):
        return len(column)
    return None
