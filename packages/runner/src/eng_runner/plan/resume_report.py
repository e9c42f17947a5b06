"""What has changed since a checkpoint was saved, and what that means for the run that continues from it.

A run records the facts that its result depends on (`facts_of`); on resume they are compared (`compare`), which is a
pure function of plain data. What a change of a configuration key does is in the table of `keys.py`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from eng_dist import get_device

from ..engine.run import Run
from ..version import __version__
from .keys import KEYS, Effect, effect_of


class Described(Run, Protocol):
    """A run that knows its arguments."""

    arguments: dict[str, Any]


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


def facts_of(run: Described) -> dict[str, Any]:
    """Return what the result of a run depends on, as plain data: it is saved in the `meta` of every checkpoint."""
    found: dict[str, Any] = {
        "config": flat_arguments({**run.cfg, **_given(run.arguments)}),
        "revision": code_revision(run.cfg.filename),
        "versions.python": platform.python_version(),
        "versions.torch": str(torch.__version__),
        "versions.eng-runner": __version__,
        "world_size": run.world_size,
        "device": get_device().type,
        "deterministic": run.deterministic,
        "parameters": sum(parameter.numel() for parameter in run.bare_model.parameters()),
    }
    if "numpy" in sys.modules:
        found["versions.numpy"] = str(sys.modules["numpy"].__version__)
    loop = run.built("train_loop")
    if loop is not None:
        found["dataset"] = dataset_fingerprint(loop.dataloader.dataset)
        found["batch_size"] = loop.dataloader.batch_size
        found["accumulative_counts"] = getattr(run.optim_wrapper, "_accumulative_counts", 1)
    return found


def report_of(run: Run, path: str, before: Mapping[str, Any] | None) -> ResumeReport:
    """Compare a run with the facts of a checkpoint (None for a file without them), and log what has changed."""
    if before is None:
        report = ResumeReport(path=path, is_known=False)
    else:
        report = ResumeReport(path=path, changes=compare(before, run.facts))
    harmless = report.is_known and report.effect is not Effect.CHANGES_RESULT
    run.logger.log(logging.INFO if harmless else logging.WARNING, "%s", report)
    return report


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
            Change(what=key, before=old.get(key, "absent"), now=new.get(key, "absent"), effect=effect_of(key))
            for key in sorted({*old, *new})
            if old.get(key) != new.get(key)
        ]
    return tuple(changes)


def flat_arguments(arguments: Mapping[str, Any]) -> dict[str, str]:
    """Return each value that is for the runner, as a string under its dotted key; other variables are left out.

    >>> flat_arguments({"work_dir": "w", "model": {"type": "Net", "sizes": [1, 2]}, "mine": 3})
    {'model.sizes.0': '1', 'model.sizes.1': '2', 'model.type': "'Net'", 'work_dir': "'w'"}
    """
    known = {key: arguments[key] for key in sorted(arguments) if key in KEYS and KEYS[key].is_recorded}
    return dict(_leaves(_given(known), ""))


def _given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that differ from their defaults."""
    return {
        name: value
        for name, value in arguments.items()
        if value is not None and not (isinstance(value, (bool, str)) and value == KEYS[name].default)
    }


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
