"""Weights & Biases."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eng_registry import VISBACKENDS
from eng_visualization.backends.backend import force_init_env
from eng_visualization.backends.tracker import Tracker
from eng_visualization.errors import ArgumentError
from eng_visualization.plain import as_mapping, numbers

__all__ = ["WandbVisBackend"]


@VISBACKENDS.register_module()
class WandbVisBackend(Tracker):
    """Keeps a run at Weights & Biases; with ``init_kwargs=dict(mode="offline")`` in `save_dir` only.

    Every curve is drawn over ``step``, the step that the engine gives. A resumed run goes on under its run id.

    Args:
        save_dir: Where the client keeps its files, unless `init_kwargs` has a ``dir``.
        init_kwargs: For ``wandb.init``: project, entity, name, tags, mode, ...
        define_metric_cfg: Which value of a metric is its summary: ``{"val/acc": "max"}``, or the arguments of
            ``run.define_metric`` as a list of mappings.
        commit: Whether each call ends a step of the client.
        log_code_name: The name of the artifact that the code is kept in.
        watch_kwargs: For ``run.watch``, which `add_graph` calls.
    """

    clients = ("wandb",)
    extra = "wandb"
    id_file = "wandb_run_id"

    def __init__(
        self,
        save_dir: str | Path,
        init_kwargs: Mapping[str, Any] | None = None,
        define_metric_cfg: Mapping[str, str] | Sequence[Mapping[str, Any]] | None = None,
        commit: bool = True,
        log_code_name: str | None = None,
        watch_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(save_dir)
        self._init_kwargs = dict(init_kwargs or {})
        self._metrics = _metric_definitions(define_metric_cfg)
        self._commit = commit
        self._log_code_name = log_code_name
        self._watch_kwargs = dict(watch_kwargs or {})

    def _begin(self, known: str | None) -> str:
        folder = Path(str(self._save_dir))
        folder.mkdir(parents=True, exist_ok=True)
        self._wandb = self._client("wandb")
        arguments = {"dir": str(folder), **self._init_kwargs}
        if "id" not in arguments and "WANDB_RUN_ID" not in os.environ:
            arguments["id"] = known or secrets.token_hex(4)
            arguments.setdefault("resume", "allow")
        arguments.pop("allow_val_change", None)
        self._run = self._wandb.init(**arguments)
        self._run.define_metric("step", hidden=True)
        self._run.define_metric("*", step_metric="step")
        for definition in self._metrics:
            self._run.define_metric(**{"step_metric": "step", **definition})
        return str(self._run.id)

    @property
    @force_init_env
    def experiment(self) -> Any:
        """The ``wandb`` run."""
        return self._run

    def _keep_config(self, config: Any) -> None:
        """The values, and the code of the run."""
        allow = self._init_kwargs.get("allow_val_change", True)
        self._run.config.update(as_mapping(config), allow_val_change=allow)
        self._run.log_code(name=self._log_code_name)

    @force_init_env
    def add_graph(self, model: Any, data_batch: Any, **kwargs: Any) -> None:
        """Watch the gradients and parameters of the model."""
        self._run.watch(model, **{**self._watch_kwargs, **kwargs})

    @force_init_env
    def add_image(self, name: str, image: Any, step: int = 0, **kwargs: Any) -> None:
        """Keep an RGB image."""
        self._run.log({name: self._wandb.Image(image), "step": step}, commit=self._commit)

    @force_init_env
    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """Keep a number."""
        self.add_scalars({name: value}, step)

    @force_init_env
    def add_scalars(
        self, scalar_dict: Mapping[str, Any], step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        """Keep several numbers of the same step."""
        self._run.log({**numbers(scalar_dict, "W&B"), "step": step}, commit=self._commit)

    def _end(self) -> None:
        self._run.finish()


def _metric_definitions(given: Any) -> list[dict[str, Any]]:
    """The arguments of ``define_metric``, once per metric.

    >>> _metric_definitions({"val/acc": "max"})
    [{'name': 'val/acc', 'summary': 'max'}]
    """
    if given is None:
        return []
    if isinstance(given, Mapping):
        return [{"name": name, "summary": summary} for name, summary in given.items()]
    if isinstance(given, (list, tuple)) and all(isinstance(one, Mapping) for one in given):
        return [dict(one) for one in given]
    raise ArgumentError("define_metric_cfg is a mapping from metric to summary, or a list of mappings")
