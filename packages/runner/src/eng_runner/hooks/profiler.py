"""Records with torch.profiler what a part of a training spends its time on."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, final

import torch
from torch.profiler import ProfilerActivity, profile, tensorboard_trace_handler

from eng_dist import get_device, is_main_process
from eng_registry import HOOKS

from ..engine.aliases import Batch
from ..engine.hook import Hook
from ..engine.run import Run, is_configured

TraceHandler = Callable[[Any], None]


@final
@HOOKS.register_module()
class ProfilerHook(Hook):
    """Profiles the first epoch (`by_epoch`) or the first `profile_times` iterations on the main process.

    `schedule` is a mapping of arguments for `torch.profiler.schedule`. `on_trace_ready` is a callable, or a mapping
    with `type='log_trace'` (a table in the log; `sort_by`, `row_limit`) or `type='tb_trace'` (files for TensorBoard;
    `dir_name`, relative to the log folder). `json_trace_path` writes a Chrome trace. `activity_with_cuda` profiles the
    accelerator, of whatever maker. Raises ValueError for a combination that cannot be meant.
    """

    priority = "VERY_LOW"

    def __init__(
        self,
        *,
        by_epoch: bool = True,
        profile_times: int = 1,
        activity_with_cpu: bool = True,
        activity_with_cuda: bool = False,
        schedule: Mapping[str, Any] | None = None,
        on_trace_ready: TraceHandler | Mapping[str, Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        json_trace_path: str | None = None,
    ) -> None:
        if profile_times < 1:
            raise ValueError(f"`profile_times` should be at least 1, not {profile_times}")
        if by_epoch and profile_times != 1:
            raise ValueError(
                "only the first epoch can be profiled; use by_epoch=False for more than one iteration"
            )
        self.by_epoch = by_epoch
        self.profile_times = profile_times
        self.activities = [ProfilerActivity.CPU] if activity_with_cpu else []
        accelerator = _activity_of(get_device().type) if activity_with_cuda else None
        if accelerator is not None:
            self.activities.append(accelerator)
        if not self.activities:
            raise ValueError(
                "there is nothing to profile: `activity_with_cpu` is False, and `activity_with_cuda` is False or this "
                f"process computes on {get_device().type}, of which torch has no profile"
            )
        self.schedule = None if schedule is None else torch.profiler.schedule(**schedule)
        self.on_trace_ready = on_trace_ready
        self._options: dict[str, Any] = {
            "record_shapes": record_shapes,
            "profile_memory": profile_memory,
            "with_stack": with_stack,
            "with_flops": with_flops,
        }
        self.json_trace_path = json_trace_path
        self._profiler: profile | None = None
        self._handler_of(on_trace_ready, log_dir="")

    def before_run(self, runner: Run) -> None:
        """Check that there is as much to profile as was asked for."""
        is_training = is_configured(runner.train_loop)
        if not self.by_epoch and is_training and self.profile_times > runner.max_iters:
            raise ValueError(
                f"`profile_times={self.profile_times}` is more than the {runner.max_iters} iterations there are"
            )

    def before_train(self, runner: Run) -> None:
        """Start."""
        if is_main_process():
            self._left = self.profile_times
            self._profiler = profile(
                activities=self.activities,
                schedule=self.schedule,
                on_trace_ready=self._handler_of(self.on_trace_ready, log_dir=runner.log_dir, runner=runner),
                **self._options,
            )
            self._profiler.start()

    def after_train_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Move the schedule, and stop after the last iteration of interest."""
        if self._profiler is None:
            return
        if self.schedule is not None:
            self._profiler.step()
        if not self.by_epoch:
            self._left -= 1
            if self._left == 0:
                self._stop(runner)

    def after_train_epoch(self, runner: Run) -> None:
        """Stop after the first epoch."""
        self._stop(runner)

    def on_exception(self, runner: Run, exception: BaseException) -> None:
        """Leave torch's profiler switched off."""
        self._stop(runner)

    def _stop(self, runner: Run) -> None:
        profiler, self._profiler = self._profiler, None
        if profiler is None:
            return
        profiler.stop()
        if self.json_trace_path is not None:
            profiler.export_chrome_trace(os.path.join(runner.log_dir, self.json_trace_path))

    def _handler_of(self, given: Any, *, log_dir: str, runner: Run | None = None) -> TraceHandler | None:
        if given is None or callable(given):
            handler: TraceHandler | None = given
            return handler
        if not isinstance(given, Mapping) or given.get("type") not in ("log_trace", "tb_trace"):
            raise ValueError(
                f"`on_trace_ready` should be a callable or a mapping with type='log_trace' or 'tb_trace', not {given!r}"
            )
        options = {name: value for name, value in given.items() if name != "type"}
        if given["type"] == "tb_trace":
            folder = os.path.join(log_dir, options.pop("dir_name", "tf_tracing_logs"))
            to_files: TraceHandler = tensorboard_trace_handler(folder, **options)
            return to_files
        order, rows = options.get("sort_by", "self_cpu_time_total"), options.get("row_limit", 20)

        def log_trace(profiler: Any) -> None:
            if runner is not None:
                runner.logger.info("%s", profiler.key_averages().table(sort_by=order, row_limit=rows))

        return log_trace


def _activity_of(kind: str) -> ProfilerActivity | None:
    """What torch calls the activity of a type of device; None where it cannot be profiled."""
    if kind == torch._C._get_privateuse1_backend_name():  # such as `npu`
        return ProfilerActivity.PrivateUse1
    return None if kind == "cpu" else getattr(ProfilerActivity, kind.upper(), None)
