"""A training in small, before the real one: every part is built and used once, and every problem is reported.

Each part is tried by itself, so that one mistake does not hide another: the loaders give a batch, the model takes one
training step, the evaluator sees a batch, a checkpoint is saved and loaded, all hooks go along for an iteration. What
depends on something that failed is left out, not reported again. Everything happens in a temporary folder, and the
random state is put back. What can be known without building is in `check.py`.
"""

from __future__ import annotations

import copy
import io
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from traceback import extract_tb
from typing import Any

import torch

from eng_config import Config, ConfigError
from eng_dataset import Loader
from eng_dist import rng_state, set_rng_state
from eng_model import MMDistributedDataParallel
from eng_registry import DefaultScope, allow_import

from ..engine.hook import Hook, misspelled_points
from ..engine.loops import EpochBasedTrainLoop, IterBasedTrainLoop
from ..engine.loops.named import are_named
from ..runner import Runner
from . import assembly as build
from .check import KNOWN_KEYS, known_scopes, static_problems
from .schedule_check import schedule_problems

GROUPS = {mode: (f"{mode}_dataloader", f"{mode}_cfg", last) for mode, last in (
    ("train", "optim_wrapper"), ("val", "val_evaluator"), ("test", "test_evaluator"),
)}  # fmt: skip
SPARE = 1.1
"""How much more than the checkpoints themselves should be free on the disk."""


@dataclass(slots=True)
class Findings:
    """What a rehearsal found: problems, each with its place, and facts about the run that it would be."""

    problems: list[ConfigError] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)


