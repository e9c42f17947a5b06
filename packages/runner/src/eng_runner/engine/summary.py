"""What a person wants to know when a training is over: the result, where everything is, what to type next."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eng_checkpoint import entries

from .aliases import Value
from .run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The outcome of a run; paths are absolute, absent ones None."""

    epochs: int
    iters: int
    best_score: tuple[str, float] | None
    best_checkpoint: str | None
    last_checkpoint: str | None
    log_file: str
    tensorboard_dir: str | None
    work_dir: str


def summarize(runner: Run) -> Summary:
    """The outcome of a finished (or interrupted) run."""
    hub = runner.message_hub
    best = hub.get_info("best_ckpt")
    score = None
    if best is not None:
        metrics = [
            entry.metrics for entry in entries(os.path.dirname(best)) if entry.name == os.path.basename(best)
        ]
        score = next(iter(metrics[0].items())) if metrics and metrics[0] else None
    events = sorted(Path(runner.log_dir).rglob("events.out.tfevents.*"))
    return Summary(
        epochs=runner.clock.epoch,
        iters=runner.clock.iter,
        best_score=score,
        best_checkpoint=best,
        last_checkpoint=hub.get_info("last_ckpt"),
        log_file=runner.log_file,
        tensorboard_dir=str(events[-1].parent) if events else None,
        work_dir=runner.work_dir,
    )


def render(
    summary: Summary,
    *,
    config_file: str | None = None,
    options: Sequence[str] = (),
    train_options: Sequence[str] = (),
) -> str:
    """The summary as text, with paths relative to the current folder where that is shorter.

    `options` are words that the run was started with and that every next command needs as well, such as
    `--cfg-options`; `train_options` are those that only training takes.
    """
    rows = [("trained", f"{summary.epochs} epochs, {summary.iters} iterations")]
    if summary.best_score is not None:
        name, value = summary.best_score
        rows.append(("best", f"{name} = {number(value)}"))
    places = [
        ("best checkpoint", summary.best_checkpoint),
        ("last checkpoint", summary.last_checkpoint),
        ("log", summary.log_file),
        ("tensorboard", summary.tensorboard_dir),
    ]
    rows += [(name, _short(path)) for name, path in places if path is not None]
    width = max(len(name) for name, _ in rows)
    lines = ["", "Done", *(f"  {name:<{width}}  {value}" for name, value in rows)]
    commands = _next_commands(summary, config_file, options, train_options)
    if commands:
        lines += ["", "Next", *(f"  {command}" for command in commands)]
    return "\n".join(lines)


def _next_commands(
    summary: Summary, config_file: str | None, options: Sequence[str], train_options: Sequence[str]
) -> list[str]:
    commands: list[list[str]] = []
    checkpoint = summary.best_checkpoint or summary.last_checkpoint
    if config_file is not None:
        if checkpoint is not None:
            commands.append(["eng", "test", config_file, _short(checkpoint), *options])
        resume = ["--work-dir", _short(summary.work_dir), "--resume"]
        commands.append(["eng", "train", config_file, *resume, *train_options, *options])
    if summary.tensorboard_dir is not None:
        commands.append(["tensorboard", "--logdir", _short(summary.tensorboard_dir)])
    return [shlex.join(words) for words in commands]


def _short(path: str) -> str:
    relative = os.path.relpath(path)
    return relative if len(relative) < len(path) and not relative.startswith("..") else path


def number(value: Value) -> str:
    """A metric with all its digits; anything but a number as it prints."""
    if hasattr(value, "item") and getattr(value, "numel", lambda: getattr(value, "size", 0))() == 1:
        value = value.item()
    return repr(value) if isinstance(value, (int, float)) else str(value)
