"""Shows predictions while validating and testing."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, final

import torch

from eng_registry import HOOKS

from ..engine.aliases import Batch
from ..engine.hook import Hook
from ..engine.run import Run

logger = logging.getLogger(__name__)


@final
@HOOKS.register_module()
class NaiveVisualizationHook(Hook):
    """Hands every `interval`-th test batch, images and predictions, to the visualizer's `add_datasample`.

    With `val_interval` also that of validation batches, at the iteration of the training; 0 is never. Batches are
    mappings with `inputs`, a tensor of shape (N, C, H, W) or a sequence of (C, H, W), and the model returns one result
    for each; what is different is not drawn, with a warning. A sample whose metainfo has `img_path` is named by it.
    """

    priority = "NORMAL"

    def __init__(
        self, interval: int = 1, draw_gt: bool = True, draw_pred: bool = True, val_interval: int = 0
    ) -> None:
        self.interval = interval
        self.draw_gt = draw_gt
        self.draw_pred = draw_pred
        self.val_interval = val_interval
        self._explained = False

    def after_test_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Draw what is due of this batch."""
        if self.every_n_inner_iters(batch_idx, self.interval):
            self._draw(runner, f"test_{batch_idx}", data_batch, outputs, step=batch_idx)

    def after_val_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Draw what is due of this batch, under the same names in each validation."""
        if self.every_n_inner_iters(batch_idx, self.val_interval):
            self._draw(runner, f"val_{batch_idx}", data_batch, outputs, step=runner.iter)

    def _draw(
        self, runner: Run, start: str, data_batch: Batch, outputs: Sequence[Any] | None, *, step: int
    ) -> None:
        if not isinstance(data_batch, Mapping) or "inputs" not in data_batch:
            self._explain(f"batches are mappings with `inputs`, and this one is {_kind(data_batch)}")
            return
        images, samples = data_batch["inputs"], outputs if isinstance(outputs, Sequence) else [outputs]
        if len(samples) != len(images):
            self._explain(
                f"a model returns one result for each image, and this one {len(samples)} for {len(images)} images; "
                "let its mode 'predict' return a list of samples"
            )
            return
        for number, (image, sample) in enumerate(zip(images, samples, strict=True)):
            name = getattr(sample, "img_path", None) or f"{start}_{number}"
            runner.visualizer.add_datasample(
                str(name),
                displayable(image),
                data_sample=sample,
                draw_gt=self.draw_gt,
                draw_pred=self.draw_pred,
                step=step,
            )

    def _explain(self, reason: str) -> None:
        if not self._explained:
            self._explained = True
            logger.warning("NaiveVisualizationHook draws nothing: %s", reason)


def _kind(batch: Any) -> str:
    return (
        f"one with {', '.join(map(str, batch))}"
        if isinstance(batch, Mapping)
        else f"a {type(batch).__name__}"
    )


def displayable(image: torch.Tensor) -> Any:
    """(C, H, W) of any type and range -> (H, W, C) uint8 over the full range."""
    pixels = image.detach().to("cpu", torch.float32)
    low, high = pixels.min(), pixels.max()
    if image.dtype != torch.uint8:
        pixels = (pixels - low) / (high - low).clamp(min=1e-12) * 255
    return pixels.round().to(torch.uint8).permute(1, 2, 0).numpy()
