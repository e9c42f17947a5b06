"""When to save, and which checkpoint is the best.

What is saved is in `resume.py`, which files stay in eng_checkpoint, copies for others in `publication.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any, final

from eng_checkpoint import BackgroundSaver, prune
from eng_dist import broadcast_object_list, is_main_process, master_only
from eng_registry import HOOKS

from ..engine.aliases import Batch
from ..engine.arguments import older_name
from ..engine.finite import NonFiniteError, weights_are_finite
from ..engine.hook import Hook
from ..engine.interval import Cadence, Every
from ..engine.overriding import is_overridden
from ..engine.run import Run, is_configured
from ..engine.saving import SaveRequest
from ..engine.stop import SAVE_AND_GO_ON
from .alarm import Alarm
from .metric_rule import COMPARE, GREATER_KEYS, LESS_KEYS, Rule, check_rule, infer_rule, names_of
from .publication import publish
from .runtime_info import is_scalar

NEVER = 10**9
"""More iterations than any training has."""


@final
@HOOKS.register_module()
class CheckpointHook(Hook):
    """Saves every `interval` epochs (or iterations), at the end, and whenever a metric of `save_best` improved.

    `interval` is an int, in epochs or iterations as `by_epoch` says (by default what the training loop counts), or a
    string such as `'500 steps'`, `'0.5 epochs'` or `'15 min'`; -1 is never. However a training ends, `save_last` saves
    its end. Weights that are infinite or NaN are not saved, so the last finite checkpoint stays. `max_keep_ckpts` keeps
    that many regular checkpoints: an older one goes only after the new one is verified.
    `save_best` names one or several metrics, or `'auto'` for the first one of the first validation; `rule` says
    'greater' or 'less' where `greater_keys` and `less_keys` cannot tell from the name. `published_keys` are the
    top-level entries that copies for publication keep. `filename_tmpl` has one `{}` for the count.
    `file_client_args` is the older name of `backend_args`.

    With `async_save` the training waits for a copy in memory only, and the disk is written to meanwhile, one save at
    a time. An error of it is raised at the next iteration; at the end of a run, however it ends, the save under way
    is finished first. `after_save_checkpoint` is called when it is safe: before the next one, or at the end.
    A save that is waited for longer than `async_timeout_seconds` ends the run with an error that names its path.

    A validation outside of a training saves nothing.

    Raises ValueError, TypeError or KeyError for arguments that contradict each other.
    """

    priority = "VERY_LOW"

    def __init__(
        self,
        interval: int | str = -1,
        by_epoch: bool | None = None,
        save_optimizer: bool = True,
        save_param_scheduler: bool = True,
        out_dir: str | None = None,
        max_keep_ckpts: int = -1,
        save_last: bool = True,
        save_best: str | Sequence[str] | None = None,
        rule: str | Sequence[str] | None = None,
        greater_keys: str | Sequence[str] | None = None,
        less_keys: str | Sequence[str] | None = None,
        file_client_args: dict[str, Any] | None = None,
        filename_tmpl: str | None = None,
        backend_args: dict[str, Any] | None = None,
        published_keys: str | Sequence[str] | None = None,
        save_begin: int = 0,
        async_save: bool = False,
        async_timeout_seconds: float = 1800.0,
    ) -> None:
        if save_begin < 0:
            raise ValueError(f"`save_begin` should not be negative, it is {save_begin}")
        self._given = (interval, by_epoch, save_begin)
        self._given_template = filename_tmpl
        self.count_in("epoch")
        self.save_optimizer = save_optimizer
        self.save_param_scheduler = save_param_scheduler
        self.out_dir = out_dir
        self.max_keep_ckpts = max_keep_ckpts
        self.save_last = save_last
        self.backend_args = older_name(file_client_args, backend_args)
        self.save_best = names_of("save_best", save_best)
        if "auto" in self.save_best and len(self.save_best) > 1:
            raise ValueError("`save_best='auto'` stands alone; name all metrics, or none but 'auto'")
        self._greater = names_of("greater_keys", greater_keys) or list(GREATER_KEYS)
        self._less = names_of("less_keys", less_keys) or list(LESS_KEYS)
        self._given_rules = self._check_rules(rule)
        self.published_keys = names_of("published_keys", published_keys)
        self.async_save = async_save
        if async_timeout_seconds <= 0:
            raise ValueError(f"`async_timeout_seconds` should be more than 0, it is {async_timeout_seconds}")
        self.async_timeout_seconds = async_timeout_seconds
        self._saver: BackgroundSaver | None = None
        self._in_flight: str | None = None
        self._trains = False
        self._folder = ""
        self._alarm = Alarm()
        self._rules: dict[str, Rule] = {}
        if "auto" not in self.save_best:
            self._infer_rules(self.save_best)

    def count_in(self, unit: str) -> None:
        """Settle what an int as `interval` counts: epochs or iterations, as `by_epoch` says, else `unit`.

        A training by iterations has no ends of epochs, so an interval of epochs is followed there iteration by
        iteration; only `by_epoch=True` keeps to the one end that it has, as documented.
        """
        interval, by_epoch, begin = self._given
        counts_epochs = unit == "epoch" if by_epoch is None else by_epoch
        self.every = Every.parse(interval, of="epoch" if counts_epochs else "iter", begin=begin)
        self._cadence = Cadence(self.every)
        has_ends = unit == "epoch" or by_epoch is True
        self.by_epoch = has_ends and self.every.of == "epoch" and self.every.is_whole
        self.filename_tmpl = self._given_template or ("epoch_{}.pth" if self.by_epoch else "iter_{}.pth")

    def _check_rules(self, rule: str | Sequence[str] | None) -> list[Rule]:
        given = [rule] if isinstance(rule, str) else list(rule or [])
        if len(given) > 1 and len(given) != len(self.save_best):
            raise ValueError(
                f"`rule` has {len(given)} entries for {len(self.save_best)} metrics; give one for all, or one for each"
            )
        return [check_rule(one) for one in given]

    def _infer_rules(self, keys: Sequence[str]) -> None:
        given = self._given_rules * len(keys) if len(self._given_rules) == 1 else self._given_rules
        for index, key in enumerate(keys):
            self._rules[key] = given[index] if given else infer_rule(key, self._greater, self._less)

    # -- regular checkpoints ---------------------------------------------------------------------------------------
    def before_train(self, runner: Run) -> None:
        """Settle where checkpoints go and remove what a smaller limit no longer keeps.

        Raises ValueError for `async_save` where all processes write together.
        """
        self.count_in(getattr(runner.train_loop, "unit", "epoch"))
        self._saved_at = runner.clock.iter  # what a run continues from is saved
        self._clock, self._last_iter = runner.clock, runner.max_iters
        if self.save_best and not is_configured(runner.val_loop):
            runner.logger.warning(
                "CheckpointHook: `save_best` names %s, and there is no validation that measures it",
                ", ".join(self.save_best),
            )
        self._folder = self._target(runner)
        if self.async_save and runner.strategy.is_sharded:
            raise ValueError(
                "`async_save` is for checkpoints that one process writes, and here all write their parts together; "
                "drop it, or use state_dict_cfg='full'"
            )
        self._saver = BackgroundSaver() if self.async_save else None
        self._gave_up = False
        self._trains = True
        if self.every.of == "second" and is_main_process():
            self._alarm = Alarm(self.every.n, lambda: runner.stop.request(SAVE_AND_GO_ON))
        self._cadence.start(runner.clock, getattr(runner.train_loop, "run_length", None))
        if self.max_keep_ckpts > 0 and is_main_process():
            prune(self._folder, keep=self.max_keep_ckpts)

    def _target(self, runner: Run) -> str:
        if self.out_dir is None or Path(self.out_dir).absolute() == Path(runner.work_dir):
            return runner.work_dir
        return os.path.join(self.out_dir, os.path.basename(runner.work_dir))

    def takes_part(self, point: str, runner: Run) -> bool:
        """A hook that saves by epoch has nothing to do after an iteration, unless a save is under way."""
        return not (point == "after_train_iter" and self.by_epoch and not self.async_save)

    def sleeps_until(self, point: str, batch_idx: int) -> int | None:
        """Return the iteration of the next save where that can be known: an interval of iterations or of passes."""
        is_own = is_overridden(self, "after_train_iter", CheckpointHook)
        left = None if is_own or self._saver is not None else self._iterations_left()
        if point != "after_train_iter" or left is None:
            return None
        if self.save_last and self._last_iter > self._clock.iter:
            left = min(left, self._last_iter - self._clock.iter - 1)
        return batch_idx + left

    def _iterations_left(self) -> int | None:
        """Return how many iterations after the next one the interval is due; None where only the clock can say."""
        clock, every = self._clock, self.every
        size = {"iter": 1, "epoch": clock.batches}.get(every.of, 0)
        if every.n <= 0:
            return NEVER
        if not size or (every.begin and every.of == "epoch"):
            return None
        begin, interval = int(every.begin), every.n * size
        done = (clock.iter if every.of == "iter" else clock.epoch * size + clock.batch) + 1 - begin
        return ceil(ceil(max(done, 1) / interval - 1e-9) * interval - 1e-9) - done

    def after_train_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Save if it is due. Raises what a save in the background has raised."""
        if self._saver is not None:
            self._saver.check()
        if self.by_epoch:
            return
        clock = runner.clock
        due = self._cadence.due(clock) and self.every.of != "second"  # of which the alarm tells all processes
        if due or (self.save_last and clock.iter == runner.max_iters):
            self._save(runner, clock.iter)

    def after_train_epoch(self, runner: Run) -> None:
        """Save if it is due."""
        if not self.by_epoch:
            return
        done = max(runner.clock.epoch, runner.epoch + 1)
        last = self.save_last and done == runner.max_epochs
        if last or self.every.due(done, before=done - 1):
            self._save(runner, done)

    def _save_last(self, runner: Run) -> None:
        """Save where a training ends, unless that is done: early, by a hook, or with the end of a stream."""
        clock = runner.clock
        if self.save_last and self._saved_at != clock.iter:
            self._save(runner, max(clock.epoch, 1) if self.by_epoch else clock.iter)

    def _save(self, runner: Run, count: int) -> None:
        unit = "epochs" if self.by_epoch else "iterations"
        self._saved_at = runner.clock.iter
        if not weights_are_finite(runner.bare_model):
            raise NonFiniteError(
                f"after {count} {unit} the weights are infinite or NaN, which no further training mends: not saved. "
                f"Resume from the newest checkpoint of {self._folder}, which is from before, with a smaller "
                "learning rate, with clip_grad, or with NonFiniteHook(action='skip')"
            )
        runner.logger.info("Saving checkpoint at %d %s", count, unit)
        request = SaveRequest(
            folder=self._folder,
            name=self.filename_tmpl.format(count),
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            then=self._prune if self._saver is not None else None,
        )
        runner.message_hub.update_info("last_ckpt", request.path)
        self._write(runner, request)

    def _write(self, runner: Run, request: SaveRequest) -> None:
        """Save and do what follows, both now or both in the background; the latter in the first process."""
        request = request.with_changes(
            by_epoch=self.by_epoch, backend_args=self.backend_args, saver=self._saver
        )
        if self._saver is not None:
            self._in_flight = runner.save(request)
            return
        runner.save(request)
        if request.then is not None:
            request.then()

    def before_save_checkpoint(self, runner: Run, checkpoint: dict[str, Any]) -> None:
        """One save at a time, whoever asked for it."""
        self._finish(runner)

    def _finish(self, runner: Run) -> None:
        """Wait for the save under way, and tell that it is safe. Raises what it raised."""
        if self._saver is not None and self._in_flight is not None:
            path, self._in_flight = self._in_flight, None
            failure: list[str | None] = [None]
            try:
                self._saver.wait(self.async_timeout_seconds)
            except Exception as error:
                self._gave_up = isinstance(error, TimeoutError) and self._saver.busy
                if not runner.distributed:
                    raise
                failure = [f"{type(error).__name__}: {error}"]
            broadcast_object_list(failure, src=0)
            if failure[0] is not None:
                raise RuntimeError(f"rank 0 could not save {path}: {failure[0]}")
            runner.call_hook("after_save_checkpoint", path=path)

    def after_save_checkpoint(self, runner: Run, path: str) -> None:
        """Remove what there are too many of, now that the new one is safe."""
        if os.path.dirname(path) == self._folder and is_main_process():
            self._prune()

    def _prune(self) -> None:
        if self.max_keep_ckpts > 0:
            prune(self._folder, keep=self.max_keep_ckpts)

    # -- the best --------------------------------------------------------------------------------------------------
    def after_val_epoch(self, runner: Run, metrics: dict[str, Any] | None = None) -> None:
        """Save a best checkpoint for each metric of `save_best` that improved.

        Raises KeyError for a metric that the evaluator did not return.
        """
        if not self.save_best or not self._trains:
            return
        if not metrics:
            runner.logger.warning("The validation returned no metric, so no best checkpoint can be told")
            return
        if self.save_best == ["auto"]:
            self.save_best = [next(iter(metrics))]
            self._infer_rules(self.save_best)
        for key in self.save_best:
            self._save_if_best(runner, key, metrics)

    def _save_if_best(self, runner: Run, key: str, metrics: Mapping[str, Any]) -> None:
        if key not in metrics:
            if key.partition("/")[0] in getattr(runner.val_loop, "resting", ()):
                return  # this set is not due in this validation
            raise KeyError(f"`save_best` names {key!r}, but the evaluator returned {', '.join(metrics)}")
        score = metrics[key]
        if score is None or not is_scalar(score):
            return
        score = float(score)
        hub, suffix = runner.message_hub, "" if len(self.save_best) == 1 else f"_{key}"
        best = hub.get_info(f"best_score{suffix}")
        if score != score or (best is not None and not COMPARE[self._rules[key]](score, best)):
            return
        folder = self._target(runner)
        count, unit = self._finished(runner)
        name = f"best_{key.replace('/', '_')}_{unit}_{count}.pth"
        path = os.path.join(folder, name)
        previous = hub.get_info(f"best_ckpt{suffix}")
        hub.update_info(f"best_score{suffix}", score)
        hub.update_info(f"best_ckpt{suffix}", path)
        bests = self._bests(runner)

        def log_and_remove() -> None:
            runner.logger.info(
                "The best checkpoint with %.4f %s at %d %s is saved to %s.", score, key, count, unit, name
            )
            if previous is not None and previous != path:
                self._remove(runner, previous, bests)

        if previous == path:
            log_and_remove()
            return
        request = SaveRequest(
            folder=folder, name=name, kind="best", metrics={key: score}, then=log_and_remove,
            save_optimizer=False, save_param_scheduler=False,
        )  # fmt: skip
        self._write(runner, request)

    def _finished(self, runner: Run) -> tuple[int, str]:
        return (runner.epoch, "epoch") if self.by_epoch else (runner.iter, "iter")

    @master_only
    def _remove(self, runner: Run, path: str, bests: Sequence[str]) -> None:
        prune(os.path.dirname(path), kind="best", keep=len(self.save_best), protect=bests)
        runner.logger.info("The previous best checkpoint %s is removed", path)

    def _bests(self, runner: Run) -> list[str]:
        suffixes = [""] if len(self.save_best) == 1 else [f"_{key}" for key in self.save_best]
        paths = [runner.message_hub.get_info(f"best_ckpt{suffix}") for suffix in suffixes]
        return [os.path.basename(path) for path in paths if path is not None]

    # -- the end ---------------------------------------------------------------------------------------------------
    def on_exception(self, runner: Run, exception: BaseException) -> None:
        """Ask for nothing any more, and finish the save under way; its own error becomes a note of the other one."""
        self._alarm.cancel()
        self._trains, self._in_flight = False, None
        if self._saver is not None:
            saver, self._saver = self._saver, None
            try:
                saver.close(0.0 if self._gave_up else self.async_timeout_seconds)
            except Exception as own:
                if own is not exception:
                    exception.add_note(f"and a checkpoint could not be saved: {own}")

    def on_interrupt(self, runner: Run, reason: str) -> None:
        """Ask for nothing any more, and finish the save under way."""
        self._end(runner)

    def _end(self, runner: Run) -> None:
        self._alarm.cancel()
        self._trains = False
        self._finish(runner)
        if self._saver is not None:
            self._saver.close()
            self._saver = None

    def after_train(self, runner: Run) -> None:
        """Save the end, finish the save under way, and write the copies for publication."""
        self._save_last(runner)
        self._end(runner)
        if self.published_keys and is_main_process():
            last = runner.message_hub.get_info("last_ckpt")
            names = ([os.path.basename(last)] if last else []) + self._bests(runner)
            for name in names:
                target = publish(os.path.join(self._folder, name), keys=self.published_keys)
                runner.logger.info("%s is published as %s", name, os.path.basename(str(target)))