def rehearse(config: Config, *, world_size: int = 1) -> Findings:
    """Build and use every part once; nothing is left behind but what a data set or a model itself writes.

    `world_size` lets the loaders and the model believe that there were so many processes.
    """
    before = rng_state()
    out = io.StringIO()
    with tempfile.TemporaryDirectory(prefix="eng-check-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the real run will give them
        rehearsal = _Rehearsal(config, folder)
        scope = DefaultScope.overwrite_default_scope(config.get("default_scope", "eng"))
        trust = allow_import(*(["*"] if config.trusted else []))
        with scope, trust, redirect_stdout(out), redirect_stderr(out):
            rehearsal.play(world_size)
    set_rng_state(before)
    return rehearsal.findings


def spread_out(runner: Runner) -> Config:
    """The configuration that a runner was made from, or one that holds copies of the objects that it was made from."""
    if runner.cfg.get("model") is not None:
        return runner.cfg
    given = dict(runner._given)
    loaders = {id(part): part for name, part in given.items() if name.endswith("_dataloader")}
    memo: dict[int, Any] = {**loaders}  # which are not copied: data sets may be large
    copies = copy.deepcopy(
        {"model": runner.bare_model, **given}, memo
    )  # together: the optimizer knows the model
    copies |= {"custom_hooks": [_copied(hook, memo) for hook in runner.hooks]}
    copies |= {"default_hooks": dict.fromkeys(build.DEFAULT_HOOKS), "default_scope": runner.default_scope}
    return Config(copies | {"work_dir": runner.work_dir, "load_from": runner.load_from})


def _copied(hook: Hook, memo: dict[int, Any]) -> Hook:
    """A hook for the rehearsal alone; one that holds a lock or a file shares that with the original."""
    try:
        return copy.deepcopy(hook, memo)
    except TypeError:
        return copy.copy(hook)


class _Rehearsal:
    def __init__(self, config: Config, folder: str) -> None:
        self.config = config
        self.folder = folder
        self.findings = Findings()
        self.bad: set[str] = set()
        """Top-level keys with a problem: what they make is not there."""
        self.seen: set[tuple[type[Exception], str]] = set()

    def play(self, world_size: int) -> None:
        """Everything, in the order of a run."""
        self.read()
        self.look_for_files()
        loaders = {mode: loader for mode in GROUPS if (loader := self.loader(mode)) is not None}
        train = loaders.get("train")
        train = train if isinstance(train, Loader) else None
        self.check_schedules(train)
        hooks = self.hooks()
        model = self.model()
        if world_size > 1:
            self.check_world(world_size, model)
        checkpoint = metrics = None
        if model is not None:
            if train is not None:
                checkpoint = self.train(model, train)
            for mode in ("val", "test"):
                if mode in loaders:
                    measured = self.evaluate(mode, model, loaders[mode])
                    metrics = measured if mode == "val" else metrics
        never = self.config.get("val_cfg") is None and not self.bad & set(GROUPS["val"])
        if metrics is not None or never:
            self.check_monitored(hooks, metrics or {})
        if checkpoint is not None and train is not None:
            self.check_disk(checkpoint, hooks, train)
        if not self.findings.problems and model is not None and train is not None:
            self.whole_road(model)

    # -- noting ----------------------------------------------------------------------------------------------------
    def note(self, path: str, what: str) -> None:
        """A problem at a key path; with the place of the nearest key above that has one."""
        steps = path.split(".")
        origin = None
        while steps and origin is None:
            origin = self.config.origin(".".join(steps))
            steps.pop()
        self.findings.problems.append(ConfigError(what, path=path, origin=origin))
        self.bad.add(path.partition(".")[0])

    @contextmanager
    def trying(self, path: str, doing: str) -> Iterator[None]:
        """An exception is a problem of that path, unless the same line failed in the same way before."""
        try:
            yield
        except Exception as error:
            what, at = _told(error)
            if (type(error), at or what) in self.seen:
                self.bad.add(path.partition(".")[0])
                return
            self.seen.add((type(error), at or what))
            self.note(path, f"{doing}: {what}{at}")

    # -- parts -----------------------------------------------------------------------------------------------------
    def read(self) -> None:
        """What is wrong as it is written; an incomplete group is, unless a misspelled key explains it."""
        problems, unique = static_problems(self.config)
        self.findings.problems += unique
        for problem in problems:
            top = problem.path.partition(".")[0]
            self.bad |= {top, *get_close_matches(top, KNOWN_KEYS, n=1, cutoff=0.8)}
        if self.config.get("model") is None and "model" not in self.bad:
            self.note("model", "is missing; add `model = dict(type=...)`")
        scope = self.config.get("default_scope", "eng")
        if isinstance(scope, str) and scope not in known_scopes():
            self.note(
                "default_scope",
                f"no registry has the scope `{scope}`, so its names would not be found; there are "
                f"{', '.join(known_scopes())}; import the package that defines it in `custom_imports`, or leave it out",
            )
        for mode, names in GROUPS.items():
            given = [name for name in names if self.config.get(name) is not None]
            missing = [name for name in names if name not in given]
            if given and missing and not self.bad & set(names):
                self.note(
                    given[0],
                    f"to {mode}, {' and '.join(f'`{name}`' for name in missing)} should be given too",
                )
                self.bad |= set(names)

    def look_for_files(self) -> None:
        """The checkpoint to begin with is there, and where results go can be written to."""
        start = self.config.get("load_from")
        if isinstance(start, str) and "://" not in start and not Path(start).expanduser().exists():
            self.note("load_from", f"there is no {start}")
        above = _existing(self.config.get("work_dir") or ".")
        if not os.access(above, os.W_OK):
            self.note("work_dir", f"nothing can be written to {above}")

    def loader(self, mode: str) -> Loader | dict[str, Loader] | None:
        """The loader of a mode, or those of several named sets, after a first batch of each."""
        name = f"{mode}_dataloader"
        if self.config.get(name) is None or name in self.bad:
            return None
        if mode != "val" or not are_named(self.config[name]):
            return self._one_loader(name, mode)
        found = {key: self._one_loader(f"{name}.{key}", f"{mode} {key}") for key in self.config[name]}
        loaders = {key: loader for key, loader in found.items() if loader is not None}
        return loaders if len(loaders) == len(found) else None

    def _one_loader(self, path: str, fact: str) -> Loader | None:
        """In this process, so that an error shows itself."""
        built: list[Loader] = []
        with self.trying(path, "building it"):
            spec = self.config[path.partition(".")[0]]
            spec = spec[path.partition(".")[2]] if "." in path else spec
            loader = Runner.build_dataloader(_alone(spec), seed=0, training=fact == "train")
            with self.trying(path, "reading a batch"):
                if next(iter(loader), None) is None:
                    self.note(path, f"has no batch: {_size(loader)} samples, batches of {loader.batch_size}")
                    return None
                loader.set_position(0)
                self.findings.facts[fact] = _describe_loader(loader)
                built.append(loader)
        return built[0] if built else None

    def hooks(self) -> dict[str, Hook]:
        """Every hook by the path of its mapping."""
        built = {}
        given = self.config.get("default_hooks") or {}
        specs: dict[str, Any] = {}
        if "default_hooks" not in self.bad:
            with self.trying("default_hooks", "merging them"):
                merged = build.merge_default_hooks(given)
                specs |= {f"default_hooks.{name}": spec for name, spec in merged.items()}
        if "custom_hooks" not in self.bad:
            specs |= {
                f"custom_hooks.{i}": spec for i, spec in enumerate(self.config.get("custom_hooks") or [])
            }
        for path, spec in specs.items():
            with self.trying(path, "building it"):
                built[path] = build.build_hook(spec)[0]
                for name, meant in misspelled_points(built[path]).items():
                    self.note(path, f"its method `{name}` is called by no loop; did you mean `{meant}`?")
        return built

    def model(self) -> torch.nn.Module | None:
        """The model, if it can be built."""
        model = None
        if not {"model", "data_preprocessor"} & self.bad:
            with self.trying("model", "building it"):
                model = build.build_model(self.config["model"], self.config.get("data_preprocessor"))
                count = sum(parameter.numel() for parameter in model.parameters())
                self.findings.facts["model"] = f"{type(model).__name__}, {count:,} parameters"
        return model

    def check_schedules(self, loader: Loader | None) -> None:
        """Schedules and the run have the same length."""
        if {"param_scheduler", "train_cfg"} & self.bad or self.config.get("param_scheduler") is None:
            return
        if self.config.get("train_cfg") is None:
            return
        length = None if loader is None else _length(loader)
        if not isinstance(self.config.get("optim_wrapper") or {}, Mapping):
            return
        for path, what in schedule_problems(self.config, iters_per_epoch=length):
            self.note(path, what)

    # -- acts ------------------------------------------------------------------------------------------------------
    def train(self, model: torch.nn.Module, loader: Loader) -> int | None:
        """One training step, a checkpoint saved and loaded; its size in bytes, None if it did not come to that."""
        if {"train_cfg", "optim_wrapper"} & self.bad or not self._is_ordinary(self.config["train_cfg"]):
            return None
        runners: list[Runner] = []
        with self.trying("optim_wrapper", "building it"):
            build.build_optimization(self.config["optim_wrapper"], model)
            arguments = self._arguments("train", model, loader)
            with self.trying("train_cfg", "building the training"):
                self._check_length(self._runner(arguments | {"train_cfg": _own(self.config["train_cfg"])}))
                runners.append(self._runner(arguments))
        if not runners or self.bad & set(GROUPS["train"]):
            return None
        (runner,) = runners
        watch = _OneIteration()
        runner.register_hook(watch)
        with self.trying("model", "one training step"):
            runner.train()
        if "model" in self.bad:
            return None
        if watch.loss is not None and not torch.isfinite(watch.loss).all():
            self.note("model", f"the loss of the first step is {float(watch.loss.mean())}")
        size = None
        with self.trying("model", "saving a checkpoint"):
            path = runner.save_checkpoint(self.folder, "check.pth")
            size = sum(f.stat().st_size for f in [Path(path), *Path(path).rglob("*")] if f.is_file())
            with self.trying("model", "loading the checkpoint again"):
                again = self._runner(arguments | {"load_from": path, "resume": True})
                again.register_hook(_OneIteration())
                again.train()
        return size

    def _check_length(self, runner: Runner) -> None:
        """The loop as it is written, with its calendar and limits, of which the run in small has its own."""
        if runner.train_loop.max_iters < 1:
            unit = "max_epochs" if self.config["train_cfg"].get("max_epochs") is not None else "max_iters"
            self.note(
                f"train_cfg.{unit}",
                f"is {self.config['train_cfg'][unit]}: nothing would be trained; write 1 or more",
            )

    def evaluate(
        self, mode: str, model: torch.nn.Module, loader: Loader | dict[str, Loader]
    ) -> dict[str, Any] | None:
        """One batch through the model and the evaluator; its metrics."""
        names = GROUPS[mode]
        if set(names) & self.bad or not self._is_ordinary(self.config[names[1]]):
            return None
        metrics = None
        with self.trying(names[2], "building it"):
            evaluator = _own(self.config[names[2]])
            for part in evaluator.values() if isinstance(loader, dict) else [evaluator]:
                build.build_evaluator(part)
            with self.trying(names[2], f"one batch of {mode}"):
                runner = self._runner(self._arguments(mode, model, loader))
                metrics = runner.val() if mode == "val" else runner.test()
                self.findings.facts[mode] = "; ".join(
                    [*([self.findings.facts[mode]] if mode in self.findings.facts else []),
                     f"measured: {', '.join(metrics) or 'nothing'}"]
                )  # fmt: skip
        return metrics

    def whole_road(self, model: torch.nn.Module) -> None:
        """All hooks, loops and schedules together: an epoch of one iteration, with its validation and log."""
        arguments = {name: _own(self.config[name]) for name in build.RUNNER_KEYS if name in self.config}
        arguments["model"] = model
        for mode in GROUPS:
            if arguments.get(f"{mode}_dataloader") is not None:
                given = arguments[f"{mode}_dataloader"]
                named = mode == "val" and are_named(given)
                arguments[f"{mode}_dataloader"] = (
                    {key: _alone(part) for key, part in given.items()} if named else _alone(given)
                )
        arguments["train_cfg"] = _short(arguments["train_cfg"])
        for name in ("val_cfg", "test_cfg"):
            if arguments.get(name) is not None and self._is_ordinary(arguments[name]):
                arguments[name] = {**arguments[name], "limit_batches": 1}
        for hook in [
            *(arguments.get("default_hooks") or {}).values(),
            *(arguments.get("custom_hooks") or []),
        ]:
            if isinstance(hook, Mapping):
                hook.pop("out_dir", None)  # type: ignore[attr-defined]  # a ConfigDict, whose values may go
        arguments["visualizer"] = {"vis_backends": [{"type": "LocalVisBackend"}]}
        arguments |= {"load_from": None, "resume": False}
        with self.trying(
            "custom_hooks" if self.config.get("custom_hooks") else "default_hooks", "a run of one step"
        ):
            runner = self._runner(arguments)
            runner.register_hook(_OneIteration())
            runner.train()

    def check_monitored(self, hooks: Mapping[str, Hook], metrics: Mapping[str, Any]) -> None:
        """What hooks and schedules wait for is measured."""
        wanted = []
        for path, hook in hooks.items():
            best = [name for name in getattr(hook, "save_best", None) or () if name != "auto"]
            wanted += [(f"{path}.save_best", name) for name in best]
            if isinstance(getattr(hook, "monitor", None), str):
                wanted.append((f"{path}.monitor", hook.monitor))  # type: ignore[attr-defined]  # asked just before
        for path, name in wanted:
            if name not in metrics:
                near = get_close_matches(name, metrics, n=1)
                hint = f"did you mean `{near[0]}`? " if near else ""
                there = ", ".join(metrics) or "nothing, for there is no validation"
                self.note(path, f"no evaluator returns `{name}`; {hint}a validation returns: {there}")

    def check_disk(self, size: int, hooks: Mapping[str, Hook], loader: Loader) -> None:
        """The checkpoints of the whole run find room."""
        count = _checkpoints(self.config, hooks, loader)
        where = _existing(self.config.get("work_dir") or ".")
        free = shutil.disk_usage(where).free
        self.findings.facts["checkpoint"] = f"{_mib(size)}, saved and loaded; up to {count} of them"
        if size * count * SPARE > free:
            self.note(
                "work_dir",
                f"up to {count} checkpoints of {_mib(size)} need {_mib(size * count)}, and {_mib(free)} are free on "
                f"{where}; keep fewer with max_keep_ckpts",
            )

    def check_world(self, world_size: int, model: torch.nn.Module | None) -> None:
        """What changes where there are many processes."""
        from .simulated_world import as_if

        with as_if(world_size):
            name = "train_dataloader"
            if self.config.get(name) is None or name in self.bad:
                return
            with self.trying(name, f"building it for {world_size} processes"):
                loader = Runner.build_dataloader(_alone(self.config[name]), seed=0, training=True)
            if name in self.bad:
                return
            a_step = world_size * (loader.batch_size or 1)
            self.findings.facts["processes"] = f"{world_size:,} processes take {a_step:,} samples at once"
            size = _size(loader)
            if isinstance(size, int) and size < a_step:
                self.note(
                    f"{name}.batch_size",
                    f"{world_size:,} processes take {a_step:,} samples at once, and the data set has {size:,}: some "
                    "would be taken twice; use fewer processes or smaller batches",
                )
            if model is not None and "optim_wrapper" not in self.bad and self.config.get("optim_wrapper"):
                with self.trying("model", f"one training step of {world_size} processes"):
                    self._distributed_step(model, loader)

    def _distributed_step(self, model: torch.nn.Module, loader: Loader) -> None:
        """A step under DDP, whatever the strategy: it is what meets unused parameters and uneven shapes first."""
        from .simulated_world import answer_alone

        copied = copy.deepcopy(model)
        unused = bool(self.config.get("find_unused_parameters", False))
        wrapped = MMDistributedDataParallel(copied, broadcast_buffers=False, find_unused_parameters=unused)
        answer_alone(wrapped)
        optim_wrapper = build.build_optimization(_own(self.config["optim_wrapper"]), copied)
        wrapped.train_step(next(iter(loader)), optim_wrapper=optim_wrapper)

    # -- runners ---------------------------------------------------------------------------------------------------
    def _arguments(
        self, mode: str, model: torch.nn.Module, loader: Loader | dict[str, Loader]
    ) -> dict[str, Any]:
        """A runner's arguments for one iteration of a mode, without hooks."""
        names = GROUPS[mode]
        loop = self.config[names[1]]
        loop = _short(loop) if mode == "train" else {**loop, "limit_batches": 1}
        arguments = {
            "model": model,
            names[0]: loader,
            names[1]: loop,
            names[2]: _own(self.config[names[2]]),
            "default_hooks": dict.fromkeys(build.DEFAULT_HOOKS),
        }
        if mode == "train" and "param_scheduler" not in self.bad:
            arguments["param_scheduler"] = _own(self.config.get("param_scheduler"))
        return arguments

    def _runner(self, arguments: Mapping[str, Any]) -> Runner:
        own: dict[str, Any] = {
            "work_dir": tempfile.mkdtemp(dir=self.folder),
            "log_level": "CRITICAL",
            "launcher": "none",
            "default_scope": self.config.get("default_scope", "eng"),
            "randomness": {"seed": 0},
            "experiment_name": None,
            "cfg": Config.fromstring("", ".py", trust=self.config.trusted),
        }
        return Runner(**{**arguments, **own})

    def _is_ordinary(self, loop: Any) -> bool:
        """Whether a loop can be told to end after one batch; a loop of the user's own is built by the real run."""
        return isinstance(loop, Mapping) and loop.get("type") in (
            None, "EpochBasedTrainLoop", "IterBasedTrainLoop", "ValLoop", "TestLoop", "NamedValLoop",
            EpochBasedTrainLoop, IterBasedTrainLoop,
        )  # fmt: skip


class _OneIteration(Hook):
    """Ends the training after its first iteration, and keeps the loss of it.

    The run keeps its length: schedules are built for it, and `max_epochs=1` would give others.
    """

    priority = "LOWEST"

    def __init__(self) -> None:
        self.loss: torch.Tensor | None = None

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """One is enough."""
        loss = (outputs or {}).get("loss")
        self.loss = loss.detach() if isinstance(loss, torch.Tensor) else None
        runner.train_loop.stop_training = True


def _told(error: Exception) -> tuple[str, str]:
    """What an exception says in one line, and the last line of the user's own code that took part, or nothing."""
    message = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    first = next(iter(message.strip().splitlines()), "")
    own = [
        frame
        for frame in extract_tb(error.__traceback__)
        if "/eng_" not in frame.filename and f"{os.sep}torch{os.sep}" not in frame.filename
        and not frame.filename.startswith(("<", sys.base_prefix + "/lib/"))
    ]  # fmt: skip
    at = f" (at {os.path.relpath(own[-1].filename)}:{own[-1].lineno}, in {own[-1].name})" if own else ""
    return f"{type(error).__name__}: {first}", at


def _own(spec: Any) -> Any:
    """A copy of a configuration, for a runner to change; objects as they are, for they may know each other."""
    return copy.deepcopy(spec) if isinstance(spec, Mapping) else spec


def _alone(loader: Any) -> Any:
    """The same loader without worker processes."""
    if not isinstance(loader, Mapping):
        return loader
    options = ("num_workers", "persistent_workers", "prefetch_factor", "timeout", "multiprocessing_context")
    return build.without(copy.deepcopy(loader), *options)


def _short(train_cfg: Mapping[str, Any]) -> dict[str, Any]:
    """A training loop of one iteration an epoch, that validates after it."""
    rest = {name: value for name, value in train_cfg.items() if name not in ("max_time", "dynamic_intervals")}
    return {**rest, "limit_batches": 1, "val_interval": 1, "val_begin": 1}


def _length(loader: Loader) -> int | None:
    try:
        return len(loader)
    except TypeError:
        return None


def _size(loader: Loader) -> int | str:
    return len(loader.dataset) if hasattr(loader.dataset, "__len__") else "an unknown number of"


def _describe_loader(loader: Loader) -> str:
    size, length = _size(loader), _length(loader)
    samples = f"{size:,}" if isinstance(size, int) else size
    return f"{samples} samples" + (f", {length:,} batches" if length is not None else "")


def _checkpoints(config: Config, hooks: Mapping[str, Hook], loader: Loader) -> int:
    """How many checkpoints the run leaves at most."""
    count = 0
    for hook in hooks.values():
        every = getattr(hook, "every", None)
        if every is None or not hasattr(hook, "max_keep_ckpts"):
            continue
        best = len(getattr(hook, "save_best", None) or ())
        keep: int = hook.max_keep_ckpts
        train = config["train_cfg"]
        epochs, length = train.get("max_epochs", 1), _length(loader) or 1
        total = {"epoch": epochs, "iter": train.get("max_iters") or epochs * length}.get(every.of, 1)
        saved = max(1, total // every.n) if every.n > 0 else 1
        count += (min(saved, keep + 1) if keep > 0 else saved) + best
    return count


def _existing(path: str) -> Path:
    """The nearest folder above a path that is there."""
    folder = Path(path).absolute()
    while not folder.exists():
        folder = folder.parent
    return folder


def _mib(size: float) -> str:
    return f"{size / 2**20:,.1f} MiB" if size < 2**30 else f"{size / 2**30:,.1f} GiB"
