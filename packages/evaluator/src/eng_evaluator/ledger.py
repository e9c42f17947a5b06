"""Which results belong to which samples: what makes it possible to count each sample exactly once.

A metric may store one result per sample, one per batch, or any number; only the loader knows which samples
a batch had. The ledger keeps both side by side, batch by batch, in eight bytes per sample; `merge` puts the
parts of all ranks together with it.
"""

import logging
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

logger = logging.getLogger(__name__)

_NOTHING = object()


def _numbers() -> "array[int]":
    return array("q")


@dataclass(slots=True)
class Ledger:
    """For each batch of one rank: the indices of its samples, and how many results there were after it."""

    indices: "array[int]" = field(default_factory=_numbers)
    samples: "array[int]" = field(default_factory=_numbers)
    results: "array[int]" = field(default_factory=_numbers)
    readable: bool = True

    def note(self, results_so_far: int, indices: Sequence[Any]) -> None:
        """Write down that the results since the last call belong to the samples `indices`.

        Indices that are no integers say nothing about the data set, so the ledger is of no use then.
        """
        try:
            self.indices.extend(indices)
        except TypeError:
            self.readable = False
        self.samples.append(len(indices))
        self.results.append(results_so_far)

    def covers(self, results: Sequence[Any]) -> bool:
        """Whether it is known of every result to which samples it belongs."""
        return self.readable and (self.results[-1] if self.results else 0) == len(results)

    def batches(self) -> Iterator[tuple[int, Sequence[int], int, int]]:
        """(position of the first sample on this rank, indices, first result, end of the results) of each batch."""
        position = start = 0
        for size, end in zip(self.samples, self.results, strict=True):
            yield position, self.indices[position : position + size], start, end
            position, start = position + size, end


@dataclass(frozen=True, slots=True)
class Part:
    """What one rank has: its results in the order in which they were stored, and their ledger."""

    results: list[Any]
    ledger: Ledger


def merge(parts: Sequence[Part], size: int, name: str) -> list[Any]:
    """The results of all ranks in the order of the samplers, without those of samples that came twice.

    Rank r of W holds the samples at the positions r, r + W, r + 2 W, ... of the order. Where every ledger is
    complete, a sample that a sampler repeated to fill up the ranks is dropped, and samples that are missing of
    `size` are reported by a warning that names the metric `name`. Without ledgers each result is taken for a
    sample, and what is beyond `size` for padding.

    >>> merge([Part(['a', 'c', 'e'], Ledger()), Part(['b', 'd', 'a'], Ledger())], 5, 'Metric')
    ['a', 'b', 'c', 'd', 'e']
    """
    known = [part for part in parts if part.ledger.samples]
    if known and all(part.ledger.covers(part.results) for part in parts):
        return _merge_known(parts, size, name)
    merged = interleave([part.results for part in parts])
    if len(parts) == 1 and len(merged) > size:
        logger.warning(
            "%s stored %d results for %d samples; as documented, only the first %d count. Store one result per sample "
            "or per batch.",
            name,
            len(merged),
            size,
            size,
        )
    return merged[:size]


def interleave(parts: Sequence[Sequence[Any]]) -> list[Any]:
    """The first of each part, the second of each, and so on; parts may end before others.

    >>> interleave([[0, None, 4], [1, 3]])
    [0, 1, None, 3, 4]
    """
    rows = zip_longest(*parts, fillvalue=_NOTHING)
    return [item for row in rows for item in row if item is not _NOTHING]


def report_coverage(ledgers: Sequence[Ledger], size: int, name: str) -> None:
    """Warn if the samples in `ledgers` are not 0..size-1, each once; for metrics that keep no results."""
    if all(ledger.readable for ledger in ledgers) and any(ledger.samples for ledger in ledgers):
        seen = [index for ledger in ledgers for index in ledger.indices]
        _warn(name, size, missing=size - len(set(seen)), twice=len(seen) - len(set(seen)))


def _merge_known(parts: Sequence[Part], size: int, name: str) -> list[Any]:
    groups = [
        (position, rank, indices, results)
        for rank, part in enumerate(parts)
        for position, indices, results in _groups(part)
    ]
    groups.sort(key=lambda group: group[:2])
    seen: set[int] = set()
    twice = 0
    merged: list[Any] = []
    for _, _, indices, results in groups:
        before = len(seen)
        seen.update(indices)
        new = len(seen) - before
        if new:
            merged += results
            twice += len(indices) - new
    _warn(name, size, missing=size - len(seen), twice=twice)
    return merged


def _groups(part: Part) -> Iterator[tuple[int, Sequence[int], Sequence[Any]]]:
    """(position of the first sample on this rank, indices, results), of single samples where that is known."""
    for position, indices, start, end in part.ledger.batches():
        results = part.results[start:end]
        if len(results) == len(indices):
            for place, (index, result) in enumerate(zip(indices, results, strict=True)):
                yield position + place, (index,), (result,)
        else:
            yield position, indices, results


def _warn(name: str, size: int, *, missing: int, twice: int) -> None:
    if missing > 0:
        logger.warning(
            "%s saw only %d of the %d samples of the data set; its numbers are for those.",
            name,
            size - missing,
            size,
        )
    if twice > 0:
        logger.warning(
            "%s counted %d samples more than once: the sampler repeats them, and one result stands for a whole batch. "
            "Let the sampler not fill up the ranks (round_up=False), or store one result per sample.",
            name,
            twice,
        )
