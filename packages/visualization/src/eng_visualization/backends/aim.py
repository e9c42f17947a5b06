"""Aim."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from eng_registry import VISBACKENDS
from eng_visualization.backends.backend import force_init_env
from eng_visualization.backends.tracker import Tracker
from eng_visualization.plain import as_mapping, numbers

__all__ = ["AimVisBackend"]


@VISBACKENDS.register_module()
class AimVisBackend(Tracker):
    """Keeps a run in an Aim repository.

    Args:
        save_dir: The last two parts of its path name the experiment, unless `init_kwargs` has an ``experiment``.
        init_kwargs: For ``aim.Run``: repo, experiment, ...
    """

    clients = ("aim",)
    extra = "aim"
    id_file = "aim_run_hash"

    def __init__(
        self, save_dir: str | Path | None = None, init_kwargs: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(save_dir)
        self._init_kwargs = {"experiment": _experiment_name(save_dir), **(init_kwargs or {})}

    def _begin(self, known: str | None) -> str:
        self._aim = self._client("aim")
        self._run = self._aim.Run(**{"run_hash": known, **self._init_kwargs})
        return str(self._run.hash)

    @property
    @force_init_env
    def experiment(self) -> Any:
        """The ``aim.Run``."""
        return self._run

    def _keep_config(self, config: Any) -> None:
        self._run["hparams"] = as_mapping(config)

    @force_init_env
    def add_image(self, name: str, image: Any, step: int = 0, **kwargs: Any) -> None:
        """Keep an RGB image."""
        self._run.track(name=name, value=self._aim.Image(image), step=step)

    @force_init_env
    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """Keep a number."""
        self.add_scalars({name: value}, step)

    @force_init_env
    def add_scalars(
        self, scalar_dict: Mapping[str, Any], step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        """Keep several numbers of the same step."""
        for name, value in numbers(scalar_dict, "Aim").items():
            self._run.track(name=name, value=value, step=step)

    def _end(self) -> None:
        self._run.close()


def _experiment_name(save_dir: str | Path | None) -> str:
    """
    >>> _experiment_name("work_dirs/cats/20260101")
    'cats_20260101'
    """
    if save_dir is None:
        return datetime.now().strftime("%Y%m%d_%H%M%S")
    return "_".join(Path(save_dir).absolute().parts[-2:])
