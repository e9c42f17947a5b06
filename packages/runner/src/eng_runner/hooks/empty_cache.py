"""Gives cached device memory back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import torch

from eng_dist import get_device
from eng_registry import HOOKS

from ..engine.aliases import Batch
from ..engine.hook import Hook
from ..engine.run import Run


@final
@HOOKS.register_module()
class EmptyCacheHook(Hook):
    """Empties the cache of the accelerator's allocator around epochs, or after iterations (slow), in all modes."""

    priority = "NORMAL"

    def __init__(
        self, before_epoch: bool = False, after_epoch: bool = True, after_iter: bool = False
    ) -> None:
        self._wanted = {"before_epoch": before_epoch, "after_epoch": after_epoch, "after_iter": after_iter}

    def takes_part(self, point: str, runner: Run) -> bool:
        """Only at the points that were asked for, and only where there is such a cache."""
        when, _, unit = point.split("_")
        return self._wanted.get(f"{when}_{unit}", False) and _emptying() is not None

    def _before_epoch(self, runner: Run, mode: str = "train") -> None:
        _empty_cache()

    def _after_epoch(self, runner: Run, mode: str = "train") -> None:
        _empty_cache()

    def _after_iter(
        self,
        runner: Run,
        batch_idx: int,
        data_batch: Batch = None,
        outputs: Any = None,
        mode: str = "train",
    ) -> None:
        _empty_cache()


def _emptying() -> Callable[[], None] | None:
    """The function of the accelerator's backend, None on a CPU."""
    empty: Callable[[], None] | None = getattr(torch.get_device_module(get_device()), "empty_cache", None)
    return empty


def _empty_cache() -> None:
    if (empty := _emptying()) is not None:
        empty()
