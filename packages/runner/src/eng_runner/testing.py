"""Proving that a training continues exactly: what a run does is noted and compared to the last bit."""

from __future__ import annotations

import copy
import hashlib
import math
import multiprocessing
import os
import signal
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from eng_checkpoint import get_state_dict, weights_to_cpu
from eng_config import Config
from eng_registry import RUNNERS

from .engine.aliases import Batch
from .engine.hook import Hook
from .engine.run import Run
from .engine.stop import Interrupted
from .runner import Runner

Make = Callable[[str, bool], Runner]
"""`make(work_dir, resume)`: a runner of the training in question."""


@dataclass(slots=True)
class Record:
    """What a run did: per iteration (counted from 1) and validation, and its state at the end."""

    began_after: int = 0
    iterations: dict[int, dict[str, Any]] = field(default_factory=dict)
    validations: dict[int, dict[str, Any]] = field(default_factory=dict)
    final: dict[str, Any] = field(default_factory=dict)


class Recorder(Hook):
    """Notes what a run does: `Recorder(record)` fills the record while training."""

    priority = "LOWEST"

    def __init__(self, record: Record) -> None:
        self.record = record

    def before_train(self, runner: Run) -> None:
        """Note where the run begins."""
        self.record.began_after = runner.clock.iter

    def before_train_iter(self, runner: Run, batch_idx: int, data_batch: Batch = None) -> None:
        """Note what the iteration works with."""
        self._work = {
            "sample ids": runner.train_loop.dataloader.indices,
            "batch": digest(data_batch),
            "learning rate": copy.deepcopy(runner.optim_wrapper.get_lr()),
        }

    def after_train_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Note what came out of it."""
        told = {name: _plain(value) for name, value in (outputs or {}).items()}
        self.record.iterations[runner.clock.iter] = {**self._work, **told}

    def after_val_epoch(self, runner: Run, metrics: dict[str, Any] | None = None) -> None:
        """Note the metrics."""
        told = {name: _plain(value) for name, value in (metrics or {}).items()}
        self.record.validations[runner.clock.iter] = told

    def after_train(self, runner: Run) -> None:
        """Note the state of the end."""
        optimizer = runner.optim_wrapper.state_dict()
        hooks = {name: hook.state_dict() for name, hook in runner.named_hooks().items()}
        self.record.final = {
            "weights": weights_to_cpu(get_state_dict(runner.bare_model)),
            "optimizer": weights_to_cpu(optimizer),
            "hooks": hooks,
            "clock": runner.clock.state_dict(),
        }


@dataclass(frozen=True, slots=True)
class ExactResume:
    """What was proved: after which iterations the run was broken off, and how many iterations were compared."""

    stops: tuple[int, ...]
    compared: int


def assert_exact_resume(
    training: str | Path | Config | Mapping[str, Any] | Make,
    *,
    at: Sequence[int] | None = None,
    how: Literal["stop", "kill"] = "stop",
    folder: str | Path | None = None,
) -> ExactResume:
    """Train without a break, then once more for each iteration of `at` with a break after it; compare to the last bit.

    Compared are, for every iteration after the break, the sample ids, the batches, the learning rates and what the
    model reports; every later validation's metrics; and at the end the weights, the optimizer, hooks and counters.

    - `training`: a configuration or its file, or `make(work_dir, resume)` that returns a Runner.
    - `at`: iterations, from 1. By default after the first, in the middle and at the end of an epoch, and one before the
      last.
    - `how`: `'stop'` asks the run to stop, as SIGTERM does, in this process. `'kill'` starts a process that saves every
      iteration and kills itself with SIGKILL; it takes a start of Python each, and `training` must be picklable.
    - `folder`: where to train; by default a temporary folder.

    Raises AssertionError with the first differences of the first break that is not exact.
    """
    make = _maker(training)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(folder or temporary)
        whole = Record()
        runner = _run(make, place / "whole", whole)
        stops = tuple(at if at is not None else _interesting(runner))
        compared = 0
        for stop in stops:
            work_dir = place / f"stopped_after_{stop}"
            broken_off = Record()
            if how == "kill":
                _kill(training, work_dir, stop)
            else:
                _run(make, work_dir, broken_off, stop=stop)
            resumed = Record()
            _run(make, work_dir, resumed, resume=True)
            if not resumed.began_after:
                raise AssertionError(
                    f"broken off after iteration {stop}, the run began anew: nothing was saved"
                )
            found = differences(whole, resumed)
            if found:
                raise AssertionError(
                    f"broken off after iteration {stop} and resumed after {resumed.began_after}, the run is another "
                    f"one in {len(found)} places:\n  " + "\n  ".join(found[:5]) + _ADVICE
                )
            compared += len(resumed.iterations)
    return ExactResume(stops, compared)


_ADVICE = (
    "\nUsual reasons: a hook, metric or transform that keeps something and has no `state_dict`; random numbers of a "
    "generator of one's own; kernels of a device that are not deterministic (`randomness=dict(deterministic=True)`)."
)


def differences(whole: Record, resumed: Record) -> list[str]:
    """Where a resumed run is not the one that was never stopped, in the order of time; empty if nowhere."""
    begin = resumed.began_after
    found = []
    expected = {n: facts for n, facts in whole.iterations.items() if n > begin}
    for name, left, right in (
        ("iteration", expected, resumed.iterations),
        (
            "validation after iteration",
            {n: v for n, v in whole.validations.items() if n > begin},
            resumed.validations,
        ),
    ):
        for number in sorted({*left, *right}):
            if name.startswith("validation") and number <= begin:
                continue  # repeated where the run was broken off before it
            if number not in left or number not in right:
                found.append(f"{name} {number} is {'new' if number not in left else 'missing'}")
                continue
            found += [f"{name} {number}, {place}" for place in _unlike(left[number], right[number])]
    return found + [f"at the end, {place}" for place in _unlike(whole.final, resumed.final)]


def _from(validations: Mapping[int, dict[str, Any]], begin: int) -> dict[int, dict[str, Any]]:
    return {number: metrics for number, metrics in validations.items() if number >= begin}


def digest(value: Any) -> str:
    """A short text that is another one for another batch, to the last bit.

    >>> digest([torch.ones(2)]) == digest([torch.ones(2)]), digest(1.0) == digest(2.0)
    (True, False)
    """
    hashed = hashlib.sha256()
    _feed(hashed.update, value)
    return hashed.hexdigest()[:16]


def _feed(feed: Callable[[bytes], object], value: Any) -> None:
    if isinstance(value, Tensor):
        feed(f"{value.dtype}{tuple(value.shape)}".encode())
        feed(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    elif isinstance(value, Mapping):
        for key in value:
            feed(str(key).encode())
            _feed(feed, value[key])
    elif isinstance(value, (list, tuple)):
        for item in value:
            _feed(feed, item)
    elif hasattr(value, "to_dict"):  # a data sample
        _feed(feed, value.to_dict())
    else:
        feed(repr(value).encode())


def _plain(value: Any) -> Any:
    return value.detach().clone().cpu() if isinstance(value, Tensor) else copy.deepcopy(value)


def _unlike(left: Any, right: Any, path: str = "") -> list[str]:
    """Where two values differ, to the last bit; NaN is like NaN."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        places = []
        for key in [*left, *(key for key in right if key not in left)]:
            below = f"{path}.{key}" if path else str(key)
            if key not in left or key not in right:
                places.append(f"{below} is {'new' if key not in left else 'missing'}")
            else:
                places += _unlike(left[key], right[key], below)
        return places
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)) and len(left) == len(right):
        pairs = enumerate(zip(left, right, strict=True))
        return [place for number, (a, b) in pairs for place in _unlike(a, b, f"{path}[{number}]")]
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return [] if digest(left) == digest(right) else [f"{path}: {_told(left)} is {_told(right)}"]
    both_nan = isinstance(left, float) and isinstance(right, float) and math.isnan(left) and math.isnan(right)
    return (
        []
        if both_nan or (type(left) is type(right) and left == right)
        else [f"{path}: {left!r} is {right!r}"]
    )


