"""The Runner: the documented constructor and names over the modules that do the work.

How a run is made is in `construction.py`, what happens around its loops in `lifecycle.py`, one iteration in
`engine/step.py`, the order of a training in `engine/loops/`, how a mapping becomes a part in `plan/assembly.py`, what a
checkpoint holds in `state/`.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from torch import nn

from eng_config import Config
from eng_dataset import Loader, build_dataloader
from eng_dist import get_rank, get_world_size, is_distributed
from eng_logging import LoggingHandle, MessageHub
from eng_registry import RUNNERS, DefaultScope, allow_import
from eng_visualization import Visualizer

from . import construction, lifecycle
from .engine.aliases import HookCall, Metrics, Settings
from .engine.announced import announced
from .engine.arguments import older_name, wrong_type
from .engine.clock import Clock
from .engine.environment import set_random_seed, setup_env
from .engine.hook import Hook, Priority
from .engine.hook_list import Hooks
from .engine.run import AnyEvalLoop, AnyEvaluator, AnyLogProcessor, AnyOptimWrapper, AnyTrainLoop, Schedulers
from .engine.saving import SaveRequest
from .engine.stop import Stop
from .engine.strategy import BaseStrategy
from .plan import assembly
from .plan.default_hooks import merge_default_hooks
from .plan.keys import given_arguments
from .plan.model_options import ModelOptions
from .plan.parts import Parts
from .plan.resume_report import ResumeReport, facts_of
from .state.start_point import Stage, StartPoint
from .state.workspace import dump_config
from .strategies import wrap_again

if TYPE_CHECKING:
    from .plan.dry_run import Findings


@RUNNERS.register_module()
class Runner:
    """Puts the parts of a training together and runs them.

    Every part is an object or a mapping that its registry builds. Training needs `train_dataloader`, `train_cfg`
    and `optim_wrapper`; validation and test need their loader, `..._cfg` (an empty mapping counts) and evaluator.
    Mappings of loaders, loops, optimizer and schedules are built when `train`, `val` or `test` first needs them;
    the model and the hooks at once. What each argument is for is listed in the reference of keys (`eng keys`).

    `resume=True` continues from the newest valid checkpoint of `work_dir`; `load_from` with `resume=False` loads
    only weights. `cfg` is the record that is written beside the results. Raises ValueError for an incomplete
    group, TypeError for a part of a wrong type, and the registry's errors for a mapping that cannot be built.
    """

    arguments: dict[str, Any]
    """The arguments as they were given, without `cfg`."""
    cfg: Config
    """The configuration that the run was made from; empty for a run made of objects."""
    work_dir: str
    """Folder of the checkpoints, an absolute path."""
    log_dir: str
    """The folder of this run's logs, inside of `work_dir`."""
    log_file: str
    """The log file of this rank."""
    timestamp: str
    """When the run began, the same on every rank: the name of `log_dir`."""
    experiment_name: str
    """The name of the run, unique in this process."""
    launcher: str
    """How the processes were started: none, pytorch, slurm or mpi."""
    default_scope: str | None
    seed: int
    """The seed in force."""
    deterministic: bool
    """Whether torch was asked for deterministic algorithms."""
    diff_rank_seed: bool = False
    """Whether processes that read different samples have different seeds."""
    clock: Clock
    """What is complete: epochs, iterations, optimizer steps, samples."""
    epoch: int
    """Index of the epoch under way, from 0; `clock.epoch` counts those that are complete."""
    iter: int
    """Index of the iteration under way, from 0; `clock.iter` counts those that are complete."""
    model: nn.Module
    """The model as the loops call it, wrapped where there are several processes."""
    strategy: BaseStrategy
    train_step: Callable[..., Any]
    """The step of the model that a training iteration calls, compiled if that was asked for."""
    logger: logging.Logger
    message_hub: MessageHub
    visualizer: Visualizer
    log_processor: AnyLogProcessor
    console: Any
    """A rich console, None if the output is not a terminal."""
    log_handle: LoggingHandle
    stop: Stop
    requeue: bool
    """Whether SLURM is asked to start the job again when a signal stops it."""
    auto_scale_lr: Settings | None
    seed_before: int
    """The seed of torch when the runner was made: that of a model that was made before."""
    parts: Parts
    hook_list: Hooks
    start_point: StartPoint
    model_options: ModelOptions
    resume_report: ResumeReport | None
    """What has changed since the checkpoint that the run continues from; None for a fresh run."""
    _request: SaveRequest | None = None

    def __init__(
        self,
        model: nn.Module | Settings,
        work_dir: str,
        train_dataloader: Any = None,
        val_dataloader: Any = None,
        test_dataloader: Any = None,
        train_cfg: Any = None,
        val_cfg: Any = None,
        test_cfg: Any = None,
        auto_scale_lr: Settings | None = None,
        optim_wrapper: Any = None,
        param_scheduler: Any = None,
        val_evaluator: Any = None,
        test_evaluator: Any = None,
        default_hooks: Settings | None = None,
        custom_hooks: Sequence[Hook | Settings] | None = None,
        data_preprocessor: Settings | None = None,
        load_from: str | None = None,
        resume: bool = False,
        launcher: str = "none",
        env_cfg: Settings | None = None,
        log_processor: Any = None,
        log_level: int | str = "INFO",
        visualizer: Any = None,
        default_scope: str | None = "eng",
        randomness: Settings | None = None,
        experiment_name: str | None = None,
        cfg: Config | Settings | None = None,
        *,
        strategy: BaseStrategy | Settings | None = None,
        model_wrapper_cfg: Settings | None = None,
        find_unused_parameters: bool = False,
        sync_bn: str | None = None,
        compile: bool | Settings = False,
        channels_last: bool = False,
        activation_checkpointing: str | Sequence[str] | None = None,
        efficient_conv_bn_eval: str | Sequence[str] | None = None,
    ) -> None:
        given = locals()
        construction.construct(self, {name: value for name, value in given.items() if name != "self"})

    @classmethod
    def from_cfg(cls, cfg: Config | Settings) -> Runner:
        """Return a runner made from a whole configuration, where `model` and `work_dir` are required (KeyError)."""
        cfg = copy.deepcopy(cfg)
        return cls(**given_arguments(cfg), cfg=cfg)

    # -- where the run is ------------------------------------------------------------------------------------------
    @property
    def rank(self) -> int:
        """This process' number, from 0."""
        return get_rank()

    @property
    def world_size(self) -> int:
        """The number of processes."""
        return get_world_size()

    @property
    def distributed(self) -> bool:
        """Whether there is a process group."""
        return is_distributed()

    @property
    def max_epochs(self) -> int:
        """Epochs of the whole training; 0 without a training loop, or with one that does not say."""
        return getattr(self.train_loop, "max_epochs", 0)

    @property
    def max_iters(self) -> int:
        """Iterations of the whole training; 0 without a training loop, or with one that does not say."""
        return getattr(self.train_loop, "max_iters", 0)

    @property
    def val_interval(self) -> int | str:
        """Epochs or iterations between two validations, or a string such as `'500 steps'`."""
        return getattr(self.train_loop, "val_interval", 0)

    @property
    def val_begin(self) -> int:
        """The first epoch or iteration (from 1) that may be validated."""
        return getattr(self.train_loop, "val_begin", 0)

    @property
    def load_from(self) -> str | None:
        """The checkpoint that the run begins with, if one was given."""
        return self.start_point.load_from

    @property
    def has_loaded(self) -> bool:
        """Whether weights, or the state of a checkpoint, are in place."""
        return self.start_point.stage is Stage.LOADED

    @property
    def is_resuming(self) -> bool:
        """Whether the run continues another one."""
        return self.start_point.resume

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What the result of this run depends on: configuration, code, versions, data; every checkpoint carries it."""
        return facts_of(self)

    # -- parts -----------------------------------------------------------------------------------------------------
    @property
    def model_name(self) -> str:
        """Class name of the unwrapped model."""
        return type(self.bare_model).__name__

    @property
    def bare_model(self) -> nn.Module:
        """The model without any wrapper for distributed training."""
        return self.strategy.unwrap(self.model)

    @property
    def hooks(self) -> list[Hook]:
        """All hooks in the order in which a point calls them."""
        return list(self.hook_list)

    def built(self, name: str) -> Any:
        """Return a loop, the optimizer wrapper or the schedules if they are built, else None."""
        return self.parts.built(name)

    @property
    def train_loop(self) -> AnyTrainLoop:
        """The training loop; None if training is not configured."""
        return self.parts.train_loop

    @property
    def val_loop(self) -> AnyEvalLoop:
        """The validation loop; None if validation is not configured."""
        return self.parts.val_loop

    @property
    def test_loop(self) -> AnyEvalLoop:
        """The test loop; None if the test is not configured."""
        return self.parts.test_loop

    @property
    def optim_wrapper(self) -> AnyOptimWrapper:
        """The optimizer wrapper, or several under names; None if training is not configured."""
        return self.parts.optim_wrapper

    @property
    def param_schedulers(self) -> Schedulers:
        """The schedules, a list, or name -> list for several optimizers."""
        return self.parts.param_schedulers

    @property
    def train_dataloader(self) -> Loader | None:
        """The loader of the training loop."""
        return getattr(self.train_loop, "dataloader", None)

    @property
    def val_dataloader(self) -> Loader | None:
        """The loader of the validation loop."""
        return getattr(self.val_loop, "dataloader", None)

    @property
    def test_dataloader(self) -> Loader | None:
        """The loader of the test loop."""
        return getattr(self.test_loop, "dataloader", None)

    @property
    def val_evaluator(self) -> AnyEvaluator | None:
        """The evaluator of the validation loop."""
        return getattr(self.val_loop, "evaluator", None)

    @property
    def test_evaluator(self) -> AnyEvaluator | None:
        """The evaluator of the test loop."""
        return getattr(self.test_loop, "evaluator", None)

    @contextmanager
    def building(self) -> Iterator[None]:
        """Put in force what parts are built under: the default scope, and imports if the configuration is code."""
        trusted = ["*"] if self.cfg.trusted else []
        with DefaultScope.overwrite_default_scope(self.default_scope), allow_import(*trusted):
            yield

    # -- running ---------------------------------------------------------------------------------------------------
    def train(self) -> nn.Module:
        """Train (or resume training) to the end; returns the model.

        A signal to stop saves and raises Interrupted, a SystemExit; in a notebook, and where `max_time` is over, the
        model as it is by then is returned. Raises RuntimeError if training is not configured, TypeError if the model
        lacks `train_step` or `val_step`, WorkDirInUseError (a RuntimeError) while another run trains in `work_dir`.
        """
        with lifecycle.alone_in_work_dir(self):
            return lifecycle.train(self)

    def val(self) -> Metrics:
        """Validate once; returns the metrics. Raises RuntimeError if validation is not configured."""
        return lifecycle.evaluate(self, "val")

    def test(self) -> Metrics:
        """Test once; returns the metrics. Raises RuntimeError if the test is not configured."""
        return lifecycle.evaluate(self, "test")

    def prepare(self, mode: str = "train") -> None:
        """Read the checkpoint that `resume` asks for and build every part of a mode; `train`, `val`, `test` call it.

        Whatever is wrong with a part shows here, before anything runs.
        """
        lifecycle.prepare(self, mode)

    def check(self, *, world_size: int = 1) -> Findings:
        """Build and use every part once in a temporary folder, on copies, and report every problem that shows.

        `world_size` lets the parts believe that there were so many processes. See `rehearse`.
        """
        from .plan.dry_run import copy_of, rehearse  # loads what only a dry run needs

        return rehearse(copy_of(self), world_size=world_size)

    # -- hooks -----------------------------------------------------------------------------------------------------
    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Call a point of all hooks; hooks without a method of that name are skipped.

        A training loop of one's own calls the points of an iteration and of an epoch with it; the clock follows.
        """
        with announced(self, fn_name, self.built, kwargs.get("data_batch")):
            self.hook_list.call(fn_name, self, **kwargs)

    def hook_calls(self, point: str) -> tuple[HookCall, ...]:
        """Return the methods to call at a point, bound for a stage."""
        return self.hook_list.bind(point, self)

    def named_hooks(self) -> dict[str, Hook]:
        """Return the hooks under unique names."""
        return self.hook_list.named()

    def register_hook(self, hook: Hook | Settings, priority: int | str | Priority | None = None) -> None:
        """Add a hook; `priority` takes precedence over the mapping's and the class' own."""
        with self.building():
            built, own = assembly.build_hook(hook)
        self.hook_list.register(built, own if priority is None else priority)

    def register_default_hooks(self, hooks: Settings | None = None) -> None:
        """Add the default hooks, with the entries of `hooks` in their place; None removes one."""
        for spec in merge_default_hooks(hooks).values():
            self.register_hook(spec)

    def register_custom_hooks(self, hooks: Sequence[Hook | Settings]) -> None:
        """Add hooks in this order; TypeError for anything but a list of them."""
        if not isinstance(hooks, (list, tuple)):
            raise wrong_type("custom_hooks", hooks, "a list of hooks")
        for spec in hooks:
            self.register_hook(spec)

    def register_hooks(
        self, default_hooks: Settings | None = None, custom_hooks: Sequence[Hook | Settings] | None = None
    ) -> None:
        """Add the default hooks, then those of the user."""
        self.register_default_hooks(default_hooks)
        self.register_custom_hooks(custom_hooks or [])

    def get_hooks_info(self) -> str:
        """Return a table of the hooks that each point calls, in order."""
        return self.hook_list.table()

    # -- checkpoints -----------------------------------------------------------------------------------------------
    def load_or_resume(self) -> None:
        """Load weights or resume, as the arguments of the runner ask for; only the first call does anything."""
        lifecycle.load_or_resume(self)

    def load_checkpoint(
        self, filename: str, map_location: Any = "cpu", strict: bool = False,
        revise_keys: Sequence[tuple[str, str]] = ((r"^module\.", ""),),
    ) -> dict[str, Any]:  # fmt: skip
        """Load only weights; loops, optimizer and schedules stay as they are. Returns the checkpoint."""
        return lifecycle.load_weights(self, filename, map_location, strict, revise_keys)

    def resume(
        self, filename: str, resume_optimizer: bool = True, resume_param_scheduler: bool = True,
        map_location: Any = "cpu",
    ) -> None:  # fmt: skip
        """Continue from a checkpoint: weights, optimizer, schedules, clock, loader, hooks, history and RNG."""
        lifecycle.resume(self, filename, resume_optimizer, resume_param_scheduler, map_location)

    def save(self, request: SaveRequest) -> str:
        """Save what a request asks for, by way of `save_checkpoint`, which a subclass may override."""
        before, self._request = self._request, request
        try:
            return self.save_checkpoint(**request.documented())
        finally:
            self._request = before

    def save_checkpoint(
        self,
        out_dir: str,
        filename: str,
        file_client_args: dict[str, Any] | None = None,
        save_optimizer: bool = True,
        save_param_scheduler: bool = True,
        meta: dict[str, Any] | None = None,
        by_epoch: bool = True,
        backend_args: dict[str, Any] | None = None,
    ) -> str:
        """Write a checkpoint that is whole or does not exist; every rank calls it, rank 0 writes. Returns its path.

        `meta` adds entries; `by_epoch` is accepted for its documented meaning, the clock knows both;
        `file_client_args` is the older name of `backend_args`.
        """
        asked, self._request = self._request, None
        request = (asked or SaveRequest(folder=out_dir, name=filename)).with_changes(
            folder=out_dir, name=filename, save_optimizer=save_optimizer, by_epoch=by_epoch, meta=meta,
            save_param_scheduler=save_param_scheduler, backend_args=older_name(file_client_args, backend_args),
        )  # fmt: skip
        return lifecycle.save(self, request)

    # -- builders, public because the documents name them ------------------------------------------------------------
    @staticmethod
    def build_dataloader(
        dataloader: Any, seed: int | None = None, diff_rank_seed: bool = False, *, training: bool = True
    ) -> Loader:
        """Build a loader from a mapping, a torch DataLoader or any iterable; see `eng_dataset.build_dataloader`."""
        return build_dataloader(dataloader, seed=seed, diff_rank_seed=diff_rank_seed, training=training)

    def as_loader(self, dataloader: Any, *, training: bool) -> Loader:
        """Build a loader with this run's seed; a Loader stays as it is."""
        return self.parts.as_loader(dataloader, training=training, diff_rank_seed=self.diff_rank_seed)

    def build_evaluator(self, evaluator: Any) -> AnyEvaluator:
        """Build an evaluator from an object, a mapping or a list of metrics."""
        return cast(AnyEvaluator, assembly.build_evaluator(evaluator))

    def build_model(self, model: nn.Module | Settings) -> nn.Module:
        """Build a model from an object or a mapping."""
        return assembly.build_model(model, None)

    def build_optim_wrapper(self, optim_wrapper: Any) -> AnyOptimWrapper:
        """Build an optimizer wrapper for this run's model."""
        return cast(AnyOptimWrapper, assembly.build_optimization(optim_wrapper, self.bare_model))

    def build_param_scheduler(self, scheduler: Any) -> Schedulers:
        """Build schedules for this run's optimizer; `end` defaults to the end of the training."""
        return self.parts.make_schedulers(scheduler)

    def build_train_loop(self, loop: Any) -> AnyTrainLoop:
        """Build a training loop on this run's training loader."""
        return cast(AnyTrainLoop, self.parts.make_train_loop(loop))

    def build_val_loop(self, loop: Any) -> AnyEvalLoop:
        """Build a validation loop on this run's validation loader."""
        return cast(AnyEvalLoop, self.parts.make_eval_loop(loop, "val"))

    def build_test_loop(self, loop: Any) -> AnyEvalLoop:
        """Build a test loop on this run's test loader."""
        return cast(AnyEvalLoop, self.parts.make_eval_loop(loop, "test"))

    def build_log_processor(self, log_processor: Any) -> AnyLogProcessor:
        """Build a log processor from an object or a mapping."""
        return assembly.build_log_processor(log_processor)

    def build_visualizer(self, visualizer: Any = None) -> Visualizer:
        """Build a visualizer from an object, a mapping or None."""
        return assembly.build_visualizer(visualizer, name=self.experiment_name, save_dir=self.log_dir)

    def build_logger(
        self, log_level: int | str = "INFO", log_file: str | None = None, **kwargs: Any
    ) -> logging.Logger:
        """Open the logger of this run, which also gets what all eng packages log; it ends with the runner.

        `kwargs` are those of `eng_logging.configure`.
        """
        self.log_handle = construction.open_log(self, level=log_level, file=log_file, **kwargs)
        return self.log_handle.logger

    def build_message_hub(self, message_hub: Settings | None = None) -> MessageHub:
        """Open the history of this run; `message_hub` may give its `name`. Raises TypeError for another type."""
        return construction.open_history(self.experiment_name, message_hub)

    def wrap_model(self, model_wrapper_cfg: Settings | None, model: nn.Module) -> nn.Module:
        """Move a model to its device, and wrap it where there are several processes.

        The runner does this to its own. Raises TypeError for a mapping where the model is wrapped already.
        """
        return wrap_again(model_wrapper_cfg, model)

    # -- settings --------------------------------------------------------------------------------------------------
    def setup_env(self, env_cfg: Settings) -> None:
        """Join the process group and apply the other settings of `env_cfg`."""
        setup_env(env_cfg, self.launcher)

    def set_randomness(
        self, seed: int | None = None, diff_rank_seed: bool = False, deterministic: bool = False
    ) -> None:
        """Seed everything; None draws a seed that all ranks share.

        With `diff_rank_seed` processes that read different samples have different seeds.
        """
        self.diff_rank_seed, self.deterministic = diff_rank_seed, deterministic
        place = self.strategy.data_place()[0]
        self.seed = set_random_seed(seed, deterministic, diff_rank_seed, place=place)

    def scale_lr(self, optim_wrapper: Any, auto_scale_lr: Settings | None = None) -> None:
        """Multiply every learning rate by (samples of one step over all ranks) / `base_batch_size`, if enabled.

        Raises KeyError without `base_batch_size` and RuntimeError if schedules were built before.
        """
        lifecycle.scale_learning_rates(self, optim_wrapper, auto_scale_lr)

    def dump_config(self) -> None:
        """Write the configuration into `work_dir`, under its own name."""
        dump_config(self.cfg, self.work_dir, self.timestamp)

    def print(self, text: str) -> None:
        """Print to the console something that is not a log line."""
        print(text, flush=True)

    def __repr__(self) -> str:
        return f"Runner({self.model_name}, {self.experiment_name!r}, work_dir={self.work_dir!r})"
