"""Which samples make up which batch: the orders that the loader gives to those who read.

This takes the place of torch's batch sampler. An order says all that a reader needs to know, so it makes no
difference which worker gets it: the key of the epoch's randomness, the indices, and how often each was drawn
before where a sampler repeats samples.
"""

from collections.abc import Iterable, Iterator, Sized
from itertools import islice, repeat, takewhile, tee
from operator import itemgetter
from typing import Any, TypeAlias, cast

import torch

from eng_dataset.randomness import epoch_key
from eng_dataset.samplers import InfiniteSampler, SeekableSampler

#: where torch's own samplers are
TORCH_SAMPLERS = "torch.utils.data.sampler"

#: (epoch key, indices, earlier draws of each index or None if there are none)
Order: TypeAlias = tuple[int, tuple[Any, ...], tuple[int, ...] | None]


class BatchStream:
    """Orders from `sampler` in batches of `batch_size`, or those of a `batch_sampler` of one's own.

    `batch_size` None gives single samples, as in torch. `start` says where the next iteration begins;
    `pending` gives the indices of the orders that torch takes, in the same order; `drawn_from` is the state that
    the user's own generator of the order had at the start, None without one.
    """

    def __init__(
        self,
        sampler: Iterable[Any],
        *,
        batch_size: int | None,
        drop_last: bool = False,
        batch_sampler: Iterable[Any] | None = None,
        world_size: int = 1,
    ) -> None:
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.world_size = world_size
        self.pending: Iterator[tuple[Any, ...]] = iter(())
        self.drawn_from: torch.Tensor | None = None
        self._generator: torch.Generator | None = None
        self._key = 0
        self._batch = 0
        self._taken = 0

    @property
    def stride(self) -> int:
        """How many samples all ranks together take in one batch."""
        return (self.batch_size or 1) * self.world_size

    @property
    def seekable(self) -> bool:
        """Whether a position in the epoch can be given as a number of samples taken by all ranks."""
        return self.batch_sampler is None and isinstance(self.sampler, SeekableSampler)

    @property
    def endless(self) -> bool:
        """Whether there is no end of batches."""
        return self.batch_sampler is None and isinstance(self.sampler, InfiniteSampler)

    def start(self, *, seed: int, epoch: int, batch: int, taken: int) -> None:
        """Begin the next iteration of `epoch` behind `batch` batches of this rank, `taken` samples of all."""
        set_epoch(epoch, self.sampler, self.batch_sampler)
        self.pending = iter(())
        self._key, self._batch, self._taken = epoch_key(seed, epoch), batch, taken
        self._seed_order()
        self.drawn_from = None if self.own_generator is None else self.own_generator.get_state()

    @property
    def own_generator(self) -> torch.Generator | None:
        """The generator that the user has given to the sampler; None without one."""
        generator = getattr(getattr(self.batch_sampler, "sampler", self.sampler), "generator", None)
        own = isinstance(generator, torch.Generator) and generator is not self._generator
        return generator if own else None

    def _seed_order(self) -> None:
        """Let torch's own samplers draw the order from the epoch's key, if they were given no generator."""
        generator = getattr(self.sampler, "generator", self)
        if type(self.sampler).__module__ == TORCH_SAMPLERS and generator in (None, self._generator):
            self._generator = torch.Generator().manual_seed(self._key)
            self.sampler.generator = self._generator  # type: ignore[attr-defined]

    def __len__(self) -> int:
        """Batches in a whole epoch of this rank.

        Raises:
            TypeError: the sampler does not know its length.
        """
        source = self.sampler if self.batch_sampler is None else self.batch_sampler
        if not isinstance(source, Sized):
            raise TypeError(f"the length is not known: {type(source).__name__} has no length")
        if self.batch_sampler is not None or self.batch_size is None:
            return len(source)
        whole, rest = divmod(len(source), self.batch_size)
        return whole + bool(rest and not self.drop_last)

    def __iter__(self) -> Iterator[Order]:
        if self.seekable and not self.endless:
            # what runs once for each batch is all of C: no frame of Python between two batches
            taken, self.pending = tee(
                self._chunks(cast(SeekableSampler, self.sampler).iter_from(self._taken))
            )
            return zip(repeat(self._key), taken, repeat(None), strict=False)
        batches, pending = tee(self._batches(self._batch, self._taken))
        self.pending = map(itemgetter(0), pending)
        return self._orders(self._key, batches)

    def _orders(
        self, key: int, batches: Iterator[tuple[tuple[Any, ...], tuple[int, ...]]]
    ) -> Iterator[Order]:
        for indices, draws in batches:
            yield key, indices, draws if any(draws) else None

    def _batches(self, batch: int, taken: int) -> Iterator[tuple[tuple[Any, ...], tuple[int, ...]]]:
        """Indices of this rank from the position on in batches, with the number of earlier draws of each."""
        if self.batch_sampler is not None:
            return islice(_counted(self.batch_sampler), batch, None)
        if isinstance(self.sampler, InfiniteSampler):
            drawn = self._chunks(self.sampler.iter_from(taken)), self._chunks(self.sampler.passes_from(taken))
            return zip(*drawn, strict=False)
        if isinstance(self.sampler, SeekableSampler):
            return zip(self._chunks(self.sampler.iter_from(taken)), repeat(()), strict=False)
        return islice(_counted(self._chunks(self.sampler)), batch, None)

    def _chunks(self, items: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
        iterator, size = iter(items), self.batch_size or 1
        if self.drop_last:
            return zip(*[iterator] * size, strict=False)
        return takewhile(bool, map(tuple, map(islice, repeat(iterator), repeat(size))))


def _counted(batches: Iterable[Any]) -> Iterator[tuple[tuple[Any, ...], tuple[int, ...]]]:
    """Each batch of indices with the number of earlier draws of each: samplers may repeat samples."""
    seen: dict[Any, int] = {}
    for batch in batches:
        indices = tuple(batch)
        draws = []
        for index in indices:
            before = seen.get(index, 0)
            seen[index] = before + 1
            draws.append(before)
        yield indices, tuple(draws)


def set_epoch(epoch: int, sampler: Any, batch_sampler: Any) -> None:
    """Tell the samplers which epoch begins, those that want to know."""
    for part in (sampler, batch_sampler, getattr(batch_sampler, "sampler", None)):
        if part is not None and hasattr(part, "set_epoch"):
            part.set_epoch(epoch)
