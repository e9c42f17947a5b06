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
    """Stops after `patience` validations in a row without an improvement of `monitor` by at least `min_delta`.

    `rule` ('greater' or 'less') is told from the metric's name where it is None. `check_finite` stops at once when the
    metric is not finite; `stopping_threshold` stops at once when it is reached. A metric that is missing is a warning,
    with `strict` a RuntimeError. Raises ValueError for a rule that cannot be told or is none.
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

    def state_dict(self) -> dict[str, Any]:
        """The best score and how many validations it has stood."""
        return {"best_score": self.best_score, "wait_count": self.wait_count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Count on from there."""
        self.best_score, self.wait_count = state["best_score"], state["wait_count"]

    def before_train(self, runner: Run) -> None:
        """The loop must be one that can be stopped."""
        if not hasattr(runner.train_loop, "stop_training"):
            raise TypeError(
                f"EarlyStoppingHook sets `stop_training`, which {type(runner.train_loop).__name__} does not have"
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
        sign = 1 if self.rule == "greater" else -1
        if self.stopping_threshold is not None and sign * score >= sign * self.stopping_threshold:
            return f"{self.monitor} = {score:.4f} has reached {self.stopping_threshold}"
        if sign * score >= sign * self.best_score + self.min_delta:
            self.best_score, self.wait_count = score, 0
            return None
        self.wait_count += 1
        if self.wait_count < self.patience:
            return None
        return f"{self.monitor} has not improved on {self.best_score:.4f} in {self.wait_count} validations"
