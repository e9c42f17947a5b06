"""From one input to one prediction: a model, its pipeline, and what becomes of the results.

    inputs -> list -> pipeline and collate, a batch at a time -> model -> visualize -> postprocess

`BaseInferencer` is the road; a task says how an input becomes what the model takes (`_init_pipeline`), how a
prediction looks (`visualize`) and what the caller gets (`postprocess`).
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from eng_checkpoint import load_checkpoint
from eng_config import Config
from eng_dataset import pseudo_collate
from eng_dist import get_device
from eng_fileio import isdir, join_path, list_dir_or_file
from eng_registry import (
    FUNCTIONS,
    INFERENCERS,
    VISUALIZERS,
    DefaultScope,
    RegistryError,
    allow_import,
    suggest,
)
from eng_visualization import Visualizer

from ..engine.arguments import without
from ..plan.assembly import build_model
from .catalog import list_models
from .source import Source, find_source

_log = logging.getLogger(__name__)
_numbers = count(1)

STAGES = ("preprocess", "forward", "visualize", "postprocess")


class KeywordsError(TypeError, AssertionError):
    """The sets of keyword arguments of an inferencer's class are no sets, or one name stands in two of them."""


@INFERENCERS.register_module()
class BaseInferencer(ABC):
    """Predicts for inputs that are given one by one: files, arrays, texts.

    `model` is a configuration (a file or a mapping), the name of a model that the package `scope` ships, or None for
    the configuration that the checkpoint `weights` holds, which is read as data: no code in it runs, so import what
    registers the model's classes before. Without `weights` the model keeps its initial ones, with a warning.

    A subclass lists in `preprocess_kwargs`, `forward_kwargs`, `visualize_kwargs` and `postprocess_kwargs` which
    arguments of a call go where; a name can stand in one of them only.

    >>> import torch
    >>> from eng_model import BaseModel
    >>> from eng_registry import MODELS
    >>> @MODELS.register_module()
    ... class Doubling(BaseModel):
    ...     def forward(self, inputs, mode="tensor"):
    ...         return 2 * torch.stack(inputs)
    >>> class NumberInferencer(BaseInferencer):
    ...     postprocess_kwargs = {"digits"}
    ...
    ...     def _init_pipeline(self, cfg):
    ...         return lambda number: {"inputs": torch.tensor(float(number))}
    ...
    ...     def visualize(self, inputs, preds, show=False):
    ...         return None
    ...
    ...     def postprocess(self, preds, visualization, return_datasamples=False, digits=1):
    ...         return [round(pred.item(), digits) for pred in preds]
    >>> infer = NumberInferencer({"model": {"type": "Doubling"}}, device="cpu")
    >>> infer([0.25, 1, 2], batch_size=2)
    [0.5, 2.0, 4.0]
    """

    preprocess_kwargs: ClassVar[set[str]] = set()
    forward_kwargs: ClassVar[set[str]] = set()
    visualize_kwargs: ClassVar[set[str]] = set()
    postprocess_kwargs: ClassVar[set[str]] = set()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        _check_keywords(cls)

    def __init__(
        self,
        model: Config | Mapping[str, Any] | str | Path | None = None,
        weights: str | Path | None = None,
        device: torch.device | str | None = None,
        scope: str | None = None,
        show_progress: bool = True,
    ) -> None:
        self.scope = _scope_in_force() if scope is None else scope
        source = find_source(model, None if weights is None else str(weights), scope=self.scope)
        self.cfg = source.cfg
        self.device = get_device() if device is None else torch.device(device)
        self.show_progress = show_progress
        self.dataset_meta: dict[str, Any] = {}
        with (
            DefaultScope.overwrite_default_scope(self.scope),
            allow_import(*(["*"] if self.cfg.trusted else [])),
        ):
            self.model = self._init_model(source)
            self.pipeline = self._init_pipeline(self.cfg)
            self.collate_fn = self._init_collate(self.cfg)
            self.visualizer = self._init_visualizer(self.cfg)

    def __call__(
        self, inputs: Any, return_datasamples: bool = False, batch_size: int = 1, **kwargs: Any
    ) -> Any:
        """What `postprocess` makes of the predictions for `inputs`, `batch_size` of them at a time.

        `inputs` is one input or a list of them; the path of a folder stands for all files in it. `kwargs` go to the
        stage that lists them; raises ValueError for one that no stage lists.
        """
        preprocess, forward, visualize, postprocess = self._dispatch_kwargs(**kwargs)
        if batch_size < 1:
            raise ValueError(f"`batch_size` is at least 1, not {batch_size}")
        listed = self._inputs_to_list(inputs)
        batches = self.preprocess(listed, batch_size=batch_size, **preprocess)
        preds: list[Any] = []
        for batch in self._progress(batches, total=-(-len(listed) // batch_size)):
            preds.extend(self.forward(batch, **forward))
        visualization = self.visualize(listed, preds, **visualize)
        return self.postprocess(preds, visualization, return_datasamples, **postprocess)

    # -- the stages ------------------------------------------------------------------------------------------------
    def preprocess(self, inputs: Sequence[Any], batch_size: int = 1, **kwargs: Any) -> Iterator[Any]:
        """Batches for the model, made as they are needed; the last one may be smaller. `kwargs` go to the pipeline."""
        if batch_size < 1:
            raise ValueError(f"`batch_size` should be at least 1, not {batch_size}")
        samples = (self.pipeline(one, **kwargs) for one in inputs)
        while chunk := list(islice(samples, batch_size)):
            yield self.collate_fn(chunk)

    @torch.no_grad()
    def forward(self, inputs: Any, **kwargs: Any) -> Any:
        """The model's predictions for one batch, something to iterate over, one for each input."""
        return self.model.test_step(inputs, **kwargs)  # type: ignore[operator]  # a method of any model that runs

    @abstractmethod
    def visualize(self, inputs: list[Any], preds: list[Any], show: bool = False, **kwargs: Any) -> Any:
        """What the predictions look like, for example a list of images; None if there is nothing to see."""

    @abstractmethod
    def postprocess(
        self, preds: list[Any], visualization: Any, return_datasamples: bool = False, **kwargs: Any
    ) -> Any:
        """What the caller gets: the predictions as they are with `return_datasamples`, else as plain values."""

    # -- the parts -------------------------------------------------------------------------------------------------
    @abstractmethod
    def _init_pipeline(self, cfg: Config) -> Callable[..., Any]:
        """What turns one input into one sample for the model."""

    def _init_model(self, source: Source) -> nn.Module:
        """The model with its weights, for evaluation, on the device."""
        cfg = source.cfg
        if "model" not in cfg:
            raise ValueError(f"the configuration has no `model`; it has {', '.join(cfg) or 'nothing'}")
        spec = without(cfg["model"], "pretrained")  # would be fetched only to be overwritten
        try:
            model = build_model(spec, cfg.get("data_preprocessor"))
        except RegistryError as error:
            if source.imports:
                error.add_note(
                    f"the configuration comes from a checkpoint, where `custom_imports` imports nothing; "
                    f"if you trust it: import {', '.join(source.imports)}"
                )
            raise
        model.cfg = cfg  # type: ignore[assignment]  # what code that is handed only the model looks for
        self._load_weights_to_model(model, source)
        return model.to(self.device).eval()

    def _load_weights_to_model(self, model: nn.Module, source: Source) -> None:
        if source.weights is None:
            _log.warning("no `weights`: %s predicts with its initial ones", type(model).__name__)
            return
        checkpoint = load_checkpoint(model, source.weights, map_location="cpu")
        self.dataset_meta = dict(checkpoint.get("meta", {}).get("dataset_meta") or {})

    def _init_collate(self, cfg: Config) -> Callable[[list[Any]], Any]:
        """What makes samples a batch: `test_dataloader.collate_fn`, or `pseudo_collate`."""
        spec = (cfg.get("test_dataloader") or {}).get("collate_fn")
        if spec is None:
            return pseudo_collate
        if callable(spec):
            return spec  # type: ignore[no-any-return]
        function = FUNCTIONS.find(spec["type"]) if isinstance(spec["type"], str) else spec["type"]
        return partial(function, **without(spec, "type"))

    def _init_visualizer(self, cfg: Config) -> Visualizer | None:
        """The configuration's visualizer under a name of its own, without a folder; None if there is none."""
        spec = cfg.get("visualizer")
        if spec is None:
            return None
        name = f"inferencer_{next(_numbers)}"
        visualizer: Visualizer = VISUALIZERS.build(
            without(spec, "name"), default_args={"type": "Visualizer", "name": name}
        )
        visualizer.dataset_meta = self.dataset_meta
        return visualizer

    # -- the edges of a call ---------------------------------------------------------------------------------------
    def _inputs_to_list(self, inputs: Any) -> list[Any]:
        """One input as a list of one, a folder as its files in the order of their names."""
        if isinstance(inputs, (str, Path)) and isdir(inputs):
            files = sorted(list_dir_or_file(inputs, list_dir=False))
            return [join_path(str(inputs), file) for file in files]
        return list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]

    def _dispatch_kwargs(self, **kwargs: Any) -> tuple[dict[str, Any], ...]:
        """The arguments of a call, for each stage in turn."""
        known = {stage: getattr(self, f"{stage}_kwargs") for stage in STAGES}
        names = sorted(set().union(*known.values()))
        for name in kwargs:
            if name not in names:
                raise ValueError(
                    f"{type(self).__name__} takes no argument `{name}`; {suggest(name, names)} "
                    f"there are {', '.join(names) or 'none'}"
                )
        return tuple({name: kwargs[name] for name in kwargs if name in known[stage]} for stage in STAGES)

    def _progress(self, batches: Iterable[Any], *, total: int) -> Iterable[Any]:
        if not self.show_progress:
            return batches
        from rich.console import Console  # only where somebody may look
        from rich.progress import track

        console = Console()
        seen = console.is_terminal or console.is_jupyter
        return track(batches, "Inference", total=total, console=console) if seen else batches

    @staticmethod
    def list_models(scope: str | None = None, patterns: str | Sequence[str] = r".*") -> list[str]:
        """The names of the models that the package `scope` ships and one of the regular expressions matches."""
        return list_models(_scope_in_force() if scope is None else scope, patterns)


def _scope_in_force() -> str | None:
    current = DefaultScope.get_current_instance()
    return None if current is None else current.scope_name


def _check_keywords(cls: type[BaseInferencer]) -> None:
    """Raise KeywordsError unless the sets of keyword arguments are sets without a common name."""
    owner: dict[str, str] = {}
    for stage in STAGES:
        names = getattr(cls, f"{stage}_kwargs")
        if not isinstance(names, set):
            raise KeywordsError(
                f"`{cls.__name__}.{stage}_kwargs` should be a set of names, not {type(names).__name__}"
            )
        for name in names:
            if name in owner:
                raise KeywordsError(
                    f"`{cls.__name__}`: the argument `{name}` goes to one stage, but it is in "
                    f"`{owner[name]}_kwargs` and in `{stage}_kwargs`"
                )
            owner[name] = stage
