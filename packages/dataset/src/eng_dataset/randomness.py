"""The randomness that one sample sees: a function of (seed, epoch, sample index) and of nothing else.

Whoever reads a sample first sets python's, numpy's and torch's global generators from the key of that
sample. So an augmentation does not depend on which worker reads the sample, how many there are, what was
read before, or whether the run was resumed. The order of the samples is not made here (see `samplers`).
"""

import random
import warnings
from typing import Any

import numpy as np
import torch

_MASK = (1 << 64) - 1


def mix(key: int, word: int) -> int:
    """A 64-bit key that depends on every bit of `key` and `word`: one round of splitmix64.

    Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.

    >>> mix(0, 1) == mix(1, 0)
    False
    """
    z = (key * 0xD1342543DE82EF95 + word + 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def sample_key(seed: int, epoch: int, index: int, draw: int = 0) -> int:
    """The 64-bit key of sample `index` in `epoch` of a run with `seed`.

    `draw` counts how often the sample was drawn before in this epoch, for samplers that repeat samples.
    """
    return key_in_epoch(epoch_key(seed, epoch), index, draw)


def epoch_key(seed: int, epoch: int) -> int:
    """The part of `sample_key` that all samples of an epoch share."""
    return mix(mix(0, seed), epoch)


def key_in_epoch(key: int, index: int, draw: int = 0) -> int:
    """`sample_key` from the `epoch_key`."""
    key = mix(key, index)
    return mix(key, draw) if draw else key


def seed_generators(key: int) -> None:
    """Set the global generators of python, numpy and torch (its CPU generator) from a 64-bit key.

    numpy and torch share an algorithm, so they take different halves of the key.

    >>> seed_generators(7)
    >>> first = random.random()
    >>> seed_generators(7)
    >>> first == random.random()
    True
    """
    random.seed(key)
    np.random.seed(key >> 32)
    torch.default_generator.manual_seed(key)


def generators_state() -> tuple[Any, Any, Any]:
    """The states of the three global generators, to be put back by `restore_generators`."""
    return random.getstate(), np.random.get_state(), torch.get_rng_state()


def restore_generators(state: tuple[Any, Any, Any]) -> None:
    """Put back what `generators_state` gave."""
    random.setstate(state[0])
    np.random.set_state(state[1])
    torch.set_rng_state(state[2])


def worker_init_fn(
    worker_id: int, num_workers: int, rank: int, seed: int, disable_subprocess_warning: bool = False
) -> None:
    """Seed a worker with ``num_workers * rank + worker_id + seed``, a different number for each of the job.

    What a sample sees is seeded again for each sample; this is for what a worker draws beside them. With
    `disable_subprocess_warning` only worker 0 prints warnings.
    """
    worker_seed = num_workers * rank + worker_id + seed
    random.seed(worker_seed)
    np.random.seed(worker_seed % 2**32)
    torch.default_generator.manual_seed(worker_seed)
    if disable_subprocess_warning and worker_id != 0:
        warnings.simplefilter("ignore")
