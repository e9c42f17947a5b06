"""One iteration, whole. Read this module first.

    hooks before -> preprocess, forward, loss -> backward, accumulate, clip, step, zero -> clock -> hooks after

The middle is `model.train_step`: it moves the batch to the device, calls `forward(mode='loss')` and hands the loss to
`optim_wrapper.update_params`. What takes part is bound once when a stage begins, and nothing in here waits for the
device: losses travel on as tensors until a log line reads them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import final

import torch

from eng_dataset import Loader
from eng_evaluator import Evaluator

from .aliases import Batch, HookCall, Outputs
from .counting import BatchCounter, samples_of
from .run import AnyEvaluator, Run

WeighedLoss = tuple[torch.Tensor, int]
"""A loss of one batch, and the samples that it is the mean of."""


@final
class TrainStep:
    """One training iteration, with the parts that take part in it bound.

    `counter` says how many samples a batch holds, and how many tokens. Hooks that sleep until a later iteration are
    left out until then.
    """

    __slots__ = (
        "after", "after_quiet", "before", "clock", "counter", "loader", "optim_wrapper", "runner", "shares", "sleepers",
        "train_step", "wake",
    )  # fmt: skip

    def __init__(self, runner: Run, loader: Loader, counter: BatchCounter) -> None:
        self.runner = runner
        self.clock = runner.clock
        self.loader = loader
        self.counter = counter
        self.shares = runner.strategy.data_place()[1]
        self.optim_wrapper = runner.optim_wrapper
        self.train_step = runner.train_step
        self.before: tuple[HookCall, ...] = runner.hook_calls("before_train_iter")
        self.after: tuple[HookCall, ...] = runner.hook_calls("after_train_iter")
        self.sleepers = [call for call in self.after if _next_call(call, 0) is not None]
        self.after_quiet = tuple(call for call in self.after if call not in self.sleepers)
        self.wake = 0

    def __call__(self, batch_idx: int, data_batch: Batch) -> Outputs:
        """Train on one batch; returns what `train_step` returned, scalars still being tensors."""
        runner, clock, indices = self.runner, self.clock, self.loader.indices
        for call in self.before:
            call(runner, batch_idx=batch_idx, data_batch=data_batch)
        outputs = self.train_step(data_batch, optim_wrapper=self.optim_wrapper)
        clock.iter += 1
        clock.step = self.optim_wrapper.step_count
        clock.batch = self.loader.batch
        if indices is None or self.counter.is_own:
            self.counter.count(clock, data_batch, indices)
        else:
            clock.samples += len(indices) * self.shares
        for call in self.after_quiet if batch_idx < self.wake else self._all_after(batch_idx):
            call(runner, batch_idx=batch_idx, data_batch=data_batch, outputs=outputs)
        runner.iter = clock.iter
        return outputs

    def _all_after(self, batch_idx: int) -> tuple[HookCall, ...]:
        """Return the calls of an iteration that a sleeping hook has named, and note the next such iteration."""
        if not self.sleepers:
            self.wake = sys.maxsize
        else:
            self.wake = min(_next_call(call, batch_idx + 1) or 0 for call in self.sleepers)
        return self.after


def _next_call(call: HookCall, batch_idx: int) -> int | None:
    """Return the next iteration at which a hook wants to be called after it; None for every iteration."""
    ask = getattr(getattr(call, "__self__", None), "sleeps_until", None)
    index: int | None = None if ask is None else ask("after_train_iter", batch_idx)
    return index


@final
class EvalStep:
    """One validation or test iteration: forward with `mode='predict'`, outputs handed to the evaluator."""

    __slots__ = ("after", "before", "evaluator", "loader", "losses", "predict", "runner", "seen")

    def __init__(self, runner: Run, mode: str, evaluator: AnyEvaluator, loader: Loader) -> None:
        self.runner = runner
        self.evaluator = evaluator
        self.loader = loader
        self.seen = 0
        self.predict: Callable[..., Outputs] = getattr(runner.model, f"{mode}_step")
        self.before: tuple[HookCall, ...] = runner.hook_calls(f"before_{mode}_iter")
        self.after: tuple[HookCall, ...] = runner.hook_calls(f"after_{mode}_iter")
        self.losses: dict[str, list[WeighedLoss]] = {}

    def __call__(self, batch_idx: int, data_batch: Batch) -> None:
        """Predict one batch and let the evaluator take note of it."""
        runner = self.runner
        for call in self.before:
            call(runner, batch_idx=batch_idx, data_batch=data_batch)
        outputs = self.predict(data_batch)
        indices = self.loader.indices
        samples = self._samples(data_batch) if indices is None else len(indices)
        outputs = self._without_losses(outputs, samples)
        self.seen += samples
        if indices is not None and isinstance(self.evaluator, Evaluator):
            self.evaluator.process(outputs, data_batch, indices=indices)
        else:
            self.evaluator.process(data_samples=outputs, data_batch=data_batch)
        for call in self.after:
            call(runner, batch_idx=batch_idx, data_batch=data_batch, outputs=outputs)

    def _samples(self, data_batch: Batch) -> int:
        return samples_of(data_batch) or self.loader.batch_size or 1

    def _without_losses(self, outputs: Outputs, samples: int) -> Outputs:
        """Take away a last element that holds nothing but `loss`, the documented way to report a validation loss.

        It counts for the samples of its batch, so that the loss of a pass does not depend on the size of its batches.
        """
        if not isinstance(outputs, Sequence) or not outputs:
            return outputs
        last = outputs[-1]
        if not (hasattr(last, "keys") and hasattr(last, "loss") and list(last.keys()) == ["loss"]):
            return outputs
        for name, value in last.loss.items():
            parts = [value] if isinstance(value, torch.Tensor) else list(value)
            loss = torch.stack([part.detach().mean() for part in parts]).sum()
            self.losses.setdefault(name, []).append((loss, samples))
        return outputs[:-1]
