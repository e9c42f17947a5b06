"""Another permutation each epoch, for samplers of torch or of the user."""

from __future__ import annotations

from typing import final

from eng_registry import HOOKS

from ..engine.hook import Hook
from ..engine.run import Run


@final
@HOOKS.register_module()
class DistSamplerSeedHook(Hook):
    """Calls `set_epoch` of the sampler, or of the sampler inside the batch sampler, before every training epoch.

    Our own loaders do this when they take their position; a loader handed over as an object may need it.
    """

    priority = "NORMAL"

    def before_train_epoch(self, runner: Run) -> None:
        """Tell the sampler the epoch."""
        own = getattr(runner.train_loop, "dataloader", None)
        loader = getattr(own, "dataloader", own)
        for sampler in (
            getattr(loader, "sampler", None),
            getattr(getattr(loader, "batch_sampler", None), "sampler", None),
        ):
            if sampler is not None and hasattr(sampler, "set_epoch"):
                sampler.set_epoch(runner.clock.epoch)
                return
