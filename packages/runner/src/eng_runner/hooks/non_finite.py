"""What happens when a loss or a gradient is not a number."""

from __future__ import annotations

from typing import Any, Literal, final

import torch
from torch import Tensor, nn

from eng_registry import HOOKS

from ..engine.aliases import Batch
from ..engine.finite import NonFiniteError
from ..engine.hook import Hook
from ..engine.interval import Cadence, Every
from ..engine.run import Run


@final
@HOOKS.register_module(gives_way=True)
class NonFiniteHook(Hook):
    """Looks at what the model reports, without waiting for the device but every `interval` iterations.

    `interval` may also be a text such as `'50 steps'`.
    `action='raise'` ends the run with NonFiniteError. `action='skip'` replaces the gradients of an iteration by zeros,
    on the device, where any of them is infinite or NaN: such a batch teaches nothing (momentum and weight decay still
    act), and a warning tells how many there were; after `patience` of them in a row, looked at together, it raises.
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
        self._streak: Tensor | None = None
        self._since = 0
        self._handles: list[Any] = []

    def before_train(self, runner: Run) -> None:
        """Start to look."""
        self._bad = self._streak = None
        self._since = runner.clock.iter
        self._cadence.start(runner.clock, getattr(runner.train_loop, "run_length", None))
        if self.action == "skip":
            wrappers = runner.optim_wrapper
            for wrapper in wrappers.values() if hasattr(wrappers, "values") else [wrappers]:
                self._handles.append(wrapper.optimizer.register_step_pre_hook(self._mend))

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
        """Nothing is saved before it was looked at."""
        self._look(runner)

    def after_train(self, runner: Run) -> None:
        """Look for the last time."""
        self._look(runner)
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _note(self, bad: Tensor) -> None:
        self._bad = bad.long() if self._bad is None else self._bad + bad
        self._streak = bad.long() if self._streak is None else (self._streak + 1) * bad

    def _mend(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        gradients = [
            p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None
        ]
        if gradients:
            bad = ~torch.isfinite(nn.utils.get_total_norm(gradients))
            for gradient in gradients:
                gradient.masked_fill_(bad, 0)
            self._note(bad)

    def _look(self, runner: Run) -> None:
        first, self._since = self._since + 1, runner.clock.iter
        if self._bad is None or self._streak is None:
            return
        count, streak = torch.stack([self._bad, self._streak]).tolist()
        self._bad = None
        if not count:
            return
        where = f"between iterations {first} and {runner.clock.iter}"
        if self.action == "raise":
            raise NonFiniteError(
                f"{count} losses {where} are infinite or NaN; resume from the newest checkpoint with a smaller "
                "learning rate, with clip_grad, or with NonFiniteHook(action='skip')"
            )
        runner.logger.warning(
            "%d iterations %s had gradients that are infinite or NaN: skipped", count, where
        )
        if streak >= self.patience:
            raise NonFiniteError(f"{streak} iterations in a row had gradients that are infinite or NaN")
