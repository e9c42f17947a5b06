"""The interface of a hook: the points of a run at which it may act, and the questions that it asks there.

In which order hooks are called, how their methods are bound, and how the hook that an exception comes from is named, is
in `hook_list.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from enum import IntEnum

from torch import Tensor

from .aliases import Batch, Outputs, Part, Settings, Values
from .overriding import is_overridden
from .run import Run

_POINTS = ("before_", "after_", "on_")


class Priority(IntEnum):
    """Smaller runs earlier; hooks of equal priority run in the order of their registration."""

    HIGHEST = 0
    VERY_HIGH = 10
    HIGH = 30
    ABOVE_NORMAL = 40
    NORMAL = 50
    BELOW_NORMAL = 60
    LOW = 70
    VERY_LOW = 90
    LOWEST = 100


def get_priority(priority: int | str | Priority) -> int:
    """The number of a priority given as a number 0..100 or a name in any case.

    Raises ValueError for a number out of range, KeyError for an unknown name, TypeError for anything else.

    >>> get_priority("low")
    70
    """
    if isinstance(priority, bool) or not isinstance(priority, (int, str)):
        raise TypeError(
            f"a priority is an int, a name or a Priority, not {type(priority).__name__}: {priority!r}"
        )
    if isinstance(priority, str):
        try:
            return Priority[priority.upper()].value
        except KeyError:
            names = ", ".join(Priority.__members__)
            raise KeyError(f"no priority {priority!r}; there are {names}, or a number 0..100") from None
    if not 0 <= priority <= 100:
        raise ValueError(f"a priority lies in 0..100, not {priority}")
    return int(priority)


class Hook:
    """Something that happens at named points of a run; override the points that you need.

    Every point gets the runner first. A hook that keeps something from one iteration to the next declares it in
    `state_dict`, or a resumed run would differ from an uninterrupted one.

    >>> class PrintEpoch(Hook):
    ...     def after_train_epoch(self, runner):
    ...         print(runner.epoch + 1)
    >>> PrintEpoch().get_triggered_stages()
    ['after_train_epoch']
    """

    priority: int | str | Priority = "NORMAL"
    stages = (
        "before_run", "before_resume", "after_load_checkpoint", "before_train", "before_train_epoch",
        "before_train_iter", "before_backward", "after_backward", "before_optimizer_step", "after_optimizer_step",
        "after_train_iter", "after_train_epoch", "before_val", "before_val_epoch", "before_val_iter", "after_val_iter",
        "after_val_epoch", "after_val", "before_save_checkpoint", "after_save_checkpoint", "after_train", "before_test",
        "before_test_epoch", "before_test_iter", "after_test_iter", "after_test_epoch", "after_test", "on_interrupt",
        "on_exception", "after_run",
    )  # fmt: skip
    """All points, in the order of a run."""

    def state_dict(self) -> Values:
        """What this hook must know after a resume: tensors and JSON values."""
        return {}

    def load_state_dict(self, state: Settings) -> None:
        """Take over what `state_dict` returned."""

    def takes_part(self, point: str, runner: Run) -> bool:
        """Whether this hook wants to be called at a point that it overrides, asked once when a stage begins."""
        return True

    def sleeps_until(self, point: str, batch_idx: int) -> int | None:
        """Return the first iteration of the epoch, from `batch_idx` on, at which the hook wants this point.

        None, the default, is every iteration. A hook that writes now and then saves its call in the iterations
        between; it is asked when a stage begins and whenever the iteration comes that it has named.
        """
        return None

    # -- the whole run ---------------------------------------------------------------------------------------------
    def before_run(self, runner: Run) -> None:
        """Before train, val or test; nothing is loaded yet."""

    def after_run(self, runner: Run) -> None:
        """After train, val or test."""

    def on_exception(self, runner: Run, exception: BaseException) -> None:
        """When the run ends by an exception, before it is raised on."""

    def on_interrupt(self, runner: Run, reason: str) -> None:
        """When a signal (its name is the reason) or `max_time` ends the training; a checkpoint is saved already."""

    def before_train(self, runner: Run) -> None:
        """Before the first epoch; everything is loaded and resumed."""

    def after_train(self, runner: Run) -> None:
        """After the last epoch."""

    def before_val(self, runner: Run) -> None:
        """Before a validation."""

    def after_val(self, runner: Run) -> None:
        """After a validation."""

    def before_test(self, runner: Run) -> None:
        """Before the test."""

    def after_test(self, runner: Run) -> None:
        """After the test."""

    def before_save_checkpoint(self, runner: Run, checkpoint: Values) -> None:
        """Edit what is about to be written."""

    def after_save_checkpoint(self, runner: Run, path: str) -> None:
        """A checkpoint is written: the file is there, whole, under this path."""

    def before_resume(self, runner: Run, path: str) -> None:
        """A checkpoint was chosen to continue from; nothing is restored yet."""

    def after_load_checkpoint(self, runner: Run, checkpoint: Values) -> None:
        """Edit what was read, before the weights are loaded."""

    # -- epochs ----------------------------------------------------------------------------------------------------
    def before_train_epoch(self, runner: Run) -> None:
        """Before an epoch of training."""
        self._before_epoch(runner, mode="train")

    def before_val_epoch(self, runner: Run) -> None:
        """Before the pass over the validation data."""
        self._before_epoch(runner, mode="val")

    def before_test_epoch(self, runner: Run) -> None:
        """Before the pass over the test data."""
        self._before_epoch(runner, mode="test")

    def after_train_epoch(self, runner: Run) -> None:
        """After an epoch of training."""
        self._after_epoch(runner, mode="train")

    def after_val_epoch(self, runner: Run, metrics: Values | None = None) -> None:
        """After the pass over the validation data, with its metrics."""
        self._after_epoch(runner, mode="val")

    def after_test_epoch(self, runner: Run, metrics: Values | None = None) -> None:
        """After the pass over the test data, with its metrics."""
        self._after_epoch(runner, mode="test")

    def _before_epoch(self, runner: Run, mode: str = "train") -> None:
        """The same for all modes."""

    def _after_epoch(self, runner: Run, mode: str = "train") -> None:
        """The same for all modes."""

    # -- iterations ------------------------------------------------------------------------------------------------
    def before_train_iter(self, runner: Run, batch_idx: int, data_batch: Batch = None) -> None:
        """Before one training iteration."""
        self._before_iter(runner, batch_idx=batch_idx, data_batch=data_batch, mode="train")

    def before_val_iter(self, runner: Run, batch_idx: int, data_batch: Batch = None) -> None:
        """Before one validation iteration."""
        self._before_iter(runner, batch_idx=batch_idx, data_batch=data_batch, mode="val")

    def before_test_iter(self, runner: Run, batch_idx: int, data_batch: Batch = None) -> None:
        """Before one test iteration."""
        self._before_iter(runner, batch_idx=batch_idx, data_batch=data_batch, mode="test")

    def after_train_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: Values | None = None
    ) -> None:
        """After one training iteration, with what `train_step` returned."""
        self._after_iter(runner, batch_idx=batch_idx, data_batch=data_batch, outputs=outputs, mode="train")

    def after_val_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: Sequence[Outputs] | None = None
    ) -> None:
        """After one validation iteration, with what `val_step` returned."""
        self._after_iter(runner, batch_idx=batch_idx, data_batch=data_batch, outputs=outputs, mode="val")

    def after_test_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: Sequence[Outputs] | None = None
    ) -> None:
        """After one test iteration, with what `test_step` returned."""
        self._after_iter(runner, batch_idx=batch_idx, data_batch=data_batch, outputs=outputs, mode="test")

    def _before_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, mode: str = "train"
    ) -> None:
        """The same for all modes."""

    def _after_iter(
        self,
        runner: Run,
        batch_idx: int,
        data_batch: Batch = None,
        outputs: Outputs = None,
        mode: str = "train",
    ) -> None:
        """The same for all modes."""

    # -- inside of an iteration ------------------------------------------------------------------------------------
    def before_backward(self, runner: Run, loss: Tensor) -> None:
        """The loss of a micro-batch is there, scaled for accumulation."""

    def after_backward(self, runner: Run) -> None:
        """The gradients of a micro-batch are added; under DDP those of the last one of a window are averaged."""

    def before_optimizer_step(self, runner: Run) -> None:
        """The gradients of the whole window are there, unscaled and clipped."""

    def after_optimizer_step(self, runner: Run) -> None:
        """The parameters have changed; the gradients are still there."""

    # -- questions that hooks ask ----------------------------------------------------------------------------------
    def every_n_epochs(self, runner: Run, n: int, start: int = 0) -> bool:
        """Whether the epoch under way is an n-th one, counted from `start`; n <= 0 is never."""
        done = runner.epoch + 1 - start
        return n > 0 and done >= 0 and done % n == 0

    def every_n_train_iters(self, runner: Run, n: int, start: int = 0) -> bool:
        """Whether the training iteration under way is an n-th one, counted from `start`; n <= 0 is never."""
        done = runner.iter + 1 - start
        return n > 0 and done >= 0 and done % n == 0

    def every_n_inner_iters(self, batch_idx: int, n: int) -> bool:
        """Whether this iteration is an n-th one of its epoch; n <= 0 is never."""
        return n > 0 and (batch_idx + 1) % n == 0

    def end_of_epoch(self, dataloader: Part, batch_idx: int) -> bool:
        """Whether this is the last iteration of the loader."""
        return batch_idx + 1 == len(dataloader)

    def is_last_train_epoch(self, runner: Run) -> bool:
        """Whether the epoch under way is the last one."""
        return runner.epoch + 1 == runner.max_epochs

    def is_last_train_iter(self, runner: Run) -> bool:
        """Whether the training iteration under way is the last one."""
        return runner.iter + 1 == runner.max_iters

    def get_triggered_stages(self) -> list[str]:
        """The points that this hook overrides, in the order of a run."""
        return [stage for stage in self.stages if overrides(self, stage)]


def overrides(hook: Hook, point: str) -> bool:
    """Whether a hook does anything at a point: by its own method, or by the generic one that the point calls."""
    return is_overridden(hook, point, Hook) or is_overridden(hook, _generic(point), Hook)


def misspelled_points(hook: Hook) -> dict[str, str]:
    """Methods that are named nearly as a point is, and that point: they would never be called, without a word.

    >>> class Mistaken(Hook):
    ...     def after_train_itr(self, runner, **_): ...
    >>> misspelled_points(Mistaken())
    {'after_train_itr': 'after_train_iter'}
    """
    points = [name for name in dir(Hook) if name.startswith(_POINTS)]
    own = [name for name in dir(type(hook)) if name.startswith(_POINTS) and name not in points]
    near = {name: get_close_matches(name, points, n=1, cutoff=0.9) for name in own}
    return {name: found[0] for name, found in near.items() if found}


def _generic(point: str) -> str:
    """`after_val_iter` -> `_after_iter`; a point without a generic method is its own."""
    parts = point.split("_")
    if len(parts) == 3 and parts[1] in ("train", "val", "test") and parts[2] in ("epoch", "iter"):
        return f"_{parts[0]}_{parts[2]}"
    return point
