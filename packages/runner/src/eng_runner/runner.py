"""The runner: takes the parts of a training, puts them together, and trains, validates and tests.

What one iteration does is in `step.py`, the order of a run in `loops/`, how a mapping becomes a part in `build.py`,
what a checkpoint holds in `resume.py`. This room only holds the parts and hands them to each other.
"""

from __future__ import annotations

import copy
import logging
import os
import sys
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from eng_checkpoint import BackgroundSaver, load_checkpoint
from eng_config import Config, ConfigDict
from eng_dataset import Loader, build_dataloader
from eng_dist import (
    abort_on_error,
    barrier,
    broadcast_object_list,
    get_dist_info,
    get_rank,
    get_world_size,
    is_distributed,
    is_main_process,
)
from eng_logging import MessageHub, configure
from eng_model import (
    is_model_wrapper,
    turn_on_efficient_conv_bn_eval,
)
from eng_model import (
    turn_on_activation_checkpointing as turn_on_activation_checkpointing,
)
from eng_registry import RUNNERS, DefaultScope, allow_import, config_path
from eng_visualization import Visualizer

from .engine.clock import Clock
from .engine.environment import describe_environment, set_random_seed, setup_env
from .engine.hook import Hook, Hooks, Priority
from .engine.loops import TrainLoop
from .engine.optimizer_hooks import observed
from .engine.precision import use_channels_last
from .engine.stop import Interrupted, Stop, in_notebook
from .plan import assembly as build
from .plan.resume_report import ResumeReport, facts
from .state import checkpoint as resuming
from .state.work_dir_lock import WorkDirInUseError, locked
from .strategies import BaseStrategy, choose_strategy

if TYPE_CHECKING:
    from rich.console import Console

    from .plan.dry_run import Findings

_log = logging.getLogger(__name__)


