"""Writes into the history what the run is doing: its facts, the learning rate, losses and metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from eng_registry import HOOKS

from ..engine.aliases import Batch
from ..engine.hook import Hook
from ..engine.run import Run
from ..version import __version__

Append = Callable[[Any], None]


@final
@HOOKS.register_module()
class RuntimeInfoHook(Hook):
    """Records `train/lr`, `train/<name of each loss>`, `val/<metric>` ... and the facts of the run.

    Losses stay tensors; nothing here waits for the device.
    """

    priority = "VERY_HIGH"

    def before_run(self, runner: Run) -> None:
        """Note the facts that do not change."""
        runner.message_hub.update_info_dict(
            {
                "cfg": runner.cfg.pretty_text,
                "seed": runner.seed,
                "experiment_name": runner.experiment_name,
                "eng_version": __version__,
            }
        )

    def before_train(self, runner: Run) -> None:
        """Note where the training ends, and open the series that every iteration appends to."""
        hub = runner.message_hub
        hub.update_info_dict(
            {
                "loop_stage": "train",
                "epoch": runner.epoch,
                "iter": runner.iter,
                "max_epochs": runner.max_epochs,
                "max_iters": runner.max_iters,
            }
        )
        self._series: dict[str, Append] = {}
        self._rates: list[tuple[Append, dict[str, Any]]] = []
        for name, wrapper in _named_wrappers(runner.optim_wrapper):
            groups = wrapper.param_groups
            if "base_lr" in wrapper.get_lr():
                self._rates.append((hub.series(f"train/{name}base_lr").append, groups[-1]))
            self._rates.append((hub.series(f"train/{name}lr").append, groups[0]))
        self._grad_norm: Append | None = None
        self._optim_wrapper = runner.optim_wrapper

    def before_train_epoch(self, runner: Run) -> None:
        """Note the epoch."""
        runner.message_hub.update_info("epoch", runner.epoch)

    def before_train_iter(self, runner: Run, batch_idx: int, data_batch: Batch = None) -> None:
        """Record the learning rate that this iteration uses."""
        for append, group in self._rates:
            rate = group["lr"]
            append(rate if type(rate) is float else float(rate))  # a tensor would change under the history

    def after_train_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Record what the model reported, as it is."""
        if outputs is not None:
            series = self._series
            for name, value in outputs.items():
                if name not in series:
                    series[name] = runner.message_hub.series(f"train/{name}").append
                series[name](value)
        norm = self._optim_wrapper.grad_norm
        if norm is not None:
            if self._grad_norm is None:
                self._grad_norm = runner.message_hub.series("train/grad_norm").append
            self._grad_norm(norm)

    def before_val(self, runner: Run) -> None:
        """Note the stage."""
        runner.message_hub.update_info("loop_stage", "val")

    def after_val_epoch(self, runner: Run, metrics: dict[str, Any] | None = None) -> None:
        """Record the metrics: single numbers as scalars, anything else as information."""
        _record_metrics(runner, "val", metrics)

    def after_val(self, runner: Run) -> None:
        """Back to training, if the validation was part of it."""
        _leave_stage(runner)

    def before_test(self, runner: Run) -> None:
        """Note the stage."""
        runner.message_hub.update_info("loop_stage", "test")

    def after_test_epoch(self, runner: Run, metrics: dict[str, Any] | None = None) -> None:
        """Record the metrics: single numbers as scalars, anything else as information."""
        _record_metrics(runner, "test", metrics)

    def after_test(self, runner: Run) -> None:
        """No stage any more."""
        runner.message_hub.pop_info("loop_stage")

    def after_train(self, runner: Run) -> None:
        """No stage any more."""
        runner.message_hub.pop_info("loop_stage")


def _named_wrappers(optim_wrapper: Any) -> list[tuple[str, Any]]:
    if hasattr(optim_wrapper, "items"):
        return [(f"{name}.", wrapper) for name, wrapper in optim_wrapper.items()]
    return [("", optim_wrapper)]


def _leave_stage(runner: Run) -> None:
    if runner.clock.iter and runner.optim_wrapper is not None:
        runner.message_hub.update_info("loop_stage", "train")
    else:
        runner.message_hub.pop_info("loop_stage")


def _record_metrics(runner: Run, mode: str, metrics: dict[str, Any] | None) -> None:
    for name, value in (metrics or {}).items():
        if is_scalar(value):
            runner.message_hub.update_scalar(f"{mode}/{name}", value)
        else:
            runner.message_hub.update_info(f"{mode}/{name}", value)


def is_scalar(value: object) -> bool:
    """Whether a metric is one number: a Python or numpy number, an array or tensor of exactly one element."""
    if isinstance(value, (bool, str)) or value is None:
        return False
    if isinstance(value, (int, float)):
        return True
    numel = getattr(value, "numel", None)
    return (numel() if callable(numel) else getattr(value, "size", 0)) == 1
