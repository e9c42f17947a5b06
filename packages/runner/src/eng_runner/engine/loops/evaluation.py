"""Validation and test: one pass over a loader without gradients, each sample exactly once."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import torch

from eng_dist import all_gather_object, all_reduce, get_comm_device
from eng_registry import LOOPS

from ..aliases import Batch, Metrics, Part
from ..overriding import is_overridden
from ..precision import autocast
from ..run import Run
from ..step import EvalStep, WeighedLoss
from .base import BaseLoop

_log = logging.getLogger(__name__)


class EvalLoop(BaseLoop):
    """What validation and test share: one pass in eval mode without gradients, each sample exactly once.

    `fp16` predicts with automatic mixed precision, `limit_batches` looks at that many batches only. A subclass may
    override `run` and `run_iter`: whatever it overrides is called, and the others may be called from there.
    """

    mode: str

    def __init__(
        self,
        runner: Run,
        dataloader: Part,
        evaluator: Part,
        fp16: bool = False,
        limit_batches: float | None = None,
    ) -> None:
        super().__init__(runner, dataloader, limit_batches=limit_batches)
        if self.dataloader.endless and not self.is_limited:
            raise ValueError(
                f"a pass of `{self.mode}_dataloader` never ends, so it cannot be evaluated; use a sampler that ends, "
                f"such as dict(type='DefaultSampler', shuffle=False), or `{self.mode}_cfg.limit_batches`"
            )
        self.batches_done = 0
        """Batches of the last pass, or of the one under way; for a loader whose length is not known."""
        self.evaluator = runner.build_evaluator(evaluator)
        self.fp16 = fp16
        self._bound_step: EvalStep | None = None
        metainfo = getattr(self.dataloader.dataset, "metainfo", None)
        if metainfo is not None:
            self.evaluator.dataset_meta = metainfo
            runner.visualizer.dataset_meta = metainfo

    def run(self) -> Metrics:
        """Run one pass; returns the metrics, the same on every rank."""
        runner, mode = self.runner, self.mode
        runner.call_hook(f"before_{mode}")
        runner.call_hook(f"before_{mode}_epoch")
        metrics = self.pass_over()
        runner.call_hook(f"after_{mode}_epoch", metrics=metrics)
        runner.call_hook(f"after_{mode}")
        return metrics

    @torch.no_grad()
    def pass_over(self, *, first: int = 0) -> Metrics:
        """Run the pass itself, between the points of a hook around it; its batches are counted from `first`."""
        self.runner.model.eval()
        self.begin_pass()
        step = self._step
        self.dataloader.set_position(0)
        iterate = self.run_iter if is_overridden(self, "run_iter", EvalLoop) else step
        self.batches_done = 0
        with autocast(enabled=self.fp16):
            for batch_idx, data_batch in enumerate(self.batches(), start=first):
                iterate(batch_idx, data_batch)
                self.batches_done = batch_idx + 1 - first
        size = self._size(step.seen)
        if size == 0:
            _log.warning("the %s saw no sample on any rank, so it has no metrics", self.mode)
            return {}
        metrics = self.evaluator.evaluate(size)
        metrics.update(_mean_losses(step.losses, self.mode))
        return metrics

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: Batch) -> None:
        """Predict one batch, the `idx`-th of the pass, and hand it to the evaluator."""
        with autocast(enabled=self.fp16):
            self._step(idx, data_batch)

    @property
    def _step(self) -> EvalStep:
        """One iteration with the parts that take part in it, bound when a pass begins or is first asked for."""
        if self._bound_step is None:
            self._bound_step = EvalStep(self.runner, self.mode, self.evaluator, self.dataloader)
        return self._bound_step

    def begin_pass(self) -> None:
        """Bind what takes part in the iterations anew; called when the loop calls the point `before_<mode>_epoch`."""
        self._bound_step = None

    def _size(self, seen: int) -> int:
        """Return how many samples were to be predicted over all ranks, `seen` of them here."""
        if not self.is_limited and hasattr(self.dataloader.dataset, "__len__"):
            return len(self.dataloader.dataset)
        total = torch.tensor([seen], device=get_comm_device())
        all_reduce(total)
        return int(total)


@LOOPS.register_module()
class ValLoop(EvalLoop):
    """Validation: `val_step` on every batch, then the evaluator's metrics."""

    mode = "val"


@LOOPS.register_module()
class TestLoop(EvalLoop):
    """Test: `test_step` on every batch, then the evaluator's metrics."""

    __test__ = False
    mode = "test"


def _mean_losses(losses: Mapping[str, Sequence[WeighedLoss]], mode: str) -> dict[str, float]:
    """Return the mean of each collected loss over all samples of all ranks, and the sum of those named `loss`."""
    names = sorted({name for rank in all_gather_object([*losses]) for name in rank})
    if not names:
        return {}
    means: dict[str, float] = {}
    for name in names:
        own = losses.get(name, ())
        device = own[0][0].device if own else get_comm_device()
        total = torch.zeros(2, dtype=torch.float64 if device.type != "mps" else torch.float32, device=device)
        for value, samples in own:
            total += torch.stack([value.to(total) * samples, total.new_tensor(samples)])
        all_reduce(total)
        means[name] = (total[0] / total[1]).item()
    means[f"{mode}_loss"] = sum(value for name, value in means.items() if "loss" in name)
    return means
