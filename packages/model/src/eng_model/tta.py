"""Test-time augmentation: several views of every sample, one merged prediction."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import nn

from eng_registry import MODELS

from .base import BaseModel
from .protocols import Batch, OptimWrapperLike


@MODELS.register_module()
class BaseTTAModel(BaseModel):
    """A model around another: it predicts every augmented view and merges what it gets.

    `module` is the model, or a configuration of it; it needs a `test_step`. A batch holds, under every key
    (or at every position), a list with one entry per augmentation, each a batch of its own. A subclass writes
    `merge_preds`.

    >>> class Mean(BaseTTAModel):
    ...     def merge_preds(self, data_samples_list):
    ...         return [sum(views) / len(views) for views in data_samples_list]
    >>> class Identity(BaseModel):
    ...     def forward(self, inputs, data_samples=None, mode="tensor"):
    ...         return inputs
    >>> Mean(Identity()).test_step({"inputs": [[1.0, 2.0], [3.0, 6.0]]})
    [2.0, 4.0]
    """

    def __init__(
        self,
        module: nn.Module | Mapping[str, Any],
        data_preprocessor: nn.Module | Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if isinstance(module, Mapping):
            cfg = dict(module)
            if data_preprocessor is not None:
                cfg["data_preprocessor"] = data_preprocessor
            module = MODELS.build(cfg)
        if not isinstance(module, nn.Module):
            raise TypeError(
                f"module is a {type(module).__name__}; it has to be a model or a mapping that builds one"
            )
        if not hasattr(module, "test_step"):
            raise AssertionError(
                f"{type(module).__name__} has no `test_step`, which test-time augmentation calls"
            )
        self.module = module

    @abstractmethod
    def merge_preds(self, data_samples_list: list[Any]) -> list[Any]:
        """One prediction per sample; `data_samples_list` holds, per sample, a tuple of its augmented predictions."""

    def test_step(self, data: Batch, optim_wrapper: OptimWrapperLike | None = None) -> list[Any]:
        """Predict every view of the batch and merge them; views of a sample have the same index in every view."""
        predictions = [self.module.test_step(view) for view in _views(data)]  # type: ignore[operator]  # a model
        return self.merge_preds(list(zip(*predictions, strict=True)))

    def forward(self, inputs: Any, data_samples: Any = None, mode: str = "tensor") -> Any:
        """There is none: only `test_step` makes sense."""
        raise NotImplementedError("test-time augmentation works through `test_step`, not through `forward`")


def _views(data: Batch) -> list[Batch]:
    """One batch per augmentation out of a batch of lists of augmentations."""
    if isinstance(data, dict):
        return [dict(zip(data, view, strict=True)) for view in zip(*data.values(), strict=True)]
    if isinstance(data, (tuple, list)):
        return [tuple(view) for view in zip(*data, strict=True)]
    raise TypeError(
        f"the batch is a {type(data).__name__}; it has to be a dict, tuple or list of augmented lists"
    )
