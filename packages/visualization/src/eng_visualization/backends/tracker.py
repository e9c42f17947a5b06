"""What trackers share: the client begins a run at the first record, and a resumed run is the same run there."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from eng_visualization.backends.backend import BaseVisBackend
from eng_visualization.backends.run_id import keep_run_id, known_run_id

__all__ = ["Tracker"]


class Tracker(BaseVisBackend):
    """A backend whose client knows a run by an id, which is kept in a file of `save_dir`.

    A run says that it is resumed when its configuration was recorded long ago. So the configuration waits for the
    first other record, and the client begins then: anew, or with the id of an earlier start of the run. A start that
    records nothing else, such as a test of a model, leaves no empty run behind.
    """

    id_file: ClassVar[str]
    """The name of the file with the id."""

    def __init__(self, save_dir: str | Path | None) -> None:
        super().__init__(save_dir)
        self._config: Any = None
        self._config_waits = False
        self._resumed = False

    @abstractmethod
    def _begin(self, known: str | None) -> str:
        """Begin a run, or go on with the one of that id if there is one; the id of the run."""

    @abstractmethod
    def _keep_config(self, config: Any) -> None:
        """Hand the configuration to the client."""

    @abstractmethod
    def _end(self) -> None:
        """End the run."""

    def _init_env(self) -> None:
        folder = None if self._save_dir is None else Path(self._save_dir)
        known = None if folder is None else known_run_id(folder, self.id_file, resumed=self._resumed)
        run_id = self._begin(known)
        if folder is not None:
            keep_run_id(folder, self.id_file, run_id)
        if self._config_waits:
            self._config_waits = False
            self._keep_config(self._config)

    def add_config(self, config: Any, **kwargs: Any) -> None:
        """Keep the configuration, as soon as there is anything else to keep."""
        if self._env_initialized:
            self._keep_config(config)
        else:
            self._config, self._config_waits = config, True

    def resume_from(self, step: int) -> None:
        """Go on under the id of the run that is resumed, if nothing is recorded yet."""
        self._resumed = True

    def close(self) -> None:
        """Write what waits, and end the run."""
        if self._env_initialized:
            self._env_initialized = False
            self._end()
