"""In which order the samples are taken, and which rank takes which.

A sampler deals one global order out to the ranks like cards: position p goes to rank p % world size. The
global order does not depend on the world size. `iter_from(taken)` starts behind the first `taken` positions
of it, which costs nothing but making the order: no sample is read, no index walked over. That is all a
loader needs to resume, also with another world size.
"""

from collections.abc import Iterator, Sized
from itertools import chain, count
from typing import Protocol, runtime_checkable

import torch
from torch.utils.data import Sampler

from eng_dist import get_dist_info, sync_random_seed
from eng_registry import DATA_SAMPLERS

_BLOCK = 16_384


@runtime_checkable
class SeekableSampler(Protocol):
    """A sampler that can start anywhere in its epoch. A sampler of one's own that has it resumes in O(1)."""

    def iter_from(self, taken: int) -> Iterator[int]:
        """This rank's indices after all ranks together have taken the first `taken` of the epoch."""
        ...


@DATA_SAMPLERS.register_module()
class DefaultSampler(Sampler[int]):
    """Every sample once per epoch, shuffled anew in each by ``seed + epoch``, dealt out over the ranks.

    With `round_up` the epoch is filled up from its own beginning until every rank has equally many; without,
    the first ranks may have one sample more, and no sample comes twice. `seed` None draws one that all ranks
    share; else every rank must be given the same.

    >>> list(DefaultSampler(range(4), shuffle=False))
    [0, 1, 2, 3]
    """

    def __init__(
        self, dataset: Sized, shuffle: bool = True, seed: int | None = None, round_up: bool = True
    ) -> None:
        self.rank, self.world_size = get_dist_info()
        self.dataset = dataset
        self.shuffle = shuffle
        self.seed = sync_random_seed() if seed is None else seed
        self._seed_is_mine = seed is None
        self.epoch = 0
        self.round_up = round_up

    def take_place(self, rank: int, world_size: int, seed: int) -> None:
        """Know the world that came after this sampler was made; `seed` replaces one that this process drew alone."""
        if (rank, world_size) != (self.rank, self.world_size):
            self.rank, self.world_size = rank, world_size
            self.seed = seed if self._seed_is_mine else self.seed

    @property
    def num_samples(self) -> int:
        """How many samples this rank takes in an epoch."""
        return len(self._positions(0))

    @property
    def total_size(self) -> int:
        """How many samples all ranks together take in an epoch."""
        return self._end(0)

    def __len__(self) -> int:
        return self.num_samples

    def __iter__(self) -> Iterator[int]:
        return self.iter_from(0)

    def iter_from(self, taken: int) -> Iterator[int]:
        """This rank's indices after all ranks together have taken the first `taken` of the epoch."""
        positions = self._positions(taken)
        if not positions:
            return iter(())
        size = len(self.dataset)
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        return _dealt(_permutation(size, generator) if self.shuffle else None, size, positions)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order the next iteration takes."""
        self.epoch = epoch

    def _positions(self, taken: int) -> range:
        return range(taken + self.rank, self._end(taken), self.world_size)

    def _end(self, taken: int) -> int:
        """Where the epoch ends for ranks that start together behind `taken` positions."""
        size = len(self.dataset)
        if not self.round_up or taken >= size:
            return size
        rest = -(-(size - taken) // self.world_size) * self.world_size
        return taken + rest


@DATA_SAMPLERS.register_module()
class InfiniteSampler(Sampler[int]):
    """An endless stream of passes over the data set, each in a new order, dealt out over the ranks.

    All orders come from one generator seeded with `seed`; with `shuffle` False every pass is in order. A second
    ``iter()`` goes on where the first has stopped. For training by iterations.

    >>> stream = iter(InfiniteSampler(range(3), shuffle=False))
    >>> [next(stream) for _ in range(5)]
    [0, 1, 2, 0, 1]
    """

    def __init__(self, dataset: Sized, shuffle: bool = True, seed: int | None = None) -> None:
        self.rank, self.world_size = get_dist_info()
        self.dataset = dataset
        self.size = len(dataset)
        if self.size == 0:
            raise ValueError("an empty data set has no endless stream of samples; look at how it is filled")
        self.shuffle = shuffle
        self.seed = sync_random_seed() if seed is None else seed
        self._seed_is_mine = seed is None
        self._stream: Iterator[int] | None = None

    def take_place(self, rank: int, world_size: int, seed: int) -> None:
        """Know the world that came after this sampler was made; `seed` replaces one that this process drew alone."""
        if (rank, world_size) != (self.rank, self.world_size):
            self.rank, self.world_size = rank, world_size
            self.seed = seed if self._seed_is_mine else self.seed

    def __len__(self) -> int:
        """The size of the data set: what a progress bar may call an epoch."""
        return self.size

    def __iter__(self) -> Iterator[int]:
        if self._stream is None:
            self._stream = self.iter_from(0)
        return self._stream

    def iter_from(self, taken: int) -> Iterator[int]:
        """This rank's endless indices after all ranks together have taken `taken`.

        The orders that are skipped are drawn again, about 10 ns per skipped index; no sample is read.
        """
        passes, offset = divmod(taken + self.rank, self.size)
        generator = torch.Generator().manual_seed(self.seed)
        for _ in range(passes if self.shuffle else 0):
            _permutation(self.size, generator)
        while True:
            order = _permutation(self.size, generator) if self.shuffle else None
            yield from _dealt(order, self.size, range(offset, self.size, self.world_size))
            left = max(self.size - offset, 0)
            offset = offset + -(-left // self.world_size) * self.world_size - self.size

    def passes_from(self, taken: int) -> Iterator[int]:
        """For each index of ``iter_from(taken)``, how many whole passes were before it."""
        return (position // self.size for position in count(taken + self.rank, self.world_size))

    def set_epoch(self, epoch: int) -> None:
        """Nothing: the stream has no epochs."""


def _permutation(size: int, generator: torch.Generator) -> torch.Tensor:
    """`torch.randperm`, whose numbers do not depend on their type, in the smaller type where it is wide enough."""
    return torch.randperm(size, generator=generator, dtype=torch.int32 if size < 2**31 else torch.int64)


def _dealt(order: torch.Tensor | None, size: int, positions: range) -> Iterator[int]:
    """What stands at `positions` in `order` (None: in order), which begins again after `size`.

    Bit by bit: a million Python objects at once would take 36 MB, whole arrays of positions and indices 24 MB.
    """

    def blocks() -> Iterator[list[int]]:
        for start in range(0, len(positions), _BLOCK):
            part = positions[start : start + _BLOCK]
            places = torch.arange(part.start, part.stop, part.step) % size
            yield (places if order is None else order[places]).tolist()

    return chain.from_iterable(blocks())
