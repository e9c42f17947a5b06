"""What happens when a loss or a gradient is not a number."""

from __future__ import annotations

from typing import Any, Literal, cast, final

import torch
from torch import Tensor

from eng_optim import OptimWrapper, StepGuard, guard_steps
from eng_registry import HOOKS

from ..engine.aliases import Batch
from ..engine.finite import NonFiniteError
from ..engine.hook import Hook
from ..engine.interval import Cadence, Every
from ..engine.run import Run, wrappers_of


@final
@HOOKS.register_module(gives_way=True)
class NonFiniteHook(Hook):
    """Looks at what the model reports, without waiting for the device but every `interval` iterations.

    `interval` may also be a text such as `'50 steps'`.
    `action='raise'` ends the run with NonFiniteError. With `action='skip'` a step of which the gradients are not all
    finite does not happen: weights, moments and counters stay as they are, see `eng_optim.guard_steps` for what that
    takes of memory. A warning says how many there were; after `patience` of them in a row it raises.
    """

    priority = "ABOVE_NORMAL"

    def __init__(
        self, action: Literal["raise", "skip"] = "raise", interval: int | str = 10, patience: int = 100
    ) -> None:
        if action not in ("raise", "skip"):
            raise ValueError(f"`action` is 'raise' or 'skip', not {action!r}")
        every = Every.parse(interval)
        if every.n <= 0 or patience < 1:
            raise ValueError(f"`interval` and `patience` are at least 1, not {interval} and {patience}")
        self.action = action
        self._cadence = Cadence(every)
        self.patience = patience
        self._bad: Tensor | None = None
        self._guard: StepGuard | None = None
        self._skipped = 0
        self._since = 0

    def before_train(self, runner: Run) -> None:
        """Start to look."""
        self._bad = None
        self._skipped = 0
        self._since = runner.clock.iter
        self._cadence.start(runner.clock, getattr(runner.train_loop, "run_length", None))
        if self.action == "skip":
            self._guard = guard_steps(cast(OptimWrapper, runner.optim_wrapper))

    def after_train_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Note what is not finite, and look at the notes if it is time."""
        if self.action == "raise":
            for name, value in (outputs or {}).items():
                if name.startswith("loss") and isinstance(value, Tensor):
                    self._note(~torch.isfinite(value).all())
        if self._cadence.due(runner.clock):
            self._look(runner)

    def before_save_checkpoint(self, runner: Run, checkpoint: dict[str, Any]) -> None:
        """Look before anything is saved, and save the steps that were really taken."""
        self._look(runner)
        if self._guard is None:
            return
        checkpoint["clock"] = runner.clock.state_dict()
        states = checkpoint.get("optimizer", {})
        for name, wrapper in wrappers_of(runner.optim_wrapper).items():
            accumulation = (states.get(name, {}) if name else states).get("accumulation")
            if accumulation is not None:
                accumulation["step_count"] = wrapper.step_count

    def after_train(self, runner: Run) -> None:
        """Look for the last time."""
        self._look(runner)
        self._stop()

    def on_exception(self, runner: Run, exception: BaseException) -> None:
        """Leave the optimizer as it was."""
        self._stop()

    def on_interrupt(self, runner: Run, reason: str) -> None:
        """Leave the optimizer as it was."""
        self._stop()

    def _stop(self) -> None:
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.remove()

    def _note(self, bad: Tensor) -> None:
        self._bad = bad.long() if self._bad is None else self._bad + bad

    def _look(self, runner: Run) -> None:
        first, self._since = self._since + 1, runner.clock.iter
        where = f"between iterations {first} and {runner.clock.iter}"
        if self._guard is not None:
            self._look_at_steps(runner, self._guard, where)
        elif self._bad is not None:
            (count,), self._bad = self._bad.reshape(1).tolist(), None
            if count:
                raise NonFiniteError(
                    f"{count} losses {where} are infinite or NaN; resume from the newest checkpoint with a smaller "
                    "learning rate, with clip_grad, or with NonFiniteHook(action='skip')"
                )

    def _look_at_steps(self, runner: Run, guard: StepGuard, where: str) -> None:
        skipped, streak = guard.read()
        runner.clock.step = runner.optim_wrapper.step_count
        count, self._skipped = skipped - self._skipped, skipped
        if not count:
            return
        runner.logger.warning(
            "%d iterations %s had gradients that are infinite or NaN: skipped", count, where
        )
        if streak >= self.patience:
            raise NonFiniteError(f"{streak} iterations in a row had gradients that are infinite or NaN")
