"""Trackio."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eng_registry import VISBACKENDS
from eng_visualization.backends.backend import force_init_env
from eng_visualization.backends.tracker import Tracker
from eng_visualization.plain import as_mapping, flat_items, numbers

__all__ = ["TrackioVisBackend"]


@VISBACKENDS.register_module()
class TrackioVisBackend(Tracker):
    """Keeps a run with Trackio: a local database, or a Space of Hugging Face.

    Args:
        save_dir: Its last part but one names the project, unless `init_kwargs` has a ``project``.
        init_kwargs: For ``trackio.init``: project, name, space_id, ...
    """

    clients = ("trackio",)
    extra = "trackio"
    id_file = "trackio_run_name"

    def __init__(
        self, save_dir: str | Path | None = None, init_kwargs: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(save_dir)
        project = "eng" if save_dir is None else Path(save_dir).absolute().parent.name or "eng"
        self._init_kwargs = {"project": project, **(init_kwargs or {})}

    def _begin(self, known: str | None) -> str:
        self._trackio = self._client("trackio")
        again = {} if known is None else {"name": known, "resume": "allow"}
        self._run = self._trackio.init(**{**self._init_kwargs, **again})
        return str(self._run.name)

    @property
    @force_init_env
    def experiment(self) -> Any:
        """The ``trackio`` run."""
        return self._run

    def _keep_config(self, config: Any) -> None:
        self._run.config.update({path: str(value) for path, value in flat_items(as_mapping(config))})

    @force_init_env
    def add_image(self, name: str, image: Any, step: int = 0, **kwargs: Any) -> None:
        """Keep an RGB image."""
        self._run.log({name: self._trackio.Image(image)}, step=step)

    @force_init_env
    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """Keep a number."""
        self.add_scalars({name: value}, step)

    @force_init_env
    def add_scalars(
        self, scalar_dict: Mapping[str, Any], step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        """Keep several numbers of the same step."""
        self._run.log(numbers(scalar_dict, "Trackio"), step=step)

    def _end(self) -> None:
        self._run.finish()
