"""How long the training of a configuration will be, before it is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eng_config import Config

from ..engine.length import RunLength, loader_length


def length_of(config: Config, loader: object) -> RunLength:
    """Return the length of a training with this loader; None for the loader if it is not known.

    Raises ValueError for a `limit_batches` that cannot be meant.
    """
    train, counts = config["train_cfg"], accumulative_counts_of(config.get("optim_wrapper"))
    if loader is None:  # then nothing of it can be taken a share of
        return RunLength.of({**train, "limit_batches": None, "overfit_batches": None}, None, counts)
    return RunLength.of(train, loader_length(loader), counts)


def accumulative_counts_of(optim_wrapper: Any) -> int:
    """Return how many iterations make an optimizer step; of several optimizers, the largest number.

    >>> accumulative_counts_of({"gen": {"accumulative_counts": 4}, "disc": {}})
    4
    """
    if not isinstance(optim_wrapper, Mapping):
        return 1
    parts = [optim_wrapper, *(part for part in optim_wrapper.values() if isinstance(part, Mapping))]
    counts = [part.get("accumulative_counts", 1) for part in parts]
    return max([1, *(count for count in counts if isinstance(count, int))])
