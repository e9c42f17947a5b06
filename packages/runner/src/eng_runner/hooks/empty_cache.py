"""Gives cached device memory back."""

from __future__ import annotations

from typing import Any, final

import torch

from eng_registry import HOOKS

from ..engine.aliases import Batch
from ..engine.hook import Hook
from ..engine.run import Run


@final
@HOOKS.register_module()
class EmptyCacheHook(Hook):
    """Empties the CUDA allocator's cache before or after epochs, or after iterations (slow), in all modes."""

    priority = "NORMAL"

    def __init__(
        self, before_epoch: bool = False, after_epoch: bool = True, after_iter: bool = False
    ) -> None:
        self._wanted = {"before_epoch": before_epoch, "after_epoch": after_epoch, "after_iter": after_iter}

    def takes_part(self, point: str, runner: Run) -> bool:
        """Only at the points that were asked for, and only where there is such a cache."""
        when, _, unit = point.split("_")
        return self._wanted.get(f"{when}_{unit}", False) and torch.cuda.is_available()

    def _before_epoch(self, runner: Run, mode: str = "train") -> None:
        torch.cuda.empty_cache()

    def _after_epoch(self, runner: Run, mode: str = "train") -> None:
        torch.cuda.empty_cache()

    def _after_iter(
        self,
        runner: Run,
        batch_idx: int,
        data_batch: Batch = None,
        outputs: Any = None,
        mode: str = "train",
    ) -> None:
        torch.cuda.empty_cache()