def _told(tensor: Tensor) -> str:
    return repr(tensor.item()) if tensor.numel() == 1 else f"a tensor of sum {tensor.double().sum().item()!r}"


def _maker(training: Any) -> Make:
    if callable(training) and not isinstance(training, (str, Path, Mapping)):
        return training  # type: ignore[no-any-return] # as its type says
    config = Config.fromfile(training) if isinstance(training, (str, Path)) else training

    def make(work_dir: str, resume: bool) -> Runner:
        own = copy.deepcopy(config)
        own["work_dir"], own["resume"] = work_dir, resume
        if (own.get("randomness") or {}).get("seed") is None:
            own["randomness"] = {**(own.get("randomness") or {}), "seed": 0}
        own.setdefault("log_level", "WARNING")
        runner: Runner = RUNNERS.build(own) if "runner_type" in own else Runner.from_cfg(own)
        return runner

    return make


def _interesting(runner: Runner) -> Iterable[int]:
    last, epoch = runner.max_iters, getattr(runner.train_loop, "length", None) or runner.max_iters
    return sorted({n for n in (1, epoch // 2, epoch, epoch + 1, last - 1) if 0 < n < last})


class _Break(Hook):
    """Breaks a run off after an iteration."""

    priority = "LOWEST"

    def __init__(self, after: int, how: Literal["stop", "kill"]) -> None:
        self.after = after
        self.how = how

    def after_train_iter(
        self, runner: Run, batch_idx: int, data_batch: Batch = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Ask for the end, or make one."""
        if runner.clock.iter != self.after:
            return
        if self.how == "stop":
            runner.stop.request("SIGTERM")
        else:
            runner.save_checkpoint(runner.work_dir, f"iter_{runner.clock.iter}.pth")
            os.kill(os.getpid(), signal.SIGKILL)


def _run(
    make: Make, work_dir: Path, record: Record, *, resume: bool = False, stop: int | None = None
) -> Runner:
    runner = make(str(work_dir), resume)
    runner.register_hook(Recorder(record))
    if stop is not None:
        runner.register_hook(_Break(stop, "stop"))
    try:
        runner.train()
    except Interrupted:
        if stop is None:
            raise
    return runner


def _kill(training: Any, work_dir: Path, stop: int) -> None:
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_train_until_killed, args=(training, str(work_dir), stop))
    process.start()
    process.join()
    if process.exitcode != -signal.SIGKILL:
        raise AssertionError(
            f"the run that was to be killed after iteration {stop} ended with {process.exitcode}"
        )


def _train_until_killed(training: Any, work_dir: str, stop: int) -> None:
    runner = _maker(training)(work_dir, False)
    runner.register_hook(_Break(stop, "kill"))
    runner.train()
