"""What is not as it was when a checkpoint was saved, and what that means for the run that continues from it.

A run notes the facts that its result depends on (`facts`); on resume they are compared (`compare`). Both are pure
functions of plain data.
"""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from eng_config import Config
from eng_dist import get_device

from ..version import __version__
from .assembly import RUNNER_KEYS

if TYPE_CHECKING:
    from ..runner import Runner


class Effect(StrEnum):
    """What a change does to the rest of a run, from harmless to not."""

    SAME_RESULT = "same result"
    COMPATIBLE = "compatible"
    CHANGES_RESULT = "changes result"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One fact that differs: its name, both values as text, and what it does."""

    what: str
    before: str
    now: str
    effect: Effect

    def __str__(self) -> str:
        return f"{self.effect}: {self.what} was {self.before}, is {self.now}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeReport:
    """What has changed since a checkpoint was saved; `runner.resume_report` after a resume.

    `effect` is the worst one: with 'same result' the run ends bitwise as if it had never stopped; 'compatible' means
    that the state fits but numbers may differ (another version, another number of processes); 'changes result' that
    the rest is another training (another learning rate, other data). `is_known` is False where the checkpoint has no
    such facts.
    """

    path: str
    changes: tuple[Change, ...] = ()
    is_known: bool = True

    @property
    def effect(self) -> Effect:
        """The worst effect of all changes."""
        found = {change.effect for change in self.changes}
        return next(effect for effect in reversed(Effect) if effect in found or effect is Effect.SAME_RESULT)

    def __str__(self) -> str:
        if not self.is_known:
            return f"{self.path} does not say what it was trained with, so nothing can be compared"
        if not self.changes:
            return f"Nothing has changed since {self.path}: {self.effect}"
        ordered = sorted(self.changes, key=lambda change: list(Effect).index(change.effect), reverse=True)
        return "\n    ".join([f"Changed since {self.path} ({self.effect}):", *map(str, ordered)])


_HARMLESS = (
    "*_dataloader.num_workers", "*_dataloader.persistent_workers", "*_dataloader.pin_memory",
    "*_dataloader.prefetch_factor", "*_dataloader.timeout", "custom_hooks.*.interval", "default_hooks.checkpoint*",
    "default_hooks.logger*", "default_hooks.progress*", "default_hooks.timer*", "env_cfg.dist_cfg.timeout",
    "env_cfg.mp_cfg*", "env_cfg.resource_limit", "experiment_name", "launcher", "load_from", "log_level",
    "log_processor*", "resume", "test_*", "train_cfg.max_time", "visualizer*", "work_dir",
)  # fmt: skip
"""Configuration that no weight depends on."""

_COMPATIBLE = (
    "env_cfg*", "strategy*", "train_cfg.dynamic_intervals*", "train_cfg.max_epochs", "train_cfg.max_iters",
    "train_cfg.val_begin", "train_cfg.val_interval", "val_*", "compile*", "activation_checkpointing*",
)  # fmt: skip
"""Configuration under which the same state goes on, for longer, on other hardware, or looked at in another way."""

_OPTIONS = ("activation_checkpointing", "compile", "efficient_conv_bn_eval", "model_wrapper_cfg", "sync_bn")

_EFFECTS = {
    "revision": Effect.COMPATIBLE,
    "versions": Effect.COMPATIBLE,
    "world_size": Effect.COMPATIBLE,
    "device": Effect.COMPATIBLE,
    "deterministic": Effect.COMPATIBLE,
    "dataset": Effect.CHANGES_RESULT,
    "batch_size": Effect.CHANGES_RESULT,
    "accumulative_counts": Effect.CHANGES_RESULT,
    "parameters": Effect.CHANGES_RESULT,
}


def facts(runner: Runner) -> dict[str, Any]:
    """What the result of a run depends on, as plain data: it is saved in the `meta` of every checkpoint."""
    found: dict[str, Any] = {
        "config": flat_config(runner.cfg),
        "revision": code_revision(runner.cfg.filename),
        "versions.python": platform.python_version(),
        "versions.torch": str(torch.__version__),
        "versions.eng-runner": __version__,
        "world_size": runner.world_size,
        "device": get_device().type,
        "deterministic": runner.deterministic,
        "parameters": sum(parameter.numel() for parameter in runner.bare_model.parameters()),
    }
    if "numpy" in sys.modules:
        found["versions.numpy"] = str(sys.modules["numpy"].__version__)
    loop = runner.__dict__.get("train_loop")
    if loop is not None:
        found["dataset"] = dataset_fingerprint(loop.dataloader.dataset)
        found["batch_size"] = loop.dataloader.batch_size
        found["accumulative_counts"] = getattr(runner.optim_wrapper, "_accumulative_counts", 1)
    return found


def compare(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Change, ...]:
    """The facts of both sides that differ; what only one side knows is no difference, but in the configuration it is.

    >>> [str(change) for change in compare({"world_size": 2, "config": {}}, {"world_size": 1, "config": {}})]
    ['compatible: world_size was 2, is 1']
    """
    changes = [
        Change(
            what=name, before=str(before[name]), now=str(now[name]), effect=_EFFECTS[name.partition(".")[0]]
        )
        for name in now
        if name != "config" and name in before and before[name] != now[name]
    ]
    old, new = before.get("config") or {}, now.get("config") or {}
    if old and new:
        changes += [
            Change(
                what=key, before=old.get(key, "absent"), now=new.get(key, "absent"), effect=effect_of_key(key)
            )
            for key in sorted({*old, *new})
            if old.get(key) != new.get(key)
        ]
    return tuple(changes)


def effect_of_key(key: str) -> Effect:
    """What a change of one key of the configuration does.

    >>> effect_of_key("train_dataloader.num_workers"), effect_of_key("optim_wrapper.optimizer.lr")
    (<Effect.SAME_RESULT: 'same result'>, <Effect.CHANGES_RESULT: 'changes result'>)
    """
    if any(fnmatch(key, pattern) for pattern in _HARMLESS):
        return Effect.SAME_RESULT
    if any(fnmatch(key, pattern) for pattern in _COMPATIBLE):
        return Effect.COMPATIBLE
    return Effect.CHANGES_RESULT


def flat_config(config: Mapping[str, Any] | Config) -> dict[str, str]:
    """Each value of a configuration that is for the runner, as text under its dotted key; other variables are not.

    >>> flat_config({"work_dir": "w", "model": {"type": "Net", "sizes": [1, 2]}, "mine": 3})
    {'model.sizes.0': '1', 'model.sizes.1': '2', 'model.type': "'Net'", 'work_dir': "'w'"}
    """
    known = {*RUNNER_KEYS, *_OPTIONS}
    given = {key: config[key] for key in sorted(config) if key in known}
    return dict(_leaves(given, ""))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key in sorted(value, key=str):
            yield from _leaves(value[key], f"{path}.{key}" if path else str(key))
    elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)) and value:
        for number, item in enumerate(value):
            yield from _leaves(item, f"{path}.{number}")
    else:
        # an object is named by its class: its address would differ in every process
        plain = value is None or isinstance(value, (str, int, float, bool, list, tuple, dict))
        yield path, repr(value) if plain else getattr(value, "__qualname__", type(value).__qualname__)


def dataset_fingerprint(dataset: Any) -> str:
    """A text that is another one for another data set: its class, length, and what it says of itself.

    A data set may define `fingerprint()` and return a text, such as the digest of its files; else its `metainfo` and
    its first and last records (`get_data_info`) count.
    """
    name = type(dataset).__name__
    own = getattr(dataset, "fingerprint", None)
    if callable(own):
        return f"{name}: {own()}"
    length = len(dataset) if hasattr(dataset, "__len__") else None
    told: dict[str, Any] = {"metainfo": getattr(dataset, "metainfo", None)}
    record = getattr(dataset, "get_data_info", None)
    if callable(record) and length:
        told["first"], told["last"] = record(0), record(length - 1)
    text = json.dumps(told, default=_short, sort_keys=True)
    return f"{name}, {length} samples, {hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _short(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return type(value).__name__ if shape is None else f"{type(value).__name__}{tuple(shape)}"


def code_revision(config_file: str | None) -> str:
    """The git commit of the folder that the configuration (or the main script) is in, with `+` if files differ."""
    script = config_file or getattr(sys.modules.get("__main__"), "__file__", None)
    folder = Path(script).resolve().parent if script else Path.cwd()
    command = ["git", "-C", str(folder), "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.strip() if done.returncode == 0 else "unknown"
