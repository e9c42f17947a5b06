"""From the arguments of a Runner to a run: processes, seed, folder, log, model and hooks, in this order."""

from __future__ import annotations

import copy
import os
import sys
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch

from eng_config import Config
from eng_dist import get_rank
from eng_logging import LoggingHandle, MessageHub, configure
from eng_registry import DefaultScope

from .engine.arguments import is_mapping, wrong_type
from .engine.clock import Clock
from .engine.environment import describe_environment
from .engine.hook_list import Hooks
from .engine.precision import use_channels_last
from .engine.stop import Stop
from .engine.strategy import BaseStrategy
from .lifecycle import Managed
from .plan import assembly
from .plan.model_options import ModelOptions
from .plan.parts import Parts
from .state.start_point import StartPoint
from .state.workspace import agreed, make_log_dir, name_experiment
from .strategies import choose_strategy

if TYPE_CHECKING:
    from rich.console import Console


class Constructed(Managed, Protocol):
    """A run whose attributes are set here."""

    arguments: dict[str, Any]
    launcher: str
    seed_before: int
    default_scope: str | None

    def setup_env(self, env_cfg: Mapping[str, Any]) -> None: ...
    def set_randomness(
        self, seed: int | None = None, diff_rank_seed: bool = False, deterministic: bool = False
    ) -> None: ...
    def build_logger(self, log_level: int | str = "INFO") -> Any: ...
    def build_log_processor(self, log_processor: Any) -> Any: ...
    def build_message_hub(self) -> Any: ...
    def build_visualizer(self, visualizer: Any = None) -> Any: ...
    def register_hooks(self, default_hooks: Any = None, custom_hooks: Any = None) -> None: ...
    def get_hooks_info(self) -> str: ...
    def dump_config(self) -> None: ...


def construct(run: Constructed, arguments: dict[str, Any]) -> None:
    """Set every attribute of a run from the arguments of its Runner, `cfg` among them."""
    _check(arguments)
    run.arguments = arguments
    run.work_dir = str(Path(arguments["work_dir"]).absolute())
    run.cfg = _as_config(arguments.pop("cfg"))
    run.parts = Parts(run, arguments)
    run.start_point = StartPoint(arguments["load_from"], bool(arguments["resume"]))
    run.model_options = ModelOptions.of(arguments, run.cfg)
    run.auto_scale_lr = arguments["auto_scale_lr"]
    run.launcher, run.default_scope = arguments["launcher"], arguments["default_scope"]
    run.clock, run.stop, run.hook_list = Clock(), Stop(), Hooks()
    run.epoch = run.iter = 0
    run.resume_report = None
    run.requeue = bool((arguments["env_cfg"] or {}).get("slurm_requeue", False))
    run.setup_env(arguments["env_cfg"] or {})
    run.seed_before = torch.initial_seed()
    run.strategy = _strategy(run, arguments["strategy"])
    run.set_randomness(**(arguments["randomness"] or {}))
    _name(run, arguments["experiment_name"])
    with run.building():
        _open_records(run, arguments)
        _build_model(run, arguments)
        run.register_hooks(arguments["default_hooks"], arguments["custom_hooks"])
    run.logger.debug("Hooks in the order of a run:\n%s", run.get_hooks_info())
    run.dump_config()


def _check(arguments: Mapping[str, Any]) -> None:
    if not isinstance(arguments["work_dir"], (str, os.PathLike)):
        raise wrong_type("work_dir", arguments["work_dir"], "a path")
    if arguments["resume"] not in (True, False, None):
        raise wrong_type("resume", arguments["resume"], "True", "False, with the checkpoint in `load_from`")
    assembly.check_groups(arguments)


def _name(run: Constructed, given: str | None) -> None:
    started = agreed(time.strftime("%Y%m%d_%H%M%S", time.localtime()))
    run.timestamp = make_log_dir(run.work_dir, started)
    run.log_dir = os.path.join(run.work_dir, run.timestamp)
    run.log_file = os.path.join(run.log_dir, f"{run.timestamp}.log")
    run.experiment_name = name_experiment(given, run.cfg.filename, run.timestamp)
    if run.default_scope is not None:
        DefaultScope.get_instance(run.experiment_name, scope_name=run.default_scope)


def _open_records(run: Constructed, arguments: Mapping[str, Any]) -> None:
    run.log_processor = run.build_log_processor(arguments["log_processor"] or {})
    run.console = _terminal()
    run.logger = run.build_logger(arguments["log_level"])
    facts = {**describe_environment(), "Seed": str(run.seed), "Work dir": run.work_dir}
    width = max(map(len, facts))
    rows = "\n".join(f"    {name:<{width}}  {value}" for name, value in facts.items())
    run.logger.info("%s\n%s", run.experiment_name, rows)
    if run.cfg:
        run.logger.debug("Configuration:\n%s", run.cfg.pretty_text)
    run.message_hub = run.build_message_hub()
    run.visualizer = run.build_visualizer(arguments["visualizer"])
    if run.cfg:
        run.visualizer.add_config(run.cfg)


def _strategy(run: Constructed, given: Any) -> BaseStrategy:
    """Choose the strategy before anything is seeded: it says which processes have to draw the same numbers."""
    options = run.model_options
    with run.building():
        return choose_strategy(
            given,
            model_wrapper_cfg=options.model_wrapper_cfg,
            sync_bn=options.sync_bn,
            find_unused_parameters=options.find_unused_parameters,
        )


def _build_model(run: Constructed, arguments: Mapping[str, Any]) -> None:
    model = assembly.build_model(arguments["model"], arguments["data_preprocessor"])
    if run.model_options.channels_last:
        use_channels_last(model)
    run.model = run.strategy.wrap(model)


def _as_config(cfg: Config | Mapping[str, Any] | None) -> Config:
    if isinstance(cfg, Config):
        return copy.deepcopy(cfg)
    return Config(dict(cfg) if cfg is not None else {})


def _terminal() -> Console | None:
    """Return the console if it is a terminal; where nothing is shown, what draws on it is not imported either."""
    if not sys.stdout.isatty():
        return None
    from rich.console import Console

    return Console()


def open_log(run: Constructed, *, level: int | str, file: str | None = None, **options: Any) -> LoggingHandle:
    """Open the log of a run, which also gets what all eng packages log; it is closed with the run.

    `options` are those of `eng_logging.configure`.
    """
    given: dict[str, Any] = {
        "level": level,
        "file": file or run.log_file,
        "rank": get_rank(),
        "world_size": run.world_size,
        "console": run.console or True,
        **options,
    }
    handle = configure(**given)
    weakref.finalize(run, handle.close)
    return handle


def open_history(name: str, message_hub: Mapping[str, Any] | None) -> MessageHub:
    """Open the history of a run; `message_hub` may give another `name`. Raises TypeError for another type."""
    if message_hub is not None and not is_mapping(message_hub):
        raise wrong_type("message_hub", message_hub, "a mapping", "None")
    return MessageHub.get_instance(**{"name": name, **(message_hub or {})})
