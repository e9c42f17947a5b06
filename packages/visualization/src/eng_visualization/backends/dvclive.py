"""DVCLive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eng_registry import VISBACKENDS
from eng_visualization.backends.artifacts import files_with_suffix, work_dir_of
from eng_visualization.backends.backend import BaseVisBackend, force_init_env
from eng_visualization.plain import as_mapping, flat_items, numbers

__all__ = ["DVCLiveVisBackend"]


@VISBACKENDS.register_module()
class DVCLiveVisBackend(BaseVisBackend):
    """Keeps a run in a folder that DVC understands.

    Args:
        save_dir: The folder.
        artifact_suffix: When the run ends, the files of the ``work_dir`` of the configuration with these suffixes
            are kept as artefacts.
        init_kwargs: For ``dvclive.Live``.
    """

    clients = ("dvclive",)
    extra = "dvclive"

    def __init__(
        self,
        save_dir: str | Path,
        artifact_suffix: Sequence[str] = (".json", ".py", "yaml"),
        init_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(save_dir)
        self._artifact_suffix = artifact_suffix
        self._init_kwargs = {"save_dvc_exp": False, **(init_kwargs or {})}
        self._work_dir: str | None = None

    def _init_env(self) -> None:
        live = self._client("dvclive").Live
        self._live = live(dir=str(self._save_dir), **self._init_kwargs)

    @property
    @force_init_env
    def experiment(self) -> Any:
        """The ``dvclive.Live``."""
        return self._live

    @force_init_env
    def add_config(self, config: Any, **kwargs: Any) -> None:
        """Keep the leaves of the configuration as parameters."""
        self._work_dir = work_dir_of(config)
        plain = (int, float, str, bool)
        leaves = flat_items(as_mapping(config))
        self._live.log_params(
            {path: value if isinstance(value, plain) else str(value) for path, value in leaves}
        )

    @force_init_env
    def add_image(self, name: str, image: Any, step: int = 0, **kwargs: Any) -> None:
        """Keep an RGB image as PNG."""
        self._live.step = step
        self._live.log_image(f"{name}.png", image)

    @force_init_env
    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """Keep a number."""
        self.add_scalars({name: value}, step)

    @force_init_env
    def add_scalars(
        self, scalar_dict: Mapping[str, Any], step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        """Keep several numbers of the same step."""
        self._live.step = step
        for name, value in numbers(scalar_dict, "DVCLive").items():
            self._live.log_metric(name, value)

    def close(self) -> None:
        """Keep the artefacts and end."""
        if not self._env_initialized:
            return
        self._env_initialized = False
        for path in files_with_suffix(self._work_dir, self._artifact_suffix):
            if not path.is_relative_to(str(self._save_dir)):
                self._live.log_artifact(str(path))
        self._live.end()
