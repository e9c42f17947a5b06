"""The parts of a run that are built when they are first needed: loops, optimizer wrapper and schedules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, cast

from eng_config import ConfigDict
from eng_dataset import Loader, build_dataloader
from eng_dist import get_dist_info
from eng_registry import config_path

from ..engine.length import RunLength
from ..engine.loops import TrainLoop
from ..engine.run import AnyEvalLoop, AnyOptimWrapper, AnyTrainLoop, Run, Schedulers
from . import assembly


class Parts:
    """What was given for each part, and the part once it is built.

    Reading an attribute builds the part, and with it those that it needs; `built` never does. A part of a mode that is
    not configured is None.
    """

    def __init__(self, run: Run, given: Mapping[str, Any]) -> None:
        self.given = dict(given)
        self._run = run
        self._building_train_loop = False  # a loader that is asked for meanwhile is one to train on

    def built(self, name: str) -> Any:
        """Return a part if it is built, else None."""
        return vars(self).get(name)

    def is_configured(self, mode: str) -> bool:
        """Whether there is a loop for 'train', 'val' or 'test'."""
        return self.given[f"{mode}_cfg"] is not None

    @cached_property
    def train_loop(self) -> AnyTrainLoop:
        """The training loop."""
        spec = self.given["train_cfg"]
        return cast(AnyTrainLoop, None if spec is None else self.make_train_loop(spec))

    @cached_property
    def val_loop(self) -> AnyEvalLoop:
        """The validation loop."""
        return self._eval_loop("val")

    @cached_property
    def test_loop(self) -> AnyEvalLoop:
        """The test loop."""
        return self._eval_loop("test")

    @cached_property
    def optim_wrapper(self) -> AnyOptimWrapper:
        """The optimizer wrapper, or several."""
        given, run = self.given["optim_wrapper"], self._run
        if given is None:
            return cast(AnyOptimWrapper, None)
        with run.building():
            wrapper = assembly.build_optimization(given, run.bare_model)
            return cast(AnyOptimWrapper, run.strategy.take_optimizer(run.model, wrapper))

    @cached_property
    def param_schedulers(self) -> Schedulers:
        """The schedules, a list, or name -> list for several optimizers."""
        return self.make_schedulers(self.given["param_scheduler"])

    def as_loader(self, dataloader: Any, *, training: bool, diff_rank_seed: bool) -> Loader:
        """Build a loader with the seed of the run and the share of this process; a Loader stays as it is."""
        if isinstance(dataloader, Loader):
            return dataloader
        with config_path("", dataloader if isinstance(dataloader, ConfigDict) else None):
            loader = build_dataloader(
                dataloader,
                seed=self._run.seed,
                diff_rank_seed=diff_rank_seed,
                training=training or self._building_train_loop,
            )
        place = self._run.strategy.data_place()
        if place != get_dist_info():
            loader.take_share(*place)
        return loader

    def make_train_loop(self, spec: Any) -> Any:
        """Build a training loop on the training loader."""
        self._building_train_loop = True
        try:
            with self._run.building():
                return assembly.build_train_loop(spec, self._run, self.given["train_dataloader"])
        finally:
            self._building_train_loop = False

    def make_eval_loop(self, spec: Any, mode: str) -> Any:
        """Build a validation or test loop on the loader and the evaluator of its mode."""
        loader, evaluator = self.given[f"{mode}_dataloader"], self.given[f"{mode}_evaluator"]
        kind = {"val": "ValLoop", "test": "TestLoop"}[mode]
        with self._run.building():
            return assembly.build_eval_loop(spec, kind, self._run, loader, evaluator)

    def make_schedulers(self, spec: Any) -> Schedulers:
        """Build schedules for the optimizer; `end` defaults to the end of the training."""
        if spec is None:
            return []
        wrapper: Any = self.optim_wrapper
        with self._run.building():
            return assembly.build_schedulers(spec, wrapper, length=self._length())

    def _eval_loop(self, mode: str) -> AnyEvalLoop:
        loop = self.make_eval_loop(self.given[f"{mode}_cfg"], mode) if self.is_configured(mode) else None
        return cast(AnyEvalLoop, loop)

    def _length(self) -> RunLength | None:
        loop = self.train_loop
        if not isinstance(loop, TrainLoop):
            return None
        counts = getattr(self.optim_wrapper, "_accumulative_counts", 1)
        return replace(loop.run_length, accumulative_counts=counts)
