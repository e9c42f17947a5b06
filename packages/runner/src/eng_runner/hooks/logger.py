"""Turns the history into log lines and tracker points, every so many iterations."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

from eng_dist import master_only
from eng_fileio import atomic_write_text, copyfile_from_local, join_path
from eng_registry import HOOKS
from eng_visualization import LocalVisBackend

from ..engine.aliases import Batch
from ..engine.arguments import older_name
from ..engine.hook import Hook
from ..engine.interval import Cadence, Every
from ..engine.overriding import is_overridden
from ..engine.run import Run
from ..engine.run_metadata import facts_of_metrics, facts_of_run


@final
@HOOKS.register_module()
class LoggerHook(Hook):
    """Writes a line every `interval` iterations of an epoch and sends the same numbers to the visualizer.

    `interval` may also be a text such as `'500 steps'`, `'10k samples'` or `'30 s'`, which training lines follow over
    the whole run; those of a validation or test then come every 10 batches.
    `ignore_last=False` also writes the last, shorter stretch of an epoch. Everything has one x-axis, the iteration;
    with `log_metric_by_epoch=True` validation metrics have the epoch instead, except in iteration-based training, where
    it never moves. Metrics that are no numbers, such as a confusion matrix, go to the visualizer as facts. With
    `out_dir` the files of the log folder that end in `out_suffix` are copied there after the run; `keep_local=False`
    then removes the local ones. `file_client_args` is the older name of `backend_args`.
    """

    priority = "BELOW_NORMAL"

    def __init__(
        self,
        interval: int | str = 10,
        ignore_last: bool = True,
        interval_exp_name: int = 1000,
        out_dir: str | None = None,
        out_suffix: str | Sequence[str] = (".json", ".log", ".py", "yaml"),
        keep_local: bool = True,
        file_client_args: dict[str, Any] | None = None,
        log_metric_by_epoch: bool = False,
        backend_args: dict[str, Any] | None = None,
    ) -> None:
        self._words = Cadence(Every.parse(interval)) if isinstance(interval, str) else None
        interval = 10 if isinstance(interval, str) else interval
        for name, value in (("interval", interval), ("interval_exp_name", interval_exp_name)):
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"`{name}` should be an int, not {type(value).__name__}: {value!r}")
            if value <= 0:
                raise ValueError(f"`{name}` should be greater than 0, not {value}")
        if out_dir is not None and not isinstance(out_dir, (str, Path)):
            raise TypeError(f"`out_dir` should be a path, not {type(out_dir).__name__}: {out_dir!r}")
        if not keep_local and out_dir is None:
            raise ValueError("`keep_local=False` removes the local logs, so `out_dir` must say where they go")
        self.interval = interval
        self.ignore_last = ignore_last
        self.interval_exp_name = interval_exp_name
        self.out_dir = None if out_dir is None else str(out_dir)
        self.out_suffix = (out_suffix,) if isinstance(out_suffix, str) else tuple(out_suffix)
        self.keep_local = keep_local
        self.log_metric_by_epoch = log_metric_by_epoch
        self.backend_args = older_name(file_client_args, backend_args)
        self._written_by = ""
        self._is_lost = False
        self.last_logged: dict[str, Any] = {}
        """What the newest training line said, as numbers."""

    def before_run(self, runner: Run) -> None:
        """Make the target unambiguous: one folder per work folder."""
        if self.out_dir is not None:
            self._target = join_path(self.out_dir, os.path.basename(runner.work_dir.rstrip("/")))

    def after_load_checkpoint(self, runner: Run, checkpoint: dict[str, Any]) -> None:
        """Remember which start of the run wrote the checkpoint."""
        self._written_by = str(checkpoint.get("meta", {}).get("experiment_name", ""))

    def before_train(self, runner: Run) -> None:
        """Where the run goes on from an earlier iteration, what came after it is recorded anew. Say how it started."""
        if runner.clock.iter > 0 and self._written_by:
            runner.visualizer.resume_from(runner.clock.iter)
            self._cut_back(runner)
        runner.visualizer.add_facts(facts_of_run(runner))
        if self._words is not None:
            self._words.start(runner.clock, getattr(runner.train_loop, "run_length", None))

    @master_only
    def _cut_back(self, runner: Run) -> None:
        """Each step stands once in the scalars of all starts together, whenever they were killed.

        Cut are those of the start that wrote the checkpoint, and all of a later start that had gone on from here and
        did not come to save; also the validation of this iteration, where the run begins with it. Another run in the
        same folder has earlier steps too, and stays as it is.
        """
        starts = sorted(path.parent for path in Path(runner.work_dir).glob("*/vis_data"))
        writers = [start for start in starts if start.name in self._written_by]
        writer = max(writers, key=lambda start: len(start.name), default=None)
        done, validated = runner.clock.iter, getattr(runner.train_loop, "state", "train") != "validate"
        for start in starts:
            if writer is None or start == Path(runner.log_dir) or start.name < writer.name:
                continue
            if start == writer or goes_on_from(start / "vis_data", done):
                LocalVisBackend(start / "vis_data").resume_from(done, validated=validated)

    def before_save_checkpoint(self, runner: Run, checkpoint: dict[str, Any]) -> None:
        """Let the trackers have what is before the checkpoint: a run that goes on from it does not say it again."""
        runner.visualizer.flush(seconds=1.0)

    def before_train_epoch(self, runner: Run) -> None:
        """Look up how long the pass is, and where in the run it begins."""
        loop = runner.train_loop
        self._length = getattr(loop, "length", None)
        begun = getattr(getattr(loop, "dataloader", None), "batch", 0)
        self._iter_of_first = 0 if getattr(loop, "unit", "epoch") == "iter" else runner.iter - begun

    def sleeps_until(self, point: str, batch_idx: int) -> int | None:
        """Return the iteration of the next line; a subclass with a rule of its own is called every time."""
        is_own = is_overridden(self, "after_train_iter", LoggerHook)
        if point != "after_train_iter" or is_own or self._words is not None:
            return None
        name_due = batch_idx + -(self._iter_of_first + batch_idx + 1) % self.interval_exp_name
        due = [batch_idx + -(batch_idx + 1) % self.interval, name_due]
        if self._length is not None and self._length > batch_idx:
            due.append(self._length - 1)
        return min(due)

    def after_train_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Write a line if it is due."""
        done = batch_idx + 1
        if self._words is not None:
            due = self._words.due(runner.clock)
        else:
            due = done % self.interval == 0 or (done == self._length and done <= self.interval)
        if due or (done == self._length and not self.ignore_last):
            self._write(runner, batch_idx)
        if (runner.iter + 1) % self.interval_exp_name == 0 or done == self._length:
            runner.logger.info("Exp name: %s", runner.experiment_name)

    def _write(self, runner: Run, batch_idx: int) -> None:
        tag, line = runner.log_processor.get_log_after_iter(runner, batch_idx, "train")
        self.last_logged = tag
        runner.logger.info(line)
        self._warn_if_lost(runner, tag)
        runner.visualizer.add_scalars(tag, step=runner.iter + 1, file_path=f"{runner.timestamp}.json")

    def _warn_if_lost(self, runner: Run, tag: dict[str, Any]) -> None:
        """Say once that a loss is no number any more, where it is read anyway."""
        if self._is_lost:
            return
        losses = [(name, value) for name, value in tag.items() if "loss" in name and isinstance(value, float)]
        lost = [name for name, value in losses if not math.isfinite(value)]
        if lost:
            self._is_lost = True
            runner.logger.warning(
                "%s became %s by iteration %d. NonFiniteHook ends a run at the first such loss, or skips such "
                "batches with action='skip'; weights that are not finite are never saved",
                " and ".join(lost), tag[lost[0]], runner.iter + 1,
            )  # fmt: skip

    def after_val_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Write a line if it is due."""
        if (batch_idx + 1) % self.interval == 0:
            runner.logger.info(runner.log_processor.get_log_after_iter(runner, batch_idx, "val")[1])

    def after_test_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Write a line if it is due."""
        if (batch_idx + 1) % self.interval == 0:
            runner.logger.info(runner.log_processor.get_log_after_iter(runner, batch_idx, "test")[1])

    def after_val_epoch(self, runner: Run, metrics: dict[str, Any] | None = None) -> None:
        """Write the metrics."""
        length = _batches_of(runner.val_loop)
        tag, line = runner.log_processor.get_log_after_epoch(runner, length - 1, "val")
        runner.logger.info(line)
        runner.visualizer.add_scalars(
            tag, step=self._metric_step(runner), file_path=f"{runner.timestamp}.json"
        )
        classes = (runner.visualizer.dataset_meta or {}).get("classes")
        if facts := facts_of_metrics(metrics or {}, "val", classes):
            runner.visualizer.add_facts(facts)

    def _metric_step(self, runner: Run) -> int:
        by_epoch = self.log_metric_by_epoch and runner.log_processor.counts_epochs(runner)
        return runner.epoch if by_epoch else runner.iter

    def after_test_epoch(self, runner: Run, metrics: dict[str, Any] | None = None) -> None:
        """Write the metrics, also as JSON beside the log."""
        length = _batches_of(runner.test_loop)
        tag, line = runner.log_processor.get_log_after_epoch(runner, length - 1, "test", with_non_scalar=True)
        runner.logger.info(line)
        self._dump(tag, os.path.join(runner.log_dir, f"{runner.timestamp}.json"))

    @master_only
    def _dump(self, tag: dict[str, Any], path: str) -> None:
        atomic_write_text(path, json.dumps({name: _jsonable(value) for name, value in tag.items()}) + "\n")

    def after_run(self, runner: Run) -> None:
        """Close the trackers, and copy the logs where they were asked for."""
        runner.visualizer.close()
        if self.out_dir is not None:
            self._copy_out(runner)

    @master_only
    def _copy_out(self, runner: Run) -> None:
        for path in sorted(Path(runner.log_dir).rglob("*")):
            if path.is_file() and path.name.endswith(self.out_suffix):
                target = join_path(self._target, str(path.relative_to(runner.work_dir)))
                if "://" not in target:
                    os.makedirs(os.path.dirname(target), exist_ok=True)
                copyfile_from_local(str(path), target, backend_args=self.backend_args)
                runner.logger.info("%s is copied to %s", path.name, target)
                if not self.keep_local:
                    path.unlink()


def goes_on_from(folder: Path, done: int) -> bool:
    """Whether the scalars of a start begin where a run goes on that has done so many iterations.

    They do with a later iteration, or with the validation that was still to be done there: it has no `iter`.
    """
    for path in sorted(folder.glob("*.json")):
        with open(path, encoding="utf-8") as file:
            line = file.readline()
        try:
            record = json.loads(line)
            return bool(record["iter"] > done if "iter" in record else record["step"] >= done)
        except (ValueError, KeyError, TypeError):
            continue
    return False


def _batches_of(loop: object) -> int:
    """Return the batches of an evaluation: by its length, else as many as there were."""
    length: int | None = getattr(loop, "length", None)
    done: int = getattr(loop, "batches_done", 0)
    return length or done


def _jsonable(value: Any) -> Any:
    """Tensors and arrays as nested lists, numpy numbers as Python numbers, the rest as it is or as text."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, dict):
        return {str(name): _jsonable(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(part) for part in value]
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)
