"""TensorBoard's event files, through torch's own writer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from eng_registry import VISBACKENDS
from eng_visualization.backends.backend import BaseVisBackend, force_init_env
from eng_visualization.errors import check
from eng_visualization.plain import as_mapping, flat_items, numbers

__all__ = ["TensorboardVisBackend"]


@VISBACKENDS.register_module()
class TensorboardVisBackend(BaseVisBackend):
    """Writes what ``tensorboard --logdir <save_dir>`` shows.

    Args:
        save_dir: The folder of the event files.
    """

    clients = ("tensorboard",)

    def __init__(self, save_dir: str | Path) -> None:
        super().__init__(save_dir)
        self._purge_step: int | None = None

    def _init_env(self) -> None:
        tensorboard = self._client("torch.utils.tensorboard")
        self._writer = tensorboard.SummaryWriter(self._save_dir, purge_step=self._purge_step)

    @property
    @force_init_env
    def experiment(self) -> Any:
        """The ``torch.utils.tensorboard.SummaryWriter``."""
        return self._writer

    @force_init_env
    def add_config(self, config: Any, **kwargs: Any) -> None:
        """Show the configuration as text, and its leaves as hyper-parameters."""
        text = str(getattr(config, "pretty_text", config))
        self._writer.add_text("config", "".join(f"    {line}\n" for line in text.splitlines()))
        if values := _hparams(config):
            # only the start of the session: TensorBoard finds the metrics in the scalars of the run
            hparams = self._client("torch.utils.tensorboard.summary").hparams
            self._writer.file_writer.add_summary(hparams(values, {})[1])

    @force_init_env
    def add_graph(self, model: Any, data_batch: Any, **kwargs: Any) -> None:
        """Show the graph of the model, traced with the inputs of a batch."""
        inputs = data_batch["inputs"] if isinstance(data_batch, Mapping) else data_batch
        self._writer.add_graph(model, inputs, **kwargs)

    @force_init_env
    def add_image(self, name: str, image: Any, step: int = 0, **kwargs: Any) -> None:
        """Show an RGB image of shape (H, W, 3), or a gray one of shape (H, W)."""
        formats = "HWC" if np.ndim(image) == 3 else "HW"
        self._writer.add_image(name, image, step, dataformats=formats)

    @force_init_env
    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """Show a number; anything else is left out with a warning."""
        self.add_scalars({name: value}, step)

    @force_init_env
    def add_scalars(
        self, scalar_dict: Mapping[str, Any], step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        """Show several numbers of the same step."""
        check(
            isinstance(scalar_dict, Mapping), f"scalars must be a mapping, got {type(scalar_dict).__name__}"
        )
        check("step" not in scalar_dict, "`step` is an argument of add_scalars, not one of the scalars")
        for name, value in numbers(scalar_dict, "TensorBoard").items():
            self._writer.add_scalar(name, value, step)

    def resume_from(self, step: int) -> None:
        """Make TensorBoard forget what earlier event files of the folder say about later steps."""
        self.close()
        self._purge_step = step + 1

    def close(self) -> None:
        """Write what waits, and end; a later use begins a new event file."""
        if self._env_initialized:
            self._env_initialized = False
            self._writer.close()


def _hparams(config: Any) -> dict[str, Any]:
    """The leaves that TensorBoard can sort and filter runs by.

    >>> _hparams({"optimizer": {"type": "SGD", "lr": 0.1}, "hooks": None})
    {'optimizer.type': 'SGD', 'optimizer.lr': 0.1}
    """
    if not isinstance(config, Mapping) and not hasattr(config, "to_dict"):
        return {}
    leaves = flat_items(as_mapping(config))
    return {path: value for path, value in leaves if isinstance(value, (bool, int, float, str))}
