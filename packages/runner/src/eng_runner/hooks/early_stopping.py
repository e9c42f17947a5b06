"""Ends a training that no longer gets better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, final

from eng_registry import HOOKS

from ..engine.hook import Hook
from ..engine.run import Run, is_configured
from .metric_rule import infer_rule


@final
@HOOKS.register_module()
class EarlyStoppingHook(Hook):
    """Stops after `patience` validations in a row without an improvement of `monitor` by more than `min_delta`.

    `rule` ('greater' or 'less') follows from the metric's name where it is None. With `min_delta=0` any improvement
    counts, and a metric that stands still does not. `check_finite` stops at once when the metric is not finite;
    `stopping_threshold` stops at once when it is reached. A metric that is missing is a warning, with `strict` a
    RuntimeError. A run that has stopped and is resumed stops again, unless `patience` or the hook is changed. Raises
    ValueError for a rule that is unknown or does not follow from the name.
    """

    priority = "LOWEST"

    def __init__(
        self,
        monitor: str,
        rule: str | None = None,
        min_delta: float = 0.1,
        strict: bool = False,
        check_finite: bool = True,
        patience: int = 5,
        stopping_threshold: float | None = None,
    ) -> None:
        if rule not in (None, "greater", "less"):
            raise ValueError(f"`rule` should be 'greater' or 'less', not {rule!r}")
        self.monitor = monitor
        self.rule = rule or infer_rule(monitor)
        self.min_delta = abs(min_delta)
        self.strict = strict
        self.check_finite = check_finite
        self.patience = patience
        self.stopping_threshold = stopping_threshold
        self.wait_count = 0
        self.best_score = -math.inf if self.rule == "greater" else math.inf
        self.last_score: float | None = None

    def state_dict(self) -> dict[str, Any]:
        """Return the best score, the last one, and how many validations were no improvement on the best."""
        return {"best_score": self.best_score, "wait_count": self.wait_count, "last_score": self.last_score}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue to count from there."""
        self.best_score, self.wait_count = state["best_score"], state["wait_count"]
        self.last_score = state.get("last_score")

    def before_train(self, runner: Run) -> None:
        """Check that the loop can be stopped and that there is a validation; stop where the run had stopped."""
        if not hasattr(runner.train_loop, "stop_training"):
            raise TypeError(
                f"EarlyStoppingHook sets `stop_training`, which {type(runner.train_loop).__name__} does not have"
            )
        if not is_configured(runner.val_loop):
            runner.logger.warning(
                "EarlyStoppingHook: there is no validation that measures %r, so it never acts",
                self.monitor,
            )
        if self.wait_count >= self.patience:
            runner.train_loop.stop_training = True
            runner.logger.warning(
                "The training had stopped early: %s. It trains on with a larger `patience`, or without this hook",
                self._no_improvement(),
            )

    def after_val_epoch(self, runner: Run, metrics: dict[str, Any] | None = None) -> None:
        """Judge the metric."""
        if not is_configured(runner.train_loop):
            return
        if not metrics or self.monitor not in metrics:
            known = ", ".join(metrics or {}) or "nothing"
            message = f"early stopping monitors {self.monitor!r}, but the evaluator returned {known}"
            if self.strict:
                raise RuntimeError(message)
            runner.logger.warning(message)
            return
        reason = self._reason_to_stop(float(metrics[self.monitor]))
        if reason is not None:
            runner.train_loop.stop_training = True
            runner.logger.info("The training stops early: %s", reason)

    def _reason_to_stop(self, score: float) -> str | None:
        if self.check_finite and not math.isfinite(score):
            return f"{self.monitor} is {score}"
        self.last_score = score
        sign = 1 if self.rule == "greater" else -1
        if self.stopping_threshold is not None and sign * score >= sign * self.stopping_threshold:
            return f"{self.monitor} = {score:.4f} has reached {self.stopping_threshold}"
        if sign * score > sign * self.best_score + self.min_delta:
            self.best_score, self.wait_count = score, 0
            return None
        self.wait_count += 1
        if self.wait_count < self.patience:
            return None
        return self._no_improvement()

    def _no_improvement(self) -> str:
        last = "nothing" if self.last_score is None else f"{self.last_score:.4f}"
        return (
            f"{self.monitor} has not improved on {self.best_score:.4f} by more than min_delta={self.min_delta:g} in "
            f"{self.wait_count} validations; the last one gave {last}"
        )
