"""The run under way, as small protocols: what a hook, a loop, a strategy or a log line may rely on.

The Runner fulfils `Run`. Nothing but the command line and the tests imports the Runner itself, so a function that asks
for less than `Run` names the smaller protocol that it needs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias, cast

from torch import Tensor, nn

from eng_config import Config
from eng_dataset import Loader
from eng_logging import MessageHub
from eng_optim import OptimWrapper, ParamScheduler
from eng_visualization import Visualizer

from .aliases import Batch, HookCall, Metrics, Outputs, Part, Step, Value, Values
from .clock import Clock, Unit
from .saving import SaveRequest
from .strategy import BaseStrategy

Schedulers: TypeAlias = list[ParamScheduler] | dict[str, list[ParamScheduler]]


class AnyOptimWrapper(Protocol):
    """One optimizer wrapper, or several under names: `optim_wrapper["gen"]`."""

    optimizer: Part
    step_count: int
    grad_norm: Tensor | None

    @property
    def param_groups(self) -> list[Values]: ...
    def __getitem__(self, name: str) -> OptimWrapper: ...
    def keys(self) -> Iterable[str]: ...
    def values(self) -> Iterable[OptimWrapper]: ...
    def items(self) -> Iterable[tuple[str, OptimWrapper]]: ...
    def get_lr(self) -> dict[str, list[float]]: ...
    def get_momentum(self) -> dict[str, list[float]]: ...
    def optim_context(self, model: nn.Module) -> AbstractContextManager[Value]: ...
    def update_params(self, loss: Tensor, *args: Value, **kwargs: Value) -> None: ...
    def backward(self, loss: Tensor, **kwargs: Value) -> None: ...
    def step(self, **kwargs: Value) -> None: ...
    def zero_grad(self, **kwargs: Value) -> None: ...
    def scale_loss(self, loss: Tensor) -> Tensor: ...
    def should_update(self) -> bool: ...
    def should_sync(self) -> bool: ...
    def initialize_count_status(self, model: nn.Module, init_counts: int, max_counts: int) -> None: ...
    def state_dict(self) -> Values: ...
    def load_state_dict(self, state_dict: Values) -> None: ...


class AnyEvaluator(Protocol):
    """What a validation hands its predictions to."""

    dataset_meta: Values | None

    def process(self, data_samples: Outputs, data_batch: Batch) -> None: ...
    def evaluate(self, size: int) -> Metrics: ...


class AnyLoop(Protocol):
    """A loader, and something to run over it; `length` is the batches of a pass, None where it is not known."""

    dataloader: Loader

    @property
    def length(self) -> int | None: ...
    def run(self) -> Part: ...


class AnyTrainLoop(AnyLoop, Protocol):
    """A training loop: how long it is, when it validates, and a flag that ends it."""

    unit: Unit
    stop_training: bool
    val_begin: int
    val_interval: int | str

    @property
    def max_epochs(self) -> int: ...
    @property
    def max_iters(self) -> int: ...


class AnyEvalLoop(AnyLoop, Protocol):
    """A validation or a test."""

    evaluator: AnyEvaluator


class AnyLogProcessor(Protocol):
    """What turns the history into log lines."""

    def counts_epochs(self, runner: Run) -> bool: ...
    def get_log_after_iter(self, runner: Run, batch_idx: int, mode: str) -> tuple[Values, str]: ...
    def get_log_after_epoch(
        self, runner: Run, batch_idx: int, mode: str, with_non_scalar: bool = False
    ) -> tuple[Values, str]: ...


class Agreement(Protocol):
    """Whether all ranks have agreed to stop."""

    requested: bool
    reason: str


class AnyStop(Protocol):
    """How somebody asks the run to end."""

    @property
    def agreement(self) -> Agreement: ...
    def request(self, reason: str = "SIGTERM") -> None: ...
    def obey(self, runner: Run) -> None: ...


class Position(Protocol):
    """Where the run is. `epoch` and `iter` are indices from 0 of what is under way, `clock` counts what is complete."""

    clock: Clock
    epoch: int
    iter: int

    @property
    def max_epochs(self) -> int: ...
    @property
    def max_iters(self) -> int: ...


class Parts(Protocol):
    """What the run is made of. A part of a mode that is not configured is None, which its type does not show."""

    model: nn.Module
    strategy: BaseStrategy
    train_step: Step

    @property
    def bare_model(self) -> nn.Module: ...
    @property
    def optim_wrapper(self) -> AnyOptimWrapper: ...
    @property
    def param_schedulers(self) -> Schedulers: ...
    @property
    def train_loop(self) -> AnyTrainLoop: ...
    @property
    def val_loop(self) -> AnyEvalLoop: ...
    @property
    def test_loop(self) -> AnyEvalLoop: ...
    @property
    def hooks(self) -> list[Part]: ...
    def built(self, name: str) -> Part: ...
    def building(self) -> AbstractContextManager[None]: ...
    def as_loader(self, dataloader: Part, *, training: bool) -> Loader: ...
    def build_evaluator(self, evaluator: Part) -> AnyEvaluator: ...


class Calls(Protocol):
    """How the points of hooks are reached."""

    def call_hook(self, fn_name: str, **kwargs: Value) -> None: ...
    def hook_calls(self, point: str) -> tuple[HookCall, ...]: ...
    def named_hooks(self) -> Values: ...


class Saving(Protocol):
    """How a checkpoint is written, and what to resume from."""

    work_dir: str

    @property
    def is_resuming(self) -> bool: ...
    def save(self, request: SaveRequest) -> str: ...
    def save_checkpoint(self, out_dir: str, filename: str) -> str: ...


class Records(Protocol):
    """Where the run says what it does."""

    cfg: Config
    seed: int
    deterministic: bool
    diff_rank_seed: bool
    experiment_name: str
    timestamp: str
    log_dir: str
    log_file: str
    logger: logging.Logger
    message_hub: MessageHub
    visualizer: Visualizer
    log_processor: AnyLogProcessor
    console: Part
    requeue: bool

    @property
    def stop(self) -> AnyStop: ...
    @property
    def facts(self) -> Values: ...


class Run(Position, Parts, Calls, Saving, Records, Protocol):
    """All of it: the `runner` that a hook gets."""

    @property
    def world_size(self) -> int: ...
    @property
    def distributed(self) -> bool: ...


def is_configured(part: object) -> bool:
    """Whether a part of a run is there: False for the loop of a mode that is not configured."""
    return part is not None


def wrappers_of(optim_wrapper: AnyOptimWrapper) -> dict[str, OptimWrapper]:
    """Return the optimizer wrappers by name; a single one has the name ''."""
    if hasattr(optim_wrapper, "items"):
        return dict(optim_wrapper.items())
    return {"": cast(OptimWrapper, optim_wrapper)}


def schedulers_of(schedulers: Schedulers) -> list[ParamScheduler]:
    """Return all schedules in one list, those of several optimizers one after the other.

    Raises TypeError for anything but a list of schedules, or a mapping of names to such lists.
    """
    if isinstance(schedulers, Mapping):
        return [scheduler for group in schedulers.values() for scheduler in group]
    if isinstance(schedulers, (list, tuple)):
        return list(schedulers)
    raise TypeError(
        f"`param_schedulers` should be a list or a dict of lists, not {type(schedulers).__name__}"
    )
