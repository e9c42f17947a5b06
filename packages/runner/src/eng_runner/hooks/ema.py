"""Follows the weights with an average, and validates, tests and saves that average in their place."""

from __future__ import annotations

from typing import Any, final

from torch import nn

from eng_checkpoint import get_state_dict, load_state_dict, weights_to_cpu
from eng_model import BaseAveragedModel
from eng_registry import HOOKS, MODELS

from ..engine.aliases import Batch
from ..engine.hook import Hook
from ..engine.length import RunLength
from ..engine.loops.calendar import first_validation
from ..engine.run import Run, is_configured

MOSTLY = 0.5
"""The share of the initial weights in an average above which a validation says little about the training."""

MANY = 10**9
"""More updates than any average remembers, for a training whose length is not known."""


@final
@HOOKS.register_module()
class EMAHook(Hook):
    """Keeps an averaged copy of the model, by default an exponential moving average, updated after optimizer steps.

    From `begin_iter` or `begin_epoch` (one of them) on it averages; before, it equals the model. Around validation and
    test the model has the averaged weights. In a checkpoint `state_dict` holds the average and `ema_state_dict` the
    trained weights, so that a checkpoint tests as it was validated. `strict_load` is how strictly `ema_state_dict` is
    loaded. Other arguments are those of the averaged model (`momentum`, `interval`, `device`, `update_buffers`).

    After n updates an average with momentum m still holds (1 - m)^n of the weights that it began with: with the
    default of 0.0002 half of them after 3,466 updates. `warmup=True` is for short runs: update n (from 0) uses the
    momentum max(m, 1 - (1 + n) / (10 + n)), see tf.train.ExponentialMovingAverage (`num_updates`) of TensorFlow.

    Raises ValueError for begins that are negative, both given, or beyond the training, and for `warmup` of an average
    without a momentum.
    """

    priority = "NORMAL"

    def __init__(
        self,
        ema_type: str = "ExponentialMovingAverage",
        strict_load: bool = False,
        begin_iter: int = 0,
        begin_epoch: int = 0,
        warmup: bool = False,
        **kwargs: Any,
    ) -> None:
        if begin_iter < 0 or begin_epoch < 0:
            raise ValueError(f"begin_iter={begin_iter} and begin_epoch={begin_epoch} should not be negative")
        if begin_iter and begin_epoch:
            raise ValueError("`begin_iter` and `begin_epoch` are two ways to say the same; give one of them")
        self.strict_load = strict_load
        self.begin_iter = begin_iter
        self.begin_epoch = begin_epoch
        self.ema_cfg = {"type": ema_type, **kwargs}
        self.warmup = warmup
        self.ema_model: BaseAveragedModel
        self._model: nn.Module | None = None
        self._is_swapped = False
        self._step_seen = 0

    def before_run(self, runner: Run) -> None:
        """Copy the model; the average of an earlier run of the same model is kept."""
        if self._model is not runner.bare_model:
            self._model = runner.bare_model
            self.ema_model = MODELS.build(self.ema_cfg, default_args={"model": runner.bare_model})
            if self.warmup and not hasattr(self.ema_model, "momentum"):
                raise ValueError(
                    f"`warmup` needs an average with a momentum; {type(self.ema_model).__name__} has none"
                )
            self._momentum: float = getattr(self.ema_model, "momentum", 1.0)

    def before_train(self, runner: Run) -> None:
        """Check that the average begins before the training ends, and warn where it hardly begins to follow."""
        for name, begin, end in (
            ("begin_iter", self.begin_iter, runner.max_iters),
            ("begin_epoch", self.begin_epoch, runner.max_epochs),
        ):
            if begin > end > 0:
                raise ValueError(f"`{name}={begin}` of EMAHook lies beyond the end of the training, {end}")
        self._step_seen = runner.clock.step
        self._warn_of_initial_weights(runner)

    def _warn_of_initial_weights(self, runner: Run) -> None:
        """Warn if the first validation will see more of the weights of the beginning than of the training."""
        updates = self._updates_before_validation(runner)
        left = (1 - self._momentum) ** updates
        if runner.is_resuming or self.warmup or not is_configured(runner.val_loop) or left <= MOSTLY:
            return
        runner.logger.warning(
            "EMAHook: at the first validation, after %d updates, the average still holds %.0f %% of the weights it "
            "began with. Use a larger `momentum` (%.2g leaves a tenth), `warmup=True`, or validate later",
            updates, 100 * left, 1 - 0.1 ** (1 / max(updates, 1)),
        )  # fmt: skip

    def _updates_before_validation(self, runner: Run) -> int:
        """Return how often the average will be updated before the first validation, as far as that can be known."""
        loop: Any = runner.train_loop
        length: RunLength | None = getattr(loop, "run_length", None)
        iters = None if length is None else first_validation(loop.calendar, length)
        if length is None or iters is None:
            return MANY
        begin = self.begin_iter or self.begin_epoch * (length.iters_per_epoch or 0)
        every = max(1, getattr(self.ema_model, "interval", 1))
        counts = getattr(runner.optim_wrapper, "_accumulative_counts", 1)
        return int(max(0, iters - begin) // counts // every)

    def after_train_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Take the new weights in, if there are any."""
        if runner.clock.step == self._step_seen:
            return
        self._step_seen = runner.clock.step
        if not self._has_begun(runner):
            self.ema_model.steps.zero_()  # an update at step 0 is a plain copy
        elif self.warmup:
            updates = runner.clock.step - 1
            model: Any = self.ema_model
            model.momentum = max(self._momentum, 1 - (1 + updates) / (10 + updates))
        self.ema_model.update_parameters(runner.bare_model)

    def _has_begun(self, runner: Run) -> bool:
        return (
            runner.epoch + 1 >= self.begin_epoch if self.begin_epoch else runner.iter + 1 >= self.begin_iter
        )

    # -- the average in the model's place --------------------------------------------------------------------------
    def before_val_epoch(self, runner: Run) -> None:
        """Validate the average."""
        runner.logger.info("The averaged weights of EMAHook are validated")
        self._swap(runner)

    def after_val_epoch(self, runner: Run, metrics: dict[str, Any] | None = None) -> None:
        """Train on with the trained weights."""
        self._swap(runner)

    def before_test_epoch(self, runner: Run) -> None:
        """Test the average."""
        runner.logger.info("The averaged weights of EMAHook are tested")
        self._swap(runner)

    def after_test_epoch(self, runner: Run, metrics: dict[str, Any] | None = None) -> None:
        """Back to the trained weights."""
        self._swap(runner)

    def on_exception(self, runner: Run, exception: BaseException) -> None:
        """Give the model its trained weights back if an evaluation has ended in the middle."""
        if self._is_swapped:
            self._swap(runner)

    def _swap(self, runner: Run) -> None:
        self.ema_model.swap_with(runner.bare_model)
        self._is_swapped = not self._is_swapped

    # -- checkpoints -----------------------------------------------------------------------------------------------
    def before_save_checkpoint(self, runner: Run, checkpoint: dict[str, Any]) -> None:
        """The average as `state_dict`, the trained weights as `ema_state_dict`."""
        trained = checkpoint["state_dict"]
        average = weights_to_cpu(get_state_dict(self.ema_model.module))
        checkpoint["state_dict"] = average
        checkpoint["ema_state_dict"] = {
            "steps": self.ema_model.steps.clone(),
            **{f"module.{name}": value for name, value in trained.items()},
        }

    def after_load_checkpoint(self, runner: Run, checkpoint: dict[str, Any]) -> None:
        """Take the average out, and give the trained weights back to the model when the training goes on."""
        weights = checkpoint["state_dict"]
        load_state_dict(self.ema_model.module, weights, strict=self.strict_load)
        held = checkpoint.get("ema_state_dict")
        if held is None:
            runner.logger.info("The checkpoint has no `ema_state_dict`: the average starts from its weights")
            return
        self.ema_model.steps.copy_(held["steps"])
        if runner.is_resuming:
            trained = {name.removeprefix("module."): value for name, value in held.items() if name != "steps"}
            checkpoint["state_dict"] = trained
