"""Neptune."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from eng_registry import VISBACKENDS
from eng_visualization.backends.backend import BaseVisBackend, force_init_env
from eng_visualization.plain import as_mapping, numbers

__all__ = ["NeptuneVisBackend"]


@VISBACKENDS.register_module()
class NeptuneVisBackend(BaseVisBackend):
    """Keeps a run at Neptune, by default offline.

    Args:
        save_dir: Not used by the client.
        init_kwargs: For ``neptune.init_run``: project, api_token, mode, ...
    """

    clients = ("neptune",)
    extra = "neptune"

    def __init__(
        self, save_dir: str | Path | None = None, init_kwargs: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(save_dir)
        self._init_kwargs = {"mode": "offline", **(init_kwargs or {})}

    def _init_env(self) -> None:
        self._neptune = self._client("neptune")
        self._run = self._neptune.init_run(**self._init_kwargs)

    @property
    @force_init_env
    def experiment(self) -> Any:
        """The ``neptune`` run."""
        return self._run

    @force_init_env
    def add_config(self, config: Any, **kwargs: Any) -> None:
        """Keep the configuration under ``config``."""
        stringify = self._client("neptune.utils").stringify_unsupported
        self._run["config"] = stringify(as_mapping(config))

    @force_init_env
    def add_image(self, name: str, image: Any, step: int = 0, **kwargs: Any) -> None:
        """Append an RGB image, as the client wants it: from 0 to 1."""
        file = self._client("neptune.types").File
        self._run[name].append(file.as_image(np.asarray(image) / 255), step=step)

    @force_init_env
    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """Append a number."""
        self.add_scalars({name: value}, step)

    @force_init_env
    def add_scalars(
        self, scalar_dict: Mapping[str, Any], step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        """Append several numbers of the same step."""
        for name, value in numbers(scalar_dict, "Neptune").items():
            self._run[name].append(value, step=step)

    def close(self) -> None:
        """End the run."""
        if self._env_initialized:
            self._env_initialized = False
            self._run.stop()
