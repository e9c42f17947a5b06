"""SwanLab."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eng_registry import VISBACKENDS
from eng_visualization.backends.backend import BaseVisBackend, force_init_env
from eng_visualization.plain import as_mapping, numbers

__all__ = ["SwanLabVisBackend"]


@VISBACKENDS.register_module()
class SwanLabVisBackend(BaseVisBackend):
    """Keeps a run at SwanLab; with ``init_kwargs=dict(mode="local")`` in `save_dir` only.

    Args:
        save_dir: Where the client keeps its files, unless `init_kwargs` has a ``logdir``.
        init_kwargs: For ``swanlab.init``: project, experiment_name, mode, ...
    """

    clients = ("swanlab",)
    extra = "swanlab"

    def __init__(
        self, save_dir: str | Path | None = None, init_kwargs: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(save_dir)
        folder = {} if save_dir is None else {"logdir": str(save_dir)}
        self._init_kwargs = {**folder, **(init_kwargs or {})}

    def _init_env(self) -> None:
        self._swanlab = self._client("swanlab")
        self._run = self._swanlab.init(**self._init_kwargs)

    @property
    @force_init_env
    def experiment(self) -> Any:
        """The ``swanlab`` run."""
        return self._run

    @force_init_env
    def add_config(self, config: Any, **kwargs: Any) -> None:
        """Keep the configuration."""
        self._run.config.update(as_mapping(config))

    @force_init_env
    def add_image(self, name: str, image: Any, step: int = 0, **kwargs: Any) -> None:
        """Keep an RGB image."""
        self._run.log({name: self._swanlab.Image(image)}, step=step)

    @force_init_env
    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """Keep a number."""
        self.add_scalars({name: value}, step)

    @force_init_env
    def add_scalars(
        self, scalar_dict: Mapping[str, Any], step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        """Keep several numbers of the same step."""
        self._run.log(numbers(scalar_dict, "SwanLab"), step=step)

    def close(self) -> None:
        """Write what waits, and end the run."""
        if self._env_initialized:
            self._env_initialized = False
            self._swanlab.finish()
