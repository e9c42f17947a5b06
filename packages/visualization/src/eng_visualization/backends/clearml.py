"""ClearML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eng_registry import VISBACKENDS
from eng_visualization.backends.artifacts import files_with_suffix, work_dir_of
from eng_visualization.backends.backend import BaseVisBackend, force_init_env
from eng_visualization.plain import as_mapping, numbers

__all__ = ["ClearMLVisBackend"]


@VISBACKENDS.register_module()
class ClearMLVisBackend(BaseVisBackend):
    """Keeps a run as a ClearML task.

    Args:
        save_dir: Not used by the client.
        init_kwargs: For ``clearml.Task.init``: project_name, task_name, ...
        artifact_suffix: When the run ends, the files of the ``work_dir`` of the configuration with these suffixes
            are uploaded.
    """

    clients = ("clearml",)
    extra = "clearml"

    def __init__(
        self,
        save_dir: str | Path | None = None,
        init_kwargs: Mapping[str, Any] | None = None,
        artifact_suffix: Sequence[str] = (".py", ".pth"),
    ) -> None:
        super().__init__(save_dir)
        self._init_kwargs = dict(init_kwargs or {})
        self._artifact_suffix = artifact_suffix
        self._work_dir: str | None = None

    def _init_env(self) -> None:
        self._task = self._client("clearml").Task.init(**self._init_kwargs)
        self._logger = self._task.get_logger()

    @property
    @force_init_env
    def experiment(self) -> Any:
        """The ``clearml.Task``."""
        return self._task

    @force_init_env
    def add_config(self, config: Any, **kwargs: Any) -> None:
        """Connect the configuration to the task."""
        self._work_dir = work_dir_of(config)
        self._task.connect_configuration(as_mapping(config))

    @force_init_env
    def add_image(self, name: str, image: Any, step: int = 0, **kwargs: Any) -> None:
        """Report an RGB image; title and series are its name."""
        self._logger.report_image(name, name, iteration=step, image=image)

    @force_init_env
    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """Report a number; title and series are its name."""
        self.add_scalars({name: value}, step)

    @force_init_env
    def add_scalars(
        self, scalar_dict: Mapping[str, Any], step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        """Report several numbers of the same step."""
        for name, value in numbers(scalar_dict, "ClearML").items():
            self._logger.report_scalar(name, name, value=value, iteration=step)

    def close(self) -> None:
        """Upload the artefacts and end the task."""
        if not self._env_initialized:
            return
        self._env_initialized = False
        for path in files_with_suffix(self._work_dir, self._artifact_suffix):
            name = path.relative_to(str(self._work_dir)).as_posix()
            self._task.upload_artifact(name, artifact_object=str(path))
        self._task.close()
