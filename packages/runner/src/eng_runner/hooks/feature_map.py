"""Shows what a layer answers to an image while validating and testing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch

from eng_registry import HOOKS, suggest

from ..engine.aliases import Batch
from ..engine.hook import Hook
from ..engine.run import Run
from .visualization import displayable


@final
@HOOKS.register_module(gives_way=True)
class FeatureMapHook(Hook):
    """Draws the output of each of `layers`, by module name, for the first image of every `interval`-th batch.

    The output of a layer is a tensor of shape (N, C, H, W). It is drawn over the image where `overlay` is set; the
    other arguments are those of `Visualizer.draw_featmap`. Batches are mappings with `inputs`, as for
    `NaiveVisualizationHook`. Layers are listened to only during a batch that is drawn.

    Raises:
        ValueError: a name of `layers` is none of the model's modules.
    """

    def __init__(
        self,
        layers: str | Sequence[str],
        interval: int = 1,
        channel_reduction: str | None = "squeeze_mean",
        topk: int = 20,
        arrangement: tuple[int, int] = (4, 5),
        overlay: bool = False,
        alpha: float = 0.5,
    ) -> None:
        self.layers = (layers,) if isinstance(layers, str) else tuple(layers)
        self.interval = interval
        self.overlay = overlay
        self.drawing: dict[str, Any] = {
            "channel_reduction": channel_reduction, "topk": topk, "arrangement": arrangement, "alpha": alpha,
        }  # fmt: skip
        self._answers: dict[str, Any] = {}
        self._listening: list[Any] = []

    def before_run(self, runner: Run) -> None:
        """Look the layers up, so that a misspelled one is known at once."""
        modules = dict(runner.bare_model.named_modules())
        for name in self.layers:
            if name not in modules:
                meant = suggest(name, modules)
                raise ValueError(
                    f"FeatureMapHook: the model has no layer {name!r}{f' ({meant})' if meant else ''}; "
                    f"it has {', '.join(list(modules)[1:21])}"
                )

    def before_val_iter(self, runner: Run, batch_idx: int, data_batch: Batch = None) -> None:
        """Listen, if it is due."""
        self._listen(runner, batch_idx)

    def before_test_iter(self, runner: Run, batch_idx: int, data_batch: Batch = None) -> None:
        """Listen, if it is due."""
        self._listen(runner, batch_idx)

    def after_val_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Draw what was heard, at the iteration of the training."""
        self._draw(runner, f"val_{batch_idx}", data_batch, step=runner.iter)

    def after_test_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Draw what was heard, at the batch."""
        self._draw(runner, f"test_{batch_idx}", data_batch, step=batch_idx)

    def on_exception(self, runner: Run, exception: BaseException) -> None:
        """Stop listening."""
        self._hush()

    def _listen(self, runner: Run, batch_idx: int) -> None:
        if not self.every_n_inner_iters(batch_idx, self.interval):
            return

        def keep(name: str) -> Any:
            def hear(module: torch.nn.Module, inputs: Any, output: Any) -> None:
                self._answers[name] = output

            return hear

        self._listening = [
            runner.bare_model.get_submodule(name).register_forward_hook(keep(name)) for name in self.layers
        ]

    def _hush(self) -> None:
        for handle in self._listening:
            handle.remove()
        self._listening = []

    def _draw(self, runner: Run, start: str, data_batch: Batch, *, step: int) -> None:
        self._hush()
        answers, self._answers = self._answers, {}
        for name, answer in answers.items():
            if not (isinstance(answer, torch.Tensor) and answer.dim() == 4):
                raise TypeError(
                    f"FeatureMapHook: {name!r} answers with {_kind(answer)}, and a feature map is a tensor of shape "
                    "(N, C, H, W); name a layer before it is pooled or flattened"
                )
            over = displayable(data_batch["inputs"][0]) if self.overlay else None
            drawn = runner.visualizer.draw_featmap(answer[0].detach().float().cpu(), over, **self.drawing)
            runner.visualizer.add_image(f"{start}/{name}", drawn, step)


def _kind(answer: Any) -> str:
    return (
        f"a tensor of shape {tuple(answer.shape)}"
        if isinstance(answer, torch.Tensor)
        else type(answer).__name__
    )
