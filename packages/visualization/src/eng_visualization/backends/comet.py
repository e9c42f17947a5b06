"""Comet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eng_registry import VISBACKENDS
from eng_visualization.backends.backend import BaseVisBackend, force_init_env
from eng_visualization.plain import as_mapping, flat_items, numbers

__all__ = ["CometVisBackend"]


@VISBACKENDS.register_module()
class CometVisBackend(BaseVisBackend):
    """Keeps a run at Comet; with ``offline=True`` as an archive in `save_dir`.

    Args:
        save_dir: Where an offline run is kept.
        init_kwargs: For ``comet_ml.Experiment``: project_name, workspace, api_key, ...
        offline: Send nothing.
    """

    clients = ("comet_ml",)
    extra = "comet"

    def __init__(
        self,
        save_dir: str | Path | None = None,
        init_kwargs: Mapping[str, Any] | None = None,
        offline: bool = False,
    ) -> None:
        super().__init__(save_dir)
        self._init_kwargs = dict(init_kwargs or {})
        self._offline = offline

    def _init_env(self) -> None:
        comet = self._client("comet_ml")
        if self._offline:
            arguments = {"offline_directory": self._save_dir, **self._init_kwargs}
            self._experiment = comet.OfflineExperiment(**arguments)
        else:
            self._experiment = comet.Experiment(**self._init_kwargs)

    @property
    @force_init_env
    def experiment(self) -> Any:
        """The ``comet_ml`` experiment."""
        return self._experiment

    @force_init_env
    def add_config(self, config: Any, **kwargs: Any) -> None:
        """Keep the leaves of the configuration as parameters."""
        self._experiment.log_parameters(dict(flat_items(as_mapping(config))))

    @force_init_env
    def add_image(self, name: str, image: Any, step: int = 0, **kwargs: Any) -> None:
        """Keep an RGB image."""
        self._experiment.log_image(image, name=name, step=step)

    @force_init_env
    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """Keep a number."""
        self.add_scalars({name: value}, step)

    @force_init_env
    def add_scalars(
        self, scalar_dict: Mapping[str, Any], step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        """Keep several numbers of the same step."""
        self._experiment.log_metrics(numbers(scalar_dict, "Comet"), step=step)

    def close(self) -> None:
        """Send what waits, and end the experiment."""
        if self._env_initialized:
            self._env_initialized = False
            self._experiment.end()