@RUNNERS.register_module()
class Runner:
    """Puts the parts of a training together and runs them.

    Every part is an object or a mapping that its registry builds. Training needs `train_dataloader`, `train_cfg`
    and `optim_wrapper`; validation and test need their loader, `..._cfg` (an empty mapping counts) and evaluator.
    Mappings of loaders, loops, optimizer and schedules are built when `train`, `val` or `test` first needs them;
    the model and the hooks at once.

    `strategy` spreads the model over processes: None for one device or DDP, `dict(type='FSDPStrategy')` and others for
    models that do not fit.

    `resume=True` continues from the newest valid checkpoint of `work_dir`; `load_from` with `resume=False` loads
    only weights. `cfg` is the record that is written beside the results. Raises ValueError for an incomplete
    group, TypeError for a part of a wrong type, and the registry's errors for a mapping that cannot be built.
    """

    work_dir: str = ""
    """Where checkpoints go, an absolute path."""
    log_dir: str = ""
    """The folder of this run's logs, inside of `work_dir`."""
    timestamp: str = ""
    """When the run began, the same on every rank: the name of `log_dir`."""
    experiment_name: str = ""
    """The name of the run, unique in this process."""
    launcher: str = "none"
    """Who started the processes: none, pytorch, slurm or mpi."""
    seed: int = 0
    """The seed in force."""
    deterministic: bool = False
    """Whether torch was asked for deterministic algorithms."""
    epoch: int = 0
    """Index of the epoch under way, from 0; `clock.epoch` counts those that are complete."""
    iter: int = 0
    """Index of the iteration under way, from 0; `clock.iter` counts those that are complete."""

    def __init__(
        self,
        model: nn.Module | Mapping[str, Any],
        work_dir: str,
        train_dataloader: Any = None,
        val_dataloader: Any = None,
        test_dataloader: Any = None,
        train_cfg: Any = None,
        val_cfg: Any = None,
        test_cfg: Any = None,
        auto_scale_lr: Mapping[str, Any] | None = None,
        optim_wrapper: Any = None,
        param_scheduler: Any = None,
        val_evaluator: Any = None,
        test_evaluator: Any = None,
        default_hooks: Mapping[str, Any] | None = None,
        custom_hooks: Sequence[Hook | Mapping[str, Any]] | None = None,
        data_preprocessor: Mapping[str, Any] | None = None,
        load_from: str | None = None,
        resume: bool = False,
        launcher: str = "none",
        env_cfg: Mapping[str, Any] | None = None,
        log_processor: Any = None,
        log_level: int | str = "INFO",
        visualizer: Any = None,
        default_scope: str | None = "eng",
        randomness: Mapping[str, Any] | None = None,
        experiment_name: str | None = None,
        cfg: Config | Mapping[str, Any] | None = None,
        *,
        strategy: BaseStrategy | Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(work_dir, (str, os.PathLike)):
            raise build.wrong_type("work_dir", work_dir, "a path")
        if resume not in (True, False, None):
            raise build.wrong_type("resume", resume, "True", "False, with the checkpoint in `load_from`")
        self.work_dir = str(Path(work_dir).absolute())
        self.cfg = _as_config(cfg)
        build.check_groups(
            {
                "train": {
                    "train_dataloader": train_dataloader,
                    "train_cfg": train_cfg,
                    "optim_wrapper": optim_wrapper,
                },
                "validate": {
                    "val_dataloader": val_dataloader,
                    "val_cfg": val_cfg,
                    "val_evaluator": val_evaluator,
                },
                "test": {
                    "test_dataloader": test_dataloader,
                    "test_cfg": test_cfg,
                    "test_evaluator": test_evaluator,
                },
            }
        )
        if param_scheduler is not None and optim_wrapper is None:
            raise ValueError(
                "`param_scheduler` should be None where `optim_wrapper` is None: there is nothing to schedule"
            )
        self._given: dict[str, Any] = {
            "train_dataloader": train_dataloader, "train_cfg": train_cfg, "optim_wrapper": optim_wrapper,
            "val_dataloader": val_dataloader, "val_cfg": val_cfg, "val_evaluator": val_evaluator,
            "test_dataloader": test_dataloader, "test_cfg": test_cfg, "test_evaluator": test_evaluator,
            "param_scheduler": param_scheduler,
        }  # fmt: skip
        self.auto_scale_lr = auto_scale_lr
        self.load_from = load_from
        self.resume_wanted = resume
        self.has_loaded = False
        self.launcher = launcher
        self.clock = Clock()
        self.stop = Stop()
        self._checkpoint: resuming.Checkpoint | None = None
        self.resume_report: ResumeReport | None = None
        self.requeue = bool((env_cfg or {}).get("slurm_requeue", False))

        self.setup_env(env_cfg or {})
        self.set_randomness(**(randomness or {}))
        self.timestamp = _agreed(time.strftime("%Y%m%d_%H%M%S", time.localtime()))
        self.log_dir = self._make_log_dir()
        self.experiment_name = self._name_experiment(experiment_name)
        self.default_scope = default_scope
        if default_scope is not None:
            DefaultScope.get_instance(self.experiment_name, scope_name=default_scope)

        with self.building():
            self.log_processor = build.build_log_processor(log_processor or {})
            self.log_file = os.path.join(self.log_dir, f"{self.timestamp}.log")
            self.console = _terminal()
            self.logger = self.build_logger(log_level)
            self._log_start()
            self.message_hub = self.build_message_hub()
            self.visualizer: Visualizer = self.build_visualizer(visualizer)
            if self.cfg:
                self.visualizer.add_config(self.cfg)
            self.strategy = choose_strategy(strategy, self.cfg)
            built = build.build_model(model, data_preprocessor)
            if self.cfg.get("channels_last"):
                use_channels_last(built)
            self.model: nn.Module = self.strategy.wrap(built)
            self.hooks_in_order = Hooks()
            self.register_hooks(default_hooks, custom_hooks)
        self.logger.debug("Hooks in the order of a run:\n%s", self.get_hooks_info())
        self.dump_config()

    @classmethod
    def from_cfg(cls, cfg: Config | Mapping[str, Any]) -> Runner:
        """A runner from a whole configuration, where `model` and `work_dir` are required (KeyError)."""
        cfg = copy.deepcopy(cfg)
        missing = [name for name in ("model", "work_dir") if cfg.get(name) is None]
        if missing:
            raise KeyError(f"the configuration lacks {' and '.join(f'`{name}`' for name in missing)}")
        given = {name: cfg[name] for name in build.RUNNER_KEYS if name in cfg}
        return cls(**given, cfg=cfg)

    # -- what it stands on -----------------------------------------------------------------------------------------
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
    def hooks(self) -> list[Hook]:
        """All hooks in the order in which a point calls them."""
        return list(self.hooks_in_order)

    def print(self, text: str) -> None:
        """Say something to the person at the console that is no log line."""
        print(text, flush=True)

    @property
    def model_name(self) -> str:
        """Class name of the unwrapped model."""
        return type(self.bare_model).__name__

    @property
    def bare_model(self) -> nn.Module:
        """The model without any wrapper for distributed training."""
        return self.strategy.unwrap(self.model)

    @property
    def max_epochs(self) -> int:
        """Epochs of the whole training; 0 without a training loop."""
        return self.train_loop.max_epochs if self.train_loop is not None else 0

    @property
    def max_iters(self) -> int:
        """Iterations of the whole training; 0 without a training loop."""
        return self.train_loop.max_iters if self.train_loop is not None else 0

    @property
    def val_interval(self) -> int | str:
        """Epochs or iterations between two validations, or a text such as `'500 steps'`."""
        return self.train_loop.val_interval if self.train_loop is not None else 0

    @property
    def val_begin(self) -> int:
        """The first epoch or iteration (from 1) that may be validated."""
        return self.train_loop.val_begin if self.train_loop is not None else 0

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What the result of this run depends on: configuration, code, versions, data; every checkpoint carries it."""
        return facts(self)

    # -- parts that are built on demand ----------------------------------------------------------------------------
    @cached_property
    def train_loop(self) -> Any:
        """The training loop, or None if training is not configured."""
        if self._given["train_cfg"] is None:
            return None
        with self.building():
            return build.build_train_loop(self._given["train_cfg"], self, self._given["train_dataloader"])

    @cached_property
    def val_loop(self) -> Any:
        """The validation loop, or None if validation is not configured."""
        return self._eval_loop("val", "ValLoop")

    @cached_property
    def test_loop(self) -> Any:
        """The test loop, or None if the test is not configured."""
        return self._eval_loop("test", "TestLoop")

    def _eval_loop(self, mode: str, kind: str) -> Any:
        given = self._given
        if given[f"{mode}_cfg"] is None:
            return None
        with self.building():
            loader, evaluator = given[f"{mode}_dataloader"], given[f"{mode}_evaluator"]
            return build.build_eval_loop(given[f"{mode}_cfg"], kind, self, loader, evaluator)

    @cached_property
    def optim_wrapper(self) -> Any:
        """The optimizer wrapper, or None if training is not configured."""
        if self._given["optim_wrapper"] is None:
            return None
        with self.building():
            wrapper = build.build_optimization(self._given["optim_wrapper"], self.bare_model)
            return self.strategy.take_optimizer(self.model, wrapper)

    @cached_property
    def param_schedulers(self) -> build.Schedulers:
        """The schedules, a list, or name -> list for several optimizers."""
        with self.building():
            return self.build_param_scheduler(self._given["param_scheduler"])

    @property
    def train_dataloader(self) -> Loader | None:
        """The loader of the training loop."""
        return self.train_loop.dataloader if self.train_loop is not None else None

    @property
    def val_dataloader(self) -> Loader | None:
        """The loader of the validation loop."""
        return self.val_loop.dataloader if self.val_loop is not None else None

    @property
    def test_dataloader(self) -> Loader | None:
        """The loader of the test loop."""
        return self.test_loop.dataloader if self.test_loop is not None else None

    @property
    def val_evaluator(self) -> Any:
        """The evaluator of the validation loop."""
        return self.val_loop.evaluator if self.val_loop is not None else None

    @property
    def test_evaluator(self) -> Any:
        """The evaluator of the test loop."""
        return self.test_loop.evaluator if self.test_loop is not None else None

    @contextmanager
    def building(self) -> Iterator[None]:
        """What is in force while parts are built: the default scope, and dotted paths if the configuration is code."""
        with (
            DefaultScope.overwrite_default_scope(self.default_scope),
            allow_import(*(["*"] if self.cfg.trusted else [])),
        ):
            yield

    # -- running ---------------------------------------------------------------------------------------------------
    def train(self) -> nn.Module:
        """Train (or resume training) to the end; returns the model.

        A signal to stop saves and raises Interrupted, a SystemExit; in a notebook, and where `max_time` is over, the
        model as it is by then is returned. Raises RuntimeError if training is not configured, TypeError if the model
        lacks `train_step` or `val_step`, WorkDirInUseError (a RuntimeError) while another run trains in `work_dir`.
        """
        with self._alone_in_work_dir():
            return self._train()

    def _train(self) -> nn.Module:
        self.prepare("train")
        stopped: Interrupted | None = None
        with self._running():
            self.call_hook("before_run")
            if not self.has_loaded and self._checkpoint is None:
                self.strategy.init_weights(self.model)
                resuming.set_aside(self.work_dir, self.timestamp)
            self._switch_modules()
            self.load_or_resume()
            self._choose_step()
            self.optim_wrapper.initialize_count_status(self.model, self.clock.iter, self.max_iters)
            try:
                max_time = getattr(self.train_loop, "max_time", None)
                with observed(self), self.stop.listening(self, max_time=max_time):
                    self.train_loop.run()
            except Interrupted as interruption:
                stopped = interruption
            self.call_hook("after_run")
        if stopped is not None and stopped.code and not in_notebook():
            raise stopped
        return self.model

    @contextmanager
    def _alone_in_work_dir(self) -> Iterator[None]:
        """Hold `work_dir`; where the first process cannot, none of them goes on."""
        with ExitStack() as stack:
            refusal: list[str | None] = [None]
            if is_main_process():
                try:
                    stack.enter_context(locked(self.work_dir, name=self.experiment_name))
                except WorkDirInUseError as error:
                    refusal = [str(error)]
            broadcast_object_list(refusal, src=0)
            if refusal[0] is not None:
                raise WorkDirInUseError(refusal[0])
            yield

    def prepare(self, mode: str = "train") -> None:
        """Read the checkpoint that `resume` asks for and build every part of a mode; `train`, `val`, `test` call it.

        Whatever is wrong with a part shows here, before anything runs.
        """
        needs = {"train": "optim_wrapper"}.get(mode, f"{mode}_evaluator")
        if self._given[f"{mode}_cfg"] is None:
            raise RuntimeError(f"{mode}() needs `{mode}_dataloader`, `{mode}_cfg` and `{needs}`")
        self._require_step(f"{mode}_step")
        if self._checkpoint is None:
            try:
                self._checkpoint = resuming.read_for_resume(self)
            except Exception as exception:
                self.hooks_in_order.blame(exception)
                raise
        if mode != "train":
            getattr(self, f"{mode}_loop")
            return
        if "optim_wrapper" not in self.__dict__:
            self.scale_lr(self.optim_wrapper, self.auto_scale_lr)
        self.param_schedulers  # noqa: B018 - built now, so that a mistake in it shows now
        if self.val_loop is not None:
            self._require_step("val_step")

    def check(self, *, world_size: int = 1) -> Findings:
        """Build and use every part once in a temporary folder, on copies, and report every problem that shows.

        `world_size` lets the parts believe that there were so many processes. See `rehearse`.
        """
        from .plan.dry_run import rehearse, spread_out  # which makes runners itself

        return rehearse(spread_out(self), world_size=world_size)

    def val(self) -> dict[str, Any]:
        """Validate once; returns the metrics. Raises RuntimeError if validation is not configured."""
        return self._evaluate("val")

    def test(self) -> dict[str, Any]:
        """Test once; returns the metrics. Raises RuntimeError if the test is not configured."""
        return self._evaluate("test")

    def _evaluate(self, mode: str) -> dict[str, Any]:
        self.prepare(mode)
        with self._running():
            self.call_hook("before_run")
            self.load_or_resume()
            metrics: dict[str, Any] = getattr(self, f"{mode}_loop").run()
            self.call_hook("after_run")
        return metrics

    @contextmanager
    def _running(self) -> Iterator[None]:
        """An exception on one rank ends all of them, reaches the hooks, and closes what is open; workers always end."""
        try:
            with self.building(), self._logging.as_current(), abort_on_error():
                yield
        except BaseException as exception:
            self.hooks_in_order.blame(exception)
            self.hooks_in_order.tell_of(exception, self)
            self.visualizer.close()
            raise
        finally:
            for mode in ("train", "val", "test"):
                loop = self.__dict__.get(f"{mode}_loop")  # of those that are built
                for part in getattr(loop, "sets", {"": loop}).values():
                    if isinstance(loader := getattr(part, "dataloader", None), Loader):
                        loader.close()

    def _require_step(self, name: str) -> None:
        if not hasattr(self.model, name):
            raise TypeError(
                f"the model {self.model_name} has no `{name}`; subclass eng_model.BaseModel or define it"
            )

    def _switch_modules(self) -> None:
        """Let modules compute what they compute with less memory, as `activation_checkpointing` and
        `efficient_conv_bn_eval` of the configuration ask for; they are named by their paths or classes.
        """
        for option, switch in (
            ("activation_checkpointing", turn_on_activation_checkpointing),
            ("efficient_conv_bn_eval", turn_on_efficient_conv_bn_eval),
        ):
            modules = self.cfg.get(option)
            if modules:
                switch(self.bare_model, modules)

    def _choose_step(self) -> None:
        """The model's step as the loops call it, compiled if `compile` of the configuration asks for it."""
        step: Callable[..., Any] = self.model.train_step  # type: ignore[assignment] # a method of any trainable model
        options = self.cfg.get("compile", False)
        if options:
            step = torch.compile(step, **({} if options is True else options))
        self.train_step = step

    # -- hooks -----------------------------------------------------------------------------------------------------
    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Call a point of all hooks; hooks without a method of that name are passed over."""
        self.hooks_in_order.call(fn_name, self, **kwargs)

    def hook_calls(self, point: str) -> tuple[Callable[..., None], ...]:
        """The methods that stand at a point now, bound for a stage."""
        return self.hooks_in_order.bind(point, self)

    def register_hook(
        self, hook: Hook | Mapping[str, Any], priority: int | str | Priority | None = None
    ) -> None:
        """Add a hook; `priority` wins over the mapping's and the class' own."""
        with self.building():
            built, own = build.build_hook(hook)
        self.hooks_in_order.register(built, own if priority is None else priority)

    def register_default_hooks(self, hooks: Mapping[str, Any] | None = None) -> None:
        """Add the default hooks, with the entries of `hooks` in their place; None removes one."""
        for spec in build.merge_default_hooks(hooks).values():
            self.register_hook(spec)

    def register_custom_hooks(self, hooks: Sequence[Hook | Mapping[str, Any]]) -> None:
        """Add hooks in this order; TypeError for anything but a list of them."""
        if not isinstance(hooks, (list, tuple)):
            raise build.wrong_type("custom_hooks", hooks, "a list of hooks")
        for spec in hooks:
            self.register_hook(spec)

    def register_hooks(
        self,
        default_hooks: Mapping[str, Any] | None = None,
        custom_hooks: Sequence[Hook | Mapping[str, Any]] | None = None,
    ) -> None:
        """Add the default hooks, then those of the user."""
        self.register_default_hooks(default_hooks)
        self.register_custom_hooks(custom_hooks or [])

    def get_hooks_info(self) -> str:
        """Which hook is called at which point, in order, as text."""
        return self.hooks_in_order.table()

    # -- checkpoints -----------------------------------------------------------------------------------------------
    def load_or_resume(self) -> None:
        """Load weights or resume, as the arguments of the runner say; only the first call does anything."""
        if self.has_loaded:
            return
        if self._checkpoint is None:
            self._checkpoint = resuming.read_for_resume(self)
        if self._checkpoint is not None:
            resuming.restore(self, self._checkpoint)
        elif self.load_from is not None:
            self.load_checkpoint(self.load_from)
        self.has_loaded = True

    def load_checkpoint(
        self,
        filename: str,
        map_location: Any = "cpu",
        strict: bool = False,
        revise_keys: Sequence[tuple[str, str]] = ((r"^module\.", ""),),
    ) -> dict[str, Any]:
        """Load only weights; loops, optimizer and schedules stay as they are. Returns the checkpoint."""

        def edit(checkpoint: dict[str, Any]) -> dict[str, Any]:
            checkpoint = self.strategy.placed(checkpoint, self.bare_model)
            self.call_hook("after_load_checkpoint", checkpoint=checkpoint)
            return checkpoint

        checkpoint = load_checkpoint(
            self.bare_model, filename, map_location=map_location, strict=strict, revise_keys=list(revise_keys),
            edit=edit,
        )  # fmt: skip
        self.has_loaded = True
        self.logger.info("Loaded weights from %s", filename)
        return checkpoint

    def resume(
        self,
        filename: str,
        resume_optimizer: bool = True,
        resume_param_scheduler: bool = True,
        map_location: Any = "cpu",
    ) -> None:
        """Continue from a checkpoint: weights, optimizer, schedules, clock, loader, hooks, history and RNG."""
        self.resume_wanted = True
        checkpoint = resuming.read(self, filename, map_location=map_location)
        resuming.restore(self, checkpoint, optimizer=resume_optimizer, param_scheduler=resume_param_scheduler)
        self.has_loaded = True

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
        *,
        kind: resuming.Kind = "regular",
        metrics: Mapping[str, float] | None = None,
        saver: BackgroundSaver | None = None,
        then: Callable[[], None] | None = None,
    ) -> str:
        """Write a checkpoint that is whole or not there; every rank calls it, rank 0 writes. Returns its path.

        A `saver` writes a copy of it in the background and does something `then`; whoever has the saver waits for it
        and calls the point `after_save_checkpoint`.

        `meta` adds entries; `by_epoch` is accepted for its documented meaning, the clock knows both;
        `file_client_args` is the older name of `backend_args`.
        """
        backend_args = build.older_name(file_client_args, backend_args)
        if meta is not None and not isinstance(meta, dict):
            raise TypeError(f"`meta` should be a dict or None, not {type(meta).__name__}")
        checkpoint = resuming.collect(
            self, meta=meta or {}, optimizer=save_optimizer, param_scheduler=save_param_scheduler
        )
        self.call_hook("before_save_checkpoint", checkpoint=checkpoint)
        path = resuming.write(
            self, checkpoint, out_dir, filename, kind=kind, metrics=metrics, backend_args=backend_args, saver=saver,
            then=then,
        )  # fmt: skip
        if saver is None:
            self.call_hook("after_save_checkpoint", path=path)
        return path

    # -- builders, public because the documents name them ------------------------------------------------------------
    @staticmethod
    def build_dataloader(
        dataloader: Any, seed: int | None = None, diff_rank_seed: bool = False, *, training: bool = True
    ) -> Loader:
        """A loader from a mapping, a torch DataLoader or any iterable; see `eng_dataset.build_dataloader`."""
        return build_dataloader(dataloader, seed=seed, diff_rank_seed=diff_rank_seed, training=training)

    def as_loader(self, dataloader: Any, *, training: bool) -> Loader:
        """The same with this run's seed; what is a Loader stays as it is."""
        if isinstance(dataloader, Loader):
            return dataloader
        with config_path("", dataloader if isinstance(dataloader, ConfigDict) else None):
            loader = build_dataloader(
                dataloader, seed=self.seed, diff_rank_seed=self._diff_rank_seed, training=training
            )
        place = self.strategy.data_place()
        if place != get_dist_info():
            loader.take_share(*place)
        return loader

    def build_evaluator(self, evaluator: Any) -> Any:
        """An evaluator from an object, a mapping or a list of metrics."""
        return build.build_evaluator(evaluator)

    def build_model(self, model: nn.Module | Mapping[str, Any]) -> nn.Module:
        """A model from an object or a mapping."""
        return build.build_model(model, None)

    def build_optim_wrapper(self, optim_wrapper: Any) -> Any:
        """An optimizer wrapper for this run's model."""
        return build.build_optimization(optim_wrapper, self.bare_model)

    def build_param_scheduler(self, scheduler: Any) -> build.Schedulers:
        """Schedules for this run's optimizer; `end` defaults to the end of the training."""
        if scheduler is None:
            return []
        loop = self.train_loop
        ends = None
        if isinstance(loop, TrainLoop):
            ends = build.Ends(
                epochs=loop.max_epochs,
                iters=loop.max_iters,
                iters_per_epoch=loop.length,
                accumulative_counts=getattr(self.optim_wrapper, "_accumulative_counts", 1),
            )
        return build.build_schedulers(scheduler, self.optim_wrapper, ends=ends)

    def build_train_loop(self, loop: Any) -> Any:
        """A training loop on this run's training loader."""
        return build.build_train_loop(loop, self, self._given["train_dataloader"])

    def build_val_loop(self, loop: Any) -> Any:
        """A validation loop on this run's validation loader."""
        return build.build_eval_loop(
            loop, "ValLoop", self, self._given["val_dataloader"], self._given["val_evaluator"]
        )

    def build_test_loop(self, loop: Any) -> Any:
        """A test loop on this run's test loader."""
        return build.build_eval_loop(
            loop, "TestLoop", self, self._given["test_dataloader"], self._given["test_evaluator"]
        )

    def build_log_processor(self, log_processor: Any) -> Any:
        """A log processor from an object or a mapping."""
        return build.build_log_processor(log_processor)

    def build_visualizer(self, visualizer: Any = None) -> Visualizer:
        """A visualizer from an object, a mapping or None."""
        return build.build_visualizer(visualizer, name=self.experiment_name, save_dir=self.log_dir)

    def build_logger(
        self, log_level: int | str = "INFO", log_file: str | None = None, **kwargs: Any
    ) -> logging.Logger:
        """The logger of this run, which also gets what all eng packages log; it ends with the runner.

        `kwargs` are those of `eng_logging.configure`.
        """
        given: dict[str, Any] = {
            "level": log_level,
            "file": log_file or self.log_file,
            "rank": self.rank,
            "world_size": self.world_size,
            "console": self.console or True,
            **kwargs,
        }
        self._logging = configure(**given)
        weakref.finalize(self, self._logging.close)
        return self._logging.logger

    def build_message_hub(self, message_hub: Mapping[str, Any] | None = None) -> MessageHub:
        """The history of this run; `message_hub` may give its `name`. Raises TypeError for anything but a mapping."""
        if message_hub is not None and not build.is_mapping(message_hub):
            raise build.wrong_type("message_hub", message_hub, "a mapping", "None")
        return MessageHub.get_instance(**{"name": self.experiment_name, **(message_hub or {})})

    def wrap_model(self, model_wrapper_cfg: Mapping[str, Any] | None, model: nn.Module) -> nn.Module:
        """The model on its device, and wrapped where there are several processes; the runner does this to its own.

        Raises TypeError for a mapping where the model is wrapped already.
        """
        if is_model_wrapper(model):
            if model_wrapper_cfg is not None:
                raise TypeError(
                    f"the model is wrapped by {type(model).__name__} already; drop `model_wrapper_cfg`"
                )
            return model
        options = Config({**self.cfg, "model_wrapper_cfg": model_wrapper_cfg})
        return choose_strategy(None, options).wrap(model)

    # -- settings --------------------------------------------------------------------------------------------------
    def setup_env(self, env_cfg: Mapping[str, Any]) -> None:
        """Join the process group and apply `cudnn_benchmark`, `mp_cfg`, `dist_cfg` and `resource_limit`."""
        setup_env(env_cfg, self.launcher)

    def set_randomness(
        self, seed: int | None = None, diff_rank_seed: bool = False, deterministic: bool = False
    ) -> None:
        """Seed everything; None draws a seed that all ranks share."""
        self._diff_rank_seed = diff_rank_seed
        self.deterministic = deterministic
        self.seed = set_random_seed(seed, deterministic=deterministic, diff_rank_seed=diff_rank_seed)

    def scale_lr(self, optim_wrapper: Any, auto_scale_lr: Mapping[str, Any] | None = None) -> None:
        """Multiply every learning rate by (samples of one step over all ranks) / `base_batch_size`, if enabled.

        Raises KeyError without `base_batch_size` and RuntimeError if schedules were built before.
        """
        if not auto_scale_lr or not auto_scale_lr.get("enable", False):
            return
        if "base_batch_size" not in auto_scale_lr:
            raise KeyError(
                "`auto_scale_lr` needs `base_batch_size`, the batch size that the learning rate was made for"
            )
        if "param_schedulers" in self.__dict__:
            raise RuntimeError(
                "the learning rate must be scaled before the schedules are built, they start from it"
            )
        base, of_one = auto_scale_lr["base_batch_size"], self.train_loop.dataloader.batch_size
        if not isinstance(base, int) or base < 1 or of_one is None:
            raise ValueError(
                f"`auto_scale_lr` compares whole batch sizes, not base_batch_size={base!r} with the loader's {of_one!r}"
            )
        batch_size = of_one * self.world_size
        ratio = batch_size / base
        self.logger.info(
            "Learning rates are multiplied by %g (batch size %d over all ranks)", ratio, batch_size
        )
        wrappers = optim_wrapper.values() if hasattr(optim_wrapper, "values") else [optim_wrapper]
        for wrapper in wrappers:
            for group in wrapper.param_groups:
                group["lr"] *= ratio

    # -- the start of a run ------------------------------------------------------------------------------------------
    def _make_log_dir(self) -> str:
        """A folder of its own for this run's logs, the same on every rank."""
        name, count = self.timestamp, 1
        if is_main_process():
            while True:
                try:
                    os.makedirs(os.path.join(self.work_dir, name))
                    break
                except FileExistsError:
                    count += 1
                    name = f"{self.timestamp}_{count}"
        self.timestamp = _agreed(name)
        barrier()
        return os.path.join(self.work_dir, self.timestamp)

    def _name_experiment(self, given: str | None) -> str:
        stem = given or (Path(self.cfg.filename).stem if self.cfg.filename else None)
        name = f"{stem}_{self.timestamp}" if stem else self.timestamp
        count = 1
        while MessageHub.check_instance_created(name):
            count += 1
            name = f"{stem or self.timestamp}_{self.timestamp}_{count}"
        return name

    def _log_start(self) -> None:
        facts = {**describe_environment(), "Seed": str(self.seed), "Work dir": self.work_dir}
        width = max(map(len, facts))
        rows = "\n".join(f"    {name:<{width}}  {value}" for name, value in facts.items())
        self.logger.info("%s\n%s", self.experiment_name, rows)
        if self.cfg:
            self.logger.debug("Configuration:\n%s", self.cfg.pretty_text)

    def dump_config(self) -> None:
        """Write the configuration into `work_dir`, under its own name, for whoever looks at the results."""
        if self.cfg and is_main_process():
            name = f"{Path(self.cfg.filename).stem if self.cfg.filename else self.timestamp}.py"
            self.cfg.dump(os.path.join(self.work_dir, name))

    def __repr__(self) -> str:
        return f"Runner({self.model_name}, {self.experiment_name!r}, work_dir={self.work_dir!r})"


def _as_config(cfg: Config | Mapping[str, Any] | None) -> Config:
    if isinstance(cfg, Config):
        return copy.deepcopy(cfg)
    return Config(dict(cfg) if cfg is not None else {})


def _agreed(value: str) -> str:
    """Rank 0's value, on every rank."""
    values = [value]
    broadcast_object_list(values, src=0)
    return values[0]


def _terminal() -> Console | None:
    """The console, if it is a terminal: where nobody looks, what draws on it is not imported either."""
    if not sys.stdout.isatty():
        return None
    from rich.console import Console

    return Console()
