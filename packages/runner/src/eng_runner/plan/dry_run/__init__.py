"""A training in small, before the real one: every part is built and used once, and every problem is reported.

Each part is tried by itself, so that one mistake does not hide another: the loaders give a batch, the model takes one
training step, the evaluator sees a batch, a checkpoint is saved and loaded, all hooks go along for an iteration. What
depends on something that failed is left out, not reported again. Everything happens in a temporary folder, and the
random state is put back. What can be known without building is in `plan/check.py`.
"""

from __future__ import annotations

import copy
import io
import tempfile
import warnings
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, Protocol

from eng_config import Config
from eng_dataset import Loader
from eng_dist import rng_state, set_rng_state
from eng_registry import DefaultScope, allow_import

from ...engine.hook import Hook
from ...engine.run import Run
from ..assembly import MODES
from ..default_hooks import DEFAULT_HOOKS
from ..parts import Parts
from .acts import check_disk, check_monitored, check_world, evaluate_once, run_once, train_once
from .findings import Findings, Notes
from .parts import build_hooks, build_loader, build_model, check_schedules, look_for_files, read_configuration
from .trial import Trial

__all__ = ["Findings", "copy_of", "rehearse"]


class Copied(Run, Protocol):
    """A run that can be tried on copies of its parts."""

    parts: Parts
    default_scope: str | None

    @property
    def load_from(self) -> str | None: ...


def rehearse(config: Config, *, world_size: int = 1) -> Findings:
    """Build and use every part once; nothing is left behind but what a data set or a model itself writes.

    `world_size` lets the loaders and the model believe that there were so many processes.
    """
    before = rng_state()
    out = io.StringIO()
    notes = Notes(config)
    with tempfile.TemporaryDirectory(prefix="eng-check-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the real run will give them
        scope = DefaultScope.overwrite_default_scope(config.get("default_scope", "eng"))
        trust = allow_import(*(["*"] if config.trusted else []))
        with scope, trust, redirect_stdout(out), redirect_stderr(out):
            _play(Trial(notes, folder), world_size)
    set_rng_state(before)
    return notes.findings


def _play(trial: Trial, world_size: int) -> None:
    """Try everything, in the order of a run."""
    notes = trial.notes
    read_configuration(notes)
    look_for_files(notes)
    loaders = {mode: loader for mode in MODES if (loader := build_loader(notes, mode)) is not None}
    train = loaders.get("train")
    train = train if isinstance(train, Loader) else None
    check_schedules(notes, train)
    hooks = build_hooks(notes)
    model = build_model(notes)
    if world_size > 1:
        check_world(trial, world_size, model)
    checkpoint = metrics = None
    if model is not None:
        if train is not None:
            checkpoint = train_once(trial, model, train)
        for mode in ("val", "test"):
            if mode in loaders:
                measured = evaluate_once(trial, mode, model, loaders[mode])
                metrics = measured if mode == "val" else metrics
    never = trial.config.get("val_cfg") is None and not notes.are_bad(MODES["val"])
    if metrics is not None or never:
        check_monitored(trial, hooks, metrics or {})
    if checkpoint is not None and train is not None:
        check_disk(trial, checkpoint, hooks, train)
    if not notes.findings.problems and model is not None and train is not None:
        run_once(trial, model)


def copy_of(run: Copied) -> Config:
    """Return the configuration that a run was made from, or one that holds copies of the objects it was made from."""
    if run.cfg.get("model") is not None:
        return run.cfg
    given = {name: value for name, value in run.parts.given.items() if name in _COPIED}
    loaders = {id(part): part for name, part in given.items() if name.endswith("_dataloader")}
    memo: dict[int, Any] = {**loaders}  # which are not copied: data sets may be large
    # together: the optimizer knows the model
    copies = copy.deepcopy({"model": run.bare_model, **given}, memo)
    copies |= {"custom_hooks": [_copied(hook, memo) for hook in run.hooks]}
    copies |= {"default_hooks": dict.fromkeys(DEFAULT_HOOKS), "default_scope": run.default_scope}
    return Config(copies | {"work_dir": run.work_dir, "load_from": run.load_from})


_COPIED = ("param_scheduler", *(name for names in MODES.values() for name in names))


def _copied(hook: Hook, memo: dict[int, Any]) -> Hook:
    """Return a hook for the dry run alone; one that holds a lock or a file shares that with the original."""
    try:
        return copy.deepcopy(hook, memo)
    except TypeError:
        return copy.copy(hook)
