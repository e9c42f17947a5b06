"""Runners of one iteration: the parts of a configuration are used once, and nothing of it is kept."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Mapping
from typing import Any

import torch

from eng_config import Config
from eng_dataset import Loader
from eng_registry import RUNNERS

from ...engine.aliases import Batch
from ...engine.arguments import without
from ...engine.hook import Hook
from ...engine.loops import EpochBasedTrainLoop, IterBasedTrainLoop
from ...engine.run import Run
from ..assembly import MODES
from ..default_hooks import DEFAULT_HOOKS
from .findings import Notes


class Trial:
    """Makes runners for one iteration of a configuration, in a temporary folder."""

    def __init__(self, notes: Notes, folder: str) -> None:
        self.notes = notes
        self.config = notes.config
        self.folder = folder

    def arguments(
        self, mode: str, model: torch.nn.Module, loader: Loader | dict[str, Loader]
    ) -> dict[str, Any]:
        """Return a runner's arguments for one iteration of a mode, without hooks."""
        names = MODES[mode]
        loop = self.config[names[1]]
        loop = shortened(loop) if mode == "train" else {**loop, "limit_batches": 1}
        arguments = {
            "model": model,
            names[0]: loader,
            names[1]: loop,
            names[2]: own_copy(self.config[names[2]]),
            "default_hooks": dict.fromkeys(DEFAULT_HOOKS),
        }
        if mode == "train" and "param_scheduler" not in self.notes.bad:
            arguments["param_scheduler"] = own_copy(self.config.get("param_scheduler"))
        return arguments

    def runner(self, arguments: Mapping[str, Any]) -> Any:
        """Make a runner of the configuration's class that writes into the temporary folder and logs nothing."""
        own: dict[str, Any] = {
            "work_dir": tempfile.mkdtemp(dir=self.folder),
            "log_level": "CRITICAL",
            "launcher": "none",
            "default_scope": self.config.get("default_scope", "eng"),
            "randomness": {"seed": 0},
            "experiment_name": None,
            "cfg": Config.fromstring("", ".py", trust=self.config.trusted),
        }
        runner_class: Any = RUNNERS.get(self.config.get("runner_type", "Runner"))
        return runner_class(**{**arguments, **own})

    def is_ordinary(self, loop: Any) -> bool:
        """Whether a loop can be told to end after one batch; a loop of the user's own is built by the real run."""
        return isinstance(loop, Mapping) and loop.get("type") in (
            None, "EpochBasedTrainLoop", "IterBasedTrainLoop", "ValLoop", "TestLoop", "NamedValLoop",
            EpochBasedTrainLoop, IterBasedTrainLoop,
        )  # fmt: skip


class OneIteration(Hook):
    """Ends the training after its first iteration, and keeps the loss of it.

    The run keeps its length: schedules are built for it, and `max_epochs=1` would give others.
    """

    priority = "LOWEST"

    def __init__(self) -> None:
        self.loss: torch.Tensor | None = None

    def after_train_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Stop."""
        loss = (outputs or {}).get("loss")
        self.loss = loss.detach() if isinstance(loss, torch.Tensor) else None
        runner.train_loop.stop_training = True


def own_copy(spec: Any) -> Any:
    """Return a copy of a configuration, for a runner to change; objects as they are, for they may know each other."""
    return copy.deepcopy(spec) if isinstance(spec, Mapping) else spec


def without_workers(loader: Any) -> Any:
    """Return the same loader without worker processes."""
    if not isinstance(loader, Mapping):
        return loader
    options = ("num_workers", "persistent_workers", "prefetch_factor", "timeout", "multiprocessing_context")
    return without(copy.deepcopy(loader), *options)


def shortened(train_cfg: Mapping[str, Any]) -> dict[str, Any]:
    """Return a training loop of one iteration an epoch, that validates after it."""
    rest = {name: value for name, value in train_cfg.items() if name not in ("max_time", "dynamic_intervals")}
    return {**rest, "limit_batches": 1, "val_interval": 1, "val_begin": 1}
