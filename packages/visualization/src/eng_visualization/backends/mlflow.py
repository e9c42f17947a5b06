"""MLflow."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eng_registry import VISBACKENDS
from eng_visualization.backends.artifacts import files_with_suffix, work_dir_of
from eng_visualization.backends.backend import force_init_env
from eng_visualization.backends.tracker import Tracker
from eng_visualization.plain import as_mapping, flat_items, numbers

__all__ = ["MLflowVisBackend"]

_LONGEST_PARAM = 6000


@VISBACKENDS.register_module()
class MLflowVisBackend(Tracker):
    """Keeps a run at an MLflow server, or in files below `save_dir`.

    It talks to the run by its id, so it does not touch the active run of ``mlflow`` itself.

    Args:
        save_dir: Where the database and artefacts are, unless there is a `tracking_uri`.
        exp_name: The experiment, made when there is none; by default ``Default``.
        run_name: The name of the run.
        tags: Tags of the run.
        params: More parameters of the run.
        tracking_uri: The server, such as ``http://localhost:5000``.
        artifact_suffix: When the run ends, the files of the ``work_dir`` of the configuration with these suffixes
            are uploaded.
        tracked_config_keys: Which top-level keys of the configuration become parameters; by default all.
        artifact_location: Where the artefacts of a new experiment are.
    """

    clients = ("mlflow",)
    extra = "mlflow"
    id_file = "mlflow_run_id"

    def __init__(
        self,
        save_dir: str | Path,
        exp_name: str | None = None,
        run_name: str | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        tracking_uri: str | None = None,
        artifact_suffix: Sequence[str] = (".json", ".log", ".py", "yaml"),
        tracked_config_keys: Sequence[str] | None = None,
        artifact_location: str | None = None,
    ) -> None:
        super().__init__(save_dir)
        self._exp_name = exp_name or "Default"
        self._run_name = run_name
        self._tags = dict(tags or {})
        self._params = dict(params or {})
        self._tracking_uri = tracking_uri
        self._artifact_suffix = artifact_suffix
        self._tracked_config_keys = tracked_config_keys
        self._artifact_location = artifact_location
        self._work_dir: str | None = None
        self._said: set[str] = set()

    def _begin(self, known: str | None) -> str:
        mlflow = self._client("mlflow")
        location = self._artifact_location
        uri = self._tracking_uri
        if uri is None:
            folder = Path(str(self._save_dir)).absolute()
            folder.mkdir(parents=True, exist_ok=True)
            uri = f"sqlite:///{folder / 'mlflow.db'}"
            location = location or (folder / "mlartifacts").as_uri()
        self._mlflow = mlflow.MlflowClient(tracking_uri=uri)
        there = self._mlflow.get_experiment_by_name(self._exp_name)
        # the experiment `Default` of a fresh database has its artefacts in the current folder
        if there is None or (there.name == "Default" and self._tracking_uri is None):
            name = self._exp_name if there is None else "eng"
            again = self._mlflow.get_experiment_by_name(name)
            experiment = again.experiment_id if again else self._mlflow.create_experiment(name, location)
        else:
            experiment = there.experiment_id
        if known is not None and self._tracking_uri is not None:
            self._mlflow.update_run(known, status="RUNNING")
            self.run_id = known
            # a parameter is said once; what has changed since is in config.py
            self._said = set(self._mlflow.get_run(known).data.params)
        else:  # a database below `save_dir` knows this start only
            run = self._mlflow.create_run(experiment, tags=self._tags, run_name=self._run_name)
            self.run_id = str(run.info.run_id)
        self._log_params(self._params)
        return self.run_id

    @property
    @force_init_env
    def experiment(self) -> Any:
        """The ``mlflow.MlflowClient``; the run is `run_id`."""
        return self._mlflow

    def _keep_config(self, config: Any) -> None:
        """The leaves as parameters, and the text as ``config.py``."""
        self._work_dir = work_dir_of(config)
        values = as_mapping(config)
        if self._tracked_config_keys is not None:
            values = {key: values[key] for key in self._tracked_config_keys if key in values}
        self._log_params(dict(flat_items(values)))
        self._mlflow.log_text(self.run_id, str(getattr(config, "pretty_text", config)), "config.py")

    @force_init_env
    def add_image(self, name: str, image: Any, step: int = 0, **kwargs: Any) -> None:
        """Keep an RGB image as an artefact ``<name>_<step>.png``."""
        self._mlflow.log_image(self.run_id, image, artifact_file=f"{name}_{step}.png")

    @force_init_env
    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """Keep a number."""
        self.add_scalars({name: value}, step)

    @force_init_env
    def add_scalars(
        self, scalar_dict: Mapping[str, Any], step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        """Keep several numbers of the same step, in one request."""
        entities = self._client("mlflow.entities")
        now_ms = int(time.time() * 1000)
        items = numbers(scalar_dict, "MLflow").items()
        metrics = [entities.Metric(name, float(value), now_ms, step) for name, value in items]
        self._mlflow.log_batch(self.run_id, metrics=metrics)

    def _end(self) -> None:
        """Upload the artefacts, with their folders, and end the run."""
        for path in files_with_suffix(self._work_dir, self._artifact_suffix):
            folder = path.parent.relative_to(str(self._work_dir)).as_posix()
            self._mlflow.log_artifact(self.run_id, str(path), None if folder == "." else folder)
        self._mlflow.set_terminated(self.run_id)

    def _log_params(self, values: Mapping[str, Any]) -> None:
        entities = self._client("mlflow.entities")
        new = {str(key): str(value) for key, value in values.items() if str(key) not in self._said}
        params = [entities.Param(key, value[:_LONGEST_PARAM]) for key, value in new.items()]
        for first in range(0, len(params), 100):  # a request takes a hundred
            self._mlflow.log_batch(self.run_id, params=params[first : first + 100])
