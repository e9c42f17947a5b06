"""What hooks cost: a short training in which each call of a hook is timed.

It runs in a temporary folder and leaves nothing behind: trackers other than the local files are left out, and nothing
is copied to an `out_dir`.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from statistics import fmean, median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, final

from eng_config import Config

from ..engine.aliases import Batch, HookCall
from ..engine.hook import Hook
from ..engine.hook_list import Hooks
from ..engine.run import AnyTrainLoop, Run
from ..runner import Runner

EACH_ITERATION = ("before_train_iter", "after_train_iter")


@dataclass(frozen=True, slots=True, kw_only=True)
class HookCost:
    """The calls of one hook at one point; times in seconds. What a hook calls itself counts for both."""

    hook: str
    point: str
    calls: int
    median: float
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HookCosts:
    """The costs of all hooks, the largest first, beside the mean time of an iteration in seconds."""

    calls: tuple[HookCost, ...]
    iterations: int
    iteration: float

    @property
    def hooks_per_iteration(self) -> float:
        """Seconds of an iteration that its hooks take, in the mean: a line every ten counts with a tenth."""
        return sum(cost.total for cost in self.calls if cost.point in EACH_ITERATION) / self.iterations


def measure_hooks(config: Config, *, iterations: int) -> HookCosts:
    """Train up to `iterations` iterations, at most one epoch, and validate as often as that training would.

    Raises what building or training raises.
    """
    config = copy.deepcopy(config)
    with TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        _shorten(config, iterations=iterations, work_dir=folder)
        runner = Runner.from_cfg(config)
        hooks = runner.hook_list = TimedHooks(runner.hook_list)
        watch = Stopwatch(iterations)
        runner.register_hook(watch)
        runner.train()
    return HookCosts(
        calls=tuple(sorted(hooks.costs(without=watch), key=lambda cost: -cost.total)),
        iterations=len(watch.laps),
        iteration=fmean(watch.laps),
    )


def _shorten(config: Config, *, iterations: int, work_dir: str) -> None:
    config["work_dir"], config["visualizer"] = work_dir, None
    config["resume"], config["load_from"] = False, None
    config["train_cfg"]["limit_batches"] = iterations
    if config.get("val_cfg") is not None:
        config["val_cfg"]["limit_batches"] = iterations
    for hook in [*(config.get("default_hooks") or {}).values(), *(config.get("custom_hooks") or [])]:
        if isinstance(hook, Mapping):
            hook.pop("out_dir", None)  # type: ignore[attr-defined]  # a ConfigDict, whose values may go


@final
class TimedHooks(Hooks):
    """The same hooks in the same order, every call of them timed."""

    def __init__(self, hooks: Hooks) -> None:
        self._entries = hooks._entries
        self._seconds: dict[tuple[Hook, str], list[float]] = {}

    def bind(self, point: str, runner: Run) -> tuple[HookCall, ...]:
        """The methods to call at a point, each with a clock around it."""
        return tuple(self._timed(method, point) for method in super().bind(point, runner))

    def _timed(self, method: Callable[..., None], point: str) -> Callable[..., None]:
        note = self._seconds.setdefault((method.__self__, point), []).append  # type: ignore[attr-defined]  # bound

        def call(*args: Any, **kwargs: Any) -> None:
            begin = perf_counter()
            method(*args, **kwargs)
            note(perf_counter() - begin)

        return call

    def costs(self, *, without: Hook) -> list[HookCost]:
        """What was measured, but for one hook."""
        return [
            HookCost(hook=name, point=point, calls=len(seconds), median=median(seconds), total=sum(seconds))
            for name, hook in self.named().items()
            for (called, point), seconds in self._seconds.items()
            if called is hook and hook is not without and seconds
        ]


@final
class Stopwatch(Hook):
    """Takes the time from one iteration to the next, and ends the training when there is enough."""

    priority = "LOWEST"

    def __init__(self, iterations: int) -> None:
        self.laps: list[float] = []
        self._left = iterations
        self._last: float | None = None

    def before_train_iter(self, runner: Run, batch_idx: int, data_batch: Batch = None) -> None:
        """The first lap begins when the first batch is there."""
        if self._last is None:
            self._last = perf_counter()

    def after_train_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """A lap ends."""
        now = perf_counter()
        self.laps.append(now - (self._last or now))
        self._last = now
        self._left -= 1
        if self._left <= 0:
            self._stop(runner.train_loop)

    def after_train_epoch(self, runner: Run) -> None:
        """One epoch is enough."""
        self._stop(runner.train_loop)

    def _stop(self, loop: AnyTrainLoop) -> None:
        loop.stop_training = True
